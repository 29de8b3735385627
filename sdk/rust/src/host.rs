//! Words to the operator, time, settings.
//!
//! A guest has no clock, no randomness and no environment but these. `std::time::SystemTime::now` and
//! `Instant::now` compile for `wasm32-unknown-unknown` and panic when called; `getrandom` does not compile
//! for it. Use [`now_ms`].

pub use crate::bindings::dreamops::host::log::Level;

#[cfg(target_arch = "wasm32")]
pub(crate) use crate::bindings::dreamops::host::{clock, config, log};
#[cfg(target_arch = "wasm32")]
pub(crate) use crate::bindings::dreamops::kubernetes::read;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use crate::mock::imports::{clock, config, log, read};

/// For the author: shown with the component's debug log.
pub fn debug(line: &str) {
    log::write(Level::Debug, line);
}

/// For the incident's timeline.
pub fn info(line: &str) {
    log::write(Level::Info, line);
}

/// For the operator: something is not as it should be.
pub fn warn(line: &str) {
    log::write(Level::Warn, line);
}

/// Milliseconds since 1970-01-01T00:00:00Z.
pub fn now_ms() -> u64 {
    clock::now_ms()
}

/// A setting of the operator's from `[plugins.NAME.settings]`.
pub fn setting(key: &str) -> Option<String> {
    config::get(key)
}

/// A setting that is a number; `default` where it is not set or is none.
pub fn number_setting(key: &str, default: f64) -> f64 {
    setting(key)
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(default)
}
