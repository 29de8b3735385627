//! `plugin`: build, check and list components.

use crate::args::{Format, Output, PluginCommand, ServerArgs};
use crate::desk::Desk;
use crate::exit::{Failure, Outcome};
use crate::print;
use crate::respond::{narrator, print_json};
use anyhow::Context;
use dreamops_package::{BuildOptions, Inspection, SIZE_CAP, build_plugin, check};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Runs the command.
pub(crate) async fn run(command: PluginCommand, server: &ServerArgs) -> Outcome {
    match command {
        PluginCommand::Build { dir, out, output } => build(&dir, out, output),
        PluginCommand::Check { file, output } => checked(&file, output),
        PluginCommand::List { output } => list(output, server).await,
    }
}

fn build(dir: &Path, out: Option<PathBuf>, output: Output) -> Outcome {
    let built = build_plugin(
        dir,
        &BuildOptions {
            file: out,
            show_progress: output == Output::Text,
            ..BuildOptions::default()
        },
    )?;
    if output == Output::Json {
        print_json(&json!({
            "file": built.file, "name": built.manifest.name, "version": built.manifest.version,
            "digest": built.digest, "size": built.size,
        }))?;
        return Ok(0);
    }
    let narrator = narrator(output);
    narrator.say(&format!("{}\n", built.file.display()));
    narrator.say(&format!(
        "{} {}, {} KiB, sha256 {}\n",
        built.manifest.name,
        built.manifest.version,
        built.size / 1024,
        built.digest
    ));
    Ok(0)
}

fn checked(file: &Path, output: Format) -> Outcome {
    let size = std::fs::metadata(file)
        .with_context(|| format!("cannot read {}", file.display()))
        .map_err(Failure::usage)?
        .len();
    if size > SIZE_CAP as u64 {
        return Err(Failure::from(anyhow::anyhow!(
            "{} has {size} bytes, and a component has at most {SIZE_CAP}",
            file.display()
        )));
    }
    let bytes = std::fs::read(file)
        .with_context(|| format!("cannot read {}", file.display()))
        .map_err(Failure::usage)?;
    let inspection = check(&bytes).with_context(|| format!("{} cannot be loaded", file.display()))?;
    if output != Format::Table {
        let inspection = serde_json::to_value(&inspection).context("cannot write the result")?;
        print::document(&inspection, output)?;
        return Ok(0);
    }
    let narrator = narrator(Output::Text);
    narrator.say(&shown(&inspection));
    narrator.say("it keeps to the contract\n");
    Ok(0)
}

/// What a component is and what it can do, as a person reads it.
fn shown(inspection: &Inspection) -> String {
    use std::fmt::Write;
    let manifest = &inspection.manifest;
    let mut text = format!("{} {}: {}\n", manifest.name, manifest.version, manifest.summary);
    let _ = writeln!(text, "  faults   {}", manifest.faults.join(", "));
    let _ = writeln!(
        text,
        "  digest   {} ({} KiB)",
        inspection.digest,
        inspection.size / 1024
    );
    for (interface, functions) in &inspection.imports {
        let _ = writeln!(text, "  imports  {interface}: {}", functions.join(", "));
    }
    for (grant, reason) in &manifest.grants {
        let _ = writeln!(text, "  wants    {grant}: {reason}");
    }
    text
}

async fn list(output: Format, server: &ServerArgs) -> Outcome {
    let app = Desk::beside(server, "plugin list").await?;
    let installed = app.sandbox().await?.list();
    if output != Format::Table {
        print::document(&json!({ "items": installed, "next_cursor": null }), output)?;
        return Ok(0);
    }
    let narrator = narrator(Output::Text);
    for plugin in &installed {
        let origin = match &plugin.origin {
            dreamops_sandbox::Origin::FirstParty => "built in".to_owned(),
            dreamops_sandbox::Origin::Directory(file) => file.display().to_string(),
            dreamops_sandbox::Origin::Kept => "kept while an incident is open".to_owned(),
        };
        narrator.say(&shown(&plugin.inspection));
        narrator.say(&format!(
            "  from     {origin}, confidence at most {}\n",
            plugin.confidence_cap
        ));
        narrator.say(&format!("  granted  {}\n", plugin.granted.join(", ")));
        if !plugin.withheld.is_empty() {
            narrator.say(&format!("  withheld {}\n", plugin.withheld.join(", ")));
        }
    }
    narrator.say(&format!(
        "{} components; more are loaded from {}\n",
        installed.len(),
        app.plugin_dir().display()
    ));
    Ok(0)
}
