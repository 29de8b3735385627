//! The operator's caps on what an action may ask for.

/// Caps that hold whatever a component proposes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// The most memory that a container's request or limit may be set to, in bytes.
    pub max_memory_bytes: u64,
    /// The most processor that a container's request or limit may be set to, in thousandths of a core.
    pub max_cpu_millis: u64,
    /// The most replicas that a workload or an autoscaler's maximum may be set to.
    pub max_replicas: u32,
}

/// 8 GiB, 8 cores, 50 replicas: generous for one container of one service, small beside a node gone wild.
impl Default for Bounds {
    fn default() -> Self {
        Self {
            max_memory_bytes: 8 << 30,
            max_cpu_millis: 8_000,
            max_replicas: 50,
        }
    }
}
