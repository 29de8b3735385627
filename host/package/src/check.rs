//! The contract check: what a file is, what it says about itself, and whether the host would take it.
//!
//! It reads bytes only, in this order, and stops at the first thing that is wrong: size → is it a whole
//! component → manifest → versions of imports and exports → functions and the types they use → grants.

use crate::artefact::digest;
use crate::capability::needs;
use crate::contract::{Contract, contract};
use crate::manifest::{ManifestError, read_section, validate};
use crate::shape::Shapes;
use dreamops_domain::manifest::Manifest;
use serde::Serialize;
use std::collections::BTreeMap;
use wasmparser::{Chunk, Parser, Payload};
use wit_component::DecodedWasm;
use wit_parser::{InterfaceId, Resolve, WorldId, WorldItem};

/// The most bytes a component may have: 16 MiB. A strategy in Rust has some hundred KiB; a Python one, 10 MiB.
pub const SIZE_CAP: usize = 16 * 1024 * 1024;

/// Why the host does not take a file.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ContractError {
    /// Above [`SIZE_CAP`].
    #[error(
        "the file has {size} bytes and a component may have {SIZE_CAP}; build it with the `guest` profile, which `dreamops plugin build` does"
    )]
    TooLarge {
        /// Its size.
        size: usize,
    },
    /// Other than WebAssembly.
    #[error("the file is not WebAssembly; `dreamops plugin build DIR` makes a component of a plugin's crate")]
    NotWasm,
    /// WebAssembly, but no component.
    #[error("the file is a core module, not a component; `dreamops plugin build DIR` encodes it")]
    CoreModule,
    /// A component of a format that is not read here.
    #[error("the file is WebAssembly of an unknown format ({0}); build it with `dreamops plugin build DIR`")]
    UnknownFormat(String),
    /// The file ends early.
    #[error("the file is cut short after {size} bytes; copy or build it again")]
    Truncated {
        /// Its size.
        size: usize,
    },
    /// The parts do not make a component.
    #[error("the file is not a valid component: {0}; build it again")]
    Malformed(String),
    /// The manifest is missing or wrong.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// It imports WASI.
    #[error(
        "it imports {interface}, and this version of dreamops offers no WASI; build it for wasm32-unknown-unknown, without files, clocks, random numbers or environment of its own"
    )]
    Wasi {
        /// The interface.
        interface: String,
    },
    /// It was built for another version of the contract.
    #[error("it was built for {package} {wanted} and this version of dreamops has {}; {}", offered.join(", "), version_advice(wanted, offered))]
    OtherVersion {
        /// The package.
        package: String,
        /// The version that the component wants.
        wanted: String,
        /// The versions that the host has.
        offered: Vec<String>,
    },
    /// It imports what does not exist.
    #[error("it imports {import}, which the host does not offer; a strategy may import {}", offered.join(", "))]
    UnknownImport {
        /// What it imports.
        import: String,
        /// What there is.
        offered: Vec<String>,
    },
    /// It imports a function that does not exist in an interface that does.
    #[error(
        "it imports {function} of {interface}, which the host does not offer; build it against the `wit/` of this version of dreamops"
    )]
    UnknownFunction {
        /// The interface.
        interface: String,
        /// The function.
        function: String,
    },
    /// It does not export what the host calls.
    #[error("it does not export {export}; does the crate export a strategy through the SDK's macro?")]
    MissingExport {
        /// The interface, or the function with its interface.
        export: String,
    },
    /// A type is not the contract's.
    #[error(
        "{function} of {interface} has another shape in the component: {place}: {detail}; build it against the `wit/` of this version of dreamops"
    )]
    Mismatch {
        /// The interface.
        interface: String,
        /// The function that uses the type.
        function: String,
        /// The type, such as ``record `object-ref` ``.
        place: String,
        /// What differs.
        detail: String,
    },
    /// It imports more than its manifest asks for.
    #[error(
        "it imports {function} of {interface} and its manifest does not ask for {grant}; add it with a reason to [package.metadata.dreamops.grants] in Cargo.toml, or do not call it"
    )]
    NotAsked {
        /// The interface.
        interface: String,
        /// The function.
        function: String,
        /// The grant that is missing.
        grant: String,
    },
    /// This program's own contract cannot be read: our defect.
    #[error("{0}")]
    Host(String),
}

