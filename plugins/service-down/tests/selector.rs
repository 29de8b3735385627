//! Rows about selectors: slips, history, second workloads.

mod shop;

use dreamops_sdk::mock::MockPod;
use dreamops_sdk::prelude::*;
use serde_json::json;
use service_down::ServiceDown;
use shop::*;

#[test]
fn a_mistyped_value_is_set_right() {
    let host = host()
        .object(service("web", json!({"app": "wbe"}), json!(8080)))
        .rollout(deployment("web", &json!({"app": "web"}), 2, &MockPod::ready()))
        .rollout(deployment("api", &json!({"app": "api"}), 2, &MockPod::ready()));
    assert!(host.confidence::<ServiceDown>() > 0.95);
    let (finding, steps) = respond(&host);
    assert_patched(&steps, "Service/web", "/spec/selector/app", "\"web\"");
    assert!(cause(&finding).confidence >= 0.9);
    assert!(
        cause(&finding).root_cause.contains("Deployment/web is meant"),
        "{}",
        cause(&finding).root_cause
    );
}

#[test]
fn a_value_that_the_services_namesake_has_otherwise_is_set_right() {
    let host = host()
        .object(service(
            "web",
            json!({"app": "storefront", "tier": "front"}),
            json!("http"),
        ))
        .rollout(deployment(
            "web",
            &json!({"app": "web", "tier": "front"}),
            2,
            &MockPod::ready(),
        ));
    let (finding, steps) = respond(&host);
    assert_patched(&steps, "Service/web", "/spec/selector/app", "\"web\"");
    assert!(cause(&finding).confidence >= 0.8);
}

#[test]
fn a_label_too_many_is_removed_and_its_key_is_escaped() {
    let host = host()
        .object(service(
            "web",
            json!({"app": "web", "shop.example/tier": "gold"}),
            json!(8080),
        ))
        .rollout(deployment("web", &json!({"app": "web"}), 1, &MockPod::ready()));
    assert_patched(
        &respond(&host).1,
        "Service/web",
        "/spec/selector/shop.example~1tier",
        "",
    );
}

#[test]
fn the_last_applied_selector_tells_what_was_meant() {
    let slipped = service("front", json!({"app": "green"}), json!(8080));
    let host = host()
        .target("Service", "front")
        .object(applied(slipped, &json!({"selector": {"app": "blue"}})))
        .rollout(deployment("blue", &json!({"app": "blue"}), 2, &MockPod::ready()));
    let (finding, steps) = respond(&host);
    assert_patched(&steps, "Service/front", "/spec/selector/app", "\"blue\"");
    assert!(cause(&finding).root_cause.contains("last applied"));
}

#[test]
fn a_renamed_key_takes_two_edits_and_is_a_persons() {
    let host = host()
        .object(service("web", json!({"ap": "web"}), json!(8080)))
        .rollout(deployment("web", &json!({"app": "web"}), 1, &MockPod::ready()));
    let (_, steps) = respond(&host);
    assert_escalated(
        &steps,
        r#"kubectl -n shop patch service web -p '{"spec":{"selector":{"ap":null,"app":"web"}}}'"#,
    );
}

#[test]
fn two_candidates_are_a_persons_choice() {
    let host = host()
        .target("Service", "front")
        .object(service("front", json!({"app": "checkuot"}), json!(8080)))
        .rollout(deployment("one", &json!({"app": "checkout"}), 1, &MockPod::ready()))
        .rollout(deployment("two", &json!({"app": "checkouts"}), 1, &MockPod::ready()));
    let (_, steps) = respond(&host);
    assert_escalated(&steps, "Deployment/one");
    assert_escalated(&steps, "Deployment/two");
}

#[test]
fn a_workload_that_does_not_serve_the_port_is_no_candidate() {
    let host = host()
        .object(service("web", json!({"app": "wbe"}), json!("grpc")))
        .rollout(deployment("web", &json!({"app": "web"}), 1, &MockPod::ready()));
    assert_escalated(&respond(&host).1, "deploy what Service/web is for");
}

