//! Objects whose controller is gone go as well.

use crate::fields;
use crate::world::World;
use crate::world::kind::Kind;
use std::collections::BTreeSet;

const OWNED: [Kind; 4] = [
    Kind::Pod,
    Kind::ReplicaSet,
    Kind::ControllerRevision,
    Kind::EndpointSlice,
];
const OWNERS: [Kind; 5] = [
    Kind::Deployment,
    Kind::ReplicaSet,
    Kind::StatefulSet,
    Kind::DaemonSet,
    Kind::Service,
];

/// One round.
pub(super) fn sync(world: &mut World) {
    let owners: BTreeSet<&str> = OWNERS.iter().flat_map(|k| world.of(*k)).map(fields::uid).collect();
    let orphans: Vec<(Kind, String, String)> = OWNED
        .iter()
        .flat_map(|kind| world.of(*kind).map(move |o| (*kind, o)))
        .filter(|(_, o)| {
            let owner = fields::controller(o);
            !owner.is_empty() && !owners.contains(owner) && !fields::leaving(o)
        })
        .map(|(kind, o)| (kind, fields::namespace(o).to_owned(), fields::name(o).to_owned()))
        .collect();
    for (kind, namespace, name) in orphans {
        world.delete(kind, &namespace, &name, false);
    }
}
