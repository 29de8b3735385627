//! What the server is and can: `agent-status`, `test-connection`.

use crate::http::App;
use crate::http::caller::{May, Read, Respond};
use crate::http::extract::Body;
use crate::http::problem::{Kind, Problem};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What the server is.
#[derive(Serialize, ToSchema)]
pub(crate) struct Agent {
    /// `operational`, or `disabled` where the Kubernetes integration is off.
    status: &'static str,
    /// The program's version.
    version: &'static str,
    /// `observe`, `approval` or `yolo`.
    mode: &'static str,
    /// Whether no person is asked where policy allows it.
    yolo_mode: bool,
    /// The MCP server.
    mcp_server: McpServer,
    /// The authentication methods that work.
    auth_methods: [&'static str; 3],
    /// What the server can do.
    features: Features,
}

#[derive(Serialize, ToSchema)]
struct McpServer {
    /// Whether one answers.
    connected: bool,
    /// Why none does.
    reason: String,
}

#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "a list of what there is and what not")]
struct Features {
    /// Alerts become incidents.
    process_incident: bool,
    /// Clusters can be connected.
    remote_clusters: bool,
    /// Scenarios run in the simulator.
    test_remediation: bool,
    /// A person approves plans by their digest.
    approvals: bool,
    /// What was written can be taken back.
    rollback: bool,
    /// Questions to a model over MCP.
    test_connection: bool,
}

/// What the server is and can do
#[utoipa::path(get, path = "/api/v1/kubernetes/agno/agent-status", tag = "agno", responses((status = 200, body = Agent)))]
pub(crate) async fn status(State(app): State<App>, May(_by, ..): May<Read>) -> Json<Agent> {
    let settings = &app.settings;
    let on = settings.kubernetes;
    Json(Agent {
        status: if on { "operational" } else { "disabled" },
        version: env!("CARGO_PKG_VERSION"),
        mode: settings.mode.name(),
        yolo_mode: settings.mode == dreamops_domain::phase::Mode::Yolo,
        mcp_server: McpServer {
            connected: false,
            reason: settings.no_mcp.clone(),
        },
        auth_methods: ["service_account", "kubeconfig", "client_cert"],
        features: Features {
            process_incident: true,
            remote_clusters: on,
            test_remediation: true,
            approvals: on,
            rollback: on,
            test_connection: false,
        },
    })
}

/// What is to be tried.
#[derive(Deserialize, ToSchema)]
#[expect(
    dead_code,
    reason = "the product fixes the fields; they are read when there is an MCP server"
)]
pub(crate) struct TestConnection {
    /// Whether a connected cluster is meant.
    #[serde(default)]
    use_remote_cluster: bool,
    /// Which one.
    cluster_name: Option<String>,
    /// A question in words.
    test_query: Option<String>,
}

/// Try the MCP server
///
/// Answers 503 with the reason: there is no MCP server.
#[utoipa::path(post, path = "/api/v1/kubernetes/agno/test-connection", tag = "agno", request_body = Option<TestConnection>,
    responses((status = 503, description = "there is no MCP server", body = Problem)))]
pub(crate) async fn test_connection(
    State(app): State<App>,
    May(_by, ..): May<Respond>,
    _body: Option<Body<TestConnection>>,
) -> Result<(), Problem> {
    Err(Problem::new(
        Kind::Unavailable,
        format!("nothing can be tried: {}", app.settings.no_mcp),
        "incidents are worked on without one; connect-cluster proves a cluster's credential",
    ))
}
