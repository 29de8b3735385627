//! One request over one connection.

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// The longest that an answer is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {:?}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|v| v.to_str().unwrap()).unwrap_or_default()
    }

    /// The `items` of a list.
    pub(crate) fn items(&self) -> Vec<Value> {
        assert_eq!(self.status, 200, "{}", self.text());
        self.json()["items"].as_array().expect("a list").clone()
    }

    /// Holds the answer to be a problem document of this kind.
    pub(crate) fn is_problem(&self, status: u16, slug: &str) {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["type"], format!("urn:dreamops:problem:{slug}"));
        assert_eq!(problem["status"], status);
        for field in ["title", "detail", "hint"] {
            assert_ne!(problem[field], "", "{field} of {problem}");
        }
    }
}

/// A request that is being written.
pub(crate) struct Asking {
    address: SocketAddr,
    request: hyper::http::request::Builder,
    body: Bytes,
}

impl Asking {
    pub(crate) fn new(address: SocketAddr, method: &str, path: &str) -> Self {
        Self {
            address,
            request: Request::builder().method(method).uri(path).header("host", "localhost"),
            body: Bytes::new(),
        }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub(crate) fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// The answer's head; its body may go on.
    pub(crate) async fn open(self) -> Response<Incoming> {
        let stream = TcpStream::connect(self.address).await.expect("the server listens");
        self.open_on(stream).await
    }

    pub(crate) async fn open_on(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Response<Incoming> {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        let request = self.request.body(Full::new(self.body)).unwrap();
        let answer = tokio::time::timeout(PATIENCE, sender.send_request(request));
        answer.await.expect("it answers in time").expect("it answers")
    }

    pub(crate) async fn send(self) -> Answer {
        read(self.open().await).await
    }
}

pub(crate) async fn read(response: Response<Incoming>) -> Answer {
    let (parts, body) = response.into_parts();
    let body = tokio::time::timeout(PATIENCE, body.collect()).await;
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: body.expect("it ends in time").expect("it is whole").to_bytes(),
    }
}
