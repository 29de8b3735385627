//! `audit`: what happened, read and checked.
//!
//! An export is JSON lines: the events, oldest first, then one line `{"head": {"position", "chain"}}`, the end of the chain as it was.
//! Kept elsewhere, that line is an anchor: `audit verify --anchor` tells whether anything before it was cut off or sealed anew since.

use crate::args::{AuditCommand, Format, ServerArgs};
use crate::desk::{Desk, encoded};
use crate::exit::{Failure, Outcome};
use crate::print;
use anyhow::{Context, anyhow};
use serde::Deserialize;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

const PATH: &str = "/api/v1/audit";
/// Events of one request.
const PART: i64 = 500;

/// Runs the command.
pub(crate) async fn run(command: AuditCommand, server: &ServerArgs) -> Outcome {
    let desk = Desk::open(server).await?;
    desk.settle().await?;
    match command {
        AuditCommand::List {
            incident,
            event,
            limit,
            output,
        } => {
            let incident = incident.map(|id| format!("&incident_id={}", encoded(&id)));
            let event = event.map(|name| format!("&event={}", encoded(&name)));
            let query = [incident, event].into_iter().flatten().collect::<String>();
            let list = desk.list(PATH, &query, limit as usize).await?;
            let columns = [
                ("POSITION", "position"),
                ("AT", "at"),
                ("EVENT", "event"),
                ("PHASE", "phase"),
                ("INCIDENT", "incident_id"),
                ("BY", "body.by"),
            ];
            print::list(&list, &columns, output, "no events")?;
            Ok(0)
        }
        AuditCommand::Verify { anchor, output } => verify(&desk, anchor.as_deref(), output).await,
        AuditCommand::Export { file } => export(&desk, file.as_deref()).await,
    }
}

/// Code 0 where the chain holds, else 1.
async fn verify(desk: &Desk, anchor: Option<&str>, output: Format) -> Outcome {
    let path = match anchor.map(read_anchor).transpose()? {
        None => format!("{PATH}/verify"),
        Some(head) => format!(
            "{PATH}/verify?position={}&chain={}",
            head.position,
            encoded(&head.chain)
        ),
    };
    let check = desk.get(&path).await?;
    if !output.is_table() {
        print::document(&check, output)?;
    } else if check["intact"] == true {
        let head = format!("{}:{}", check["head"]["position"], text(&check["head"]["chain"]));
        print::say(&format!("the chain of {} events holds\n", check["checked"]))?;
        print::say(&format!(
            "keep this elsewhere, and give it to the next check as --anchor: {head}\n"
        ))?;
    }
    if check["intact"] == true {
        return Ok(0);
    }
    let problems = check["problems"].as_array().map(Vec::as_slice).unwrap_or_default();
    let problems: Vec<String> = problems.iter().map(|p| print::cell(text(p), 300)).collect();
    Err(Failure::from(anyhow!(
        "the chain does not hold: {}; keep a copy of the database, and find out who wrote to it",
        problems.join("; ")
    )))
}

/// The end of a chain.
#[derive(Deserialize)]
struct Head {
    position: i64,
    chain: String,
}

/// The last line of an export.
#[derive(Deserialize)]
struct Line {
    head: Head,
}

/// `POSITION:CHAIN`, or a file that ends with the line of an export.
fn read_anchor(given: &str) -> Result<Head, Failure> {
    if let Some((position, chain)) = given.split_once(':')
        && let Ok(position) = position.parse()
    {
        let chain = chain.to_owned();
        return Ok(Head { position, chain });
    }
    let last = || -> anyhow::Result<String> {
        let file = File::open(given).with_context(|| format!("{given} is neither POSITION:CHAIN nor a file"))?;
        let lines = BufReader::new(file).lines();
        let last = lines.filter(|line| !line.as_ref().is_ok_and(String::is_empty)).last();
        last.context("the file is empty")?.context("the file cannot be read")
    };
    let last = last().map_err(Failure::usage)?;
    let line: Line = serde_json::from_str(&last).map_err(|_| {
        Failure::usage(anyhow!(
            "{given} does not end with the head of a chain; was the export broken off? make it anew with `dreamops audit export`"
        ))
    })?;
    Ok(line.head)
}

/// Writes all events, oldest first.
async fn export(desk: &Desk, file: Option<&Path>) -> Outcome {
    let check = desk.get(&format!("{PATH}/verify")).await?;
    let until = check["head"]["position"].as_i64().context("the answer names no head")?;
    let mut out: Box<dyn Write> = match file {
        // an export that breaks off must not look like one that is whole
        Some(path) => Box::new(crate::private::Draft::new(path)?),
        None => Box::new(BufWriter::new(std::io::stdout())),
    };
    let mut written = 0;
    while written < until {
        let events = after(desk, written, until).await?;
        for event in &events {
            line(&mut out, event)?;
        }
        written = events.last().and_then(|e| e["position"].as_i64()).unwrap_or(until);
    }
    line(&mut out, &json!({ "head": check["head"] }))?;
    out.flush().context("cannot write the export")?;
    if let Some(path) = file {
        eprintln!("{until} events are in {}", path.display());
    }
    if check["intact"] == true {
        return Ok(0);
    }
    Err(Failure::from(anyhow!(
        "the chain does not hold; `dreamops audit verify` says where"
    )))
}

/// The next events after a position, oldest first. The list gives those before a cursor, newest first, and positions have no gaps
/// where the chain holds; where it does not, the part is smaller.
async fn after(desk: &Desk, position: i64, until: i64) -> Result<Vec<Value>, Failure> {
    let mut end = position;
    loop {
        end = (end + PART).min(until);
        let answer = desk.get(&format!("{PATH}?limit={PART}&cursor={}", end + 1)).await?;
        let items = answer["items"].as_array().cloned().unwrap_or_default();
        let new = |event: &Value| event["position"].as_i64().is_some_and(|p| p > position);
        let mut events: Vec<Value> = items.into_iter().filter(new).collect();
        events.reverse();
        if !events.is_empty() || end == until {
            return Ok(events);
        }
    }
}

fn line(out: &mut dyn Write, document: &Value) -> anyhow::Result<()> {
    serde_json::to_writer(&mut *out, document).context("cannot write the export")?;
    out.write_all(b"\n").context("cannot write the export")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
