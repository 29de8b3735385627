//! The contract that this program serves: the files of `wit/`, parsed once.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use wit_parser::{Function, InterfaceId, Resolve, UnresolvedPackageGroup, WorldId, WorldItem};

/// The files of `wit/` with their texts; the last one holds the worlds.
pub const SOURCES: [(&str, &str); 6] = [
    ("incident.wit", include_str!("../../../wit/deps/incident/incident.wit")),
    ("plan.wit", include_str!("../../../wit/deps/plan/plan.wit")),
    (
        "kubernetes.wit",
        include_str!("../../../wit/deps/kubernetes/kubernetes.wit"),
    ),
    ("strategy.wit", include_str!("../../../wit/deps/strategy/strategy.wit")),
    ("host.wit", include_str!("../../../wit/deps/host/host.wit")),
    ("worlds.wit", include_str!("../../../wit/worlds.wit")),
];

/// The texts do not make a contract: what is wrong, as the parser says it.
#[derive(Debug, thiserror::Error)]
#[error("the contract cannot be read: {0}")]
pub struct BadContract(String);

/// A parsed contract with its one world, `strategy`.
#[derive(Clone, Debug)]
pub struct Contract {
    resolve: Resolve,
    world: WorldId,
    imports: BTreeMap<String, InterfaceId>,
    exports: BTreeMap<String, InterfaceId>,
}

impl Contract {
    /// Reads a contract from texts in any order but the last, which holds `world strategy`.
    pub fn parse<'a>(sources: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, BadContract> {
        let mut groups = Vec::new();
        for (path, text) in sources {
            let group = UnresolvedPackageGroup::parse(path, text)
                .map_err(|(_, error)| BadContract(format!("{path}: {error}")))?;
            groups.push(group);
        }
        let Some(worlds) = groups.pop() else {
            return Err(BadContract("there are no texts".into()));
        };
        let mut resolve = Resolve::default();
        let package = resolve
            .push_groups(worlds, groups)
            .map_err(|error| BadContract(error.to_string()))?;
        let world = resolve
            .select_world(&[package], Some("strategy"))
            .map_err(|error| BadContract(error.to_string()))?;
        let names = |items: &mut dyn Iterator<Item = &WorldItem>| {
            items
                .filter_map(|item| match item {
                    WorldItem::Interface { id, .. } => Some((resolve.id_of(*id)?, *id)),
                    _ => None,
                })
                .collect::<BTreeMap<_, _>>()
        };
        let imports = names(&mut resolve.worlds[world].imports.values());
        let exports = names(&mut resolve.worlds[world].exports.values());
        Ok(Self {
            resolve,
            world,
            imports,
            exports,
        })
    }

    /// The parsed packages.
    pub fn resolve(&self) -> &Resolve {
        &self.resolve
    }

    /// The world `strategy`.
    pub fn world(&self) -> WorldId {
        self.world
    }

    /// What the host offers: interface names with versions, such as `dreamops:host/log@0.1.0`.
    pub fn imports(&self) -> &BTreeMap<String, InterfaceId> {
        &self.imports
    }

    /// What a strategy has to export.
    pub fn exports(&self) -> &BTreeMap<String, InterfaceId> {
        &self.exports
    }

    /// Every function that the host offers, with the name of its interface.
    pub fn offered(&self) -> impl Iterator<Item = (&str, &Function)> {
        self.imports.iter().flat_map(|(name, id)| {
            self.resolve.interfaces[*id]
                .functions
                .values()
                .map(move |function| (name.as_str(), function))
        })
    }

    /// The versions of a package (`dreamops:plan`) that the host serves.
    pub fn versions(&self, package: &str) -> Vec<String> {
        self.resolve
            .package_names
            .keys()
            .filter(|name| format!("{}:{}", name.namespace, name.name) == package)
            .filter_map(|name| name.version.as_ref().map(ToString::to_string))
            .collect()
    }
}

/// The contract of this program.
pub fn contract() -> Result<&'static Contract, &'static BadContract> {
    static CONTRACT: OnceLock<Result<Contract, BadContract>> = OnceLock::new();
    CONTRACT.get_or_init(|| Contract::parse(SOURCES)).as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_in_wit_can_be_read_and_has_the_strategy() {
        let contract = contract().expect("wit/ is valid");
        assert!(contract.exports().contains_key("dreamops:strategy/strategy@0.1.0"));
        assert!(contract.offered().count() > 35);
        assert_eq!(contract.versions("dreamops:plan"), ["0.1.0"]);
    }

    #[test]
    fn every_offered_function_is_documented() {
        let contract = contract().expect("wit/ is valid");
        for (interface, function) in contract.offered() {
            assert!(function.docs.contents.is_some(), "{interface}#{}", function.name);
        }
    }
}
