use super::*;
use proptest::prelude::*;

const PAGERDUTY: &str = include_str!("testdata/pagerduty-triggered.json");
const ALERTMANAGER: &str = include_str!("testdata/alertmanager-firing.json");
const PROCESS_INCIDENT: &str = include_str!("testdata/process-incident.json");

fn read(body: &str) -> Delivery {
    parse(body.as_bytes()).unwrap_or_else(|e| panic!("{e}: {body}"))
}

fn json(body: &Value) -> Delivery {
    read(&body.to_string())
}

fn objects(alert: &Alert) -> Vec<(&str, &str)> {
    alert
        .hints
        .objects
        .iter()
        .map(|(k, n)| (k.as_str(), n.as_str()))
        .collect()
}

/// The hints of one Alertmanager alert with these labels.
fn hints_of(labels: &Value) -> Hints {
    let body =
        serde_json::json!({"version": "4", "status": "firing", "alerts": [{"status": "firing", "labels": labels}]});
    json(&body).alerts[0].hints.clone()
}

fn named(hints: &Hints) -> Vec<(&str, &str)> {
    hints.objects.iter().map(|(k, n)| (k.as_str(), n.as_str())).collect()
}

#[test]
fn a_pagerduty_webhook_gives_title_status_severity_and_a_stable_key() {
    let delivery = read(PAGERDUTY);
    let alert = &delivery.alerts[0];
    assert_eq!(
        (delivery.source, delivery.key.as_str()),
        (Source::PagerDuty, "pagerduty:5ac64822-4adc-4fda-ade0-410becf0de4f")
    );
    assert_eq!(alert.title, "Pod shop/checkout-7d9f8b6c5d-x2x9q is in CrashLoopBackOff");
    assert_eq!((alert.status, alert.severity.as_str()), (AlertStatus::Firing, "high"));
    assert_eq!(
        (alert.source_id.as_str(), alert.fingerprint.as_str()),
        ("PGR0VU2", "d3640fbd41094207a1c11e58e46b1662")
    );
    assert_eq!(alert.labels["pagerduty.service"], "Checkout API");
    assert_eq!(
        alert.starts_at.map(|t| t.to_string()).as_deref(),
        Some("2026-05-20T14:00:00.000Z")
    );
    assert!(
        alert.hints.objects.is_empty(),
        "a webhook without details names nothing: {:?}",
        alert.hints
    );
    assert_eq!(namespaces_in(&alert.title), ["shop"]);
}

#[test]
fn pagerdutys_later_events_change_the_status_alone() {
    for (event, status) in [
        ("incident.acknowledged", AlertStatus::Acknowledged),
        ("incident.unacknowledged", AlertStatus::Firing),
        ("incident.resolved", AlertStatus::Resolved),
        ("incident.reopened", AlertStatus::Firing),
        ("incident.priority_updated", AlertStatus::Firing),
    ] {
        let body = PAGERDUTY.replace("incident.triggered", event);
        let alert = read(&body).alerts.remove(0);
        assert_eq!(alert.status, status, "{event}");
        assert_eq!(alert.fingerprint, read(PAGERDUTY).alerts[0].fingerprint);
    }
}

#[test]
fn pagerdutys_details_become_labels_wherever_they_stand() {
    let at = |place: &str, details: Value| {
        let mut body: Value = serde_json::from_str(PAGERDUTY).expect("valid");
        let mut slot = &mut body["event"]["data"];
        for part in place.split('/') {
            slot = &mut slot[part];
        }
        *slot = details;
        json(&body).alerts.remove(0)
    };
    let labels = serde_json::json!({"namespace": "shop", "deployment": "checkout"});
    let nested = serde_json::json!({"labels": labels});
    let text = Value::String("Labels:\n - alertname = KubePodCrashLooping\n - namespace = shop\n - deployment = checkout\nAnnotations:\n - summary = it crashes".into());
    for alert in [
        at("custom_details", labels.clone()),
        at("custom_details", nested),
        at("custom_details", serde_json::json!({"num_firing": 1, "firing": text})),
        at("body", serde_json::json!({"type": "incident_body", "details": labels})),
        at(
            "body",
            serde_json::json!({"type": "incident_body", "details": labels.to_string()}),
        ),
        at("body", serde_json::json!({"type": "incident_body", "details": text})),
        at(
            "alerts",
            serde_json::json!([{"id": "PA", "summary": "checkout", "body": {"details": labels}}]),
        ),
        at(
            "alerts",
            serde_json::json!([{"id": "PA", "body": {"cef_details": {"details": {"firing": text}}}}]),
        ),
    ] {
        assert_eq!(alert.hints.namespace.as_deref(), Some("shop"), "{alert:?}");
        assert_eq!(objects(&alert), [("Deployment", "checkout")]);
    }
}

