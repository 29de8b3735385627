//! Controllers: each looks at the whole world and takes it one step nearer to what its objects ask for.
//!
//! They run in rounds until none has anything left to do, all at the same moment. A step that was refused is tried
//! again after a delay.

mod autoscaler;
mod daemon_set;
mod deployment;
mod disruption;
mod endpoints;
mod garbage;
mod pods;
mod quota;
mod replica_set;
mod revisions;
mod rollout;
mod scheduler;
mod stateful_set;

use crate::world::World;
use std::collections::BTreeSet;

/// One round over the objects that have changed, or that something depends on that has.
pub(crate) fn sync(world: &mut World, dirty: &BTreeSet<String>) {
    garbage::sync(world);
    scheduler::sync(world);
    replica_set::sync(world, dirty);
    deployment::sync(world, dirty);
    stateful_set::sync(world, dirty);
    daemon_set::sync(world, dirty);
    endpoints::sync(world, dirty);
    disruption::sync(world);
    autoscaler::sync(world);
    quota::sync(world);
}
