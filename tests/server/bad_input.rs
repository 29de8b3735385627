//! What no sender should send, and what callers get wrong: each ends in the answer that is documented, and nothing is stored that was
//! refused. On `PostgreSQL`; the crate's own tests try the same on `SQLite`, case by case.

use crate::database::{KEY, postgres};
use crate::deliveries::{event, incident, notification};
use dreamops_test_postgres::Postgres;
use dreamops_tests::serving::{ADMIN, Answer, PAGERDUTY_SECRET, Serving, ask, send, signature, until};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// How long all incidents may take to end.
const PATIENCE: Duration = Duration::from_mins(3);
const PAGERDUTY: &str = "/api/v1/webhooks/pagerduty";
const ALERTMANAGER: &str = "/api/v1/webhooks/alertmanager";

fn served(name: &str) -> (Postgres, Serving) {
    let database = postgres();
    let mut place = Serving::new("mode = \"observe\"\n")
        .with("DATABASE_URL", &database.database(name).unwrap())
        .with("DREAMOPS_ENCRYPTION_KEYS", KEY);
    place.start();
    (database, place)
}

/// Every alert of a query, over all pages.
fn alerts(place: &Serving, query: &str) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = place.get(&format!("/api/v1/alerts?limit=500{query}{cursor}"));
        assert_eq!(page.code, 200, "{}", page.text);
        found.extend(page.body["items"].as_array().unwrap().iter().cloned());
        match page.body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

#[track_caller]
fn is_problem(answer: &Answer, code: u16, slug: &str) {
    let kind = answer.body["type"].as_str().unwrap_or_default();
    let told = (answer.code, kind.rsplit(':').next().unwrap());
    assert_eq!(told, (code, slug), "{}", answer.text);
    for field in ["title", "detail", "hint"] {
        assert!(
            answer.body[field].as_str().is_some_and(|text| !text.is_empty()),
            "{}",
            answer.text
        );
    }
}

#[test]
fn pagerdutys_bad_deliveries_store_nothing_and_repeated_ones_are_there_once() {
    let (_database, place) = served("pagerduty");
    let post =
        |headers: &[(&str, &str)], body: &[u8]| send(&place.address(), "POST", PAGERDUTY, headers, body).unwrap();
    let body = event("P1", "web").to_string().into_bytes();
    let right = signature(PAGERDUTY_SECRET, &body);
    let signed = |header: &str, body: &[u8]| post(&[("X-PagerDuty-Signature", header), ("X-Webhook-Id", "w1")], body);
    let mut changed = body.clone();
    changed[20] ^= 1;
    for refused in [
        post(&[], &body),
        signed("", &body),
        signed("v1=", &body),
        signed("v1=zz", &body),
        signed("v2=00", &body),
        signed(right.trim_start_matches("v1="), &body),
        signed(&right[..right.len() - 2], &body),
        signed(&signature("another-secret", &body), &body),
        signed(&right, &changed),
        post(&[("Authorization", &format!("Bearer {ADMIN}"))], &body),
    ] {
        is_problem(&refused, 401, "unauthenticated");
    }
    let long = vec![b' '; 300 * 1024];
    is_problem(&signed(&signature(PAGERDUTY_SECRET, &long), &long), 413, "too-large");
    let cut = &body[..body.len() / 2];
    is_problem(&signed(&signature(PAGERDUTY_SECRET, cut), cut), 400, "malformed");
    let mut unknown = event("P1", "web");
    unknown["event"]["event_type"] = json!("service.updated");
    let unknown = unknown.to_string().into_bytes();
    let ignored = signed(&signature(PAGERDUTY_SECRET, &unknown), &unknown);
    assert_eq!(
        (ignored.code, &ignored.body["status"]),
        (202, &json!("ignored")),
        "{}",
        ignored.text
    );
    assert_eq!(alerts(&place, ""), Vec::<Value>::new());

    // one of several signatures, as in the middle of a rotation; and the same webhook again
    let several = format!("v1={},{right}", "0".repeat(64));
    let first = signed(&several, &body);
    assert_eq!(
        (first.code, &first.body["status"]),
        (202, &json!("accepted")),
        "{}",
        first.text
    );
    let again = signed(&right, &body);
    assert_eq!(
        (again.code, &again.body["status"]),
        (202, &json!("repeated")),
        "{}",
        again.text
    );
    assert_eq!(again.body["delivery_id"], first.body["delivery_id"]);
    assert_eq!(alerts(&place, "").len(), 1);
    at_the_same_time(&place);
    assert_eq!(alerts(&place, "").len(), 2);
}

