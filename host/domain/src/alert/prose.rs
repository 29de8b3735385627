//! Names in prose: what a title or a description may mean by a namespace, a pod or a workload.
//!
//! | strength | forms |
//! | --- | --- |
//! | named | `Pod shop/web-1`, `deployment/web`, `pod: web`, `pod=web`, `pod "web"`, `deployment web-front`, `shop/pod/web-1`, `web.shop.svc` |
//! | shaped | `shop/web`, `web-5d4b9c8f7-x7x2p`, `web-front`, `"web"`, `deployment web`, `web deployment` |
//! | bare | any other lower-case word that is no common one |
//!
//! All are guesses. A caller goes from the strongest to the weakest and takes a name only if exactly one existing object
//! bears it; it stops at the first strength at which anything exists.

use super::hints::{EXPORTERS, dns_label, dns_subdomain};
use crate::object::kind_from;
use crate::pattern::pattern;
use regex::Regex;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// How much a text makes of a name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Strength {
    /// A kind stands before it in a way that leaves no doubt.
    Named,
    /// It looks like an object's name.
    Shaped,
    /// It is a word.
    Bare,
}

/// A name that may be an object's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// The namespace, where the text puts one before the name.
    pub namespace: Option<String>,
    /// The kind as manifests write it, where the text says one.
    pub kind: Option<String>,
    /// The name.
    pub name: String,
    /// How much the text makes of it.
    pub strength: Strength,
}

/// The most candidates of each strength: each costs its reader requests.
const MOST: usize = 8;
/// The longest text that is looked at, in bytes; alerts say what they are about at their beginning.
const LOOKED_AT: usize = 8 * 1024;

const NAME: &str = "[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?";
const KIND: &str =
    "(?i:pods?|deployments?|deploy|replicasets?|statefulsets?|sts|daemonsets?|cronjobs?|jobs?|services?|svc)";

/// Kind, then what stands between, then perhaps a namespace, then a name.
static KIND_THEN_NAME: LazyLock<Regex> = LazyLock::new(|| {
    let quote = "[\"'`“‘(\\[]";
    pattern(&format!(
        r"\b({KIND})(?:[_-]?name)?(\s*[:=/]\s*{quote}?|\s+(?i:named|called)\s+{quote}?|\s+{quote}|\s+)(?:({NAME})/)?({NAME})"
    ))
});
/// A name, then the kind: `the web deployment`.
static NAME_THEN_KIND: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"\b({NAME})[\x22'`”’]?\s+({KIND})\b")));
/// Words with slashes between: `shop/web`, `shop/pod/web-1`, and paths and images, which are sorted out.
static SLASHED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"[^\s,;()\[\]{}<>\x22'`“”‘’|=]*/[^\s,;()\[\]{}<>\x22'`“”‘’|]*"));
/// A Service's name in DNS: `web.shop.svc.cluster.local`.
static SERVICE_DNS: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b([a-z][a-z0-9-]*)\.([a-z0-9][a-z0-9-]*)\.svc\b"));
/// Lower-case words, with what stands around them.
static WORD: LazyLock<Regex> = LazyLock::new(|| pattern(r"[\x22'`“‘]?[A-Za-z0-9][-A-Za-z0-9_.:/@%]*[\x22'`”’]?"));
/// `namespace shop`, `ns=shop`, `-n shop`.
static NAMESPACE_THEN_NAME: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?:\b(?i:namespace|ns)(?:[_-]?name)?(?:\s*[:=/]\s*|\s+(?i:named|called)?\s*)|\s-n[\s=]\s*)[\x22'`“‘(\[]?({NAME})"
    ))
});
/// `the shop namespace`.
static NAME_THEN_NAMESPACE: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r"\b({NAME})[\x22'`”’]?\s+(?i:namespace)\b")));

