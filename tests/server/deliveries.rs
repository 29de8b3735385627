//! What monitoring systems post, and senders that post until it is taken.

use crate::stage::NAME;
use dreamops_tests::serving::{ADMIN, Answer, ask, pagerduty};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// A delivery of a number of its own, about one of a few objects that are gone. Its alert's fingerprint is its id.
pub(crate) struct Delivery {
    pub(crate) id: String,
    about: String,
    form: usize,
}

impl Delivery {
    pub(crate) fn new(sender: usize, number: usize) -> Self {
        Self {
            id: format!("delivery-{sender}-{number}"),
            about: format!("gone-{}", number % 7),
            form: number % 3,
        }
    }

    /// Posts it; `None` where there was no whole answer.
    pub(crate) fn post(&self, address: &str) -> Option<Answer> {
        let (id, about) = (&self.id, &self.about);
        match self.form {
            0 => pagerduty(address, id, &event(id, about)),
            1 => {
                let path = "/api/v1/webhooks/alertmanager";
                ask(address, "POST", path, Some(ADMIN), &notification(id, about))
            }
            _ => {
                let path = "/api/v1/kubernetes/agno/process-incident";
                ask(address, "POST", path, Some(ADMIN), &incident(id, about))
            }
        }
    }
}

/// A `PagerDuty` v3 webhook.
pub(crate) fn event(id: &str, about: &str) -> Value {
    json!({ "event": {
        "id": id, "event_type": "incident.triggered", "resource_type": "incident", "occurred_at": "2026-01-31T03:00:00Z",
        "agent": null, "client": null,
        "data": {
            "id": id, "type": "incident", "number": 2, "status": "triggered", "incident_key": id,
            "created_at": "2026-01-31T03:00:00Z", "title": format!("KubePodCrashLooping: deployment {about} in namespace shop"),
            "html_url": "https://example.com/incidents/P1", "urgency": "high",
            "service": { "id": "PF9KMXH", "summary": "shop", "type": "service_reference" },
        },
    } })
}

/// An Alertmanager v4 webhook.
pub(crate) fn notification(id: &str, about: &str) -> Value {
    json!({
        "version": "4", "groupKey": format!("{{}}:{{id=\"{id}\"}}"), "truncatedAlerts": 0, "status": "firing",
        "receiver": "dreamops", "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {},
        "externalURL": "http://alertmanager.example.com",
        "alerts": [{
            "status": "firing",
            "labels": {
                "alertname": "KubePodCrashLooping", "cluster": NAME, "namespace": "shop", "deployment": about, "severity": "critical",
            },
            "annotations": { "summary": "crashes" }, "startsAt": "2026-01-31T03:00:00Z", "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.example.com/graph", "fingerprint": id,
        }],
    })
}

/// The body of `process-incident`.
pub(crate) fn incident(id: &str, about: &str) -> Value {
    json!({
        "alert_id": id, "title": "KubePodCrashLooping", "description": "crashes", "severity": "high",
        "metadata": { "cluster": NAME, "namespace": "shop", "deployment": about },
    })
}

/// Threads that post one delivery after the other, each until it is taken.
pub(crate) struct Senders {
    address: Arc<Mutex<String>>,
    taken: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<String>>>,
}

impl Senders {
    pub(crate) fn start(count: usize, pause: Duration) -> Self {
        let address = Arc::new(Mutex::new(String::new()));
        let taken = Arc::new(AtomicUsize::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (0..count)
            .map(|sender| {
                let (address, taken, stop) = (Arc::clone(&address), Arc::clone(&taken), Arc::clone(&stop));
                std::thread::spawn(move || run(sender, pause, &address, &taken, &stop))
            })
            .collect();
        Self {
            address,
            taken,
            stop,
            threads,
        }
    }

    /// Where to post from now on; nowhere where it is empty.
    pub(crate) fn aim(&self, address: &str) {
        address.clone_into(&mut self.address.lock().unwrap());
    }

    /// How many deliveries were taken until now.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::SeqCst)
    }

    /// Lets each post what it has at hand, and gives the ids of all deliveries that were taken.
    pub(crate) fn stop(self) -> Vec<String> {
        self.stop.store(true, Ordering::SeqCst);
        self.threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    }
}

fn run(sender: usize, pause: Duration, address: &Mutex<String>, count: &AtomicUsize, stop: &AtomicBool) -> Vec<String> {
    let mut taken = Vec::new();
    for number in 0.. {
        let delivery = Delivery::new(sender, number);
        loop {
            let to = address.lock().unwrap().clone();
            let answer = (!to.is_empty()).then(|| delivery.post(&to)).flatten();
            match answer.as_ref().map(|a| a.code) {
                Some(200..300) => break,
                // too many at once, or a server that stops: later
                None | Some(429 | 503) => std::thread::sleep(Duration::from_millis(20)),
                Some(_) => panic!("{}: {answer:?}", delivery.id),
            }
        }
        taken.push(delivery.id);
        count.fetch_add(1, Ordering::SeqCst);
        if stop.load(Ordering::SeqCst) {
            break;
        }
        std::thread::sleep(pause);
    }
    taken
}

/// How often each fingerprint is among the alerts that the server tells.
pub(crate) fn counted(page: impl Fn(&str) -> Answer) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    let mut cursor = String::new();
    loop {
        let answer = page(&format!("/api/v1/alerts?limit=500{cursor}"));
        assert_eq!(answer.code, 200, "{}", answer.text);
        for alert in answer.body["items"].as_array().unwrap() {
            *counts
                .entry(alert["source_id"].as_str().unwrap().to_owned())
                .or_default() += 1;
        }
        match answer.body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return counts,
        }
    }
}
