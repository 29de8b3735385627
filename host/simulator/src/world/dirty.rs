//! Which objects controllers have to look at.
//!
//! A change is passed on to the object itself, to the controllers above it, and, for a pod, to the Services that
//! select it: so that a world of many workloads costs no more than those that change.

use crate::fields;
use crate::world::World;
use crate::world::kind::Kind;
use crate::world::selector;
use serde_json::Value;
use std::collections::BTreeSet;

impl World {
    /// Notes that an object is new, has changed, or is gone.
    pub(crate) fn mark(&mut self, kind: Kind, object: &Value) {
        self.dirty.insert(fields::uid(object).to_owned());
        let mut at = Some(object);
        let mut above = BTreeSet::new();
        while let Some(below) = at {
            let owner = fields::list(below, "/metadata/ownerReferences")
                .iter()
                .find(|o| o["controller"] == true);
            let Some(owner) = owner else { break };
            above.insert(fields::text(owner, "/uid").to_owned());
            let kind = Kind::named(fields::text(owner, "/kind"));
            at = kind.and_then(|k| self.get(k, fields::namespace(below), fields::text(owner, "/name")));
        }
        if kind == Kind::Pod {
            let labels = &object["metadata"]["labels"];
            let selecting = self
                .within(Kind::Service, fields::namespace(object))
                .filter(|s| selector::matches_map(&s["spec"]["selector"], labels));
            above.extend(selecting.map(|s| fields::uid(s).to_owned()));
        }
        self.dirty.append(&mut above);
    }

    /// What has to be looked at, from now on counted anew.
    pub(crate) fn take_dirty(&mut self) -> BTreeSet<String> {
        std::mem::take(&mut self.dirty)
    }
}
