//! From bytes to a component that can be called: contract check → grants → compile → link → `describe` → swap.

use crate::bindings::{Strategy, StrategyPre};
use crate::catalogue::{Origin, Plugin};
use crate::guest::Guest;
use crate::sandbox::Sandbox;
use dreamops_domain::grant::Grants;
use dreamops_domain::manifest::StrategyInfo;
use dreamops_domain::ports::CallError;
use dreamops_package::{ContractError, Inspection};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wasmtime::Engine;
use wasmtime::component::{Component, HasSelf, Linker};

/// Why a component was not loaded. What was loaded before stays.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(std::io::Error),
    /// It breaks the contract.
    #[error(transparent)]
    Contract(#[from] ContractError),
    /// Its manifest cannot be read after all.
    #[error(transparent)]
    Manifest(#[from] dreamops_package::ManifestError),
    /// The engine does not take it: it wants more memory or other features than components may have.
    #[error("the engine does not take it: {0}; build it with `dreamops plugin build`")]
    Engine(String),
    /// It does not answer the first question.
    #[error("it was asked to describe itself and {0}")]
    Describe(CallError),
    /// Another file in the directory carries the same name.
    #[error("{name} is already loaded from {}; remove one of the two files", kept.display())]
    SameName {
        /// The name.
        name: String,
        /// The file that stays.
        kept: PathBuf,
    },
    /// The operator turned it off.
    #[error("{name} is turned off by `[plugins.{name}] enabled = false`")]
    Disabled {
        /// The name.
        name: String,
    },
    /// A first-party component whose place an operator's file has taken.
    #[error("{name} is replaced by {}", by.display())]
    Replaced {
        /// The name.
        name: String,
        /// The operator's file.
        by: PathBuf,
    },
    /// The program is ending.
    #[error("the program is ending")]
    Ending,
}

/// A component that was not loaded, for the operator to read.
#[derive(Debug)]
pub struct LoadProblem {
    /// The file, or `built in`.
    pub file: String,
    /// Why.
    pub error: LoadError,
}

impl std::fmt::Display for LoadProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.file, self.error)
    }
}

/// Links every function of the contract. Done once: what a component imports is only looked up.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    Strategy::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    Ok(linker)
}

impl Sandbox {
    /// Loads a component and swaps it in. Calls that run go on with the one they began with.
    pub async fn load(&self, bytes: Vec<u8>, origin: Origin) -> Result<StrategyInfo, LoadError> {
        let plugin = self.prepare(bytes, origin).await?;
        self.install(plugin)
    }

    /// Loads components that came with the program, at once, and keeps their order. A bad one is a problem in the list.
    pub async fn load_first_party(&self, all: Vec<Vec<u8>>) -> Vec<LoadProblem> {
        let prepared = all.into_iter().map(|bytes| self.prepare(bytes, Origin::FirstParty));
        let mut problems = Vec::new();
        for prepared in futures::future::join_all(prepared).await {
            if let Err(error) = prepared.and_then(|plugin| self.install(plugin)) {
                problems.push(LoadProblem {
                    file: "built in".into(),
                    error,
                });
            }
        }
        problems
    }

    /// Loads every `*.wasm` of a folder in the order of names, beside or in the place of first-party ones.
    ///
    /// A folder that does not exist is empty. A bad file is a problem in the list and stops nothing.
    pub async fn load_directory(&self, folder: &Path) -> Vec<LoadProblem> {
        let mut problems = Vec::new();
        let files = match components_in(folder) {
            Ok(files) => files,
            Err(error) => {
                problems.push(LoadProblem {
                    file: folder.display().to_string(),
                    error: LoadError::Unreadable(error),
                });
                return problems;
            }
        };
        let prepared = files.into_iter().map(|file| async move {
            let result = match read_capped(&file) {
                Ok(bytes) => self.prepare(bytes, Origin::Directory(file.clone())).await,
                Err(error) => Err(error),
            };
            (file, result)
        });
        for (file, result) in futures::future::join_all(prepared).await {
            if let Err(error) = result.and_then(|plugin| self.install(plugin)) {
                problems.push(LoadProblem {
                    file: file.display().to_string(),
                    error,
                });
            }
        }
        problems
    }

    /// Loads a kept component beside what is installed, in the place of none.
    pub(crate) async fn load_kept(&self, bytes: Vec<u8>) -> Result<StrategyInfo, LoadError> {
        let plugin = Arc::new(self.prepare(bytes, Origin::Kept).await?);
        self.catalogue
            .rcu(|catalogue| Arc::new(catalogue.with_revived(Arc::clone(&plugin))));
        Ok(plugin.info.clone())
    }

