//! Where a command does its work: on a server that is named, else on the data directory.
//!
//! Both answer the same requests: the data directory by the server's own routes, without a socket. A command is written once, and
//! refuses the same things either way.
//!
//! | file | subject |
//! | --- | --- |
//! | `remote` | a server, over HTTP |
//! | `here` | the data directory |

mod here;
mod remote;

use crate::app::App;
use crate::args::ServerArgs;
use crate::config::{Config, server_named};
use crate::exit::{Failure, USAGE};
use anyhow::anyhow;
use form_urlencoded::byte_serialize;
use here::Here;
use http::{Method, StatusCode};
use remote::Remote;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

/// The most items of one request.
const PAGE: usize = 500;

/// Answers requests.
pub(crate) enum Desk {
    /// The data directory of this machine.
    Here(Here),
    /// A server.
    There(Remote),
}

/// A part of a list, as it is answered.
#[derive(Deserialize)]
struct Part {
    items: Vec<Value>,
    next_cursor: Option<String>,
}

/// A list.
pub(crate) struct List {
    /// The items.
    pub(crate) items: Vec<Value>,
    /// Where it goes on; `None` at its end.
    pub(crate) next_cursor: Option<String>,
}

/// What a server says when it does not do what it was asked (RFC 9457).
#[derive(Deserialize)]
struct Problem {
    #[serde(rename = "type")]
    kind: String,
    detail: String,
    #[serde(default)]
    hint: String,
}

impl Desk {
    /// The server that flags or environment name, else the data directory.
    pub(crate) async fn open(server: &ServerArgs) -> Result<Self, Failure> {
        match server_named(server) {
            Some(place) => Ok(Self::There(Remote::new(&Config::load()?, &place)?)),
            None => Ok(Self::Here(Here::new(Arc::new(App::open().await?))?)),
        }
    }

    /// The data directory, for what no route of a server does: also beside the server that holds it.
    pub(crate) async fn beside(server: &ServerArgs, command: &str) -> Result<App, Failure> {
        if server_named(server).is_some() {
            return Err(Failure::usage(anyhow!(
                "a server has no route for `{command}`; run it on the server's machine without --server and DREAMOPS_SERVER, also while the server serves"
            )));
        }
        App::open_beside().await
    }

    /// Asks for something.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.ask(Method::GET, path, None).await
    }

    /// Asks for something to be done.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.ask(Method::POST, path, Some(body)).await
    }

    /// Asks for something to be put in its place.
    pub(crate) async fn put(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.ask(Method::PUT, path, Some(body)).await
    }

    /// Asks for something to be removed.
    pub(crate) async fn delete(&self, path: &str) -> Result<(), Failure> {
        self.ask(Method::DELETE, path, None).await.map(|_| ())
    }

    /// A list, of at most so many items; the query may be empty.
    pub(crate) async fn list(&self, path: &str, query: &str, at_most: usize) -> Result<List, Failure> {
        let mut list = List {
            items: Vec::new(),
            next_cursor: None,
        };
        loop {
            let limit = at_most.saturating_sub(list.items.len()).min(PAGE);
            let cursor = list.next_cursor.as_deref().unwrap_or_default();
            let path = format!("{path}?{query}&limit={limit}&cursor={}", encoded(cursor));
            let part: Part = serde_json::from_value(self.get(&path).await?)
                .map_err(|error| anyhow!("the answer is no list ({error}); is it a server of this version?"))?;
            list.items.extend(part.items);
            list.next_cursor = part.next_cursor;
            if list.next_cursor.is_none() || list.items.len() >= at_most {
                return Ok(list);
            }
        }
    }

    /// Waits until all that was committed has its place in the audit's chain. A server sees to that by itself.
    pub(crate) async fn settle(&self) -> Result<(), Failure> {
        match self {
            Self::Here(here) => here.seal().await,
            Self::There(_) => Ok(()),
        }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        let (status, bytes) = match self {
            Self::Here(here) => here.ask(method, path, body).await?,
            Self::There(remote) => remote.ask(method, path, body).await?,
        };
        if status.is_success() {
            return Ok(serde_json::from_slice(&bytes).unwrap_or_default());
        }
        Err(refusal(status, &bytes))
    }
}

/// A piece of a path or a query.
pub(crate) fn encoded(text: &str) -> String {
    // a path takes `%20` for a space and no `+`
    byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// A problem in one line: what is wrong, and what to do.
fn refusal(status: StatusCode, bytes: &[u8]) -> Failure {
    let Ok(problem) = serde_json::from_slice::<Problem>(bytes) else {
        return Failure::from(anyhow!(
            "the answer was {status} and no document of a DreamOps server; check the address"
        ));
    };
    let line = |text: &str| crate::print::cell(text, 1000);
    let slug = problem.kind.rsplit(':').next().unwrap_or_default();
    let hint = match slug {
        "unauthenticated" => "set DREAMOPS_TOKEN to a token that is neither revoked nor expired",
        "not-found" => "look at what there is with the command's `list`",
        _ => problem.hint.as_str(),
    };
    let mut said = line(&problem.detail);
    if !hint.is_empty() {
        said = format!("{said}; {}", line(hint));
    }
    let code = match slug {
        "malformed" | "invalid" | "not-found" | "taken" | "wrong-phase" | "other-plan" | "too-large" => USAGE,
        _ => 1,
    };
    Failure {
        code,
        error: anyhow!(said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u16, body: &str) -> (u8, String) {
        let status = StatusCode::from_u16(status).unwrap_or_default();
        let failure = refusal(status, body.as_bytes());
        (failure.code, failure.error.to_string())
    }

    #[test]
    fn a_problem_is_one_line_with_what_to_do_and_a_code() {
        let taken = r#"{"type":"urn:dreamops:problem:taken","title":"t","status":409,"detail":"another cluster is\nconnected as a","hint":"choose another name"}"#;
        let (code, text) = said(409, taken);
        assert_eq!(code, 2);
        assert!(
            !text.contains('\n') && text.ends_with("; choose another name"),
            "{text}"
        );
        let down =
            r#"{"type":"urn:dreamops:problem:unavailable","title":"t","status":503,"detail":"away","hint":"wait"}"#;
        assert_eq!(said(503, down), (1, "away; wait".to_owned()));
    }

    #[test]
    fn what_another_program_answers_is_told_from_a_problem() {
        let (code, text) = said(502, "<html>");
        assert_eq!(code, 1);
        assert!(text.contains("502") && text.contains("check the address"), "{text}");
    }

    #[test]
    fn names_cannot_leave_their_place_in_a_path() {
        assert_eq!(encoded("a/b?c d"), "a%2Fb%3Fc%20d");
    }
}