/// One webhook, sent by twelve at once.
fn at_the_same_time(place: &Serving) {
    let body = event("P2", "api").to_string().into_bytes();
    let headers = [
        ("X-PagerDuty-Signature", &*signature(PAGERDUTY_SECRET, &body)),
        ("X-Webhook-Id", "w2"),
    ];
    let address = place.address();
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let post = || send(&address, "POST", PAGERDUTY, &headers, &body).unwrap();
        let senders: Vec<_> = (0..12).map(|_| scope.spawn(post)).collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|answer| answer.code == 202), "{answers:?}");
    let accepted = answers.iter().filter(|answer| answer.body["status"] == "accepted");
    assert_eq!(accepted.count(), 1, "{answers:?}");
    let deliveries: BTreeSet<_> = answers
        .iter()
        .map(|answer| answer.body["delivery_id"].to_string())
        .collect();
    assert_eq!(deliveries.len(), 1, "{answers:?}");
}

#[test]
fn alertmanagers_bad_deliveries_store_nothing_and_large_and_late_ones_are_whole() {
    let (_database, place) = served("alertmanager");
    let post = |body: &[u8]| {
        let bearer = format!("Bearer {ADMIN}");
        send(
            &place.address(),
            "POST",
            ALERTMANAGER,
            &[("Authorization", &bearer)],
            body,
        )
        .unwrap()
    };
    let good = notification("one", "web");
    for version in [json!("3"), json!("5"), json!(5), Value::Null] {
        let mut other = good.clone();
        other["version"] = version;
        is_problem(&post(other.to_string().as_bytes()), 400, "malformed");
    }
    let text = good.to_string();
    for cut in [&text[..text.len() - 1], &text[..40], "", "[]", "{}", "no json"] {
        is_problem(&post(cut.as_bytes()), 400, "malformed");
    }
    is_problem(&post(event("P1", "web").to_string().as_bytes()), 400, "malformed");
    assert_eq!(alerts(&place, ""), Vec::<Value>::new());

    let mut large = good.clone();
    let one = large["alerts"][0].clone();
    let numbered = |number: usize| {
        let mut alert = one.clone();
        alert["fingerprint"] = json!(format!("{number:016x}"));
        alert["labels"]["deployment"] = json!(format!("web-{}", number % 20));
        alert
    };
    large["groupKey"] = json!("{}:{many}");
    large["alerts"] = (0..1000).map(numbered).collect();
    let taken = post(large.to_string().as_bytes());
    assert_eq!(taken.code, 202, "{}", taken.text);
    let delivery = format!("&delivery_id={}", taken.body["delivery_id"].as_str().unwrap());
    let stored: BTreeSet<_> = alerts(&place, &delivery)
        .iter()
        .map(|a| a["source_id"].to_string())
        .collect();
    assert_eq!(stored.len(), 1000);

    // the resolution overtakes its alert
    for (status, key) in [("resolved", "{}:{late, resolved}"), ("firing", "{}:{late, firing}")] {
        let mut late = notification("late", "late");
        late["groupKey"] = json!(key);
        late["status"] = json!(status);
        late["alerts"][0]["status"] = json!(status);
        let taken = post(late.to_string().as_bytes());
        assert_eq!(taken.code, 202, "{}", taken.text);
        let delivery = format!("&delivery_id={}", taken.body["delivery_id"].as_str().unwrap());
        let stored = alerts(&place, &delivery);
        assert_eq!(stored.len(), 1, "{stored:?}");
        assert_eq!(stored[0]["status"], status);
    }
    all_end(&place);
}

/// There is no cluster, so that every incident is a person's in the end.
fn all_end(place: &Serving) {
    let open = || place.get("/api/v1/incidents?open=true&limit=5").body["items"].clone();
    let ended = until(PATIENCE, || open().as_array().is_some_and(Vec::is_empty).then_some(()));
    assert!(ended.is_some(), "still open: {}", open());
}