#[test]
fn pagerdutys_own_service_is_not_taken_for_a_service_of_kubernetes() {
    assert!(
        read(PAGERDUTY).alerts[0]
            .hints
            .objects
            .iter()
            .all(|(kind, _)| kind != "Service")
    );
}

#[test]
fn events_of_pagerdutys_that_are_about_no_incident_say_which_ones_are() {
    let ping = r#"{"event":{"id":"1","event_type":"pagey.ping","resource_type":"pagey","data":{"message":"Hello from your friend Pagey!","type":"ping"}}}"#;
    let note = r#"{"event":{"event_type":"incident.annotated","data":{"incident":{"id":"P1"},"id":"N1","content":"hi","type":"incident_note"}}}"#;
    for body in [ping, note] {
        let error = parse(body.as_bytes()).expect_err("no incident");
        assert!(
            matches!(error, AlertError::NotAnIncident { .. }) && error.to_string().contains("incident.triggered"),
            "{error}"
        );
    }
}

#[test]
fn an_alertmanager_webhook_gives_each_alert_its_labels_and_hints() {
    let delivery = read(ALERTMANAGER);
    assert_eq!((delivery.source, delivery.alerts.len()), (Source::Alertmanager, 2));
    let alert = &delivery.alerts[0];
    assert_eq!(
        (alert.title.as_str(), alert.severity.as_str()),
        ("Pod is crash looping.", "warning")
    );
    assert!(
        alert
            .description
            .starts_with("Pod shop/checkout-7d9f8b6c5d-x2x9q (checkout) is in waiting state")
    );
    assert_eq!(
        (alert.fingerprint.as_str(), alert.status),
        ("c6eadffa33fcdf37", AlertStatus::Firing)
    );
    assert_eq!(alert.hints.namespace.as_deref(), Some("shop"));
    assert_eq!(
        (objects(alert), alert.hints.container.as_deref()),
        (vec![("Pod", "checkout-7d9f8b6c5d-x2x9q")], Some("checkout"))
    );
    assert_eq!(
        alert.labels["annotation.runbook_url"],
        "https://runbooks.example.com/kubepodcrashlooping"
    );
    assert_eq!(delivery.alerts[1].status, AlertStatus::Resolved);
}

#[test]
fn a_repeated_delivery_has_the_same_key_whatever_the_order_and_a_changed_one_another() {
    let body: Value = serde_json::from_str(ALERTMANAGER).expect("valid");
    let key = json(&body).key;
    let mut turned = body.clone();
    turned["alerts"].as_array_mut().expect("list").reverse();
    assert_eq!(json(&turned).key, key);
    for (place, value) in [
        ("/status", "resolved"),
        ("/receiver", "other"),
        ("/groupKey", "{}:{x=\"y\"}"),
        ("/alerts/0/status", "resolved"),
        ("/alerts/0/fingerprint", "0000000000000000"),
        ("/alerts/0/startsAt", "2026-05-21T00:00:00Z"),
    ] {
        let mut changed = body.clone();
        *changed.pointer_mut(place).expect("there") = value.into();
        assert_ne!(json(&changed).key, key, "{place}");
    }
}

#[test]
fn a_delivery_of_resolved_alerts_only_is_read() {
    let body = ALERTMANAGER.replace("\"firing\"", "\"resolved\"");
    assert!(read(&body).alerts.iter().all(|a| a.status == AlertStatus::Resolved));
}