fn version_advice(wanted: &str, offered: &[String]) -> String {
    let parse = |text: &str| semver::Version::parse(text).ok();
    let newest = offered.iter().filter_map(|v| parse(v)).max();
    match (parse(wanted), newest) {
        (Some(wanted), Some(newest)) if wanted > newest => {
            format!("update dreamops, or build the component against {newest}")
        }
        _ => "build it again with the SDK of this version of dreamops".to_owned(),
    }
}

/// What a component says about itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Inspection {
    /// Its manifest.
    pub manifest: Manifest,
    /// SHA-256 of the file, lower-case hexadecimal.
    pub digest: String,
    /// Its size in bytes.
    pub size: usize,
    /// The interfaces with their versions that it imports, and the functions it uses of each.
    pub imports: BTreeMap<String, Vec<String>>,
    /// The interfaces with their versions that it exports, and their functions.
    pub exports: BTreeMap<String, Vec<String>>,
}

/// Reads what a component says about itself, without judging whether the host would take it.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, ContractError> {
    Ok(open(bytes)?.inspection)
}

/// Whether the host would take a file as a strategy, before any engine sees it.
pub fn check(bytes: &[u8]) -> Result<Inspection, ContractError> {
    let component = open(bytes)?;
    let contract = contract().map_err(|error| ContractError::Host(error.to_string()))?;
    component.judge(contract)?;
    Ok(component.inspection)
}

/// A component that was read whole.
struct Component {
    resolve: Resolve,
    world: WorldId,
    inspection: Inspection,
}

fn open(bytes: &[u8]) -> Result<Component, ContractError> {
    if bytes.len() > SIZE_CAP {
        return Err(ContractError::TooLarge { size: bytes.len() });
    }
    walk(bytes)?;
    let manifest = read_section(bytes)?;
    let (resolve, world) = decode(bytes)?;
    let list = |items: &mut dyn Iterator<Item = (String, &WorldItem)>| {
        items
            .map(|(name, item)| match item {
                WorldItem::Interface { id, .. } => (name, resolve.interfaces[*id].functions.keys().cloned().collect()),
                _ => (name, Vec::new()),
            })
            .collect::<BTreeMap<String, Vec<String>>>()
    };
    let named = |(key, item)| (resolve.name_world_key(key), item);
    let imports = list(&mut resolve.worlds[world].imports.iter().map(named));
    let exports = list(&mut resolve.worlds[world].exports.iter().map(named));
    Ok(Component {
        world,
        inspection: Inspection {
            manifest,
            digest: digest(bytes),
            size: bytes.len(),
            imports,
            exports,
        },
        resolve,
    })
}

/// Walks all sections, to tell a file that ends early from one that is wrong.
fn walk(bytes: &[u8]) -> Result<(), ContractError> {
    let truncated = || ContractError::Truncated { size: bytes.len() };
    let head = &bytes[..bytes.len().min(4)];
    if !b"\0asm".starts_with(head) {
        return Err(ContractError::NotWasm);
    }
    if bytes.len() < 8 {
        return Err(truncated());
    }
    if Parser::is_core_wasm(bytes) {
        return Err(ContractError::CoreModule);
    }
    if !Parser::is_component(bytes) {
        return Err(ContractError::UnknownFormat(hex::encode(&bytes[4..8])));
    }
    let mut parser = Parser::new(0);
    let mut above = Vec::new();
    let mut rest = bytes;
    loop {
        let at_end = rest.is_empty();
        let (consumed, payload) = match parser.parse(rest, at_end) {
            Ok(Chunk::Parsed { consumed, payload }) => (consumed, payload),
            Ok(Chunk::NeedMoreData(_)) => return Err(truncated()),
            Err(_) if at_end => return Err(truncated()),
            Err(error) => return Err(ContractError::Malformed(error.message().to_owned())),
        };
        rest = &rest[consumed..];
        match payload {
            Payload::ModuleSection {
                parser: inner,
                unchecked_range,
            }
            | Payload::ComponentSection {
                parser: inner,
                unchecked_range,
            } => {
                if unchecked_range.end > bytes.len() {
                    return Err(truncated());
                }
                above.push(std::mem::replace(&mut parser, inner));
            }
            Payload::End(_) => match above.pop() {
                Some(outer) => parser = outer,
                None => return Ok(()),
            },
            _ => {}
        }
    }
}

