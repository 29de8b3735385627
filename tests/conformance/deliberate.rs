//! Differences between the real and the simulated cluster that are meant to be.

use crate::compare::Difference;
use crate::exchange::Request;
use regex::Regex;

/// One of them.
struct Deliberate {
    /// Requests whose method and path match.
    request: &'static str,
    /// Places in the answer that match.
    at: &'static str,
    /// Why the simulated cluster need not be the same.
    #[allow(dead_code, reason = "it is written down for whoever reads the table")]
    reason: &'static str,
}

const fn row(request: &'static str, at: &'static str, reason: &'static str) -> Deliberate {
    Deliberate { request, at, reason }
}

/// All of them.
const TABLE: &[Deliberate] = &[
    row(
        "^GET /version$",
        "^/body/(gitCommit|buildDate|goVersion|compiler|emulation|minCompatibility|gitTreeState)",
        "the simulator was built by another compiler from another source",
    ),
    row(
        "^GET /api/v1/nodes",
        "^/body/(items/[^/]+/)?(metadata/(labels|annotations)|status/(capacity|allocatable|addresses|daemonEndpoints|nodeInfo|images))",
        "the simulated node is another machine",
    ),
    row(
        "^GET .*/endpointslices",
        "^/body/items/[^/]+/metadata/(generation|annotations)",
        "they tell how often, and when last, pods came and went, which depends on the pace",
    ),
    row(
        "^GET .*/events$",
        "^/body/items/[^/]+/reportingInstance$",
        "the simulated scheduler runs elsewhere",
    ),
    row(
        "/(deployments|statefulsets|daemonsets)/",
        "/managedFields/\\d+/.*/f:resources(/f:(limits|requests))?$",
        "who owns a map beside its members is not noted by the simulated cluster",
    ),
    row(
        "^PATCH .*/(deployments|pods)/",
        "^/body/(message|details/causes/\\d+/message)$",
        "in these messages the real server prints its whole object, or a diff in Go's words",
    ),
    row(
        "^(POST .*/configmaps|GET .*/pods)$",
        "^/body/message$",
        "what a parser says of text that is none of its language",
    ),
    row(
        "^PATCH .*/(deployments|statefulsets|daemonsets)/",
        "^/body/(status/|metadata/annotations/deployment.kubernetes.io~1revision$)",
        "simulated controllers act within the moment of a write, real ones a little later",
    ),
];

/// Leaves those that are not meant to be.
pub(crate) fn unexplained(request: &Request, differences: Vec<Difference>) -> Vec<Difference> {
    let asked = format!("{} {}", request.method, request.path());
    let rows: Vec<Regex> = TABLE
        .iter()
        .filter(|row| Regex::new(row.request).unwrap().is_match(&asked))
        .map(|row| Regex::new(row.at).unwrap())
        .collect();
    differences
        .into_iter()
        .filter(|difference| !rows.iter().any(|row| row.is_match(&difference.at)))
        .collect()
}