/// Words that are no names where a name could stand. Not complete: a word that is no object's name does no harm.
const COMMON: &str = " a an and any are as at be been but by can could did do does due for from get gets had has have if in into is \
it its itself kept keeps last may more most near new no none not of off on one or other out over per same set should since so some \
than that the their them then there these they this those to too two under until up was were when which while will with within \
without you your all also after again before being below above between both during each few how just now only once our own very \
alert alerts alerting warning critical error errors failed failing fails failure failures firing resolved triggered \
unhealthy healthy unavailable available down degraded degradation outage broken restarting restarts restarted restart \
crash crashed crashes crashing crashloop looping killed evicted evicting terminated terminating stuck waiting \
pending running ready unready latency timeout timeouts timing slow high low usage limit limits memory cpu disk rate count \
container containers image images node nodes cluster clusters namespace namespaces pod pods deployment deployments service \
services workload workloads replica replicas replicaset replicasets statefulset statefulsets daemonset daemonsets job jobs \
cronjob cronjobs kubernetes k8s endpoint endpoints health probe probes liveness readiness back-off backoff exceeded exceeds \
reason state status message name named called number seconds minutes hours minute hour second times time today started \
starting start stopped stopping stop cannot unable pull pulling pulled exit code oom killing name n/a www http https ";

fn common(word: &str) -> bool {
    COMMON.split_ascii_whitespace().any(|c| c == word)
}

/// A word that could be an object's name and says so by its look: not a number, not a version, not a common word.
fn may_be_name(word: &str) -> bool {
    dns_subdomain(word) && word.bytes().any(|b| b.is_ascii_lowercase()) && !common(word) && !measure(word)
}

/// `5m`, `90s`, `512mi`, `15.5gb`, `v1.2.3`: amounts and versions.
fn measure(word: &str) -> bool {
    let digits = word
        .trim_start_matches('v')
        .trim_end_matches(|c: char| c.is_ascii_lowercase());
    let unit = word.len() - word.trim_end_matches(|c: char| c.is_ascii_lowercase()).len();
    unit <= 3 && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'-')
}

/// Names in a text that may mean an object, the strongest first, none twice.
pub fn candidates_in(text: &str) -> Vec<Candidate> {
    let text = head(text);
    let mut found = Found::default();
    for c in captured(&SERVICE_DNS, text) {
        found.add(Strength::Named, Some("Service"), Some(&c[2]), &c[1]);
    }
    slashed(text, &mut found);
    kind_then_name(text, &mut found);
    name_then_kind(text, &mut found);
    words(text, &mut found);
    found.ordered()
}

/// Namespaces that a text names, in the order in which it does; bare `shop/web` counts only where nothing is said outright.
pub fn namespaces_in(text: &str) -> Vec<String> {
    let outright = namespaces_said_in(text);
    if outright.is_empty() {
        return beside(text, Strength::Shaped, Vec::new());
    }
    outright
}

/// Namespaces that a text names outright, by the word or beside a kind: `namespace shop`, `pod shop/web-1`.
pub fn namespaces_said_in(text: &str) -> Vec<String> {
    beside(text, Strength::Named, said_namespaces(head(text)))
}

/// Namespaces, and those that stand before names of a strength; none twice.
fn beside(text: &str, strength: Strength, mut found: Vec<String>) -> Vec<String> {
    let candidates = candidates_in(text).into_iter().filter(|c| c.strength == strength);
    found.extend(candidates.filter_map(|c| c.namespace));
    found.retain(|n| dns_label(n) && may_be_name(n));
    let mut seen = BTreeSet::new();
    found.retain(|n| seen.insert(n.clone()));
    found
}

/// Which of some names stand in a text as words of their own.
pub fn words_of<'n>(text: &str, names: &'n [String]) -> Vec<&'n String> {
    let words: BTreeSet<&str> = head(text)
        .split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'))
        .map(|w| w.trim_matches('-'))
        .collect();
    names.iter().filter(|n| words.contains(n.as_str())).collect()
}

/// Names that the word namespace stands beside.
fn said_namespaces(text: &str) -> Vec<String> {
    let said = |pattern| captured(pattern, text).map(|c| c[1].to_owned());
    said(&NAMESPACE_THEN_NAME).chain(said(&NAME_THEN_NAMESPACE)).collect()
}