/// The workload was deleted; what is left has a similar name and a Service of its own.
#[test]
fn a_neighbour_with_a_similar_label_is_not_taken() {
    let host = host()
        .target("Service", "apis")
        .object(service("apis", json!({"app": "apis"}), json!(8080)))
        .object(service("api", json!({"app": "api"}), json!(8080)))
        .rollout(deployment("api", &json!({"app": "api"}), 1, &MockPod::ready()));
    assert_escalated(
        &respond(&host).1,
        "deploy what Service/apis is for, with pods labelled app=apis",
    );
}

/// A cut-over to a colour that is not there is a person's decision.
#[test]
fn another_version_is_not_a_typing_mistake() {
    for (asked, has) in [("green", "blue"), ("web-v2", "web-v1")] {
        let host = host()
            .target("Service", "front")
            .object(service("front", json!({"app": "front", "version": asked}), json!(8080)))
            .rollout(deployment(
                "stable",
                &json!({"app": "front", "version": has}),
                1,
                &MockPod::ready(),
            ));
        assert_escalated(&respond(&host).1, "deploy what Service/front is for");
    }
}

#[test]
fn a_second_workload_that_does_not_serve_the_port_is_named() {
    let mut cache = template(&json!({"part": "shop", "app": "cache"}));
    cache["spec"]["containers"][0]["ports"] = json!([{"name": "redis", "containerPort": 6379}]);
    let cache = dreamops_sdk::mock::Rollout::deployment("cache", 1)
        .revision(cache)
        .pods(1, &MockPod::ready());
    let host = host()
        .object(service("web", json!({"part": "shop"}), json!(8080)))
        .rollout(deployment(
            "web",
            &json!({"part": "shop", "app": "web"}),
            1,
            &MockPod::ready(),
        ))
        .rollout(cache);
    assert!(host.confidence::<ServiceDown>() > 0.5);
    let (finding, steps) = respond(&host);
    assert_escalated(
        &steps,
        r#"kubectl -n shop patch service web -p '{"spec":{"selector":{"app":"web"}}}'"#,
    );
    assert!(
        cause(&finding).root_cause.contains("Deployment/cache as well"),
        "{}",
        cause(&finding).root_cause
    );
}

#[test]
fn a_canary_beside_its_stable_version_is_meant_so() {
    let host = host()
        .object(service("web", json!({"app": "web"}), json!(8080)))
        .rollout(deployment(
            "web",
            &json!({"app": "web", "track": "stable"}),
            2,
            &MockPod::ready(),
        ))
        .rollout(deployment(
            "web-canary",
            &json!({"app": "web", "track": "canary"}),
            1,
            &MockPod::ready(),
        ));
    assert!(host.confidence::<ServiceDown>() < 0.5);
    assert!(matches!(respond(&host).0, Finding::Healthy(_)));
}

#[test]
fn endpoints_that_are_kept_by_other_means_are_explained() {
    let mut external = service("web", json!({}), json!(80));
    external["spec"] = json!({"type": "ExternalName", "externalName": "db.example.com"});
    assert_escalated(
        &respond(&host().object(external)).1,
        "check that db.example.com resolves",
    );

    let kept = service("web", json!({}), json!(80));
    assert_escalated(
        &respond(&host().object(kept)).1,
        "find who keeps the EndpointSlices of Service/web",
    );
}

#[test]
fn a_headless_service_is_looked_at_alike() {
    let mut headless = service("web", json!({"app": "wbe"}), json!(8080));
    headless["spec"]["clusterIP"] = json!("None");
    let host = host()
        .object(headless)
        .rollout(deployment("web", &json!({"app": "web"}), 1, &MockPod::ready()));
    assert_patched(&respond(&host).1, "Service/web", "/spec/selector/app", "\"web\"");
}
