//! Every fault stays until it is fixed, and every scenario says how it should end.

use crate::client::{Cluster, scenario};
use dreamops_domain::phase::Phase;
use dreamops_simulator::scenarios;

/// What is well in a scenario: all pods of the app are ready, or somebody is behind the Service, or usage is low.
enum Well {
    Pods(&'static str, usize),
    Service(&'static str),
    Usage(&'static str),
}

const WELL: [(&str, Well); 21] = [
    ("crash-loop", Well::Pods("web", 3)),
    ("image-pull", Well::Pods("web", 3)),
    ("out-of-memory", Well::Pods("web", 3)),
    ("service-down", Well::Service("web")),
    ("high-usage", Well::Usage("quotes")),
    ("crash-loop-dependency", Well::Pods("checkout", 2)),
    ("crash-loop-statefulset", Well::Pods("orders-db", 3)),
    ("crash-loop-first-revision", Well::Pods("reports", 1)),
    ("crash-loop-probe", Well::Pods("import", 2)),
    ("crash-loop-config", Well::Pods("mail", 2)),
    ("crash-loop-command", Well::Pods("cart", 2)),
    ("image-pull-private", Well::Pods("billing", 2)),
    ("image-pull-no-credential", Well::Pods("billing", 2)),
    ("image-pull-no-registry", Well::Pods("ads", 1)),
    ("out-of-memory-growth", Well::Pods("search", 2)),
    ("out-of-memory-quota", Well::Pods("search", 2)),
    ("out-of-memory-init", Well::Pods("search", 2)),
    ("service-down-port", Well::Service("web")),
    ("service-down-scaled-to-zero", Well::Service("web")),
    ("service-down-two-candidates", Well::Service("api")),
    ("high-usage-outlier", Well::Usage("quotes")),
];

async fn is_well(cluster: &Cluster, well: &Well) -> bool {
    match well {
        Well::Pods(app, count) => cluster.ready(app).await == (*count, *count),
        Well::Service(service) => cluster.serving(service).await > 0,
        Well::Usage(app) => cluster.cpu(app).await.iter().all(|millis| *millis < 450),
    }
}

#[tokio::test]
async fn every_fault_stays_until_it_is_fixed() {
    for (name, well) in &WELL {
        let cluster = Cluster::of(name).await;
        // so close together that no short moment between two crashes is missed, then hours
        for seconds in std::iter::repeat_n(3, 25).chain([600, 4 * 3600]) {
            assert!(!is_well(&cluster, well).await, "{name} heals by itself");
            cluster.pass(seconds);
        }
        assert!(!is_well(&cluster, well).await, "{name} heals by itself");
    }
}

#[tokio::test]
async fn every_scenario_is_checked_and_told() {
    for scenario in scenarios() {
        let checked = scenario.name == "already-healthy" || WELL.iter().any(|(name, _)| *name == scenario.name);
        assert!(checked, "{} is not looked at", scenario.name);
        assert!(
            !scenario.summary.is_empty() && scenario.story.len() >= 3,
            "{}",
            scenario.name
        );
        assert!(scenario.ends.closed(), "{}", scenario.name);
    }
    let plain: Vec<&str> = scenarios().iter().take(5).map(|s| s.name).collect();
    assert_eq!(
        plain,
        [
            "crash-loop",
            "image-pull",
            "out-of-memory",
            "service-down",
            "high-usage"
        ]
    );
    assert_eq!(scenario("already-healthy").ends, Phase::NoAction);
}

#[tokio::test]
async fn what_was_healthy_before_stays_so() {
    let cluster = Cluster::of("already-healthy").await;
    cluster.pass(24 * 3600);
    for (app, count) in [("web", 3), ("cart", 2), ("mail", 1), ("log-agent", 2)] {
        assert_eq!(cluster.ready(app).await, (count, count), "{app}");
    }
    for pod in cluster.pods("web").await {
        assert_eq!(pod["status"]["containerStatuses"][0]["restartCount"], 0);
    }
}

#[tokio::test]
async fn each_source_tells_of_the_same_pod() {
    let cluster = Cluster::of("crash-loop").await;
    let [alertmanager, pagerduty, process] = cluster.simulator.alerts();
    let pod = process["metadata"]["pod"].as_str().unwrap();
    assert_eq!(alertmanager["alerts"][0]["labels"]["pod"], pod);
    assert_eq!(
        (&alertmanager["version"], &process["metadata"]["namespace"]),
        (&"4".into(), &"shop".into())
    );
    let title = pagerduty["event"]["data"]["title"].as_str().unwrap();
    assert!(title.contains(pod) && title.contains("namespace shop"), "{title}");
    assert_eq!(pagerduty["event"]["event_type"], "incident.triggered");
}
