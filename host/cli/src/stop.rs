//! `stop` and `resume`: the emergency stop.

use crate::app::App;
use crate::exit::Outcome;
use dreamops_domain::decision::EmergencyStop;
use dreamops_domain::ports::Store;

/// Pulls the stop.
pub(crate) async fn pull(reason: String) -> Outcome {
    let app = App::open().await?;
    let stop = EmergencyStop {
        since: app.clock.now(),
        by: crate::config::user(),
        reason,
    };
    app.store.set_emergency_stop(Some(stop)).await?;
    eprintln!("the emergency stop is on: nothing is written to any cluster until `dreamops resume`");
    Ok(0)
}

/// Releases it.
pub(crate) async fn release() -> Outcome {
    let app = App::open().await?;
    match app.store.emergency_stop().await? {
        Some(stop) => {
            app.store.set_emergency_stop(None).await?;
            eprintln!(
                "the emergency stop is off; it was on since {} by {} ({})",
                stop.since, stop.by, stop.reason
            );
        }
        None => eprintln!("the emergency stop was not on"),
    }
    Ok(0)
}
