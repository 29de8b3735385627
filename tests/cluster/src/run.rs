//! Running another program to its end.

use std::ffi::OsStr;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use crate::error::{Error, Result};

/// Runs the command and returns its output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| cannot_start(command, source))?;
    judge(command, &output)
}

/// As [`output`], with `input` to read.
pub(crate) fn output_with_input(command: &mut Command, input: &str) -> Result<String> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|source| cannot_start(command, source))?;
    if let Some(mut pipe) = child.stdin.take() {
        // a program that does not read to the end says why in its own words
        let _ = pipe.write_all(input.as_bytes());
    }
    let output = child
        .wait_with_output()
        .map_err(|source| cannot_start(command, source))?;
    judge(command, &output)
}

/// A command with its arguments in one expression.
pub(crate) fn command<A: AsRef<OsStr>>(program: impl AsRef<OsStr>, args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(program);
    command.args(args);
    command
}

/// The command line as a person would write it.
pub(crate) fn line(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

fn cannot_start(command: &Command, source: std::io::Error) -> Error {
    Error::Start {
        command: line(command),
        source,
    }
}

fn judge(command: &Command, output: &Output) -> Result<String> {
    let said = String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        return Ok(said.into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let complaint = if complaint.trim().is_empty() { said } else { complaint };
    Err(Error::Failed {
        command: line(command),
        status: output.status,
        output: complaint.trim().to_owned(),
    })
}