#[test]
fn an_exporters_own_labels_are_not_the_place_of_the_fault() {
    let displaced = hints_of(&serde_json::json!({
        "alertname": "KubePodCrashLooping", "namespace": "monitoring", "pod": "kube-state-metrics-6b7c9d-abcde",
        "container": "kube-state-metrics", "service": "kube-state-metrics", "job": "kube-state-metrics", "instance": "10.0.0.9:8080",
        "exported_namespace": "shop", "exported_pod": "checkout-7d9f8b6c5d-x2x9q", "exported_container": "checkout"
    }));
    assert_eq!(
        (displaced.namespace.as_deref(), displaced.container.as_deref()),
        (Some("shop"), Some("checkout"))
    );
    assert_eq!(named(&displaced), [("Pod", "checkout-7d9f8b6c5d-x2x9q")]);

    let no_pod = hints_of(&serde_json::json!({
        "namespace": "monitoring", "pod": "ksm-0", "service": "ksm", "job": "ksm", "exported_namespace": "shop", "deployment": "checkout"
    }));
    assert_eq!(
        (no_pod.namespace.as_deref(), named(&no_pod)),
        (Some("shop"), vec![("Deployment", "checkout")])
    );

    let honoured = hints_of(&serde_json::json!({
        "alertname": "KubeDeploymentReplicasMismatch", "namespace": "shop", "deployment": "checkout", "container": "kube-state-metrics",
        "pod": "prometheus-kube-state-metrics-6b7c9d-abcde", "service": "prometheus-kube-state-metrics", "job": "kube-state-metrics",
        "instance": "10.0.0.9:8080"
    }));
    assert_eq!(
        (named(&honoured), &honoured.container),
        (vec![("Deployment", "checkout")], &None)
    );

    let kubelet = hints_of(&serde_json::json!({
        "alertname": "CPUThrottlingHigh", "namespace": "shop", "pod": "checkout-1", "container": "app", "node": "worker-1",
        "service": "kubelet", "job": "kubelet", "instance": "10.0.0.1:10250", "metrics_path": "/metrics/cadvisor"
    }));
    assert_eq!(named(&kubelet), [("Pod", "checkout-1")]);
}

#[test]
fn the_most_specific_object_comes_first() {
    let hints = hints_of(&serde_json::json!({
        "namespace": "shop", "service": "web", "deployment": "web", "pod": "web-5d4b9c8f7-x7x2p", "node": "worker-1", "cluster": "prod"
    }));
    assert_eq!(
        named(&hints),
        [
            ("Pod", "web-5d4b9c8f7-x7x2p"),
            ("Deployment", "web"),
            ("Service", "web")
        ]
    );
    assert_eq!(hints.cluster.as_deref(), Some("prod"));
    assert_eq!(
        named(&hints_of(&serde_json::json!({"job_name": "backup-28374650"}))),
        [("Job", "backup-28374650")]
    );
    let owner = serde_json::json!({"namespace": "shop", "workload": "db", "workload_type": "statefulset"});
    assert_eq!(named(&hints_of(&owner)), [("StatefulSet", "db")]);
}

#[test]
fn a_process_incident_body_is_read_as_the_guide_writes_it() {
    let delivery = read(PROCESS_INCIDENT);
    let alert = &delivery.alerts[0];
    assert_eq!(
        (delivery.key.as_str(), alert.fingerprint.as_str()),
        ("process-incident:inc-123", "inc-123")
    );
    assert_eq!(
        (alert.title.as_str(), alert.severity.as_str()),
        ("Pod CrashLoopBackOff", "high")
    );
    assert_eq!(alert.hints.cluster.as_deref(), Some("production"));
    assert_eq!(
        (alert.hints.namespace.as_deref(), objects(alert)),
        (Some("default"), vec![("Pod", "app-123")])
    );
}

#[test]
fn people_write_names_with_kind_or_namespace_in_front() {
    let hints = |metadata: Value| {
        json(&serde_json::json!({"alert_id": 7, "title": "t", "metadata": metadata}))
            .alerts
            .remove(0)
            .hints
    };
    let both = hints(serde_json::json!({"pod": "shop/web-1", "deployment": "deployment/web", "job": "backup"}));
    assert_eq!(both.namespace.as_deref(), Some("shop"));
    assert_eq!(
        named(&both),
        [("Pod", "web-1"), ("Deployment", "web"), ("Job", "backup")]
    );
}

#[test]
fn a_name_that_the_api_server_would_not_take_is_no_hint() {
    for bad in [
        "../../secrets/x",
        "a b",
        "UPPER",
        "x?y=1",
        "",
        "-x",
        "x..y",
        &"x".repeat(300),
    ] {
        let hints = hints_of(&serde_json::json!({"namespace": bad, "pod": bad, "container": bad}));
        assert_eq!(
            (&hints.namespace, &hints.container, hints.objects.len()),
            (&None, &None, 0),
            "{bad}"
        );
    }
}

