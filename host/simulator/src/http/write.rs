//! Patches and creates.

use super::{Answer, Asked, json_patch};
use crate::admission;
use crate::fields;
use crate::world::World;
use crate::world::kind::{Kind, Row};
use crate::world::refusal::{Cause, Refusal};
use serde_json::{Value, json};

const OTHER_NAMESPACE: &str = "the namespace of the provided object does not match the namespace sent on the request";

/// Members that a kind does not have, as the server's strict reading names them.
fn strictly(unknown: &[String]) -> String {
    let named: Vec<String> = unknown.iter().map(|place| format!("unknown field {place:?}")).collect();
    format!("strict decoding error: {}", named.join(", "))
}

/// What is said of an object whose `apiVersion` and `kind` are not those of the path.
fn another_kind(row: &Row, (api, kind): (&str, &str)) -> String {
    let version = api.rsplit('/').next().unwrap_or_default();
    let group = match row.group {
        "" => "core",
        group => group.split('.').next().unwrap_or_default(),
    };
    format!(
        "{kind} in version {version:?} cannot be handled as a {}: converting ({version}.{kind}) to ({group}.{}): \
         unknown conversion",
        row.name, row.name
    )
}

/// Changes an object.
pub(super) fn patch(
    world: &mut World,
    asked: &Asked,
    (kind, namespace, name): (Kind, &str, &str),
) -> Result<Answer, Refusal> {
    let dry = asked.query.dry()?;
    let Some(present) = world.get(kind, namespace, name).cloned() else {
        return Err(Refusal::not_found(kind.row(), name));
    };
    let patched = match asked.content_type.as_str() {
        "application/json-patch+json" => json_patch::apply(&present, &asked.body)?,
        "application/merge-patch+json" => {
            let mut patched = present.clone();
            ::json_patch::merge(&mut patched, &asked.object()?);
            patched
        }
        other => return Err(Refusal::not_simulated(&format!("patches of type {other:?}"))),
    };
    let mut patched = patched;
    if !patched.is_object() || !patched["metadata"].is_object() {
        return Err(Refusal::patch_does_not_fit());
    }
    let as_asked = patched.clone();
    let unknown = admission::strip(kind, &mut patched);
    if asked.query.is_strict() && !unknown.is_empty() {
        return Err(Refusal::patch_makes_none(&as_asked, &strictly(&unknown)));
    }
    admission::shape(kind, &patched).map_err(|why| Refusal::patch_makes_none(&as_asked, &why))?;
    same_object(kind, &present, &patched)?;
    if kind == Kind::Pod && fields::without_nulls(&present["spec"]) != fields::without_nulls(&patched["spec"]) {
        admission::validate(kind, &patched, Some(&present))?;
        return Err(Refusal::not_simulated("changes of a running pod's images"));
    }
    let after = world.update(kind, patched, asked.query.manager(), dry)?;
    Ok(Answer::Json(200, after))
}

/// A patch may name what identifies the object only as it is.
fn same_object(kind: Kind, present: &Value, patched: &Value) -> Result<(), Refusal> {
    let name = fields::name(present);
    let field = |o: &Value, key: &str| o["metadata"][key].clone();
    let version = field(patched, "resourceVersion");
    if !version.is_null() && version != field(present, "resourceVersion") {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        return Err(Refusal::conflict(kind, name, why));
    }
    if field(present, "namespace") != field(patched, "namespace") {
        return Err(Refusal::bad_request(OTHER_NAMESPACE));
    }
    if field(present, "name") != field(patched, "name") {
        return Err(Refusal::bad_request(format!(
            "the name of the object ({}) does not match the name on the URL ({name})",
            fields::name(patched),
        )));
    }
    if field(present, "uid") != field(patched, "uid") {
        // the real server checks it twice
        let cause = Cause::invalid("metadata.uid", &field(patched, "uid"), "field is immutable");
        return Err(Refusal::invalid(kind, name, &[cause.clone(), cause]));
    }
    Ok(())
}

/// Makes an object.
pub(super) fn create(world: &mut World, asked: &Asked, kind: Kind, namespace: &str) -> Result<Answer, Refusal> {
    let row = kind.row();
    if !row.made {
        return Err(Refusal::not_simulated(&format!("objects of kind {}", row.name)));
    }
    let dry = asked.query.dry()?;
    let mut object = asked.object()?;
    let given = (fields::text(&object, "/apiVersion"), fields::text(&object, "/kind"));
    if given != (row.api_version().as_str(), row.name) {
        return Err(Refusal::bad_request(another_kind(row, given)));
    }
    if !object["metadata"].is_object() {
        return Err(Refusal::bad_request("the object has no metadata"));
    }
    let own = fields::namespace(&object);
    if row.namespaced && !own.is_empty() && own != namespace {
        return Err(Refusal::bad_request(OTHER_NAMESPACE));
    }
    let unknown = admission::strip(kind, &mut object);
    if asked.query.is_strict() && !unknown.is_empty() {
        let (version, kind) = (row.version, row.name);
        let message = format!(
            "{kind} in version {version:?} cannot be handled as a {kind}: {}",
            strictly(&unknown)
        );
        return Err(Refusal::bad_request(message));
    }
    if row.namespaced {
        if namespace.is_empty() {
            return Err(Refusal::new(
                405,
                "MethodNotAllowed",
                "the server does not allow this method on the requested resource",
            ));
        }
        fields::set(&mut object, &["metadata", "namespace"], namespace);
    }
    for key in [
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "generation",
        "deletionTimestamp",
        "managedFields",
    ] {
        fields::remove(&mut object, &["metadata", key]);
    }
    if fields::name(&object).is_empty() && fields::text(&object, "/metadata/generateName").is_empty() {
        let cause = Cause::required("metadata.name", "name or generateName is required");
        return Err(Refusal::invalid(kind, "", &[cause]));
    }
    // a status belongs to the controllers
    fields::remove(&mut object, &["status"]);
    let made = world.create(kind, object, asked.query.manager(), dry)?;
    Ok(Answer::Json(201, made))
}

/// A `Status` that says yes.
pub(super) fn success(kind: Kind, object: &Value) -> Value {
    let row = kind.row();
    let mut details = json!({"name": fields::name(object), "kind": row.plural, "uid": fields::uid(object)});
    if !row.group.is_empty() {
        details["group"] = json!(row.group);
    }
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}
