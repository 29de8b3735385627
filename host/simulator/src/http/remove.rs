//! Deletes, with preconditions.

use super::{Answer, Asked, write};
use crate::fields;
use crate::world::World;
use crate::world::kind::Kind;
use crate::world::refusal::Refusal;
use serde_json::{Value, json};

pub(super) fn answer(
    world: &mut World,
    asked: &Asked,
    kind: Kind,
    namespace: &str,
    name: &str,
) -> Result<Answer, Refusal> {
    let options = if asked.body.is_empty() {
        json!({})
    } else {
        asked.object()?
    };
    let dry = asked.query.dry()? || is_dry(&options);
    let Some(object) = world.get(kind, namespace, name).cloned() else {
        return Err(Refusal::not_found(kind.row(), name));
    };
    check(kind, &object, &options)?;
    if matches!(kind, Kind::Namespace | Kind::Node) {
        return Err(Refusal::not_simulated(&format!("deletes of a {}", kind.row().name)));
    }
    if options["propagationPolicy"] == "Orphan" || options["orphanDependents"] == true {
        return Err(Refusal::not_simulated("deletes that leave dependents behind"));
    }
    let left = if dry {
        Some(object.clone())
    } else {
        world.delete(kind, namespace, name)
    };
    Ok(Answer::Json(
        200,
        match left {
            // a pod is answered with itself on its way out
            Some(pod) if kind == Kind::Pod => pod,
            _ => write::success(kind, &object),
        },
    ))
}

/// Whether the options ask for a dry run.
pub(super) fn is_dry(options: &Value) -> bool {
    fields::list(options, "/dryRun").iter().any(|d| d == "All")
}

/// Whether the object is the one that is meant.
pub(super) fn check(kind: Kind, object: &Value, options: &Value) -> Result<(), Refusal> {
    for (key, shown) in [("uid", "UID"), ("resourceVersion", "ResourceVersion")] {
        let wanted = fields::text(options, &format!("/preconditions/{key}"));
        let has = fields::text(object, &format!("/metadata/{key}"));
        if !wanted.is_empty() && wanted != has {
            let why = format!("Precondition failed: {shown} in precondition: {wanted}, {shown} in object meta: {has}");
            return Err(Refusal::conflict(kind, fields::name(object), &why));
        }
    }
    Ok(())
}
