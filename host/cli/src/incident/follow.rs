//! Following what a server does after a person's word.

use super::{PATH, phase_of, read_entry};
use crate::args::{GoOnArgs, Output};
use crate::clock::SystemClock;
use crate::desk::{Desk, encoded};
use crate::exit::{INTERRUPTED, Outcome, code_of};
use crate::print;
use crate::respond::{interrupted, narrator, print_json};
use dreamops_domain::id::IncidentId;
use dreamops_domain::phase::Phase;
use dreamops_domain::ports::{Clock, Story};
use serde_json::Value;
use std::time::Duration;

/// How often the server is asked.
const AGAIN: Duration = Duration::from_millis(500);

/// Says a word to the server, and tells what comes of it until the incident ends, waits, or the time is over. The server goes on
/// by itself in each case.
pub(super) async fn said(desk: &Desk, id: IncidentId, word: &str, body: &Value, args: &GoOnArgs) -> Outcome {
    let place = format!("{PATH}/{id}");
    let timeline = format!("{place}/timeline");
    let clock = SystemClock::new();
    // what was told before the word is not told again
    let mut told = desk.list(&timeline, "", usize::MAX).await?.items.len();
    let mut incident = desk.post(&format!("{place}/{}", encoded(word)), body).await?;
    let narrator = narrator(args.output);
    let until = clock.monotonic() + args.timeout;
    loop {
        let entries = desk.list(&timeline, "", usize::MAX).await?.items;
        let count = entries.len();
        for entry in entries.into_iter().skip(told) {
            narrator.tell(id, &read_entry(entry)?);
        }
        told = count;
        let phase = phase_of(&incident);
        if phase.is_some_and(|p| p.closed() || p == Phase::AwaitingApproval) {
            break;
        }
        if clock.monotonic() >= until {
            narrator.line(
                "waited",
                &format!("the server goes on; look with `dreamops incident show {id}`"),
            );
            break;
        }
        tokio::select! {
            () = clock.sleep_until(clock.monotonic() + AGAIN) => {}
            _ = interrupted() => {
                narrator.line("left", &format!("the server goes on; look with `dreamops incident show {id}`"));
                return Ok(INTERRUPTED);
            }
        }
        incident = desk.get(&place).await?;
    }
    if args.output == Output::Json {
        print_json(&incident)?;
    }
    if let Some(digest) = incident["plan"]["digest"]
        .as_str()
        .filter(|_| phase_of(&incident) == Some(Phase::AwaitingApproval))
    {
        let digest = print::cell(digest, 100);
        narrator.line("approve", &format!("dreamops incident approve {id} --digest {digest}"));
    }
    Ok(phase_of(&incident).map_or(1, code_of))
}