    /// Everything but the swap.
    async fn prepare(&self, bytes: Vec<u8>, origin: Origin) -> Result<Plugin, LoadError> {
        let (engine, linker) = (self.engine.clone(), self.linker.clone());
        let file: Arc<[u8]> = bytes.into();
        let bytes = Arc::clone(&file);
        // checking and compiling keep a processor busy, so neither runs where requests are served
        let compiled = self
            .guests()
            .map_err(|_| LoadError::Ending)?
            .spawn_blocking(move || compile(&engine, &linker, &bytes))
            .await
            .map_err(|error| LoadError::Engine(error.to_string()))??;
        let (inspection, pre) = compiled;
        let plugin = self.granted(inspection, pre, origin, file)?;
        let described = self.describe(Arc::clone(&plugin)).await.map_err(LoadError::Describe)?;
        let mut plugin = Arc::unwrap_or_clone(plugin);
        plugin.described = described;
        Ok(plugin)
    }

    /// Works out what it is granted.
    fn granted(
        &self,
        inspection: Inspection,
        pre: StrategyPre<Guest>,
        origin: Origin,
        file: Arc<[u8]>,
    ) -> Result<Arc<Plugin>, LoadError> {
        let name = inspection.manifest.name.clone();
        let own = self.settings.plugins.get(&name).cloned().unwrap_or_default();
        if !own.enabled {
            return Err(LoadError::Disabled { name });
        }
        let asked: Grants = dreamops_package::validate(&inspection.manifest)?;
        let grants = asked.intersect(own.allowed.as_ref().unwrap_or(&self.settings.allowed));
        let withheld = asked.iter().filter(|g| !grants.allows(g));
        let first_party = origin == Origin::FirstParty;
        let default_cap = if first_party {
            1.0
        } else {
            self.settings.third_party_confidence
        };
        Ok(Arc::new(Plugin {
            info: StrategyInfo {
                manifest: inspection.manifest.clone(),
                digest: inspection.digest.clone(),
                first_party,
            },
            withheld: withheld.map(str::to_owned).collect(),
            grants,
            settings: own.settings,
            described: Vec::new(),
            confidence_cap: own.confidence_cap.unwrap_or(default_cap).clamp(0.0, 1.0),
            recorder: self.settings.recorder.clone(),
            origin,
            inspection,
            pre,
            file,
        }))
    }

    /// Puts it into the catalogue, unless a name is taken by what goes before it.
    fn install(&self, plugin: Plugin) -> Result<StrategyInfo, LoadError> {
        let info = plugin.info.clone();
        let plugin = Arc::new(plugin);
        let mut refused = None;
        self.catalogue.rcu(|catalogue| {
            refused = None;
            let name = &info.manifest.name;
            match (catalogue.by_name(name).map(|p| &p.origin), &plugin.origin) {
                (Some(Origin::Directory(kept)), Origin::Directory(file)) if kept != file => {
                    refused = Some(LoadError::SameName {
                        name: name.clone(),
                        kept: kept.clone(),
                    });
                    Arc::clone(catalogue)
                }
                (Some(Origin::Directory(by)), Origin::FirstParty) => {
                    refused = Some(LoadError::Replaced {
                        name: name.clone(),
                        by: by.clone(),
                    });
                    Arc::clone(catalogue)
                }
                _ => Arc::new(catalogue.with(Arc::clone(&plugin))),
            }
        });
        match refused {
            Some(error) => Err(error),
            None => Ok(info),
        }
    }
}

/// Checks against the contract before any engine sees the bytes, then compiles (or takes the artefact from the cache) and links.
fn compile(
    engine: &Engine,
    linker: &Linker<Guest>,
    bytes: &[u8],
) -> Result<(Inspection, StrategyPre<Guest>), LoadError> {
    let inspection = dreamops_package::check(bytes)?;
    let engine_error = |error: wasmtime::Error| LoadError::Engine(format!("{error:#}"));
    let component = Component::from_binary(engine, bytes).map_err(engine_error)?;
    let pre = linker.instantiate_pre(&component).map_err(engine_error)?;
    let pre = StrategyPre::new(pre).map_err(engine_error)?;
    Ok((inspection, pre))
}

fn components_in(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<_>>>()?;
    files.retain(|file| file.extension().is_some_and(|e| e == "wasm"));
    files.sort();
    Ok(files)
}

/// Reads a file, but not one that is too large to be taken.
fn read_capped(file: &Path) -> Result<Vec<u8>, LoadError> {
    let size = std::fs::metadata(file).map_err(LoadError::Unreadable)?.len();
    match usize::try_from(size) {
        Ok(size) if size <= dreamops_package::SIZE_CAP => std::fs::read(file).map_err(LoadError::Unreadable),
        other => Err(LoadError::Contract(ContractError::TooLarge {
            size: other.unwrap_or(usize::MAX),
        })),
    }
}
