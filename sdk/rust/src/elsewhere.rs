//! Alerts that name a healthy object while another one fails.
//!
//! A healthy object is never touched. What fails and is not linked to the alert's object is named to a person.

use crate::cluster::{self, ReadFailure};
use crate::incident::{Health, Incident};
use crate::inquiry::Inquiry;
use crate::owner::Subject;
use crate::pod::Pod;
use crate::strategy::{Failure, Finding};

/// Whether the alert's title or description has one of these words. An alert's words decide nothing but where to look.
///
/// Names of the place do not count: a namespace `cpu-bench` says nothing of processors. A short word has to begin where
/// a word begins, be it in `CamelCase`: `workload` says nothing of load.
pub fn alert_says(incident: &Incident, words: &[&str]) -> bool {
    let names = [incident.namespace(), incident.target().name, incident.owner().name];
    let text = format!("{} {}", incident.title(), incident.description());
    let said: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || "/()[]{}\"'`,;:=".contains(c))
        .filter(|word| !names.iter().any(|name| is_of(word, name)))
        .collect();
    let text = said.join(" ");
    words.iter().any(|word| says(&text, word))
}

/// Shorter names may be words.
const SHORTEST_NAME: usize = 5;
/// Words up to this length are parts of too many others.
const SHORT_WORD: usize = 4;

/// Whether a word is a name, or that of a pod that bears it.
fn is_of(word: &str, name: &str) -> bool {
    let rest = word.trim_end_matches('.').strip_prefix(name);
    name.len() >= SHORTEST_NAME && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

fn says(text: &str, word: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    lower
        .match_indices(word)
        .any(|(at, _)| word.len() > SHORT_WORD || begins_word(&text[..at], &text[at..]))
}

/// Whether a word begins between the two.
fn begins_word(before: &str, from: &str) -> bool {
    let Some(last) = before.chars().next_back().filter(|c| c.is_alphanumeric()) else {
        return true;
    };
    let mut next = from.chars();
    let (first, second) = (next.next(), next.next());
    let upper = |c: Option<char>| c.is_some_and(char::is_uppercase);
    upper(first) && (last.is_lowercase() || !upper(second))
}

/// A pod of the namespace that `fails` and is not the subject's.
pub fn failing_pod(subject: &Subject, fails: impl Fn(&Pod) -> bool) -> Result<Option<Pod>, ReadFailure> {
    let all = cluster::pods(&subject.object.namespace, "")?;
    let own = |pod: &Pod| subject.pods.iter().any(|p| p.reference().uid == pod.reference().uid);
    Ok(all.into_iter().find(|pod| !pod.deleting() && !own(pod) && fails(pod)))
}

/// The alert's object does well as `health` says, and `pod` fails as `state` says: a person is told which to respond to.
pub fn conclude(
    mut inquiry: Inquiry,
    fault: &str,
    subject: &Subject,
    health: &Health,
    (pod, state): (&Pod, &str),
) -> Result<Finding, Failure> {
    let owner = inquiry
        .look(pod.reference(), cluster::owners(pod.reference()))?
        .and_then(|mut chain| chain.pop())
        .map_or_else(|| pod.reference().clone(), |top| top.object);
    inquiry.saw(pod.reference(), state);
    inquiry.rule_out(format!("{} is healthy: {health}", subject.object));
    let cause = format!(
        "the alert names {}, which is healthy ({health}); what fails is {owner}: {state}",
        subject.object
    );
    inquiry.decide_escalate(
        "a healthy object is not touched, and nothing links the failing one to this alert",
        format!(
            "correct the alert, which points at {}; respond to {owner} instead: \
             `dreamops respond ALERT.json --namespace {} --target {}`",
            subject.object,
            owner.namespace,
            owner.kubectl()
        ),
    );
    Ok(inquiry.cause(fault, &owner, cause, 0.9))
}

#[cfg(test)]
mod tests {
    use super::{is_of, says};

    #[test]
    fn short_words_count_where_a_word_begins() {
        for text in ["high load", "CPULoadHigh", "node_load", "LOAD of web", "PodLoad"] {
            assert!(says(text, "load"), "{text}");
        }
        for text in ["a workload fails", "KubeWorkloadDown", "download is slow"] {
            assert!(!says(text, "load"), "{text}");
        }
        assert!(says("KubePodCrashLooping", "crash") && says("PodOOMKilled", "oom") && !says("the room", "oom"));
    }

    #[test]
    fn names_of_the_place_are_told_from_words() {
        assert!(is_of("cpu-bench", "cpu-bench") && is_of("cpu-bench-5d9c-x2x7p.", "cpu-bench"));
        assert!(!is_of("cpu", "cpu") && !is_of("cpu-benchmark", "cpu-bench"));
    }
}
