//! Rows about target ports.

mod shop;

use dreamops_sdk::mock::{MockHost, MockPod, Rollout};
use dreamops_sdk::prelude::*;
use serde_json::{Value, json};
use service_down::ServiceDown;
use shop::*;

fn web(ports: &Value, service: Value) -> MockHost {
    let mut template = template(&json!({"app": "web"}));
    template["spec"]["containers"][0]["ports"] = ports.clone();
    host().object(service).rollout(
        Rollout::deployment("web", 2)
            .revision(template)
            .pods(2, &MockPod::ready()),
    )
}

fn to(target: Value) -> Value {
    service("web", json!({"app": "web"}), target)
}

#[test]
fn a_port_that_no_pod_has_is_set_to_the_one_that_fits() {
    let http = json!([{"name": "http", "containerPort": 8080}]);
    for (target, value) in [
        // a number stays a number, a name stays a name
        (json!(9090), "8080"),
        (json!("htpp"), "\"http\""),
        (json!("web"), "\"http\""),
    ] {
        let host = web(&http, to(target.clone()));
        assert!(host.confidence::<ServiceDown>() > 0.95, "{target}");
        let (finding, steps) = respond(&host);
        assert_patched(&steps, "Service/web", "/spec/ports/0/targetPort", value);
        assert!(cause(&finding).confidence >= 0.8);
    }
    let unnamed = json!([{"containerPort": 8080}]);
    assert_patched(
        &respond(&web(&unnamed, to(json!("http")))).1,
        "Service/web",
        "/spec/ports/0/targetPort",
        "8080",
    );
}

#[test]
fn only_the_wrong_one_of_several_ports_is_patched() {
    let mut two = to(json!(8080));
    two["spec"]["ports"] =
        json!([{"name": "http", "port": 80, "targetPort": 8080}, {"name": "grpc", "port": 90, "targetPort": 9999}]);
    let ports = json!([{"name": "http", "containerPort": 8080}, {"name": "grpc", "containerPort": 9000}, {"name": "metrics", "containerPort": 9100}]);
    assert_patched(
        &respond(&web(&ports, two)).1,
        "Service/web",
        "/spec/ports/1/targetPort",
        "9000",
    );
}

#[test]
fn the_last_applied_port_tells_what_was_meant() {
    let ports = json!([{"name": "a", "containerPort": 8080}, {"name": "b", "containerPort": 8081}]);
    let slipped = applied(to(json!(8800)), &json!({"ports": [{"port": 80, "targetPort": 8081}]}));
    let (finding, steps) = respond(&web(&ports, slipped));
    assert_patched(&steps, "Service/web", "/spec/ports/0/targetPort", "8081");
    assert!(cause(&finding).confidence >= 0.9);
}

#[test]
fn several_ports_that_could_be_meant_are_a_persons_choice() {
    let ports = json!([{"name": "a", "containerPort": 8080}, {"name": "b", "containerPort": 8081}]);
    let (_, steps) = respond(&web(&ports, to(json!(9090))));
    assert_escalated(&steps, "8080 (a), 8081 (b)");
}

#[test]
fn a_port_that_only_a_probe_knows_asks_a_person() {
    let mut template = template(&json!({"app": "web"}));
    template["spec"]["containers"][0]["ports"] = json!([]);
    template["spec"]["containers"][0]["readinessProbe"] = json!({"httpGet": {"port": 8080}});
    let host = host().object(to(json!(80))).rollout(
        Rollout::deployment("web", 1)
            .revision(template)
            .pods(1, &MockPod::ready()),
    );
    let (finding, steps) = respond(&host);
    assert_patched(&steps, "Service/web", "/spec/ports/0/targetPort", "8080");
    assert!(cause(&finding).confidence < 0.8);
}

/// Pods that declare nothing may listen anywhere.
#[test]
fn a_number_is_not_wrong_because_nothing_is_declared() {
    let host = web(&json!([]), to(json!(8080)));
    assert!(host.confidence::<ServiceDown>() < 0.5);
    assert!(matches!(respond(&host).0, Finding::Healthy(_)));
}

/// During a rollout that renames a port, old pods still have it.
#[test]
fn a_port_that_some_pods_have_is_right() {
    let named = |name: &str| {
        let mut template = template(&json!({"app": "web"}));
        template["spec"]["containers"][0]["ports"] = json!([{"name": name, "containerPort": 8080}]);
        template
    };
    let web = Rollout::deployment("web", 2)
        .revision(named("http"))
        .pods(1, &MockPod::ready())
        .revision(named("web"))
        .pods(1, &MockPod::ready());
    let host = host().object(to(json!("http"))).rollout(web);
    assert!(host.confidence::<ServiceDown>() < 0.5);
}

#[test]
fn a_patch_has_helped_when_endpoints_answer_on_the_new_port() {
    let http = json!([{"name": "http", "containerPort": 8080}]);
    let before = web(&http, to(json!(9090)));
    let (finding, steps) = respond(&before);
    let diagnosis = cause(&finding).clone();
    let service = ObjectRef::new("Service", "shop", "web", "uid-service-web");
    let present = before.within(|_| cluster::health(&service)).expect("it is there");
    let not_yet = before.verify::<ServiceDown>(&diagnosis, &steps, 2_000, present.clone());
    assert!(matches!(not_yet, Ok(Verdict::Waiting(_))), "{not_yet:?}");
    let after = web(&http, to(json!(8080))).verify::<ServiceDown>(&diagnosis, &steps, 2_000, present);
    assert_eq!(after, Ok(Verdict::Healed));
}
