//! The whole program on the simulator: time and memory.

use super::figure::{Bound, Figure, median};
use crate::build;
use anyhow::{Context, bail};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// How often each is run; the middle counts.
const ROUNDS: usize = 7;
/// How much faster than real time the simulated cluster lives.
const SPEED: u32 = 200;

/// One run of a program.
struct Run {
    wall_ms: f64,
    peak_mib: f64,
    stdout: Vec<u8>,
}

/// Measures with a release build and a warm artefact cache.
pub(crate) fn measure() -> anyhow::Result<Vec<Figure>> {
    let program = build::program(true)?;
    let data = std::env::temp_dir().join(format!("dreamops-bench-{}", std::process::id()));
    let figures = measure_in(&program, &data);
    std::fs::remove_dir_all(&data).ok();
    figures
}

fn measure_in(program: &Path, data: &Path) -> anyhow::Result<Vec<Figure>> {
    let speed = SPEED.to_string();
    let demo = ["demo", "crash-loop", "--output", "json", "--speed", &speed];
    run(program, &demo, data)?;
    let (mut ours, mut memory, mut floor, mut floor_memory) = (vec![], vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        let bare = run(program, &["version"], data)?;
        floor.push(bare.wall_ms);
        floor_memory.push(bare.peak_mib);
        let run = run(program, &demo, data)?;
        let report: Value = serde_json::from_slice(&run.stdout).context("the demo printed no document")?;
        let simulated_ms = report["duration_ms"].as_f64().context("the document has no duration")?;
        ours.push(run.wall_ms - simulated_ms / f64::from(SPEED));
        memory.push(run.peak_mib);
    }
    Ok(vec![
        Figure {
            name: "respond",
            ours: median(ours),
            floor: median(floor),
            unit: "ms",
            bound: Bound::Value(300.0),
        },
        Figure {
            name: "memory",
            ours: median(memory),
            floor: median(floor_memory),
            unit: "MiB",
            bound: Bound::Value(100.0),
        },
    ])
}

/// Runs the program under GNU time's eyes, by the kernel's own account of its peak.
fn run(program: &Path, args: &[&str], data: &Path) -> anyhow::Result<Run> {
    let start = Instant::now();
    let mut child = Command::new(program)
        .args(args)
        .env("DREAMOPS_DATA_DIR", data)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let status_file = format!("/proc/{}/status", child.id());
    let mut stdout = Vec::new();
    let mut pipe = child.stdout.take().context("the program has no standard output")?;
    let reader = std::thread::spawn(move || std::io::Read::read_to_end(&mut pipe, &mut stdout).map(|_| stdout));
    let mut peak_kib = 0.0_f64;
    let status = loop {
        peak_kib = peak_kib.max(peak(&status_file));
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::yield_now();
    };
    let wall_ms = start.elapsed().as_secs_f64() * 1000.0;
    if !status.success() {
        bail!("dreamops {} ended with {status}", args.join(" "));
    }
    let stdout = reader.join().map_err(|_| anyhow::anyhow!("the reader panicked"))??;
    Ok(Run {
        wall_ms,
        peak_mib: peak_kib / 1024.0,
        stdout,
    })
}

/// `VmHWM` of a process in KiB: the most memory it has had; zero once it is gone.
fn peak(status_file: &str) -> f64 {
    let text = std::fs::read_to_string(status_file).unwrap_or_default();
    let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    line.and_then(|l| l.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0.0)
}
