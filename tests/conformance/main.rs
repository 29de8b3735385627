//! The simulated cluster, held against a real one.
//!
//! Both are brought into the same state by the same requests, and a fault is made in both. `dreamops respond` heals the real
//! one, and what it asked is asked of the simulated one; and so are requests that it would send in rarer cases. Status
//! codes and documents are compared field by field: with roles in the place of identifiers, and without what no two
//! clusters have in common. Whatever else differs fails the test, unless [`deliberate`] says why it does.

#![allow(missing_docs, reason = "tests are named by what they promise")]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test ends where it fails")]

mod answers;
mod compare;
mod deliberate;
mod exchange;
mod faults;
mod names;
mod normal;
mod pair;
mod recorder;
mod replay;
