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

/// One round.
pub(crate) fn sync(world: &mut World) {
    garbage::sync(world);
    scheduler::sync(world);
    replica_set::sync(world);
    deployment::sync(world);
    stateful_set::sync(world);
    daemon_set::sync(world);
    endpoints::sync(world);
    disruption::sync(world);
    autoscaler::sync(world);
    quota::sync(world);
}
