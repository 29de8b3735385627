//! JSON patches (RFC 6902) as the real API server applies them.
//!
//! Where it differs from the standard, the server's way is kept (`gopkg.in/evanphx/json-patch.v4`): a `test` of `null`
//! passes for an absent member of a map that is there. What the server would do with places counted from the end of a
//! list is not known here, and is not guessed.

use crate::world::refusal::Refusal;
use ::json_patch::PatchOperation;
use serde_json::Value;

/// The most operations that the real server takes.
const MOST: usize = 10_000;

/// Applies a patch.
pub(super) fn apply(object: &Value, body: &[u8]) -> Result<Value, Refusal> {
    let given: Value =
        serde_json::from_slice(body).map_err(|e| Refusal::bad_request(format!("error decoding patch: {e}")))?;
    let Value::Array(operations) = given else {
        let what = match given {
            Value::Object(_) => "object",
            Value::String(_) => "string",
            Value::Number(_) => "number",
            _ => "value",
        };
        return Err(Refusal::bad_request(format!(
            "error decoding patch: json: cannot unmarshal {what} into Go value of type []handlers.jsonPatchOp"
        )));
    };
    if operations.len() > MOST {
        return Err(Refusal::new(
            413,
            "RequestEntityTooLarge",
            format!(
                "The allowed maximum operations in a JSON patch is {MOST}, got {}",
                operations.len()
            ),
        ));
    }
    let mut patched = object.clone();
    for operation in operations {
        step(&mut patched, operation)?;
    }
    Ok(patched)
}

fn step(object: &mut Value, operation: Value) -> Result<(), Refusal> {
    let path = operation["path"].as_str().unwrap_or_default().to_owned();
    if counts_from_the_end(&path) {
        return Err(Refusal::not_simulated(
            "places counted from the end of a list in a JSON patch",
        ));
    }
    if operation["op"] == "test" && operation["value"].is_null() {
        return if null_holds(object, &path) {
            Ok(())
        } else {
            Err(Refusal::patch_does_not_fit())
        };
    }
    let operation: PatchOperation = serde_json::from_value(operation).map_err(|_| Refusal::patch_does_not_fit())?;
    ::json_patch::patch(object, &[operation]).map_err(|_| Refusal::patch_does_not_fit())
}

fn counts_from_the_end(path: &str) -> bool {
    path.split('/')
        .filter_map(|part| part.strip_prefix('-'))
        .any(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether a member is null or absent, and what would hold it is there.
fn null_holds(object: &Value, path: &str) -> bool {
    let Some((holder, member)) = path.rsplit_once('/') else {
        return object.is_null();
    };
    let member = member.replace("~1", "/").replace("~0", "~");
    match object.pointer(holder) {
        Some(Value::Object(map)) => map.get(&member).is_none_or(Value::is_null),
        Some(Value::Array(items)) => member
            .parse::<usize>()
            .is_ok_and(|n| items.get(n).is_some_and(Value::is_null)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn code(object: &Value, patch: &Value) -> u16 {
        apply(object, patch.to_string().as_bytes()).map_or_else(|r| r.code, |_| 200)
    }

    #[test]
    fn a_test_of_null_passes_for_an_absent_member_of_a_map_that_is_there() {
        let object = json!({"metadata": {"name": "web", "labels": null}});
        let test = |path: &str| json!([{"op": "test", "path": path, "value": null}]);
        assert_eq!(code(&object, &test("/metadata/annotations")), 200);
        assert_eq!(code(&object, &test("/metadata/labels")), 200);
        assert_eq!(code(&object, &test("/metadata/name")), 422);
        assert_eq!(code(&object, &test("/spec/replicas")), 422);
        let absent = json!([{"op": "test", "path": "/metadata/annotations"}]);
        assert_eq!(code(&object, &absent), 200);
    }

    #[test]
    fn adding_an_empty_map_wipes_what_was_there() {
        let object = json!({"metadata": {"annotations": {"keep": "1"}}});
        let patch = json!([{"op": "add", "path": "/metadata/annotations", "value": {}}]);
        let patched = apply(&object, patch.to_string().as_bytes());
        assert_eq!(patched, Ok(json!({"metadata": {"annotations": {}}})));
    }

    #[test]
    fn what_cannot_be_followed_is_invalid_and_what_is_no_patch_is_a_bad_request() {
        let object = json!({"spec": {"list": [1]}});
        assert_eq!(
            code(&object, &json!([{"op": "replace", "path": "/spec/absent", "value": 1}])),
            422
        );
        assert_eq!(code(&object, &json!([{"op": "remove", "path": "/spec/list/7"}])), 422);
        assert_eq!(
            code(&object, &json!([{"op": "test", "path": "/spec/list/0", "value": 2}])),
            422
        );
        assert_eq!(code(&object, &json!([{"op": "dance", "path": "/spec"}])), 422);
        assert_eq!(code(&object, &json!({"op": "add"})), 400);
        assert_eq!(code(&object, &json!([{"op": "remove", "path": "/spec/list/-1"}])), 501);
    }
}
