//! ResourceQuotas: what is taken, written to their status.

use crate::admission;
use crate::fields;
use crate::world::World;
use crate::world::kind::Kind;
use serde_json::{Map, Value, json};

/// One round.
pub(super) fn sync(world: &mut World) {
    for quota in world.copies(Kind::ResourceQuota) {
        let mut used = Map::new();
        for (resource, _) in fields::members(&quota, "/spec/hard") {
            if let Some(amount) = admission::used(world, fields::namespace(&quota), resource) {
                used.insert(resource.to_owned(), json!(amount.to_string()));
            }
        }
        let status = json!({"hard": quota["spec"]["hard"], "used": Value::Object(used)});
        world.set_status(Kind::ResourceQuota, &quota, status);
    }
}