#[test]
fn wrong_methods_types_ids_tokens_and_roles_are_refused_on_every_route() {
    let (_database, place) = served("api");
    let roles = ["intake", "viewer", "responder"].map(|role| {
        let made = place.ask("POST", "/api/v1/tokens", &json!({ "user": role, "role": role }));
        assert_eq!(made.code, 201, "{}", made.text);
        (role, made.body["secret"].as_str().unwrap().to_owned())
    });
    let before = inventory(&place);
    let description = place.get("/openapi.json").body;
    let mut tried = 0;
    for (path, operations) in description["paths"].as_object().unwrap() {
        let operations = operations.as_object().unwrap();
        let at = path.split_once('{').map_or(path.clone(), |(start, rest)| {
            format!("{start}no-such-thing{}", rest.split_once('}').unwrap().1)
        });
        for method in ["get", "post", "put", "patch", "delete"] {
            if operations.contains_key(method) {
                continue;
            }
            let answer = ask(&place.address(), &method.to_uppercase(), &at, Some(ADMIN), &Value::Null).unwrap();
            is_problem(&answer, 405, "wrong-method");
        }
        for (method, operation) in operations {
            refusals(&place, &method.to_uppercase(), &at, operation, &roles);
            tried += 1;
        }
    }
    assert!(tried >= 30, "only {tried} operations were tried");
    assert_eq!(inventory(&place), before);
}

/// What one operation refuses: no token, a wrong one, the tokens of roles that may not, and a body of another type.
fn refusals(place: &Serving, method: &str, path: &str, operation: &Value, roles: &[(&str, String)]) {
    let tried = |token: Option<&str>| ask(&place.address(), method, path, token, &Value::Null).unwrap();
    if ["/healthz", "/readyz"].contains(&path) {
        assert_eq!(tried(None).code, 200, "{path}");
        return;
    }
    for wrong in [None, Some("a-token-that-nobody-was-given")] {
        is_problem(&tried(wrong), 401, "unauthenticated");
    }
    if path.starts_with("/api/v1/webhooks/") {
        return;
    }
    for (role, token) in roles {
        if !may(role, method, path) {
            is_problem(&tried(Some(token)), 403, "forbidden");
        }
    }
    // where something is named, it is looked for first
    if operation["requestBody"]["required"] == true && !path.contains("no-such-thing") {
        let bearer = format!("Bearer {ADMIN}");
        let headers = [("Authorization", &*bearer)];
        is_problem(
            &send(&place.address(), method, path, &headers, b"{").unwrap(),
            400,
            "malformed",
        );
        let headers = [("Authorization", &*bearer), ("Content-Type", "text/plain")];
        is_problem(
            &send(&place.address(), method, path, &headers, b"{}").unwrap(),
            415,
            "wrong-content-type",
        );
    }
}

/// What a role may do, as the README and the description say it.
fn may(role: &str, method: &str, path: &str) -> bool {
    let posts_alerts = path.ends_with("/process-incident");
    let administers = ["/tokens", "/sources", "/tenants", "/audit/verify"]
        .iter()
        .any(|part| path.contains(part))
        || path.ends_with("/connect-cluster")
        || (method == "DELETE");
    match role {
        "intake" => posts_alerts,
        "viewer" => method == "GET" && !administers,
        "responder" => !administers,
        _ => true,
    }
}

/// Everything that there is, as lists show it.
fn inventory(place: &Serving) -> Vec<Value> {
    let lists = ["incidents", "alerts", "clusters", "sources", "tokens", "emergency-stop"];
    lists
        .iter()
        .map(|list| place.get(&format!("/api/v1/{list}")).body)
        .collect()
}

#[test]
fn an_alert_over_the_api_that_comes_twice_at_once_is_one_incident() {
    let (_database, place) = served("twice");
    let address = place.address();
    let body = incident("inc-1", "web");
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let post = || {
            ask(
                &address,
                "POST",
                "/api/v1/kubernetes/agno/process-incident",
                Some(ADMIN),
                &body,
            )
            .unwrap()
        };
        let senders: Vec<_> = (0..8).map(|_| scope.spawn(post)).collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|answer| answer.code == 200), "{answers:?}");
    let incidents: BTreeSet<_> = answers
        .iter()
        .map(|answer| answer.body["incident_id"].to_string())
        .collect();
    assert_eq!(incidents.len(), 1, "{answers:?}");
    assert_eq!(alerts(&place, "").len(), 1);
}
