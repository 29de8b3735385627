//! `stop` and `resume`: the emergency stop.

use crate::args::ServerArgs;
use crate::desk::Desk;
use crate::exit::Outcome;
use serde_json::json;

const PATH: &str = "/api/v1/emergency-stop";

/// Pulls the stop.
pub(crate) async fn pull(reason: String, server: &ServerArgs) -> Outcome {
    let desk = Desk::open(server).await?;
    let stop = desk.put(PATH, &json!({ "reason": reason })).await?;
    let text = |field: &str| crate::print::cell(stop[field].as_str().unwrap_or_default(), 300);
    eprintln!(
        "the emergency stop is on since {} by {} ({}): nothing is written to any cluster until `dreamops resume`",
        text("since"),
        text("by"),
        text("reason")
    );
    Ok(0)
}

/// Releases it.
pub(crate) async fn release(server: &ServerArgs) -> Outcome {
    let desk = Desk::open(server).await?;
    let stop = desk.get(PATH).await?;
    if stop["on"] != true {
        eprintln!("the emergency stop was not on");
        return Ok(0);
    }
    desk.delete(PATH).await?;
    let text = |field: &str| crate::print::cell(stop[field].as_str().unwrap_or_default(), 300);
    eprintln!(
        "the emergency stop is off; it was on since {} by {} ({})",
        text("since"),
        text("by"),
        text("reason")
    );
    Ok(0)
}
