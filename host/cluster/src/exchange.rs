//! One request to an API server, and its answer.
//!
//! Promises: every call ends by a deadline ([`READ_DEADLINE`], [`WRITE_DEADLINE`]); a write is sent
//! once, dry or not; a read is sent again, within its deadline, where the server was busy or the
//! connection broke; an answer larger than [`ANSWER_CAP`] is refused; no redirect is followed.

use crate::connect::Credential;
use crate::error::{ApiError, Call, Failure};
use crate::transport::{self, Trouble};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use kube::client::Body;
use std::sync::Arc;
use std::time::Duration;

/// A read ends by then.
pub(crate) const READ_DEADLINE: Duration = Duration::from_secs(10);
/// A write ends by then; shorter than the lease under which it is made.
pub(crate) const WRITE_DEADLINE: Duration = Duration::from_secs(15);
/// The largest answer that is taken in: a page of 500 large pods stays below it.
pub(crate) const ANSWER_CAP: usize = 64 * 1024 * 1024;
/// How often a read is sent at most.
const READ_ATTEMPTS: u32 = 3;
/// How long a read waits before it is sent again, where the server does not say.
const PAUSE: Duration = Duration::from_millis(200);
/// The longest such wait: beyond it the caller decides.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// The way to one API server.
#[derive(Clone)]
pub(crate) struct Exchange {
    client: kube::Client,
    /// Adds a bearer token to each request, where the credential is one.
    credential: Option<Arc<Credential>>,
}

impl Exchange {
    pub(crate) fn new(client: kube::Client, credential: Option<Arc<Credential>>) -> Self {
        Self { client, credential }
    }

    /// Sends a request and takes in the answer.
    pub(crate) async fn send(
        &self,
        call: Call,
        request: http::request::Builder,
        body: Vec<u8>,
    ) -> Result<Vec<u8>, ApiError> {
        let is_read = matches!(call.verb, "get" | "list");
        let deadline = if is_read { READ_DEADLINE } else { WRITE_DEADLINE };
        let request = request
            .body(body)
            .map_err(|e| ApiError::not_sent(call.clone(), Failure::BadRequest, e.to_string()))?;
        let attempts = if is_read { READ_ATTEMPTS } else { 1 };
        match tokio::time::timeout(deadline, self.attempt(&call, &request, attempts)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(ApiError::no_answer(
                call,
                true,
                format!("no answer within {} s", deadline.as_secs()),
            )),
        }
    }

    async fn attempt(&self, call: &Call, request: &Request<Vec<u8>>, attempts: u32) -> Result<Vec<u8>, ApiError> {
        let mut left = attempts;
        loop {
            left -= 1;
            let outcome = self.once(call.clone(), request.clone().map(Body::from)).await;
            match outcome.as_ref().err().and_then(pause) {
                Some(pause) if left > 0 => {
                    #[expect(
                        clippy::disallowed_methods,
                        reason = "a network time-out, within the call's deadline"
                    )]
                    tokio::time::sleep(pause).await;
                }
                _ => return outcome,
            }
        }
    }

    async fn once(&self, call: Call, mut request: Request<Body>) -> Result<Vec<u8>, ApiError> {
        if let Some(credential) = &self.credential {
            let header = credential.header().await;
            let header = header.map_err(|why| ApiError::not_sent(call.clone(), Failure::Unauthorized, why))?;
            request.headers_mut().insert(http::header::AUTHORIZATION, header);
        }
        let answer = match self.client.send(request).await {
            Ok(answer) => answer,
            Err(error) => return Err(transport::failure(call, &error)),
        };
        let status = answer.status();
        if status == StatusCode::UNAUTHORIZED
            && let Some(credential) = &self.credential
        {
            credential.refused().await;
        }
        let retry_after = answer
            .headers()
            .get(http::header::RETRY_AFTER)
            .and_then(|v| v.to_str().ok())
            .and_then(|v| v.parse().ok());
        let body = Limited::new(answer.into_body(), ANSWER_CAP)
            .collect()
            .await
            .map_err(|e| ApiError::no_answer(call.clone(), true, format!("its answer broke off: {e}")))?
            .to_bytes();
        if status.is_success() {
            Ok(body.to_vec())
        } else if status.is_redirection() {
            Err(ApiError::on_the_way(call, false, Trouble::Redirect(status.as_u16())))
        } else {
            Err(ApiError::from_answer(call, status.as_u16(), &body, retry_after))
        }
    }
}

/// How long to wait before the same read may succeed; `None` where it would fail in the same way.
fn pause(error: &ApiError) -> Option<Duration> {
    match (&error.failure, error.trouble()) {
        (Failure::TooManyRequests { retry_after }, _) => {
            Some(retry_after.unwrap_or(PAUSE)).filter(|p| *p <= LONGEST_PAUSE)
        }
        // whoever does not listen, or does not trust us, will not in a moment either
        (Failure::Unavailable { .. }, None | Some(Trouble::Other(_))) => Some(PAUSE),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Response;
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// Answers each request with the next code, and the last one from then on.
    fn exchange(codes: &'static [u16]) -> (Exchange, Arc<AtomicU32>) {
        let count = Arc::new(AtomicU32::new(0));
        let counted = count.clone();
        let service = tower::service_fn(move |_: Request<Body>| {
            let index = counted.fetch_add(1, Ordering::SeqCst) as usize;
            let code = codes[index.min(codes.len() - 1)];
            let mut answer = Response::new(Body::from(b"{}".to_vec()));
            *answer.status_mut() = StatusCode::from_u16(code).unwrap_or_default();
            async move { Ok::<_, Infallible>(answer) }
        });
        (Exchange::new(kube::Client::new(service, "default"), None), count)
    }

    async fn send(codes: &'static [u16], verb: &'static str) -> (Result<Vec<u8>, ApiError>, u32) {
        let (exchange, count) = exchange(codes);
        let call = Call {
            verb,
            changes: verb == "patch",
            ..Call::default()
        };
        let outcome = exchange.send(call, Request::get("/x"), Vec::new()).await;
        (outcome, count.load(Ordering::SeqCst))
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_of_a_busy_server_is_sent_again_and_a_write_is_not() {
        assert!(matches!(send(&[503, 429, 200], "get").await, (Ok(_), 3)));
        assert!(matches!(send(&[503], "list").await, (Err(_), 3)));
        for code in [&[429], &[503], &[504]] {
            assert!(matches!(send(code, "patch").await, (Err(_), 1)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_would_be_the_same_is_not_asked_for_again() {
        for code in [&[404], &[401], &[403], &[301]] {
            assert!(matches!(send(code, "get").await, (Err(_), 1)), "{code:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_says_nothing_ends_at_the_deadline() {
        let service =
            tower::service_fn(|_: Request<Body>| std::future::pending::<Result<Response<Body>, Infallible>>());
        let exchange = Exchange::new(kube::Client::new(service, "default"), None);
        for (verb, changes) in [("get", false), ("patch", true), ("patch", false)] {
            let call = Call {
                verb,
                changes,
                ..Call::default()
            };
            let error = exchange.send(call, Request::get("/x"), Vec::new()).await.err();
            assert_eq!(error.map(|e| e.in_doubt()), Some(changes), "{verb}");
        }
    }
}
