//! What a real cluster was asked, asked of the simulated one.
//!
//! The two do not live at the same pace. So a read is held against the simulated cluster at every moment of a stretch of its
//! time, and has to be answered the same at one of them. A write is held against it once, when its turn comes.

use crate::compare::{Difference, differences};
use crate::deliberate::unexplained;
use crate::exchange::{Answer, Request};
use crate::normal::normal;
use crate::pair::{Pair, Side};
use crate::recorder::Exchange;
use std::fmt::Write as _;

/// So many steps of the simulated clock are looked at for an answer.
const MOMENTS: usize = 400;

/// A request that the simulated cluster answers otherwise.
struct Finding {
    request: Request,
    differences: Vec<Difference>,
}

/// Fails, with everything that differs, unless the simulated cluster answers as the real one did.
pub(crate) fn hold(pair: &Pair, recorded: &[Exchange]) {
    for exchange in recorded {
        pair.real.names.borrow_mut().learn_versions(&exchange.answer.body);
    }
    let mut findings = Vec::new();
    let mut reads: Vec<&Exchange> = Vec::new();
    for exchange in recorded {
        if !exchange.request.changes() {
            reads.push(exchange);
            continue;
        }
        findings.extend(at_some_moment(pair, &latest(&reads)));
        reads.clear();
        let found = now(pair, exchange);
        findings.extend(found);
    }
    findings.extend(at_some_moment(pair, &latest(&reads)));
    fail_on(&findings);
}

/// As [`hold`], with requests that are sent to the real cluster now.
pub(crate) fn hold_live(pair: &Pair, requests: &[Request]) {
    let recorded: Vec<Exchange> = requests
        .iter()
        .map(|request| Exchange {
            request: request.clone(),
            answer: pair.ask(&pair.real, request),
        })
        .collect();
    hold(pair, &recorded);
}

/// Fails unless both gave the same answer.
pub(crate) fn hold_answers(pair: &Pair, request: &Request, real: &Answer, simulated: &Answer) {
    let findings = finding(request, compared(pair, request, real, simulated));
    fail_on(&findings.into_iter().collect::<Vec<_>>());
}

/// The last answer to each request.
fn latest<'a>(reads: &[&'a Exchange]) -> Vec<&'a Exchange> {
    let mut kept: Vec<&Exchange> = Vec::new();
    for exchange in reads {
        match kept.iter_mut().find(|k| k.request == exchange.request) {
            Some(place) => *place = exchange,
            None => kept.push(exchange),
        }
    }
    kept
}

fn at_some_moment(pair: &Pair, exchanges: &[&Exchange]) -> Vec<Finding> {
    let mut least: Vec<(&Exchange, Option<Vec<Difference>>)> = exchanges.iter().map(|e| (*e, None)).collect();
    for _ in 0..MOMENTS {
        let mut open = false;
        for (exchange, best) in &mut least {
            if best.as_ref().is_some_and(Vec::is_empty) {
                continue;
            }
            let found = compare_now(pair, exchange);
            if best.as_ref().is_none_or(|b| weight(&found) < weight(b)) {
                *best = Some(found);
            }
            open |= best.as_ref().is_none_or(|b| !b.is_empty());
        }
        if !open {
            break;
        }
        pair.advance();
    }
    least
        .into_iter()
        .filter_map(|(exchange, best)| finding(&exchange.request, best.unwrap_or_default()))
        .collect()
}

fn now(pair: &Pair, exchange: &Exchange) -> Option<Finding> {
    finding(&exchange.request, compare_now(pair, exchange))
}

fn compare_now(pair: &Pair, exchange: &Exchange) -> Vec<Difference> {
    let simulated = pair.ask(&pair.simulated, &pair.translated(&exchange.request));
    compared(pair, &exchange.request, &exchange.answer, &simulated)
}

fn compared(pair: &Pair, request: &Request, real: &Answer, simulated: &Answer) -> Vec<Difference> {
    let form = |side: &Side, answer: &Answer| normal(answer, &side.names.borrow(), &pair.namespace);
    let all = differences(&form(&pair.real, real), &form(&pair.simulated, simulated));
    unexplained(request, all)
}

/// How far off an answer is: a whole object that is absent counts more than a field.
fn weight(differences: &[Difference]) -> usize {
    let size = |value: &Option<serde_json::Value>| value.as_ref().map_or(0, |v| v.to_string().len());
    differences
        .iter()
        .map(|d| 20 + size(&d.real).abs_diff(size(&d.simulated)))
        .sum()
}

fn finding(request: &Request, differences: Vec<Difference>) -> Option<Finding> {
    (!differences.is_empty()).then(|| Finding {
        request: request.clone(),
        differences,
    })
}

fn fail_on(findings: &[Finding]) {
    let mut told = String::new();
    for finding in findings {
        let Request {
            method, target, body, ..
        } = &finding.request;
        writeln!(told, "{method} {target} {body}").unwrap();
        for difference in &finding.differences {
            writeln!(told, "    {difference}").unwrap();
        }
    }
    assert!(
        findings.is_empty(),
        "{} requests are answered otherwise by the simulated cluster:\n{told}",
        findings.len()
    );
}
