//! A cluster without a story: for tests that bring their own objects.

use crate::kubelet::program::Program;
use crate::scenarios::stage::Stage;
use std::time::Duration;

/// What a simulated cluster begins with.
#[derive(Clone, Debug, Default)]
pub struct Ground {
    /// The longest delay before a container that ended is started again
    /// (`crashLoopBackOff.maxContainerRestartPeriod` of a kubelet); `None` for the default, 5 minutes.
    pub longest_back_off: Option<Duration>,
    /// Its nodes, which hold all images.
    pub nodes: Vec<String>,
    /// Namespaces beside `default`, `kube-system` and `kube-public`.
    pub namespaces: Vec<String>,
    /// Images. The program in each plays the part that its environment sets:
    ///
    /// `LOG_LINE`, `NEEDS_ENV`, `EAT_MIB`, `LEAK_MIB_PER_SECOND`, `BURN_CPU`, `EXIT_AFTER_SECONDS`, `EXIT_CODE`,
    /// `NOT_READY`, `UNHEALTHY` and `SLOW_START_SECONDS` mean what they mean to the containers of the project's
    /// tests on a real cluster. It listens on 8080 and answers `/healthz` and `/readyz`.
    pub images: Vec<String>,
}

impl Ground {
    /// The world at a moment, before anything has happened.
    pub(crate) fn stage(&self, seed: u64, present: u64) -> Stage {
        let mut stage = Stage::empty(seed, present, present);
        for name in &self.namespaces {
            stage.namespace(name);
        }
        for image in &self.images {
            let program = Program {
                plays_a_part: true,
                ..Program::default()
            };
            stage.image(image, program);
        }
        for name in &self.nodes {
            stage.node(name, "a");
            stage.pull_all(name);
        }
        if let Some(delay) = self.longest_back_off {
            stage.world().kubelet.longest_back_off = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        }
        stage
    }
}
