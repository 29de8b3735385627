//! What the token may do: everything that is served.

use super::{Answer, Asked};
use crate::world::refusal::Refusal;
use axum::http::Method;
use serde_json::json;

pub(super) fn answer(asked: &Asked) -> Result<Answer, Refusal> {
    if asked.method != Method::POST {
        return Err(Refusal::new(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        ));
    }
    let mut review = asked.object()?;
    if !review["spec"].is_object() {
        return Err(Refusal::bad_request("the review has no spec"));
    }
    review["status"] = json!({"allowed": true, "reason": "the token of a simulated cluster may do everything"});
    Ok(Answer::Json(201, review))
}
