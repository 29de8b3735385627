//! The scenarios: a healthy shop, a fault, and what a good responder makes of it.

mod crash_loop;
mod healthy;
mod high_usage;
mod image_pull;
mod out_of_memory;
mod service_down;
mod shop;
pub(crate) mod stage;

use crate::alert::Raised;
use crate::error::SimulatorError;
use dreamops_domain::phase::Phase;
use stage::Stage;

/// One fault in one world.
pub struct Scenario {
    /// Its name, as the command line takes it.
    pub name: &'static str,
    /// What happens, in half a sentence.
    pub summary: &'static str,
    /// What breaks and how, line by line, for whoever watches.
    pub story: &'static [&'static str],
    /// The fault that a responder should find: `crash-loop`, `image-pull`, ….
    pub fault: &'static str,
    /// The phase in which a responder that may act should end.
    pub ends: Phase,
    /// Registry credentials that an operator of this world would have given the responder.
    pub credentials: &'static [PullCredential],
    /// Builds the healthy world, breaks it, and says what is raised.
    pub(crate) setup: fn(&mut Stage) -> Result<Raised, SimulatorError>,
}

/// A credential for a registry of a simulated world. It opens nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PullCredential {
    /// The registry's host, as image names write it.
    pub registry: &'static str,
    /// The user.
    pub username: &'static str,
    /// The password.
    pub password: &'static str,
}

/// All scenarios: first the plain one of each fault, then the harder ones.
pub fn scenarios() -> &'static [Scenario] {
    static ALL: [Scenario; 22] = [
        crash_loop::DROPPED_VARIABLE,
        image_pull::NOT_FOUND,
        out_of_memory::LOWERED,
        service_down::SELECTOR,
        high_usage::THROTTLED,
        crash_loop::DEPENDENCY,
        crash_loop::STATEFUL_SET,
        crash_loop::FIRST_REVISION,
        crash_loop::PROBE,
        crash_loop::CONFIGURATION,
        crash_loop::COMMAND,
        image_pull::DENIED,
        image_pull::NO_CREDENTIAL,
        image_pull::NO_REGISTRY,
        out_of_memory::GROWTH,
        out_of_memory::QUOTA,
        out_of_memory::INIT,
        service_down::PORT,
        service_down::SCALED_TO_ZERO,
        service_down::TWO_CANDIDATES,
        high_usage::OUTLIER,
        healthy::ALREADY_HEALTHY,
    ];
    &ALL
}
