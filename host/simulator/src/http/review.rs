//! What the token may do: everything that is served.

use super::{Answer, Asked};
use crate::fields;
use crate::world::World;
use crate::world::managed;
use crate::world::refusal::Refusal;
use axum::http::Method;
use serde_json::{Value, json};

pub(super) fn answer(world: &World, asked: &Asked) -> Result<Answer, Refusal> {
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
    for key in ["resourceAttributes", "nonResourceAttributes"] {
        if let Some(attributes) = review["spec"].get_mut(key).and_then(Value::as_object_mut) {
            attributes.retain(|_, value| value != "");
        }
    }
    review["metadata"] = json!({});
    managed::note(None, &mut review, asked.query.manager(), &fields::time(world.now()));
    review["status"] = json!({"allowed": true});
    Ok(Answer::Json(201, review))
}
