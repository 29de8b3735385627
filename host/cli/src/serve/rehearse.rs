//! `test-remediation`: a scenario of the simulator, from its alert to its end, beside the server and without its store.

use crate::args::{DemoArgs, ModeArg, Output};
use crate::demo;
use crate::story::{Narrator, Stream};
use async_trait::async_trait;
use dreamops_domain::report::Report;
use dreamops_server::ports::Rehearsals;
use dreamops_simulator::scenarios;
use std::sync::Arc;

/// How many times faster than real time the simulated cluster lives.
const SPEED: u32 = 20;

/// Runs scenarios in the simulator.
pub(super) struct Simulated;

#[async_trait]
impl Rehearsals for Simulated {
    async fn run(&self, scenario: &str) -> Result<serde_json::Value, String> {
        let said = |failure: crate::exit::Failure| format!("{:#}", failure.error);
        let scenario = demo::named(scenario).map_err(said)?;
        let args = DemoArgs {
            scenario: None,
            all: false,
            list: false,
            mode: ModeArg::Yolo,
            speed: SPEED,
            output: Output::Json,
        };
        let nobody = Arc::new(Narrator::new(Stream::Nowhere, false));
        let incident = demo::one(scenario, &args, &nobody).await.map_err(said)?;
        let incident = incident.ok_or("the server is being stopped")?;
        serde_json::to_value(Report::of(&incident)).map_err(|error| error.to_string())
    }

    fn scenarios(&self) -> Vec<String> {
        scenarios().iter().map(|s| s.name.to_owned()).collect()
    }
}
