//! Logs of containers.

use super::{Answer, Asked};
use crate::fields;
use crate::world::World;
use crate::world::kind::Kind;
use crate::world::refusal::Refusal;
use serde_json::Value;

pub(super) fn answer(world: &World, asked: &Asked, namespace: &str, name: &str) -> Result<Answer, Refusal> {
    for unknown in ["follow", "sinceSeconds", "sinceTime", "stream"] {
        if !matches!(asked.query.text(unknown), "" | "false") {
            return Err(Refusal::not_simulated(&format!("logs with {unknown}")));
        }
    }
    let Some(pod) = world.get(Kind::Pod, namespace, name) else {
        return Err(Refusal::not_found(Kind::Pod.row(), name));
    };
    let container = container(pod, asked.query.text("container"))?;
    let previous = asked.query.flag("previous");
    if let Some(removed) = world.kubelet.removed_run(fields::uid(pod), &container)
        && previous
    {
        // with 200, as the real kubelet does
        return Ok(Answer::Text(format!("unable to retrieve container logs for {removed}")));
    }
    let Some(lines) = world.kubelet.log(fields::uid(pod), &container, previous) else {
        return Err(missing(pod, &container, previous));
    };
    // what is written later in this run has not been written yet
    let mut written: Vec<&(u64, String)> = lines.iter().filter(|(at, _)| *at <= world.now()).collect();
    if let Some(tail) = asked.query.count("tailLines")? {
        written.drain(..written.len().saturating_sub(tail));
    }
    let stamped = asked.query.flag("timestamps");
    let mut text = String::new();
    for (at, line) in written {
        if stamped {
            text.push_str(&fields::time(*at));
            text.push(' ');
        }
        text.push_str(line);
        text.push('\n');
    }
    if let Some(most) = asked.query.count("limitBytes")? {
        while text.len() > most {
            text.pop();
        }
    }
    Ok(Answer::Text(text))
}

fn container(pod: &Value, asked: &str) -> Result<String, Refusal> {
    let names = |list: &str| -> Vec<String> {
        fields::list(pod, list)
            .iter()
            .map(|c| fields::text(c, "/name").to_owned())
            .collect()
    };
    let (main, init) = (names("/spec/containers"), names("/spec/initContainers"));
    let pod = fields::name(pod);
    if asked.is_empty() {
        return match main.as_slice() {
            [only] => Ok(only.clone()),
            many => Err(Refusal::bad_request(format!(
                "a container name must be specified for pod {pod}, choose one of: [{}]",
                many.join(" ")
            ))),
        };
    }
    if main.iter().chain(&init).any(|n| n == asked) {
        Ok(asked.to_owned())
    } else {
        Err(Refusal::bad_request(format!(
            "container {asked} is not valid for pod {pod}"
        )))
    }
}

fn missing(pod: &Value, container: &str, previous: bool) -> Refusal {
    let name = fields::name(pod);
    if previous {
        return Refusal::bad_request(format!(
            "previous terminated container {container:?} in pod {name:?} not found"
        ));
    }
    let status = fields::list(pod, "/status/containerStatuses")
        .iter()
        .find(|c| c["name"] == container);
    let why = match status.map_or("", |s| fields::text(s, "/state/waiting/reason")) {
        "" => return Refusal::bad_request(format!("container {container:?} in pod {name:?} is not available")),
        "ErrImagePull" => "image can't be pulled",
        "ImagePullBackOff" => "trying and failing to pull image",
        reason => reason,
    };
    Refusal::bad_request(format!(
        "container {container:?} in pod {name:?} is waiting to start: {why}"
    ))
}
