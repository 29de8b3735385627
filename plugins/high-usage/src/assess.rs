//! How sure this strategy is that a case is its own: the alert has to be about use, and nothing may have crashed.

use crate::cause::ill;
use crate::measure::Resource;
use dreamops_sdk::owner;
use dreamops_sdk::prelude::*;

pub(crate) fn assess(incident: &Incident) -> Result<Assessment, Failure> {
    let about = Resource::of_alert(incident);
    if about.is_empty() {
        return Ok(Assessment::not_mine(
            "alert",
            "it is not about use of processor or memory",
        ));
    }
    let subject = owner::subject(incident)?;
    if let Some((pod, container, fault)) = ill(&subject) {
        let seen = format!("{}: {container}: a case of {fault}", pod.name());
        return Ok(Assessment::not_mine("container-state", seen));
    }
    let names: Vec<&str> = about.iter().map(|r| r.name()).collect();
    let seen = format!(
        "it is about use of {}, and no container of {} fails",
        names.join(" and "),
        subject.object
    );
    Ok(Assessment::claiming(0.85).agrees("alert", seen))
}
