//! Which grant a function of the contract needs.
//!
//! | function | grant |
//! | --- | --- |
//! | `dreamops:kubernetes/read#get`, `#list` | `kubernetes/read/PLURAL` of the kind that is asked for |
//! | `dreamops:kubernetes/read#logs` and the other facts | `kubernetes/read/logs`, … (`health-of` → `health`) |
//! | `dreamops:plan/draft#[method]draft.scale` | `plan/scale` |
//! | `dreamops:incident/view`, `dreamops:host/*` | none: they show what the host already decided to show |
//!
//! A function of `read` or `draft` that is not in this table needs a grant that does not exist, so that nothing
//! new is open by oversight.

use dreamops_domain::grant::Grants;
use std::fmt;

/// What a function needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// The grant of the kind that is asked for; to import it, at least one kind.
    Kind,
    /// This grant.
    Grant(String),
}

/// What a function of an interface (with or without its version) needs.
pub fn needs(interface: &str, function: &str) -> Needs {
    let interface = interface.split('@').next().unwrap_or(interface);
    match interface {
        "dreamops:kubernetes/read" => match function {
            "get" | "list" => Needs::Kind,
            fact => Needs::Grant(format!("kubernetes/read/{}", fact.strip_suffix("-of").unwrap_or(fact))),
        },
        "dreamops:plan/draft" => Needs::Grant(format!(
            "plan/{}",
            function.strip_prefix("[method]draft.").unwrap_or(function)
        )),
        _ => Needs::Nothing,
    }
}

impl Needs {
    /// Whether a component with these grants may import the function.
    pub fn met_by(&self, grants: &Grants) -> bool {
        match self {
            Self::Nothing => true,
            Self::Grant(grant) => grants.allows(grant),
            Self::Kind => dreamops_domain::object::KINDS
                .iter()
                .any(|(_, plural)| grants.allows(&format!("kubernetes/read/{plural}"))),
        }
    }
}

impl fmt::Display for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Kind => f.write_str("kubernetes/read/KIND, such as kubernetes/read/pods"),
            Self::Grant(grant) => f.write_str(grant),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dreamops_domain::grant;
    use std::collections::BTreeSet;

    #[test]
    fn every_function_of_the_contract_needs_a_grant_that_exists_or_is_harmless() {
        let contract = crate::contract::contract().expect("wit/ is valid");
        let existing: BTreeSet<String> = grant::all().into_iter().collect();
        for (interface, function) in contract.offered() {
            match needs(interface, &function.name) {
                Needs::Grant(grant) => {
                    assert!(existing.contains(&grant), "{interface}#{}: {grant}", function.name);
                }
                Needs::Kind => assert!(["get", "list"].contains(&function.name.as_str())),
                Needs::Nothing => assert!(
                    ["dreamops:incident/view@", "dreamops:host/"]
                        .iter()
                        .any(|free| interface.starts_with(free)),
                    "{interface}#{} is open to everyone",
                    function.name
                ),
            }
        }
    }

    #[test]
    fn every_action_and_fact_that_can_be_granted_is_a_function() {
        let contract = crate::contract::contract().expect("wit/ is valid");
        let needed: BTreeSet<String> = contract
            .offered()
            .filter_map(|(interface, f)| match needs(interface, &f.name) {
                Needs::Grant(grant) => Some(grant),
                _ => None,
            })
            .collect();
        for action in grant::ACTIONS {
            assert!(needed.contains(&format!("plan/{action}")), "{action}");
        }
        for fact in grant::FACTS {
            assert!(needed.contains(&format!("kubernetes/read/{fact}")), "{fact}");
        }
    }
}
