//! How patient the responder is.

use std::time::Duration;

/// Times and bounds of the pipeline.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who holds the leases: host, process and its start, so that a dead holder can be told.
    pub worker: String,
    /// The whole of one run, from taking the lease; after it a fault that is not healed is given up.
    pub timeout: Duration,
    /// How long a fault must stay away before the incident closes.
    pub stability: Duration,
    /// How long after the last write an improvement is waited for, where no rollout makes progress.
    pub heal_deadline: Duration,
    /// How often the workload is looked at while waiting.
    pub poll: Duration,
    /// How long a fault that needs no change (a registry that is away) is watched before a person is asked.
    pub watch: Duration,
    /// How long a plan waits for a person.
    pub approval_ttl: Duration,
    /// How long a lease holds without a sign of life. Longer than the longest single call.
    pub lease: Duration,
    /// No restart for this long counts as healthy when nothing else is wrong.
    pub calm: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            worker: String::new(),
            timeout: Duration::from_mins(5),
            // a crash back-off begins at 10 s and doubles: one whole back-off fits in 30 s
            stability: Duration::from_secs(30),
            heal_deadline: Duration::from_mins(2),
            poll: Duration::from_millis(500),
            watch: Duration::from_mins(1),
            approval_ttl: Duration::from_hours(1),
            lease: Duration::from_secs(90),
            calm: Duration::from_mins(10),
        }
    }
}
