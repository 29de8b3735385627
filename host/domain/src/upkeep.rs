//! What keeps a server in order that runs for years: values are sealed anew after a change of keys.

use crate::ports::StoreError;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// How far a change of keys has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Resealed {
    /// Values that were sealed anew under the newest key.
    pub resealed: u64,
    /// Values that are still sealed under another one. Where nothing was resealed and some are left, no key of the ring opens
    /// those.
    pub left: u64,
}

/// Work on the store as a whole, for every team.
#[async_trait]
pub trait Upkeep: Send + Sync {
    /// Seals at most `batch` values anew that an older key of the ring has sealed, in short transactions beside everything else.
    /// May be broken off and called again at any time, also by several processes. When nothing is left, the older keys may
    /// leave the ring.
    async fn reseal(&self, batch: u32) -> Result<Resealed, StoreError>;
}
