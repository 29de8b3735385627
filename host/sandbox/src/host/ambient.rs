//! `dreamops:host`: log, clock and settings.

use crate::bindings::dreamops::host::{clock, config, log};
use crate::dispatch::HostCall;
use crate::guest::Guest;
use dreamops_domain::inert;
use std::future::ready;
use wasmtime::Result;

/// The longest line of log, in characters.
const LINE_CAP: usize = 4 * 1024;

impl log::Host for Guest {
    async fn write(&mut self, level: log::Level, line: String) -> Result<()> {
        // beyond the cap nothing is recorded either: a flood costs the component's own time and nothing else
        if self.log_lines >= self.budgets.log_lines {
            return Ok(());
        }
        let call = HostCall {
            interface: "dreamops:host/log",
            function: "write",
            grant: None,
            cost: 0,
            asked: (level, inert::line(&line, LINE_CAP)),
        };
        self.dispatch(call, None, |guest, (level, line)| {
            guest.write_line(level, line);
            Box::pin(ready(Ok(())))
        })
        .await
    }
}

impl Guest {
    fn write_line(&mut self, level: log::Level, line: String) {
        self.log_lines += 1;
        let name = self.plugin.info.manifest.name.as_str();
        match (level, &self.context) {
            (log::Level::Info | log::Level::Warn, Some(context)) => (context.log)(line.clone()),
            (level, _) => {
                tracing::debug!(plugin.name = name, call = self.call.name(), ?level, "{line}");
            }
        }
        if matches!(level, log::Level::Warn) {
            self.last_words = Some(line);
        }
    }
}

impl clock::Host for Guest {
    async fn now_ms(&mut self) -> Result<u64> {
        let call = HostCall {
            interface: "dreamops:host/clock",
            function: "now-ms",
            grant: None,
            cost: 1,
            asked: (),
        };
        self.dispatch(call, None, |guest, ()| {
            let now = guest.now().map(dreamops_domain::time::Timestamp::millis);
            Box::pin(ready(now.map_err(wasmtime::Error::new)))
        })
        .await
    }
}

impl config::Host for Guest {
    async fn get(&mut self, key: String) -> Result<Option<String>> {
        let call = HostCall {
            interface: "dreamops:host/config",
            function: "get",
            grant: None,
            cost: 1,
            asked: key,
        };
        self.dispatch(call, None, |guest, key| {
            Box::pin(ready(Ok(guest.plugin.settings.get(&key).cloned())))
        })
        .await
    }
}
