//! Stands between a program and an API server, passes everything on, and remembers it.

use crate::exchange::{Answer, Request, Server};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::Response;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// A request of the program, and what the server answered.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) request: Request,
    pub(crate) answer: Answer,
}

/// What went through, in order of the answers.
#[derive(Clone)]
pub(crate) struct Recorder {
    server: Server,
    exchanges: Arc<Mutex<Vec<Exchange>>>,
}

impl Recorder {
    /// Listens on the loopback device and passes on to `server`.
    pub(crate) async fn start(server: Server) -> (Self, SocketAddr) {
        let recorder = Self {
            server,
            exchanges: Arc::default(),
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(pass_on).with_state(recorder.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (recorder, address)
    }

    /// What went through so far.
    pub(crate) fn recorded(&self) -> Vec<Exchange> {
        self.exchanges.lock().unwrap().clone()
    }
}

async fn pass_on(State(recorder): State<Recorder>, request: axum::extract::Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let content_type = head.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let request = Request {
        method: head.method.to_string(),
        target: head.uri.to_string(),
        content_type: content_type.unwrap_or_default().to_owned(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    let answer = recorder.server.send("", &request).await;
    let text = match &answer.body {
        serde_json::Value::String(text) => text.clone(),
        document => document.to_string(),
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::from_u16(answer.code).unwrap();
    if let Ok(value) = answer.content_type.parse() {
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    recorder.exchanges.lock().unwrap().push(Exchange { request, answer });
    response
}
