//! What must survive a crash: incidents, journal, leases, audit, credentials, on `SQLite` or `PostgreSQL`.
//!
//! | file | subject |
//! | --- | --- |
//! | `open` | opening and making a `SQLite` file, schema, key check |
//! | `connect` | opening a `PostgreSQL` database, its role, schema, key check |
//! | `scope` | whose rows a transaction sees |
//! | `port` | the ports [`Store`](dreamops_domain::ports::Store) and [`RegistryCredentials`](dreamops_domain::ports::RegistryCredentials) |
//! | `lease` | who may write to an incident |
//! | [`worker`] | the name of a lease holder, and whether it is still alive |
//! | `incident` | creating, saving, loading, listing |
//! | `intake` | deliveries, and what came of them |
//! | `meeting` | which open incident an alert belongs to, told from the alert alone |
//! | `delivery` | deliveries and their alerts, as rows |
//! | `alerts` | lists of alerts |
//! | `queue` | what is to be worked on, and when |
//! | `correlate` | one open incident per owner |
//! | `journal` | writes to clusters, before and after |
//! | `pinned` | the files of components that handle open incidents |
//! | `history` | what was done to an owner before |
//! | [`audit`] | what happened |
//! | [`access`] | teams and their tokens |
//! | `sources` | where alerts come from, with their secrets |
//! | `fleet` | connected clusters |
//! | `seal` | events get their place in the chain |
//! | `verify` | checking the chain |
//! | `events` | the audit as it is read |
//! | `stop` | the emergency stop |
//! | [`registry`] | pull credentials |
//! | `maintenance` | windows of maintenance, and what else guards ask |
//! | `reseal` | a change of keys |
//! | `expiry` | credentials of clusters that run out |
//! | `backup` | a copy while it is in use |
//! | `retention` | what is older than its time is removed |
//! | `tenant` | what belongs to a team as a whole |
//! | `page` | pages of lists |
//! | `rows` | statements about many rows at once |
//! | `column` | values as columns keep them |
//! | `error` | what the database says, in our words |
//!
//! Invariants: every method of the ports is one transaction, on disk when it returns; a write to an
//! incident is conditional on the epoch of a lease that has not run out; phases change only as
//! [`Phase::may_become`](dreamops_domain::phase::Phase::may_become) allows; raw writes and passwords are stored only sealed;
//! an error never holds a stored value. Only this crate knows `sqlx`.

pub mod access;
mod alerts;
pub mod audit;
mod backup;
mod column;
mod connect;
mod correlate;
mod delivery;
mod error;
mod events;
mod expiry;
mod fleet;
mod history;
mod incident;
mod intake;
mod journal;
mod lease;
mod maintenance;
mod meeting;
mod open;
mod page;
mod pinned;
mod port;
mod queue;
pub mod registry;
mod reseal;
mod retention;
mod rows;

mod scope;
mod seal;
mod sources;
mod stop;
mod tenant;
mod verify;
pub mod worker;

#[cfg(test)]
mod durability;
#[cfg(test)]
mod plans;
#[cfg(all(test, unix))]
mod postgres;
#[cfg(test)]
mod set_back;
#[cfg(test)]
mod testing;

pub use dreamops_domain::upkeep::Resealed;
pub use error::OpenError;
pub use open::SqlStore;
pub use port::TenantCredentials;

/// The store, by the name it had when `SQLite` was all that it could be on.
pub type SqliteStore = SqlStore;
