//! The thread that counts processor time: it moves the engine's epoch while components run, and sleeps while none do.
//! It goes on for [`LINGER`] ticks after the last one, because calls come in rows and waking a thread costs as much as a call.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;
use wasmtime::{Engine, EngineWeak};

/// Ends with the sandbox: it holds the engine weakly, and is told when the sandbox goes.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
}

/// Ticks without a component after which the thread sleeps.
const LINGER: u32 = 50;

struct Shared {
    running: AtomicUsize,
    asleep: AtomicBool,
    ended: AtomicBool,
}

/// A component that runs; the epoch moves while there is one.
pub(crate) struct Running {
    shared: Arc<Shared>,
}

impl Ticker {
    /// Starts the thread.
    pub(crate) fn start(engine: &Engine, tick: Duration) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            running: AtomicUsize::new(0),
            asleep: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        });
        let engine = engine.weak();
        let seen = Arc::clone(&shared);
        let handle = thread::Builder::new()
            .name("guest-ticker".into())
            .spawn(move || run(&engine, &seen, tick))?;
        Ok(Self {
            shared,
            thread: handle.thread().clone(),
        })
    }

    /// Says that a component runs until the value is dropped.
    pub(crate) fn running(&self) -> Running {
        self.shared.running.fetch_add(1, Ordering::SeqCst);
        if self.shared.asleep.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
        Running {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shared.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "it is processor time that is counted, so it is the machine's own time; and the thread is nobody's worker"
)]
fn run(engine: &EngineWeak, shared: &Shared, tick: Duration) {
    let mut idle = 0;
    while !shared.ended.load(Ordering::SeqCst) {
        thread::sleep(tick);
        match engine.upgrade() {
            Some(engine) => engine.increment_epoch(),
            None => return,
        }
        idle = if shared.running.load(Ordering::SeqCst) == 0 {
            idle + 1
        } else {
            0
        };
        if idle > LINGER {
            sleep_until_needed(shared);
            idle = 0;
        }
    }
}

/// A component that begins sees `asleep` and wakes the thread, or was counted before the last look.
fn sleep_until_needed(shared: &Shared) {
    shared.asleep.store(true, Ordering::SeqCst);
    while shared.running.load(Ordering::SeqCst) == 0 && !shared.ended.load(Ordering::SeqCst) {
        thread::park();
    }
    shared.asleep.store(false, Ordering::SeqCst);
}
