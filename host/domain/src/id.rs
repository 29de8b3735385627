//! Identifiers. All are UUIDs; those we make are version 7, so that they sort by creation.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new identifier made from `now` and random bits.
            pub fn new(now: crate::time::Timestamp) -> Self {
                let stamp = uuid::Timestamp::from_unix(
                    uuid::NoContext,
                    now.millis() / 1000,
                    u32::try_from(now.millis() % 1000).unwrap_or(0) * 1_000_000,
                );
                Self(Uuid::new_v7(stamp))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

id!(
    /// One fault on one owner, from its first alert to its end.
    IncidentId
);
id!(
    /// One alert as a source sent it.
    AlertId
);
id!(
    /// A window of maintenance.
    MaintenanceWindowId
);
id!(
    /// One request of a source.
    DeliveryId
);
id!(
    /// A place that sends alerts.
    SourceId
);
id!(
    /// A token of the API.
    TokenId
);
id!(
    /// A connected cluster.
    ClusterRecordId
);
id!(
    /// The team that a row belongs to.
    TenantId
);
id!(
    /// One write in the journal.
    EntryId
);

impl TenantId {
    /// The tenant of a program that serves a single team: the command line and a fresh server.
    pub const DEFAULT: Self = Self(Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0001));
}