/// Validates, and reads the types.
fn decode(bytes: &[u8]) -> Result<(Resolve, WorldId), ContractError> {
    // the decoder asserts what valid components of other origin need not hold; a bad file must not end the program
    let decoded = std::panic::catch_unwind(|| wit_component::decode(bytes))
        .map_err(|_| ContractError::Malformed("its types cannot be read".into()))?
        .map_err(|error| ContractError::Malformed(format!("{error:#}")))?;
    match decoded {
        DecodedWasm::Component(resolve, world) => Ok((resolve, world)),
        DecodedWasm::WitPackage(..) => Err(ContractError::Malformed(
            "it is an encoded WIT package, which has no code".into(),
        )),
    }
}

impl Component {
    fn judge(&self, contract: &Contract) -> Result<(), ContractError> {
        let world = &self.resolve.worlds[self.world];
        for name in self.inspection.imports.keys().chain(self.inspection.exports.keys()) {
            check_version(contract, name)?;
        }
        for (key, item) in &world.imports {
            self.judge_import(contract, &self.resolve.name_world_key(key), item)?;
        }
        let exported: BTreeMap<String, InterfaceId> = world
            .exports
            .iter()
            .filter_map(|(key, item)| match item {
                WorldItem::Interface { id, .. } => Some((self.resolve.name_world_key(key), *id)),
                _ => None,
            })
            .collect();
        for (name, wanted) in contract.exports() {
            let found = exported
                .get(name)
                .ok_or_else(|| ContractError::MissingExport { export: name.clone() })?;
            self.judge_export(contract, name, *wanted, *found)?;
        }
        self.judge_grants()
    }

    fn judge_import(&self, contract: &Contract, name: &str, item: &WorldItem) -> Result<(), ContractError> {
        let (WorldItem::Interface { id, .. }, Some(offered)) = (item, contract.imports().get(name)) else {
            return Err(if name.starts_with("wasi:") {
                ContractError::Wasi {
                    interface: name.to_owned(),
                }
            } else {
                ContractError::UnknownImport {
                    import: name.to_owned(),
                    offered: contract.imports().keys().cloned().collect(),
                }
            });
        };
        for function in self.resolve.interfaces[*id].functions.values() {
            let known = contract.resolve().interfaces[*offered]
                .functions
                .get(&function.name)
                .ok_or_else(|| ContractError::UnknownFunction {
                    interface: name.to_owned(),
                    function: function.name.clone(),
                })?;
            self.compare(contract, name, known, function)?;
        }
        Ok(())
    }

    fn judge_export(
        &self,
        contract: &Contract,
        name: &str,
        wanted: InterfaceId,
        found: InterfaceId,
    ) -> Result<(), ContractError> {
        for function in contract.resolve().interfaces[wanted].functions.values() {
            let exported = self.resolve.interfaces[found]
                .functions
                .get(&function.name)
                .ok_or_else(|| ContractError::MissingExport {
                    export: format!("{} of {name}", function.name),
                })?;
            self.compare(contract, name, function, exported)?;
        }
        Ok(())
    }

    fn compare(
        &self,
        contract: &Contract,
        interface: &str,
        host: &wit_parser::Function,
        guest: &wit_parser::Function,
    ) -> Result<(), ContractError> {
        Shapes {
            host: contract.resolve(),
            guest: &self.resolve,
        }
        .functions(host, guest)
        .map_err(|difference| ContractError::Mismatch {
            interface: interface.to_owned(),
            function: guest.name.clone(),
            place: difference.place,
            detail: difference.detail,
        })
    }

    fn judge_grants(&self) -> Result<(), ContractError> {
        let asked = validate(&self.inspection.manifest)?;
        for (interface, functions) in &self.inspection.imports {
            for function in functions {
                let needs = needs(interface, function);
                if !needs.met_by(&asked) {
                    return Err(ContractError::NotAsked {
                        interface: interface.clone(),
                        function: function.clone(),
                        grant: needs.to_string(),
                    });
                }
            }
        }
        Ok(())
    }
}

/// Refuses a package that the host has in other versions only.
fn check_version(contract: &Contract, interface: &str) -> Result<(), ContractError> {
    let Some((path, wanted)) = interface.split_once('@') else {
        return Ok(());
    };
    let package = path.split('/').next().unwrap_or(path);
    let offered = contract.versions(package);
    if offered.is_empty() || offered.iter().any(|version| version == wanted) {
        return Ok(());
    }
    Err(ContractError::OtherVersion {
        package: package.to_owned(),
        wanted: wanted.to_owned(),
        offered,
    })
}
