//! set-resources: requests and limits of one container, init containers included, within the operator's caps.
//!
//! An amount that means the same as the stored one keeps the stored text: `1024Mi` for `1Gi` would be another
//! template and roll every pod for nothing. What is not asked for stays as it is.

use crate::act::draft::{Draft, Effect};
use crate::act::{Actor, Bounds, not_allowed, pods, pointer};
use crate::quantity::{self, Quantity};
use dreamops_domain::object::ObjectRef;
use dreamops_domain::plan::Amounts;
use dreamops_domain::ports::ActError;
use serde_json::{Value, json};

/// What a step asks for.
pub(super) struct Asked<'a> {
    pub(super) container: &'a str,
    pub(super) requests: Amounts,
    pub(super) limits: Amounts,
}

impl Actor {
    pub(super) async fn set_resources(
        &self,
        workload: &ObjectRef,
        live: Value,
        asked: &Asked<'_>,
    ) -> Result<Draft, ActError> {
        pods::rolls_by_itself(workload, &live)?;
        within_caps(asked, &self.bounds)?;
        let wanted = with_amounts(workload, &live, asked)?;
        let mut draft = Draft::new(workload, live, wanted, Effect::Rollout);
        draft.stuck = self.stuck_pods(&draft).await?;
        Ok(draft)
    }
}

fn within_caps(asked: &Asked<'_>, bounds: &Bounds) -> Result<(), ActError> {
    for (what, amounts) in [("request", asked.requests), ("limit", asked.limits)] {
        if let Some(memory) = amounts.memory_bytes {
            within(what, "memory", memory, bounds.max_memory_bytes, quantity::memory)?;
        }
        if let Some(cpu) = amounts.cpu_millis {
            within(what, "cpu", cpu, bounds.max_cpu_millis, quantity::cpu)?;
        }
    }
    let nothing = Amounts::default();
    if asked.requests == nothing && asked.limits == nothing {
        return Err(not_allowed("no amount is given, so there is nothing to set"));
    }
    Ok(())
}

fn within(what: &str, resource: &str, wanted: u64, cap: u64, text: fn(u64) -> String) -> Result<(), ActError> {
    if wanted == 0 {
        return Err(not_allowed(format!("a {resource} {what} of zero is no amount")));
    }
    if wanted > cap {
        return Err(not_allowed(format!(
            "a {resource} {what} of {} is above the operator's cap of {}",
            text(wanted),
            text(cap)
        )));
    }
    Ok(())
}

/// Where containers stand in a pod's spec. A name is in one of them only.
const LISTS: [&str; 2] = ["containers", "initContainers"];

fn containers<'a>(live: &'a Value, list: &str) -> &'a [Value] {
    pointer::list(live, &format!("/spec/template/spec/{list}"))
}

fn place_of(live: &Value, name: &str) -> Option<(&'static str, usize)> {
    LISTS
        .into_iter()
        .find_map(|list| Some((list, containers(live, list).iter().position(|c| c["name"] == name)?)))
}

fn with_amounts(workload: &ObjectRef, live: &Value, asked: &Asked<'_>) -> Result<Value, ActError> {
    let (list, place) = place_of(live, asked.container).ok_or_else(|| {
        let all = LISTS.iter().flat_map(|list| containers(live, list));
        let names: Vec<&str> = all.map(|c| pointer::text(c, "/name")).collect();
        not_allowed(format!(
            "{workload} has no container {:?}; it has {}",
            asked.container,
            names.join(", ")
        ))
    })?;
    let present = &containers(live, list)[place];
    let mut wanted = live.clone();
    let index = place.to_string();
    for (group, amounts) in [("requests", asked.requests), ("limits", asked.limits)] {
        let memory = amounts
            .memory_bytes
            .map(|b| ("memory", quantity::memory(b), Quantity::bytes(b)));
        let cpu = amounts
            .cpu_millis
            .map(|m| ("cpu", quantity::cpu(m), Quantity::millicores(m)));
        for (resource, text, amount) in [memory, cpu].into_iter().flatten() {
            let stored = &present["resources"][group][resource];
            if Quantity::from_json(stored) != Some(amount) {
                let path = ["spec", "template", "spec", list, &index, "resources", group, resource];
                pointer::set(&mut wanted, &path, json!(text));
            }
        }
    }
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live() -> Value {
        json!({"spec": {"template": {"spec": {"containers": [
            {"name": "web", "resources": {"limits": {"memory": "1Gi"}}}, {"name": "log"}]}}}})
    }

    fn asked(container: &str, request: Option<u64>, limit: Option<u64>) -> Asked<'_> {
        let amounts = |memory_bytes| Amounts {
            cpu_millis: None,
            memory_bytes,
        };
        Asked {
            container,
            requests: amounts(request),
            limits: amounts(limit),
        }
    }

    #[test]
    fn one_container_is_set_and_absent_parents_are_made() {
        let web = ObjectRef::new("Deployment", "n", "web", "u");
        let wanted = with_amounts(&web, &live(), &asked("log", Some(64 << 20), Some(96 << 20))).expect("allowed");
        assert_eq!(
            wanted["spec"]["template"]["spec"]["containers"],
            json!([{"name": "web", "resources": {"limits": {"memory": "1Gi"}}},
                {"name": "log", "resources": {"requests": {"memory": "64Mi"}, "limits": {"memory": "96Mi"}}}])
        );
        assert!(with_amounts(&web, &live(), &asked("other", None, Some(1))).is_err());
    }

    #[test]
    fn an_init_container_is_set_by_its_name() {
        let web = ObjectRef::new("Deployment", "n", "web", "u");
        let mut live = live();
        live["spec"]["template"]["spec"]["initContainers"] =
            json!([{"name": "wait"}, {"name": "seed", "resources": {"limits": {"memory": "10Mi"}}}]);
        let wanted = with_amounts(&web, &live, &asked("seed", None, Some(15 << 20))).expect("allowed");
        let template = &wanted["spec"]["template"]["spec"];
        assert_eq!(
            template["initContainers"],
            json!([{"name": "wait"}, {"name": "seed", "resources": {"limits": {"memory": "15Mi"}}}])
        );
        assert_eq!(template["containers"], live["spec"]["template"]["spec"]["containers"]);
        let refused = with_amounts(&web, &live, &asked("other", None, Some(1))).expect_err("there is none");
        assert!(refused.to_string().contains("it has web, log, wait, seed"), "{refused}");
    }

    #[test]
    fn an_amount_that_means_the_same_keeps_its_text() {
        let mut stored = live();
        stored["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"] = json!("1024Mi");
        let web = ObjectRef::new("Deployment", "n", "web", "u");
        assert_eq!(
            with_amounts(&web, &stored, &asked("web", None, Some(1 << 30))).ok(),
            Some(stored)
        );
    }

    #[test]
    fn the_caps_hold() {
        let bounds = Bounds {
            max_memory_bytes: 1 << 30,
            ..Bounds::default()
        };
        assert!(within_caps(&asked("web", None, Some(1 << 30)), &bounds).is_ok());
        assert!(within_caps(&asked("web", None, Some((1 << 30) + 1)), &bounds).is_err());
        assert!(within_caps(&asked("web", Some(2 << 30), None), &bounds).is_err());
        assert!(within_caps(&asked("web", None, Some(0)), &bounds).is_err());
        assert!(within_caps(&asked("web", None, None), &bounds).is_err());
    }
}
