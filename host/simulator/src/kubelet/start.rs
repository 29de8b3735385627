//! From a spec to a running container: image, configuration, command.

use super::program::IMAGE_BYTES;
use super::run::{ContainerRun, FIRST_DELAY, MOST, State, Step, told};
use super::{field, part, running, spec};
use crate::fields;
use crate::world::World;
use crate::world::kind::Kind;
use crate::world::registry::Reference;
use serde_json::{Value, json};

/// Milliseconds that a registry takes.
const PULL: u64 = 600;
/// Milliseconds that the container runtime takes.
const CREATE: u64 = 250;
/// Milliseconds until the kubelet tries again what it could not configure.
const RESYNC: u64 = 10_000;

/// Takes one step of a waiting container.
pub(super) fn step(world: &mut World, pod: &Value, container: &Value, run: &mut ContainerRun, step: Step) {
    match step {
        Step::Nothing => {}
        Step::Pull => pull(world, pod, container, run),
        Step::Pulled => pulled(world, pod, container, run),
        Step::HoldPull => hold(world, pod, container, run),
        Step::Create => create(world, pod, container, run),
    }
}

/// Goes on to another step without a new reason.
fn then(run: &mut ContainerRun, moment: u64, next: Step) {
    if let State::Waiting { at, step, .. } = &mut run.state {
        *at = moment;
        *step = next;
    }
}

fn wait(run: &mut ContainerRun, reason: &'static str, message: String, at: u64, step: Step) {
    run.state = State::Waiting {
        reason,
        message,
        at,
        step,
    };
}

fn pull(world: &mut World, pod: &Value, container: &Value, run: &mut ContainerRun) {
    let now = world.now();
    let image = fields::text(container, "/image");
    let place = field(&run.name);
    if let Some(why) = spec::missing_volume(world, pod) {
        world.tell(pod, &told(true, "FailedMount", why));
        return then(run, now + RESYNC, Step::Pull);
    }
    let Some(reference) = Reference::parse(image) else {
        let why = format!(
            "Failed to apply default image tag {image:?}: couldn't parse image name {image:?}: invalid reference format"
        );
        world.tell(pod, &told(true, "InspectFailed", why.clone()).of(&place));
        world.tell(pod, &told(true, "Failed", "Error: InvalidImageName").of(&place));
        return wait(run, "InvalidImageName", why, now + RESYNC, Step::Pull);
    };
    let held = holds(world, pod, &reference);
    match fields::text(container, "/imagePullPolicy") {
        "IfNotPresent" | "Never" if held => {
            let message = format!("Container image {image:?} already present on machine");
            world.tell(pod, &told(false, "Pulled", message).of(&place));
            then(run, now + CREATE, Step::Create);
        }
        "Never" => {
            let why = format!("Container image {image:?} is not present with pull policy of Never");
            world.tell(pod, &told(true, "ErrImageNeverPull", why.clone()).of(&place));
            world.tell(pod, &told(true, "Failed", "Error: ErrImageNeverPull").of(&place));
            wait(run, "ErrImageNeverPull", why, now + RESYNC, Step::Pull);
        }
        _ => {
            world.tell(
                pod,
                &told(false, "Pulling", format!("Pulling image {image:?}")).of(&place),
            );
            then(run, now + PULL, Step::Pulled);
        }
    }
}

fn holds(world: &World, pod: &Value, reference: &Reference) -> bool {
    let node = world.get(Kind::Node, "", fields::text(pod, "/spec/nodeName"));
    let full = reference.full();
    node.is_some_and(|n| {
        fields::list(n, "/status/images")
            .iter()
            .flat_map(|i| fields::list(i, "/names"))
            .any(|name| name == full.as_str())
    })
}

