//! `incident`, on an incident that nobody works on (`K8S_ENABLED=false`).

use crate::place::{ADMIN, Place, Server};
use serde_json::json;

fn open_incident(server: &Server) -> String {
    let alert = json!({
        "alert_id": "one", "title": "Pod CrashLoopBackOff", "description": "pod web-1 is crashing", "severity": "high",
        "metadata": { "namespace": "shop", "pod": "web-1" },
    });
    let url = format!("{}/api/v1/kubernetes/agno/process-incident", server.address);
    let mut answer = ureq::post(&url)
        .header("Authorization", format!("Bearer {ADMIN}"))
        .send_json(&alert)
        .unwrap();
    let answer: serde_json::Value = answer.body_mut().read_json().unwrap();
    answer["incident_id"].as_str().unwrap().to_owned()
}

#[test]
fn an_incident_is_looked_at_and_taken_by_a_person_through_a_server_and_without_one() {
    let place = Place::new("").with("K8S_ENABLED", "false");
    let server = place.serve();
    let id = open_incident(&server);
    let listed = place.ask(&server, &["incident", "list"]).fine();
    assert!(listed.out.contains(&id) && listed.out.contains("shop"), "{listed:?}");
    let told = place.ask(&server, &["incident", "show", &id]).fine();
    assert!(told.out.contains("Pod CrashLoopBackOff"), "{told:?}");
    place.ask(&server, &["incident", "acknowledge", &id]).fine();
    let wrong = place.ask(&server, &["incident", "approve", &id, "--digest", "00"]);
    assert_eq!(wrong.code, 2, "{wrong:?}");
    assert!(wrong.err.contains("cannot be approved"), "{wrong:?}");
    let by_itself = place.ask(&server, &["incident", "resume", &id]);
    assert_eq!(by_itself.code, 2, "{by_itself:?}");
    server.kill();

    let shown = place.run(&["incident", "show", &id, "--output", "json"]).fine().json();
    assert_eq!(shown["id"], json!(id));
    let told = place.run(&["incident", "show", &id]).fine();
    assert!(told.out.contains("admin"), "who took it is told: {told:?}");
    place.run(&["incident", "acknowledge", &id]).fine();
    let unknown = place.run(&["incident", "show", "019f0000-0000-7000-8000-000000000000"]);
    assert_eq!(unknown.code, 2, "{unknown:?}");
}