#[test]
fn each_bad_body_says_what_is_wrong_and_what_to_do() {
    let cases: [(&[u8], &[&str]); 12] = [
        (b"  \n", &["empty", "process-incident"]),
        (
            b"{\"event\": \n oops}",
            &["not JSON", "line 2", "column 2", "Alertmanager"],
        ),
        (b"{\"a\": 1", &["not JSON", "line 1"]),
        (b"\xff\xfe", &["not JSON"]),
        (
            b"[1]",
            &[
                "unknown shape",
                "a list",
                "PagerDuty",
                "Alertmanager v4",
                "process-incident",
            ],
        ),
        (
            b"{\"title\": \"x\", \"metadata\": {}}",
            &["unknown shape", "`title`", "`alert_id` is missing"],
        ),
        (b"{\"messages\": []}", &["v3 subscription"]),
        (b"{\"version\": \"1\", \"alerts\": [{}]}", &["\"1\"", "version \"4\""]),
        (b"{\"version\": \"4\", \"alerts\": []}", &["no alert"]),
        (b"{\"version\": \"4\", \"alerts\": [3]}", &["alerts[0]"]),
        (
            b"{\"alert_id\": \"x\", \"title\": \"x\", \"metadata\": []}",
            &["`metadata`"],
        ),
        (
            b"{\"event\": {\"event_type\": \"incident.triggered\", \"data\": {\"id\": \"P\"}}}",
            &["event.data.title"],
        ),
    ];
    for (body, wanted) in cases {
        let error = parse(body).expect_err("bad").to_string();
        for part in wanted {
            assert!(error.contains(part), "{part} is not in: {error}");
        }
    }
    let long = parse(&vec![b' '; MAX_BODY + 1]).expect_err("too long").to_string();
    assert!(long.contains("1048577") && long.contains("fewer"), "{long}");
}

#[test]
fn names_in_prose_come_the_strongest_first() {
    let strongest = |text: &str| {
        let all = candidates_in(text);
        let top = all.first().map(|c| c.strength);
        let of = |c: &Candidate| {
            format!(
                "{}{}/{}",
                c.namespace.as_ref().map(|n| format!("{n}/")).unwrap_or_default(),
                c.kind.as_deref().unwrap_or("?"),
                c.name
            )
        };
        all.iter()
            .filter(|c| Some(c.strength) == top)
            .map(of)
            .collect::<Vec<_>>()
    };
    for (text, wanted) in [
        ("Pod app-123 is crashing", "Pod/app-123"),
        (
            "Pod shop/web-5d4b9c8f7-x7x2p (web) is in waiting state (reason: \"CrashLoopBackOff\").",
            "shop/Pod/web-5d4b9c8f7-x7x2p",
        ),
        (
            "Deployment shop/web has not matched the expected number of replicas",
            "shop/Deployment/web",
        ),
        ("OOMKilled: statefulset=db in ns=shop", "StatefulSet/db"),
        ("shop/deploy/web is down", "shop/Deployment/web"),
        ("pod named web keeps restarting", "Pod/web"),
        ("the deployment \"web\" is unavailable", "Deployment/web"),
        ("deployment foo in namespace bar", "Deployment/foo"),
        ("web deployment is down", "Deployment/web"),
        ("CrashLoopBackOff in shop/web", "shop/?/web"),
        ("payment-api CrashLoopBackOff", "?/payment-api"),
        ("CrashLoopBackOff: api, 5m, exit code 1", "?/api"),
        ("Service pod is waiting: svc/web", "Service/web"),
        (
            "http://web.shop.svc.cluster.local:8080/health is down",
            "shop/Service/web",
        ),
        ("CrashLoopBackOff: deployment web in namespace e2e-1", "Deployment/web"),
    ] {
        assert_eq!(strongest(text), [wanted], "{text}");
    }
    for nothing in [
        "Pod is down",
        "Pod CrashLoopBackOff",
        "exit code 137 after 90s",
        "https://example.com/a/b",
        "ghcr.io/acme/web:1.2",
    ] {
        assert_eq!(strongest(nothing), [""; 0], "{nothing}");
    }
}

#[test]
fn a_redacted_delivery_keeps_what_places_and_identifies_it() {
    let body = ALERTMANAGER.replace("Pod is crash looping.", "Pod is crash looping, password=hunter2");
    let (raw, shown) = (read(&body), read(&body).redacted(&crate::redact::Redactor::new(b"k")));
    assert!(!format!("{shown:?}").contains("hunter2"));
    assert_eq!((&shown.key, shown.alerts.len()), (&raw.key, raw.alerts.len()));
    for (a, b) in shown.alerts.iter().zip(&raw.alerts) {
        assert_eq!(
            (&a.hints, &a.fingerprint, &a.source_id, a.starts_at),
            (&b.hints, &b.fingerprint, &b.source_id, b.starts_at)
        );
        assert_eq!(a.labels["pod"], b.labels["pod"]);
    }
}

