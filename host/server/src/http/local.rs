//! The guarded routes without a socket: for a program that has opened the store itself, so that a command says the same to a server
//! and to the data directory.

use super::App;
use super::routes::guarded;
use axum::Router;
use axum::body::Body;
use axum::extract::Extension;
use axum::http::{Method, Request, StatusCode, header};
use dreamops_domain::access::Principal;
use http_body_util::BodyExt;
use std::io;
use tower::ServiceExt;

/// Answers requests that one principal makes, who has proved himself by opening the store.
#[derive(Clone)]
pub struct Local(Router);

impl Local {
    /// The routes of `app`, for `principal`.
    pub fn new(app: &App, principal: Principal) -> Self {
        let guarded = Router::from(guarded()).layer(Extension(principal));
        Self(guarded.with_state(app.clone()))
    }

    /// Answers a request; the body, where there is one, is JSON.
    pub async fn ask(&self, method: Method, path: &str, body: Option<Vec<u8>>) -> io::Result<(StatusCode, Vec<u8>)> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.unwrap_or_default()))
            .map_err(io::Error::other)?;
        let answer = self.0.clone().oneshot(request).await.map_err(io::Error::other)?;
        let (parts, body) = answer.into_parts();
        let bytes = body.collect().await.map_err(io::Error::other)?.to_bytes();
        Ok((parts.status, bytes.to_vec()))
    }
}
