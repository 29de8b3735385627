//! Values that are stored, sealed under a keyring.
//!
//! | file | subject |
//! | --- | --- |
//! | [`keyring`] | keys: reading, making, naming them |
//! | `seal` | the sealed form, and the [`Sealer`](dreamops_domain::ports::Sealer) port |
//! | `sign` | signing the audit's chain, the [`Signer`](dreamops_domain::audit::Signer) port |
//! | [`file`] | the key file that is made where no keys are given |
//!
//! Invariants: a value opens only in the place it was sealed for (Fernet has no associated data, so
//! the place is part of the plaintext); writes use the newest key and reads accept any; keys and opened
//! values are wiped when dropped; nothing here shows a key or a value through `Debug` or an error.

pub mod file;
pub mod keyring;
mod seal;
mod sign;

pub use file::{KeyFile, KeyFileError};
pub use keyring::{KeyError, Keyring, NewKey};
