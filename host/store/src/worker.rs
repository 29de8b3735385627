//! The name of a lease holder, and whether it is still alive.
//!
//! Form: `HOST/PID-NAMESPACE:PID:START`, where START is the kernel's start time of the process in clock ticks since boot, so that
//! another process with the same number is told apart. After a crash the lease of a dead process of this host is
//! free at once; of a process elsewhere, or where the system has no `/proc`, nothing is known and the lease has to run out.

use std::fs;

/// The name of this process, for leases that it takes.
pub fn this_process() -> String {
    let pid = std::process::id();
    let start = start_of(pid).ok().flatten().unwrap_or_default();
    format!("{}:{pid}:{start}", host())
}

/// Whether `worker` certainly is a process of this host that has ended.
pub fn is_gone(worker: &str) -> bool {
    let mut parts = worker.rsplitn(3, ':');
    let (Some(start), Some(pid), Some(there)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let Ok(pid) = pid.parse::<u32>() else {
        return false;
    };
    if there != host() || start.is_empty() {
        return false;
    }
    match start_of(pid) {
        Ok(Some(found)) => found != start,
        Ok(None) => true,
        Err(()) => false,
    }
}

/// The host with the number space of its processes: containers of one host do not see each other's.
fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let space = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let space: String = space.to_string_lossy().chars().filter(char::is_ascii_digit).collect();
    format!("{}/{space}", name.trim())
}

/// The start time of a process that runs; `None` if there is none; an error if the system does not tell.
fn start_of(pid: u32) -> Result<Option<String>, ()> {
    // where even our own entry is missing, a missing one says nothing
    fs::metadata("/proc/self/stat").map_err(|_| ())?;
    let stat = match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => stat,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        // it ended between opening and reading
        Err(error) if error.raw_os_error() == Some(ESRCH) => return Ok(None),
        Err(_) => return Err(()),
    };
    // proc_pid_stat(5): the name in brackets may hold anything; the state is field 3, the start field 22
    let (_, after_name) = stat.rsplit_once(')').ok_or(())?;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let (state, start) = fields.first().zip(fields.get(19)).ok_or(())?;
    let dead = matches!(*state, "Z" | "X" | "x");
    Ok((!dead).then(|| (*start).to_owned()))
}

/// "No such process" on Linux.
const ESRCH: i32 = 3;

#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn a_running_process_is_not_gone_and_an_ended_one_is() {
        assert!(!is_gone(&this_process()));
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let start = start_of(child.id()).unwrap().unwrap();
        let name = format!("{}:{}:{start}", host(), child.id());
        assert!(!is_gone(&name));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(is_gone(&name));
    }

    #[test]
    fn another_process_with_the_same_number_is_not_the_holder() {
        let me = this_process();
        let (rest, start) = me.rsplit_once(':').unwrap();
        let earlier = start.parse::<u64>().unwrap() - 1;
        assert!(is_gone(&format!("{rest}:{earlier}")));
    }

    #[test]
    fn nothing_is_known_of_a_process_elsewhere() {
        for elsewhere in [
            "",
            "worker",
            "other-host/1:1:5",
            "a:b:c",
            "other/4026531836:999999999:1",
        ] {
            assert!(!is_gone(elsewhere), "{elsewhere}");
        }
    }
}