fn pulled(world: &mut World, pod: &Value, container: &Value, run: &mut ContainerRun) {
    let now = world.now();
    let image = fields::text(container, "/image");
    let place = field(&run.name);
    let Some(reference) = Reference::parse(image) else {
        return then(run, now, Step::Pull);
    };
    let outcome = {
        let secrets: Vec<&Value> = fields::list(pod, "/spec/imagePullSecrets")
            .iter()
            .filter_map(|s| world.get(Kind::Secret, fields::namespace(pod), fields::text(s, "/name")))
            .collect();
        world.registry.pull(&reference, &secrets)
    };
    if let Err(failure) = outcome {
        let why = failure.message(&reference);
        let message = format!("Failed to pull image {image:?}: {why}");
        world.tell(pod, &told(true, "Failed", message).of(&place));
        world.tell(pod, &told(true, "Failed", "Error: ErrImagePull").of(&place));
        return wait(run, "ErrImagePull", why, now + 1500, Step::HoldPull);
    }
    keep_on_node(world, pod, &reference);
    let message = format!(
        "Successfully pulled image {image:?} in {PULL}ms ({PULL}ms including waiting). Image size: {IMAGE_BYTES} bytes."
    );
    world.tell(pod, &told(false, "Pulled", message).of(&place));
    run.pull_delay = FIRST_DELAY;
    then(run, now + CREATE, Step::Create);
}

fn keep_on_node(world: &mut World, pod: &Value, reference: &Reference) {
    let node = world.get(Kind::Node, "", fields::text(pod, "/spec/nodeName")).cloned();
    let Some(node) = node.filter(|_| !holds(world, pod, reference)) else {
        return;
    };
    let mut status = node["status"].clone();
    let mut images = fields::list(&node, "/status/images").to_vec();
    images.push(json!({"names": [reference.full()], "sizeBytes": IMAGE_BYTES}));
    status["images"] = Value::Array(images);
    world.set_status(Kind::Node, &node, status);
}

fn hold(world: &mut World, pod: &Value, container: &Value, run: &mut ContainerRun) {
    let image = fields::text(container, "/image");
    let place = field(&run.name);
    let back_off = format!("Back-off pulling image {image:?}");
    world.tell(pod, &told(false, "BackOff", back_off.clone()).of(&place));
    world.tell(pod, &told(true, "Failed", "Error: ImagePullBackOff").of(&place));
    let why = match &run.state {
        State::Waiting { message, .. } => format!("{back_off}: ErrImagePull: {message}"),
        _ => back_off,
    };
    let at = world.now() + run.pull_delay;
    run.pull_delay = (run.pull_delay * 2).min(MOST);
    wait(run, "ImagePullBackOff", why, at, Step::Pull);
}

fn create(world: &mut World, pod: &Value, container: &Value, run: &mut ContainerRun) {
    let now = world.now();
    let name = run.name.clone();
    let place = field(&name);
    let environment = match spec::environment(world, pod, container) {
        Ok(environment) => environment,
        Err(why) => {
            world.tell(pod, &told(true, "Failed", format!("Error: {why}")).of(&place));
            return wait(run, "CreateContainerConfigError", why, now + RESYNC, Step::Pull);
        }
    };
    world.tell(
        pod,
        &told(false, "Created", format!("Created container: {name}")).of(&place),
    );
    let program = part::program(world, pod, container);
    if run.last.is_some() {
        run.restarts += 1;
        run.earlier_log = Some(std::mem::take(&mut run.log));
    }
    let command = fields::text(container, "/command/0");
    if !command.is_empty() && !program.commands.contains(&command) {
        let why = format!(
            "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: \
             unable to start container process: error during container init: exec: {command:?}: stat {command}: \
             no such file or directory: unknown"
        );
        world.tell(pod, &told(true, "Failed", format!("Error: {why}")).of(&place));
        run.end(now, 128, "StartError", &why);
        return;
    }
    world.tell(
        pod,
        &told(false, "Started", format!("Started container {name}")).of(&place),
    );
    running::begin(world, pod, container, run, &program, &environment);
}
