//! What is loaded. Readers see one whole catalogue or the next; running calls keep the component they began with.

use crate::bindings::StrategyPre;
use crate::guest::Guest;
use crate::record::Recorder;
use dreamops_domain::grant::Grants;
use dreamops_domain::manifest::StrategyInfo;
use dreamops_package::Inspection;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Where a component came from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "origin", content = "file")]
pub enum Origin {
    /// With the program.
    FirstParty,
    /// From this file in the operator's plugin directory. It takes the place of a first-party one of its name.
    Directory(PathBuf),
    /// From the bytes that are kept while an incident that it handles is open.
    Kept,
}

/// A component that is ready to be called.
#[derive(Clone)]
pub(crate) struct Plugin {
    pub(crate) info: StrategyInfo,
    pub(crate) origin: Origin,
    pub(crate) inspection: Inspection,
    /// What it asked for and the operator allows.
    pub(crate) grants: Grants,
    /// What it asked for and the operator does not allow.
    pub(crate) withheld: Vec<String>,
    /// What the operator set.
    pub(crate) settings: BTreeMap<String, String>,
    /// What it says can be set.
    pub(crate) described: Vec<(String, String)>,
    pub(crate) confidence_cap: f64,
    pub(crate) recorder: Option<Arc<dyn Recorder>>,
    pub(crate) pre: StrategyPre<Guest>,
    /// Its file.
    pub(crate) file: Arc<[u8]>,
}

/// A loaded component, for `dreamops plugin list` and `inspect`.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Installed {
    /// What it is.
    #[serde(flatten)]
    pub inspection: Inspection,
    /// Where it came from.
    #[serde(flatten)]
    pub origin: Origin,
    /// What it is granted.
    pub granted: Vec<String>,
    /// What it asks for and the operator's policy does not allow.
    pub withheld: Vec<String>,
    /// The most confidence that the host gives it.
    pub confidence_cap: f64,
    /// Settings that it knows, with their meaning and default.
    pub settings: Vec<(String, String)>,
}

impl Plugin {
    /// The configuration line that would add a grant: the operator's, or the author's where it was never asked for.
    pub(crate) fn line_for(&self, grant: &str) -> String {
        let name = &self.info.manifest.name;
        if self.withheld.iter().any(|withheld| withheld == grant) {
            format!("[plugins.{name}] grants = [\"{grant}\"]")
        } else {
            format!("[package.metadata.dreamops.grants] \"{grant}\" = \"REASON\" in Cargo.toml of {name}")
        }
    }

    pub(crate) fn shown(&self) -> Installed {
        Installed {
            inspection: self.inspection.clone(),
            origin: self.origin.clone(),
            granted: self.grants.iter().map(str::to_owned).collect(),
            withheld: self.withheld.clone(),
            confidence_cap: self.confidence_cap,
            settings: self.described.clone(),
        }
    }
}

/// How many revived components stay loaded; an older one is revived anew where it is needed again.
const REVIVED: usize = 16;

/// All loaded components in the operator's order.
#[derive(Clone, Default)]
pub(crate) struct Catalogue {
    plugins: Vec<Arc<Plugin>>,
    /// Those that only handle the incidents which they began with, oldest first.
    revived: Vec<Arc<Plugin>>,
}

impl Catalogue {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Plugin>> {
        self.plugins.iter()
    }

    pub(crate) fn by_digest(&self, digest: &str) -> Option<&Arc<Plugin>> {
        let all = self.plugins.iter().chain(&self.revived);
        all.into_iter().find(|p| p.info.digest == digest)
    }

    pub(crate) fn by_name(&self, name: &str) -> Option<&Arc<Plugin>> {
        self.plugins.iter().find(|p| p.info.manifest.name == name)
    }

    /// A catalogue with one more, or with the one of its name replaced in its place.
    pub(crate) fn with(&self, plugin: Arc<Plugin>) -> Self {
        let mut plugins = self.plugins.clone();
        let name = &plugin.info.manifest.name;
        match plugins.iter_mut().find(|p| p.info.manifest.name == *name) {
            Some(place) => *place = plugin,
            None => plugins.push(plugin),
        }
        Self {
            plugins,
            revived: self.revived.clone(),
        }
    }

    /// A catalogue with one more that gets no new incidents.
    pub(crate) fn with_revived(&self, plugin: Arc<Plugin>) -> Self {
        let mut revived = self.revived.clone();
        revived.retain(|p| p.info.digest != plugin.info.digest);
        revived.push(plugin);
        if revived.len() > REVIVED {
            revived.remove(0);
        }
        Self {
            plugins: self.plugins.clone(),
            revived,
        }
    }
}
