//! What the programs in images do, as a table of facts. A container fails because its spec does not give its program
//! what it needs, and for no other reason.

/// What an image weighs, in bytes.
pub(crate) const IMAGE_BYTES: u64 = 31_457_280;

/// The facts about one program.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Program {
    /// What runs where the spec names no command, and what else there is to run.
    pub(crate) commands: &'static [&'static str],
    /// Environment variables without which it ends, each with what its value has to begin with.
    pub(crate) needs: &'static [(&'static str, &'static str)],
    /// `host:port` of peers without which it ends. `$NAME` is the value of a variable.
    pub(crate) peers: &'static [&'static str],
    /// Memory that it fills soon after it starts, in MiB.
    pub(crate) memory_mib: u64,
    /// How fast its memory grows after that, in MiB a minute.
    pub(crate) leak_mib_per_minute: u64,
    /// How much work it has.
    pub(crate) load: Load,
    /// Ports that it listens on, and the paths below which it answers 200.
    pub(crate) ports: &'static [u16],
    /// Paths that answer 200; others answer 404.
    pub(crate) paths: &'static [&'static str],
    /// Paths that are answered with another status, until the program has run for so many milliseconds.
    pub(crate) refuses: Vec<(&'static str, u16, u64)>,
    /// Milliseconds until it listens.
    pub(crate) starts_in: u64,
    /// After so many milliseconds it does not answer any more, though it runs.
    pub(crate) hangs_after: Option<u64>,
    /// After so many milliseconds it has done its work, and ends with the code.
    pub(crate) ends: Option<(u64, i32)>,
    /// What it logs when it starts well.
    pub(crate) greeting: &'static [&'static str],
    /// Whether its environment sets what else it does, as [`super::part`] says.
    pub(crate) plays_a_part: bool,
}

/// How much work a program has, in millicores that it would take if it were let.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    /// Each pod for itself.
    Each(u64),
    /// All ready pods of a workload share it.
    Shared(u64),
}

impl Default for Program {
    fn default() -> Self {
        Self {
            commands: &["/app/server"],
            needs: &[],
            peers: &[],
            memory_mib: 40,
            leak_mib_per_minute: 0,
            load: Load::Each(20),
            ports: &[8080],
            paths: &["/healthz", "/readyz"],
            refuses: Vec::new(),
            starts_in: 400,
            hangs_after: None,
            ends: None,
            greeting: &["listening on :8080"],
            plays_a_part: false,
        }
    }
}
