//! No secret that was given is in the database's files, the audit, or any answer.

use crate::pagerduty::signature;
use crate::world::{SECRETS, World};
use serde_json::json;

/// What is planted, each of its own make.
const TOKEN: &str = "right-service-account-token-5ad1";
const KUBECONFIG: &str = "right-kubeconfig-password-77c0";
const SOURCE: &str = "source-secret-of-alertmanager-91be";
const LABEL: &str = "label-password-value-0c44";
const TEXT: &str = "text-password-value-3d2f";

fn planted(world: &World) -> Vec<String> {
    let mut all: Vec<String> = [TOKEN, KUBECONFIG, SOURCE, LABEL, TEXT].map(str::to_owned).to_vec();
    all.extend(SECRETS.map(str::to_owned));
    all.extend(world.keys.iter().map(|key| key.expose().to_owned()));
    all
}

/// Everything that takes a secret in, once.
async fn plant(world: &World) -> Vec<String> {
    let mut answers = Vec::new();
    let cluster = |name: &str, method: &str, field: &str, secret: &str| {
        json!({ "auth_method": method, "cluster_name": name, "cluster_endpoint": format!("https://{name}:6443"),
                "namespace": "shop", field: secret })
    };
    let connect = "/api/v1/kubernetes/agno/connect-cluster";
    let process = "/api/v1/kubernetes/agno/process-incident";
    let alert = json!({ "alert_id": "a1", "title": "login fails", "severity": "high",
        "description": format!("DB_PASSWORD={TEXT} was refused"),
        "metadata": { "cluster": "one", "namespace": "shop", "pod": "web-1", "password": LABEL } });
    for (path, body) in [
        (
            connect,
            cluster("one", "service_account", "service_account_token", TOKEN),
        ),
        (connect, cluster("two", "kubeconfig", "kubeconfig_data", KUBECONFIG)),
        // refused ones say why, and not what was given
        (
            connect,
            cluster("bad name", "service_account", "service_account_token", TOKEN),
        ),
        (connect, cluster("three", "client_cert", "client_key", KUBECONFIG)),
        (
            "/api/v1/sources",
            json!({ "name": "prom", "kind": "alertmanager", "secrets": [SOURCE] }),
        ),
        (
            "/api/v1/sources",
            json!({ "name": "Bad", "kind": "alertmanager", "secrets": [SOURCE] }),
        ),
        (process, alert),
        ("/api/v1/keys/rotate", json!({})),
    ] {
        answers.push(world.post("admin", path, &body).await.text());
    }
    let made = world
        .post("admin", "/api/v1/tokens", &json!({ "user": "ci", "role": "intake" }))
        .await;
    assert_eq!(made.status, 201, "{}", made.text());
    let body = json!({ "event": { "id": "e1", "event_type": "incident.triggered", "resource_type": "incident",
        "occurred_at": "2026-01-31T03:00:00Z",
        "data": { "id": "PD1", "type": "incident", "title": format!("password={TEXT}"), "status": "triggered" } } });
    let body = body.to_string();
    let signature = signature(SECRETS[0], body.as_bytes());
    let asking = world.ask("POST", "/api/v1/webhooks/pagerduty");
    let taken = asking
        .header("x-pagerduty-signature", &signature)
        .header("content-type", "application/json")
        .body(body)
        .send()
        .await;
    assert_eq!(taken.status, 202, "{}", taken.text());
    answers.push(taken.text());
    world.sealed().await;
    answers
}

/// Every route that only reads, with the ids that there are.
async fn read_everything(world: &World) -> Vec<String> {
    let api = world.get("admin", "/openapi.json").await.json();
    let mut answers = Vec::new();
    for (path, item) in api["paths"].as_object().unwrap() {
        if item.get("get").is_none() || path == "/api/v1/events" {
            continue;
        }
        let list = path.split("/{").next().unwrap();
        let names: Vec<String> = if path.contains('{') {
            let items = world.get("admin", list).await.items();
            let key = if path.contains("{name}") { "name" } else { "id" };
            items.iter().map(|i| i[key].as_str().unwrap().to_owned()).collect()
        } else {
            vec![String::new()]
        };
        for name in names {
            let path = path.replace("{id}", &name).replace("{name}", &name);
            let answer = world.get("admin", &path).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            answers.push(answer.text());
        }
    }
    answers
}

#[tokio::test]
async fn no_secret_is_in_the_database_the_audit_or_an_answer() {
    let world = World::new().await;
    let mut answers = plant(&world).await;
    answers.extend(read_everything(&world).await);
    // what was planted did arrive: the incident that came of it is told
    assert!(answers.iter().any(|a| a.contains("login fails")));
    let mut found: Vec<(String, Vec<u8>)> = answers
        .into_iter()
        .map(|answer| ("an answer".to_owned(), answer.into_bytes()))
        .collect();
    for file in std::fs::read_dir(world.folder.path()).unwrap() {
        let path = file.unwrap().path();
        found.push((path.display().to_string(), std::fs::read(&path).unwrap()));
    }
    assert!(
        found.iter().any(|(_, bytes)| holds(bytes, "web-1")),
        "the search finds what is there"
    );
    for secret in planted(&world) {
        for (place, bytes) in &found {
            assert!(
                !holds(bytes, &secret),
                "{secret} is in {place}: {}",
                String::from_utf8_lossy(bytes)
            );
        }
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|w| w == text.as_bytes())
}
