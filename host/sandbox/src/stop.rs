//! Why a call into a component ended, as typed values; nothing here reads a message.

use crate::guest::Guest;
use dreamops_domain::inert;
use dreamops_domain::ports::CallError;
use std::time::Duration;
use wasmtime::Trap;

/// Why the host ended a call from within one of its functions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Stop {
    /// The wall time is used up.
    #[error("the wall time is used up")]
    Wall,
    /// The calls or bytes of host functions are used up, in a function that cannot say so.
    #[error("the budget of host calls is used up")]
    HostBudget,
    /// A grant is missing, for a function that cannot say so.
    #[error("a grant is missing")]
    Denied,
    /// The function makes sense for an incident only, and there is none.
    #[error("there is no incident while a component is loaded")]
    NoIncident,
}

/// What an error of the engine means, given what the guest's state has noted.
pub(crate) fn outcome(error: &wasmtime::Error, guest: &Guest) -> CallError {
    if guest.cpu.spent {
        return cpu_limit(guest.budgets.cpu);
    }
    match error.downcast_ref::<Stop>() {
        Some(Stop::Wall) => return wall_limit(guest.budgets.wall),
        Some(Stop::HostBudget) => {
            return CallError::Trap(format!(
                "it used up its {} calls or {} bytes of host functions",
                guest.budgets.host_calls, guest.budgets.host_bytes
            ));
        }
        Some(Stop::Denied) => {
            if let Some((grant, line)) = guest.refused.last().cloned() {
                return CallError::Refused { grant, line };
            }
        }
        Some(Stop::NoIncident) => return CallError::Trap(Stop::NoIncident.to_string()),
        None => {}
    }
    // a refused growth is seen by the guest only as an allocation that failed, and by us as `unreachable`
    if guest.memory.refused {
        return CallError::MemoryLimit {
            limit_mib: u64::try_from(guest.budgets.memory / (1024 * 1024)).unwrap_or(u64::MAX),
        };
    }
    match error.downcast_ref::<Trap>() {
        Some(
            &trap @ (Trap::InvalidChar
            | Trap::StringOutOfBounds
            | Trap::ListOutOfBounds
            | Trap::InvalidDiscriminant
            | Trap::UnalignedPointer),
        ) => CallError::BadOutput(described(trap)),
        Some(&trap) => CallError::Trap(match &guest.last_words {
            Some(words) => format!("{}; its last words: {words}", described(trap)),
            None => described(trap),
        }),
        // neither a trap nor ours: a value could not be lifted, or a handle was kept
        None => CallError::BadOutput(innermost(error)),
    }
}

pub(crate) fn cpu_limit(budget: Duration) -> CallError {
    CallError::CpuLimit {
        budget_ms: millis(budget),
    }
}

pub(crate) fn wall_limit(budget: Duration) -> CallError {
    CallError::WallLimit {
        budget_ms: millis(budget),
    }
}

fn described(trap: Trap) -> String {
    let text = trap.to_string();
    text.strip_prefix("wasm trap: ").unwrap_or(&text).to_owned()
}

fn innermost(error: &wasmtime::Error) -> String {
    inert::line(&error.root_cause().to_string(), 300)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
