//! `Idempotency-Key`: a POST that is sent again with the same key gets the first one's answer and does nothing.
//!
//! | case | answer |
//! | --- | --- |
//! | the first | its own, kept for 24 hours |
//! | again, the same body | the kept answer, with `Idempotency-Replayed: true` |
//! | again, another body | 422 `key-reused` |
//! | while the first is at work | 409 `held` |
//!
//! A key belongs to its token and path: no other token sees the answer. Answers are kept in this process's memory, the
//! newest [`MOST`] of them: after a restart, or at another replica, a key is new. Answers that ask to be tried again (429, 409, 5xx)
//! are not kept. The request goes on when its sender hangs up, so that the answer is there when it comes back.

use super::extract::too_large;
use super::problem::{Kind, Problem};
use super::{App, GENERAL_BODY};
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use dreamops_domain::access::Principal;
use dreamops_domain::id::TokenId;
use dreamops_domain::ports::Clock;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many answers are kept.
pub const MOST: usize = 4096;
/// For how long.
const KEPT: Duration = Duration::from_hours(24);
/// Longer answers are not kept.
const LONGEST_ANSWER: usize = 64 * 1024;
/// Longer keys are refused.
const LONGEST_KEY: usize = 255;

type Key = (TokenId, String, String);
type Hash = [u8; 32];

enum Kept {
    AtWork,
    Done(StatusCode, HeaderMap, Bytes),
}

struct Entry {
    request: Hash,
    since: Duration,
    kept: Kept,
}

#[derive(Default)]
struct Book {
    entries: HashMap<Key, Entry>,
    /// The keys as they came, with their time; a key that was forgotten or used anew since is skipped.
    order: VecDeque<(Duration, Key)>,
}

/// The answers that are kept.
pub(super) struct Answers {
    book: Mutex<Book>,
    clock: Arc<dyn Clock>,
}

impl Answers {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            book: Mutex::default(),
            clock,
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a request; an answer where there is one already.
    fn begin(&self, key: &Key, request: Hash) -> Option<Response> {
        let now = self.clock.monotonic();
        let mut book = self.book();
        book.forget(now);
        match book.entries.get(key) {
            Some(entry) if entry.request != request => Some(reused().into_response()),
            Some(Entry {
                kept: Kept::Done(status, headers, body),
                ..
            }) => Some(replayed(*status, headers, body)),
            Some(_) => Some(at_work().into_response()),
            None => {
                book.order.push_back((now, key.clone()));
                let entry = Entry {
                    request,
                    since: now,
                    kept: Kept::AtWork,
                };
                book.entries.insert(key.clone(), entry);
                None
            }
        }
    }

    fn end(&self, key: &Key, answer: Option<(StatusCode, HeaderMap, Bytes)>) {
        let mut book = self.book();
        match answer {
            Some((status, headers, body)) => {
                if let Some(entry) = book.entries.get_mut(key) {
                    entry.kept = Kept::Done(status, headers, body);
                }
            }
            None => {
                book.entries.remove(key);
            }
        }
    }
}

impl Book {
    fn forget(&mut self, now: Duration) {
        while let Some((since, _)) = self.order.front() {
            if self.order.len() < MOST && now.saturating_sub(*since) < KEPT {
                break;
            }
            let Some((since, key)) = self.order.pop_front() else {
                break;
            };
            if self.entries.get(&key).is_some_and(|e| e.since == since) {
                self.entries.remove(&key);
            }
        }
    }
}

/// Answers a POST that was answered before, and keeps the answer of one that was not.
pub(super) async fn idempotent(State(app): State<App>, request: Request, next: Next) -> Result<Response, Problem> {
    let Some(key) = key_of(&request)? else {
        return Ok(next.run(request).await);
    };
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, GENERAL_BODY).await.map_err(|_| too_large())?;
    let mut hash = Sha256::new();
    hash.update(parts.uri.query().unwrap_or_default());
    hash.update([0]);
    hash.update(&body);
    if let Some(answer) = app.answers.begin(&key, hash.finalize().into()) {
        return Ok(answer);
    }
    let request = Request::from_parts(parts, Body::from(body));
    let finished = tokio::spawn(async move {
        let undo = Undo {
            app: app.clone(),
            key: Some(key),
        };
        undo.keep(next.run(request).await).await
    });
    finished
        .await
        .map_err(|_| Problem::new(Kind::Internal, "", "send the request again"))
}

/// The key, where the request brings one.
fn key_of(request: &Request) -> Result<Option<Key>, Problem> {
    let Some(value) = request.headers().get("idempotency-key") else {
        return Ok(None);
    };
    let Some(principal) = request
        .extensions()
        .get::<Principal>()
        .filter(|_| request.method() == Method::POST)
    else {
        return Ok(None);
    };
    let text = value.to_str().ok().filter(|t| !t.is_empty() && t.len() <= LONGEST_KEY);
    let Some(text) = text else {
        return Err(Problem::new(
            Kind::Malformed,
            format!("Idempotency-Key is no text of 1 to {LONGEST_KEY} characters"),
            "send a UUID",
        ));
    };
    Ok(Some((
        principal.token,
        request.uri().path().to_owned(),
        text.to_owned(),
    )))
}

/// Forgets the key where the request ends without an answer, by a panic.
struct Undo {
    app: App,
    key: Option<Key>,
}

impl Undo {
    async fn keep(mut self, response: Response) -> Response {
        let status = response.status();
        let again = status.is_server_error()
            || status == StatusCode::TOO_MANY_REQUESTS
            || status == StatusCode::CONFLICT
            || status == StatusCode::UNAUTHORIZED;
        let (parts, body) = response.into_parts();
        let Ok(body) = to_bytes(body, usize::MAX).await else {
            return Problem::new(Kind::Internal, "", "send the request again").into_response();
        };
        let answer = (!again && body.len() <= LONGEST_ANSWER).then(|| (status, parts.headers.clone(), body.clone()));
        if let Some(key) = self.key.take() {
            self.app.answers.end(&key, answer);
        }
        Response::from_parts(parts, Body::from(body))
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.app.answers.end(&key, None);
        }
    }
}

fn replayed(status: StatusCode, headers: &HeaderMap, body: &Bytes) -> Response {
    let mut response = (status, headers.clone(), body.clone()).into_response();
    response
        .headers_mut()
        .insert("idempotency-replayed", HeaderValue::from_static("true"));
    response
}

fn reused() -> Problem {
    Problem::new(
        Kind::KeyReused,
        "this Idempotency-Key came with another body before",
        "use a new key for a new request",
    )
}

fn at_work() -> Problem {
    Problem::new(
        Kind::Held,
        "the request with this Idempotency-Key is still at work",
        "send it again in a few seconds",
    )
    .retry_after(2)
}
