//! Reads: one object, and pages of objects.

use super::{Answer, Asked, table};
use crate::fields;
use crate::world::World;
use crate::world::kind::Kind;
use crate::world::refusal::Refusal;
use crate::world::selector::{FieldQuery, LabelQuery};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// One object.
pub(super) fn get(
    world: &World,
    asked: &Asked,
    (kind, namespace, name): (Kind, &str, &str),
) -> Result<Answer, Refusal> {
    let Some(object) = world.get(kind, namespace, name) else {
        return Err(Refusal::not_found(kind.row(), name));
    };
    if table::wanted(&asked.accept) {
        return Ok(Answer::Json(200, table::of(kind, &[object], &json!({}), world.now())));
    }
    Ok(Answer::Json(200, object.clone()))
}

/// A page of objects. Items come without their kind, as the real server sends them.
pub(super) fn list(world: &World, asked: &Asked, kind: Kind, namespace: &str) -> Result<Answer, Refusal> {
    if asked.query.flag("watch") {
        return Err(Refusal::not_simulated("watches; list again instead"));
    }
    let labels = LabelQuery::parse(asked.query.text("labelSelector"))?;
    let by_field = FieldQuery::parse(kind, asked.query.text("fieldSelector"))?;
    let limit = asked.query.count("limit")?.filter(|n| *n > 0);
    let after = after(asked.query.text("continue"))?;
    let place = |o: &Value| (fields::namespace(o).to_owned(), fields::name(o).to_owned());
    let mut found: Vec<&Value> = world
        .of(kind)
        .filter(|o| namespace.is_empty() || fields::namespace(o) == namespace)
        .filter(|o| labels.matches(o) && by_field.matches(o))
        .filter(|o| after.as_ref().is_none_or(|last| place(o) > *last))
        .collect();
    let left = limit.map_or(0, |n| found.len().saturating_sub(n));
    found.truncate(limit.unwrap_or(usize::MAX));
    let mut metadata = json!({"resourceVersion": world.revision().to_string()});
    if let Some(last) = found.last().filter(|_| left > 0) {
        let (namespace, name) = place(last);
        metadata["continue"] = json!(URL_SAFE_NO_PAD.encode(format!("{namespace}/{name}")));
        metadata["remainingItemCount"] = json!(left);
    }
    if table::wanted(&asked.accept) {
        return Ok(Answer::Json(200, table::of(kind, &found, &metadata, world.now())));
    }
    let items: Vec<Value> = found
        .into_iter()
        .map(|o| {
            let mut item = o.clone();
            fields::remove(&mut item, &["apiVersion"]);
            fields::remove(&mut item, &["kind"]);
            item
        })
        .collect();
    let row = kind.row();
    Ok(Answer::Json(
        200,
        json!({
            "kind": format!("{}List", row.name),
            "apiVersion": row.api_version(),
            "metadata": metadata,
            "items": items,
        }),
    ))
}

/// Where the page before ended.
fn after(token: &str) -> Result<Option<(String, String)>, Refusal> {
    if token.is_empty() {
        return Ok(None);
    }
    let text = URL_SAFE_NO_PAD
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    let place = text.as_deref().and_then(|t| t.split_once('/'));
    let (namespace, name) = place.ok_or_else(|| Refusal::bad_request("continue key is not valid"))?;
    Ok(Some((namespace.to_owned(), name.to_owned())))
}