#[test]
fn namespaces_are_taken_from_what_says_so_outright() {
    for (text, wanted) in [
        ("Pod foo in namespace bar", vec!["bar"]),
        ("ns=bar pod=x", vec!["bar"]),
        ("Namespace: bar", vec!["bar"]),
        ("namespace \"bar\" is in trouble", vec!["bar"]),
        ("pods of the bar namespace", vec!["bar"]),
        ("kubectl -n bar get pods", vec!["bar"]),
        ("Pod bar/web-1 is down, see shop/runbook", vec!["bar"]),
        ("bar/web is down", vec!["bar"]),
        ("http://web.bar.svc:80 does not answer", vec!["bar"]),
        ("the namespace is full", vec![]),
        ("Pod web-1 crashes and/or hangs", vec![]),
        ("see https://example.com/shop/web", vec![]),
        ("namespace a1 and namespace b1", vec!["a1", "b1"]),
    ] {
        assert_eq!(namespaces_in(text), wanted, "{text}");
    }
}

/// Any JSON, with keys that mean something to the parser.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        prop_oneof![
            Just("4"),
            Just("incident.triggered"),
            Just("firing"),
            Just("2026-01-01T00:00:00Z"),
            Just("Pod a/b-1")
        ]
        .prop_map(Value::from),
    ];
    let key = prop_oneof![
        Just("event"),
        Just("event_type"),
        Just("data"),
        Just("alerts"),
        Just("version"),
        Just("labels"),
        Just("annotations"),
        Just("alert_id"),
        Just("title"),
        Just("metadata"),
        Just("body"),
        Just("details"),
        Just("custom_details"),
        Just("pod"),
        Just("type"),
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..6)
                .prop_map(|f| Value::Object(f.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn no_json_makes_the_parser_panic_and_every_hint_is_a_valid_name(body in any_json()) {
        if let Ok(delivery) = parse(body.to_string().as_bytes()) {
            prop_assert!(!delivery.alerts.is_empty() && !delivery.key.is_empty());
            for (_, name) in delivery.alerts.iter().flat_map(|a| &a.hints.objects) {
                prop_assert!(hints::dns_subdomain(name));
            }
        }
    }

    #[test]
    fn no_text_makes_the_search_for_names_panic(text in "\\PC{0,200}") {
        for candidate in candidates_in(&text) {
            prop_assert!(hints::dns_subdomain(&candidate.name));
        }
        let _ = namespaces_in(&text);
    }
}

#[test]
fn the_title_that_alertmanager_gives_pagerduty_names_no_namespace_outright() {
    let title =
        "[FIRING:1] KubePodCrashLooping (app uid kube-state-metrics shop web-5d4b9c-x2x7p monitoring/k8s warning)";
    assert_eq!(namespaces_said_in(title), Vec::<String>::new());
    let there = ["default", "monitoring", "shop", "web"].map(str::to_owned);
    assert_eq!(words_of(title, &there), ["monitoring", "shop"]);
    assert!(candidates_in(title).iter().all(|c| c.name != "kube-state-metrics"));
    assert_eq!(namespaces_said_in("pod shop/web-1 in namespace shop"), ["shop"]);
}

#[test]
fn what_is_shown_of_an_alert_acts_on_no_terminal_and_hides_no_secret_in_what_does() {
    let key = ["ghp_", "16C7e42F29\u{1b}[0m2c6912E7710c838347Ae178B4a"].concat();
    let body = serde_json::json!({"alert_id": "a", "title": "\u{1b}[2Jweb is down", "description": format!("one\n{key}"),
        "metadata": {"note": "\u{1b}]0;x\u{7}y"}});
    let shown = parse(body.to_string().as_bytes()).map(|d| d.redacted(&Redactor::new(b"tenant")));
    let alert = shown.map(|d| d.alerts[0].clone());
    let text = format!("{alert:?}");
    assert!(text.contains("web is down") && text.contains("one\\n"), "{text}");
    for gone in ["\\u{1b}", "\\u{7}", "16C7e42F29", "Ae178B4a"] {
        assert!(!text.contains(gone), "{gone}: {text}");
    }
}
