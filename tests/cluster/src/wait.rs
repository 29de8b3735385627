//! Waiting for something to become true.

use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// Between two looks. Short against everything a cluster does.
const INTERVAL: Duration = Duration::from_millis(100);

/// Asks `condition` until it says yes. An error counts as "not yet": while a
/// server comes up, most questions end in one. The last is in the final error.
pub fn wait_for(what: &str, limit: Duration, mut condition: impl FnMut() -> Result<bool>) -> Result<()> {
    let started = Instant::now();
    loop {
        let seen = match condition() {
            Ok(true) => return Ok(()),
            Ok(false) => "not yet".to_owned(),
            // nothing to wait for any more
            Err(error @ Error::ServerEnded { .. }) => return Err(error),
            Err(error) => error.to_string(),
        };
        if started.elapsed() >= limit {
            return Err(Error::Deadline {
                what: what.to_owned(),
                limit,
                seen,
            });
        }
        thread::sleep(INTERVAL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_tells_what_was_seen_last() {
        let nothing_runs = || {
            Err(Error::Unsupported {
                reason: "no root".to_owned(),
            })
        };
        let error = wait_for("a pod", Duration::ZERO, nothing_runs).unwrap_err();
        assert!(matches!(error, Error::Deadline { what, seen, .. }
            if what == "a pod" && seen.contains("no root")));
    }

    #[test]
    fn an_error_on_the_way_is_no_reason_to_give_up() {
        let mut asked = 0;
        let third_time = || {
            asked += 1;
            match asked {
                1 => Err(Error::Unsupported {
                    reason: "not up".to_owned(),
                }),
                _ => Ok(asked == 3),
            }
        };
        wait_for("it", Duration::from_secs(20), third_time).unwrap();
    }
}
