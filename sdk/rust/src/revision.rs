//! Choosing the revision to go back to.

use crate::cluster::Revision;

/// What the workload asks for now.
pub fn current(revisions: &[Revision]) -> Option<&Revision> {
    revisions.iter().find(|r| r.current)
}

/// Revisions other than the current one, newest first.
pub fn others(revisions: &[Revision]) -> impl Iterator<Item = &Revision> {
    revisions.iter().filter(|r| !r.current)
}

/// The newest revision but the current one that has ready pods now: the best evidence of health there is.
pub fn newest_ready(revisions: &[Revision]) -> Option<&Revision> {
    others(revisions).find(|r| r.ready_pods > 0)
}

impl Revision {
    /// `revision 3 (web-5d9c)`.
    pub fn title(&self) -> String {
        format!("revision {} ({})", self.number, self.name)
    }
}
