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
    let left = world.delete(kind, namespace, name, dry);
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
    let successor = "The object might have been deleted and then recreated";
    for (key, shown, why) in [
        ("uid", "UID", successor),
        (
            "resourceVersion",
            "ResourceVersion",
            "The object might have been modified",
        ),
    ] {
        let wanted = fields::text(options, &format!("/preconditions/{key}"));
        let has = fields::text(object, &format!("/metadata/{key}"));
        if !wanted.is_empty() && wanted != has {
            return Err(Refusal::precondition(
                kind,
                fields::name(object),
                shown,
                (wanted, has),
                why,
            ));
        }
    }
    Ok(())
}
