//! `/openapi.json`: the API as the code answers it.
//!
//! Routes describe what is theirs. What every route of a kind may answer is added here: problems of credentials, limits, bodies and
//! parameters, in one place as the layers that answer them.

use super::App;
use super::caller::{May, Read};
use super::problem::Problem;
use super::routes;
use axum::Json;
use utoipa::OpenApi;
use utoipa::openapi::path::{HttpMethod, Operation, ParameterIn, PathItem};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Required, ResponseBuilder};
use utoipa_axum::router::OpenApiRouter;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "DreamOps",
        description = "Takes Kubernetes incidents from alert to closed. Lists answer `{items, next_cursor}`. Errors are problem documents (RFC 9457) with a stable `type`. POST takes an `Idempotency-Key`: the answer to the first request is kept for 24 hours in the memory of this server (4096 answers at most) and given again. An alert that was committed is answered with 2xx; anything else may be sent again."
    ),
    components(schemas(Problem)),
    tags(
        (name = "agno", description = "alerts and clusters, as the product guide names them"),
        (name = "alerts", description = "webhooks, and what they brought"),
        (name = "incidents", description = "what is worked on, and a person's word"),
        (name = "clusters", description = "what is connected"),
        (name = "access", description = "tokens and sources"),
        (name = "audit", description = "what happened"),
        (name = "safety", description = "modes and the emergency stop"),
        (name = "server", description = "how the server does")
    )
)]
struct Api;

/// What a router is guarded by, as far as its answers tell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Guard {
    /// A token of the API; bodies are JSON.
    Token,
    /// A token that the route looks at itself.
    Bearer,
    /// A signature.
    Signature,
    /// Nothing.
    Open,
}

/// The description of every route.
pub fn description() -> utoipa::openapi::OpenApi {
    let mut whole = Api::openapi();
    for (router, guard) in [
        (routes::guarded(), Guard::Token),
        (routes::tokened(), Guard::Bearer),
        (routes::signed(), Guard::Signature),
        (routes::open(), Guard::Open),
    ] {
        whole.merge(described(router, guard));
    }
    env!("CARGO_PKG_VERSION").clone_into(&mut whole.info.version);
    if let Some(components) = &mut whole.components {
        let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        components.add_security_scheme("token", bearer);
    }
    whole
}

fn described(router: OpenApiRouter<App>, guard: Guard) -> utoipa::openapi::OpenApi {
    let mut api = router.into_openapi();
    for item in api.paths.paths.values_mut() {
        for (method, operation) in operations(item) {
            complete(operation, &method, guard);
        }
    }
    api
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (HttpMethod, &mut Operation)> {
    [
        (HttpMethod::Get, item.get.as_mut()),
        (HttpMethod::Put, item.put.as_mut()),
        (HttpMethod::Post, item.post.as_mut()),
        (HttpMethod::Delete, item.delete.as_mut()),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation?)))
}

/// Adds what the layers and extractors answer.
fn complete(operation: &mut Operation, method: &HttpMethod, guard: Guard) {
    let parameters = operation.parameters.as_deref().unwrap_or_default();
    let in_path = parameters.iter().any(|p| p.parameter_in == ParameterIn::Path);
    let has_body = operation.request_body.is_some();
    let mut statuses = vec![
        ("400", "the request cannot be read"),
        ("500", "a fault of the server"),
        ("503", "it cannot be done at this moment"),
    ];
    if guard != Guard::Open {
        statuses.push(("401", "no valid credential"));
        statuses.push(("429", "too many requests by this token or source"));
    }
    if matches!(guard, Guard::Token | Guard::Bearer) {
        statuses.push(("403", "the token does not give the right"));
        let token = SecurityRequirement::new("token", Vec::<String>::new());
        operation.security = Some(vec![token]);
    }
    if in_path && guard == Guard::Token {
        statuses.push(("404", "there is nothing of that name or id"));
    }
    if has_body || *method == HttpMethod::Post {
        statuses.push(("413", "the body is too long"));
    }
    if guard == Guard::Token && has_body {
        statuses.push(("415", "the body is not said to be JSON"));
    }
    if guard == Guard::Token && (has_body || *method == HttpMethod::Post) {
        statuses.push((
            "422",
            "the body cannot be right, or the idempotency key was used for another one",
        ));
    }
    if guard == Guard::Token && *method == HttpMethod::Post {
        statuses.push(("409", "the request with this idempotency key is at work"));
        operation.parameters.get_or_insert_default().push(idempotency_key());
    }
    for (status, why) in statuses {
        operation
            .responses
            .responses
            .entry(status.to_owned())
            .or_insert_with(|| problem(why));
    }
    for response in operation
        .responses
        .responses
        .iter_mut()
        .filter(|(s, _)| s.as_str() >= "400")
    {
        as_problem_json(response.1);
    }
}

fn idempotency_key() -> utoipa::openapi::path::Parameter {
    utoipa::openapi::path::ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "1 to 255 characters; the same request with the same key is done once",
        ))
        .schema(Some(utoipa::schema!(String)))
        .build()
}

fn problem(why: &str) -> RefOr<utoipa::openapi::Response> {
    ResponseBuilder::new().description(why).build().into()
}

/// Every problem has the one form and media type.
fn as_problem_json(response: &mut RefOr<utoipa::openapi::Response>) {
    if let RefOr::T(response) = response {
        response.content.clear();
        let content = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name("Problem")))
            .build();
        response
            .content
            .insert(super::problem::PROBLEM_JSON.to_owned(), content);
    }
}

/// This description
#[utoipa::path(get, path = "/openapi.json", tag = "server", responses((status = 200, body = serde_json::Value)))]
pub(super) async fn openapi(May(_by, ..): May<Read>) -> Json<utoipa::openapi::OpenApi> {
    Json(description())
}
