//! A request to an API server, and its answer.

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) content_type: String,
    pub(crate) body: String,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) content_type: String,
    /// The JSON document; a string where it is none.
    pub(crate) body: Value,
}

impl Request {
    pub(crate) fn get(target: impl Into<String>) -> Self {
        Self::new("GET", target, "", "")
    }

    pub(crate) fn post(target: impl Into<String>, body: &Value) -> Self {
        Self::new("POST", target, "application/json", body.to_string())
    }

    pub(crate) fn delete(target: impl Into<String>, body: &Value) -> Self {
        Self::new("DELETE", target, "application/json", body.to_string())
    }

    /// A JSON patch.
    pub(crate) fn patch(target: impl Into<String>, operations: &Value) -> Self {
        Self::new("PATCH", target, "application/json-patch+json", operations.to_string())
    }

    pub(crate) fn new(
        method: &str,
        target: impl Into<String>,
        content_type: impl Into<String>,
        body: impl Into<String>,
    ) -> Self {
        Self {
            method: method.to_owned(),
            target: target.into(),
            content_type: content_type.into(),
            body: body.into(),
        }
    }

    /// The path without the query.
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Whether the answer may change what is asked afterwards.
    pub(crate) fn changes(&self) -> bool {
        let dry = self.target.contains("dryRun=All") || self.body.contains(r#""dryRun":["All"]"#);
        self.method != "GET" && !dry && !self.path().ends_with("/selfsubjectaccessreviews")
    }
}

/// Where an API server listens.
#[derive(Clone, Debug)]
pub(crate) enum Server {
    /// Behind a proxy, so that it can be reached from outside its network.
    Proxied(PathBuf),
    Here(SocketAddr),
}

impl Server {
    /// Sends a request and takes in the whole answer.
    pub(crate) async fn send(&self, token: &str, request: &Request) -> Answer {
        match self {
            Self::Proxied(socket) => send_over(UnixStream::connect(socket).await.unwrap(), token, request).await,
            Self::Here(address) => send_over(TcpStream::connect(address).await.unwrap(), token, request).await,
        }
    }
}

async fn send_over(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    token: &str,
    asked: &Request,
) -> Answer {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    let mut request = hyper::Request::builder()
        .method(asked.method.as_str())
        .uri(&asked.target)
        .header(HOST, "localhost");
    if !token.is_empty() {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    if !asked.content_type.is_empty() {
        request = request.header(CONTENT_TYPE, &asked.content_type);
    }
    let request = request.body(Full::new(Bytes::from(asked.body.clone()))).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    let (head, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    connection.abort();
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
    Answer {
        code: head.status.as_u16(),
        content_type: content_type
            .unwrap_or_default()
            .split(';')
            .next()
            .unwrap_or_default()
            .to_owned(),
        body: serde_json::from_slice(&body)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into_owned())),
    }
}
