//! The floor: the same component on wasmtime alone, with a pool, without budgets, grants, records or another thread.

use dreamops_domain::finding::Finding;
use wasmtime::component::{Component, Linker, Resource, ResourceType};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};

#[allow(unsafe_code, clippy::all, clippy::pedantic, reason = "generated code")]
mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "dreamops:worlds/strategy",
        imports: { default: async | trappable },
        exports: { default: async },
    });
}

use bindings::StrategyPre;
use bindings::dreamops::incident::view::{Execution, Incident, ObjectRef};
use bindings::dreamops::plan::draft::{Draft, Refusal, Why};
use bindings::exports::dreamops::strategy::strategy as wit;

type Escalate = (Resource<Draft>, ObjectRef, String, Why);
type Drafted = Result<(), Refusal>;

/// What a call keeps: the steps it drafted.
#[derive(Default)]
struct Host {
    steps: Vec<(ObjectRef, String)>,
}

pub struct Bare {
    engine: Engine,
    pre: StrategyPre<Host>,
}

impl Bare {
    pub fn new(component: &[u8]) -> wasmtime::Result<Self> {
        let mut pool = PoolingAllocationConfig::new();
        pool.max_memory_size(64 * 1024 * 1024)
            .total_memories(16)
            .linear_memory_keep_resident(128 * 1024)
            .table_keep_resident(16 * 1024);
        let mut config = Config::new();
        config
            .concurrency_support(false)
            .memory_reservation(64 * 1024 * 1024)
            .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let engine = Engine::new(&config)?;
        let linker = linker(&engine)?;
        let component = Component::from_binary(&engine, component)?;
        let pre = StrategyPre::new(linker.instantiate_pre(&component)?)?;
        Ok(Self { engine, pre })
    }

    pub async fn plan(&self, finding: &Finding) -> wasmtime::Result<()> {
        let Finding::Cause(cause) = finding else {
            wasmtime::bail!("a plan is drafted for a cause")
        };
        let finding = wit::Finding::Cause(wit::Diagnosis {
            fault: cause.fault.clone(),
            root_cause: cause.root_cause.clone(),
            confidence: cause.confidence,
            target: object(),
            evidence: Vec::new(),
            ruled_out: Vec::new(),
            facts: cause.facts.clone(),
        });
        let mut store = Store::new(&self.engine, Host::default());
        let strategy = self.pre.instantiate_async(&mut store).await?;
        let exports = strategy.dreamops_strategy_strategy();
        let (incident, draft) = (Resource::new_own(0), Resource::new_own(0));
        if let Err(failure) = exports.call_plan(&mut store, incident, &finding, draft).await? {
            wasmtime::bail!("the component says: {failure:?}");
        }
        assert_eq!(store.data().steps.len(), 1);
        Ok(())
    }
}

/// Only what the component imports.
fn linker(engine: &Engine) -> wasmtime::Result<Linker<Host>> {
    let mut linker = Linker::<Host>::new(engine);
    let mut view = linker.instance("dreamops:incident/view@0.1.0")?;
    view.resource("incident", ResourceType::host::<Incident>(), |_, _| Ok(()))?;
    view.resource("execution", ResourceType::host::<Execution>(), |_, _| Ok(()))?;
    view.func_wrap_async("[method]incident.target", |_, (_,): (Resource<Incident>,)| {
        Box::new(async { Ok((object(),)) })
    })?;
    let mut draft = linker.instance("dreamops:plan/draft@0.1.0")?;
    draft.resource("draft", ResourceType::host::<Draft>(), |_, _| Ok(()))?;
    draft.func_wrap_async(
        "[method]draft.escalate",
        |mut store, (_, about, proposal, _): Escalate| {
            Box::new(async move {
                store.data_mut().steps.push((about, proposal));
                let drafted: Drafted = Ok(());
                Ok((drafted,))
            })
        },
    )?;
    Ok(linker)
}

fn object() -> ObjectRef {
    let pod = crate::world::pod();
    ObjectRef {
        kind: pod.kind,
        namespace: pod.namespace,
        name: pod.name,
        uid: pod.uid,
    }
}