fn head(text: &str) -> &str {
    let mut end = text.len().min(LOOKED_AT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn captured<'t>(pattern: &'static LazyLock<Regex>, text: &'t str) -> impl Iterator<Item = regex::Captures<'t>> {
    pattern.captures_iter(text)
}

/// Candidates by strength, none twice.
#[derive(Default)]
struct Found(Vec<Candidate>);

impl Found {
    fn add(&mut self, strength: Strength, kind: Option<&str>, namespace: Option<&str>, name: &str) {
        let namespace = namespace.filter(|n| dns_label(n) && may_be_name(n)).map(str::to_owned);
        let known = self
            .0
            .iter()
            .any(|c| c.name == name && (c.strength < strength || c.kind.as_deref() == kind));
        let full = self.0.iter().filter(|c| c.strength == strength).count() >= MOST;
        if may_be_name(name) && !known && !full {
            self.0.retain(|c| c.name != name || c.strength <= strength);
            self.0.push(Candidate {
                namespace,
                kind: kind.map(str::to_owned),
                name: name.to_owned(),
                strength,
            });
        }
    }

    fn ordered(mut self) -> Vec<Candidate> {
        self.0.sort_by_key(|c| c.strength);
        self.0
    }
}

fn kind_then_name(text: &str, found: &mut Found) {
    let mut at = 0;
    while let Some(c) = KIND_THEN_NAME.captures_at(text, at) {
        let (between, name) = (&c[2], &c[4]);
        let namespace = c.get(3).map(|m| m.as_str());
        let outright = !between.trim().is_empty() || namespace.is_some() || name.contains(['-', '.']);
        let strength = if outright { Strength::Named } else { Strength::Shaped };
        if part_ends(text, c.get(4).map_or(0, |m| m.end())) {
            found.add(strength, kind_from(&c[1]), namespace, name);
        }
        // what looked like a name may be the next kind: `deployment pod web-1`
        at = c.get(2).map_or(text.len(), |m| m.end());
    }
}

/// Whether a name ends here, rather than being the beginning of a path, an address, an upper-case word or an image.
fn part_ends(text: &str, at: usize) -> bool {
    let mut rest = text[at..].chars();
    match rest.next() {
        None => true,
        Some('/' | '@' | '_' | '%') => false,
        Some(':' | '.') => !rest.next().is_some_and(char::is_alphanumeric),
        Some(c) => !c.is_alphanumeric(),
    }
}

fn name_then_kind(text: &str, found: &mut Found) {
    for c in captured(&NAME_THEN_KIND, text) {
        let begins = c.get(1).map_or(0, |m| m.start());
        let before = text[..begins].chars().next_back();
        if !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '/' | '@' | ':' | '.' | '_' | '-')) {
            found.add(Strength::Shaped, kind_from(&c[2]), None, &c[1]);
        }
    }
}

fn slashed(text: &str, found: &mut Found) {
    for c in captured(&SLASHED, text) {
        let parts: Vec<&str> = c[0].trim_end_matches(['.', ':', '!', '?']).split('/').collect();
        match *parts.as_slice() {
            [kind, name] if kind_from(kind).is_some() => found.add(Strength::Named, kind_from(kind), None, name),
            [namespace, name] if may_be_name(namespace) && dns_label(namespace) => {
                found.add(Strength::Shaped, None, Some(namespace), name);
            }
            [namespace, kind, name] if kind_from(kind).is_some() => {
                found.add(Strength::Named, kind_from(kind), Some(namespace), name);
            }
            _ => {}
        }
    }
}

fn words(text: &str, found: &mut Found) {
    let namespaces = said_namespaces(text);
    for c in captured(&WORD, text) {
        let quoted = c[0].starts_with(['"', '\'', '`', '“', '‘']);
        let word = c[0].trim_matches(|c: char| !c.is_ascii_alphanumeric());
        // Alertmanager's own title for PagerDuty lists label values, the exporter's among them
        if EXPORTERS.contains(&word)
            || word.contains(['/', ':', '@', '_', '%', '.'])
            || namespaces.iter().any(|n| n == word)
        {
            continue;
        }
        let shaped = quoted || word.contains('-');
        found.add(if shaped { Strength::Shaped } else { Strength::Bare }, None, None, word);
    }
}
