//! From nothing to a ready node.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use crate::certificates::{Authority, Validity, create_token_keys};
use crate::components;
use crate::control_groups;
use crate::error::{Error, FileContext as _, Result};
use crate::kubeconfig::{self, Credential};
use crate::layout::{Layout, NODE_NAME, write};
use crate::network;
use crate::programs::Programs;
use crate::run::{command, output};
use crate::servers;
use crate::wait::wait_for;
use crate::{ADMIN, Cluster};

/// Far above what it takes, for a machine that builds something else meanwhile.
const LIMIT: Duration = Duration::from_mins(2);

/// Makes everything; the folder of the cluster must not exist.
pub(crate) fn bring_up(layout: &Layout, programs: &Programs) -> Result<()> {
    control_groups::create(layout)?;
    network::create(layout)?;
    certify(layout)?;
    write_settings(layout)?;
    write_kubectl(layout, programs)?;

    for server in components::foundation(layout, programs)? {
        server.start(layout)?;
    }
    let cluster = Cluster::unchecked(layout.clone(), programs.clone());
    wait_while_alive(layout, "a ready API server", || api_server_is_ready(&cluster))?;
    import_images(layout, programs)?;
    cluster.apply(&layout.fill(include_str!("../config/metrics.yaml")))?;

    for server in components::node(layout, programs) {
        server.start(layout)?;
    }
    wait_while_alive(layout, "a ready node", || node_is_ready(&cluster))?;
    // an aggregated API without its server makes every discovery fail in part
    wait_while_alive(layout, "the metrics API", || metrics_api_is_available(&cluster))
}

pub(crate) fn api_server_is_ready(cluster: &Cluster) -> Result<bool> {
    Ok(cluster.kubectl(&["get", "--raw=/readyz"])?.trim() == "ok")
}

pub(crate) fn node_is_ready(cluster: &Cluster) -> Result<bool> {
    let ready = r#"jsonpath={.status.conditions[?(@.type=="Ready")].status}"#;
    Ok(cluster.kubectl(&["get", "node", NODE_NAME, "-o", ready])? == "True")
}

fn metrics_api_is_available(cluster: &Cluster) -> Result<bool> {
    let available = r#"jsonpath={.status.conditions[?(@.type=="Available")].status}"#;
    let api = ["get", "apiservice", "v1beta1.metrics.k8s.io", "-o", available];
    Ok(cluster.kubectl(&api)? == "True")
}

fn wait_while_alive(layout: &Layout, what: &str, mut condition: impl FnMut() -> Result<bool>) -> Result<()> {
    wait_for(what, LIMIT, || {
        servers::check(layout)?;
        condition()
    })
    .map_err(|error| match error {
        Error::Deadline { what, limit, seen } => Error::Deadline {
            what,
            limit,
            seen: format!("{seen} (the servers' logs are in {})", layout.file("logs").display()),
        },
        other => other,
    })
}

fn certify(layout: &Layout) -> Result<()> {
    let authority = Authority::of_cluster(layout);
    authority.create()?;
    authority.server()?;
    let (kubelets, masters) = ("apiserver-kubelet", ["system:masters"]);
    authority.client(kubelets, kubelets, &masters, Validity::Valid)?;
    let front = Authority::of_front_proxy(layout);
    front.create()?;
    front.client("front-proxy", "front-proxy", &[], Validity::Valid)?;
    let tokens = layout.certificates();
    create_token_keys(&tokens.join("tokens.key"), &tokens.join("tokens.pub"))?;

    let node = format!("system:node:{NODE_NAME}");
    let users: [(&str, &[&str]); 7] = [
        (ADMIN, &["system:masters"]),
        ("system:kube-controller-manager", &[]),
        ("system:kube-scheduler", &[]),
        ("system:kube-proxy", &[]),
        (&node, &["system:nodes"]),
        ("metrics-server", &["system:masters"]),
        ("names", &["system:masters"]),
    ];
    for (user, groups) in users {
        let identity = authority.client(user, user, groups, Validity::Valid)?;
        let file = layout.kubeconfig(user);
        kubeconfig::write(layout, &file, "default", &Credential::Certificate(&identity))?;
    }
    Ok(())
}

fn write_settings(layout: &Layout) -> Result<()> {
    let settings = [
        ("containerd.toml", include_str!("../config/containerd.toml")),
        (
            "registries/docker.io/hosts.toml",
            include_str!("../config/docker.io-hosts.toml"),
        ),
        ("cni/10-network.conflist", include_str!("../config/network.conflist")),
        ("kubelet.yaml", include_str!("../config/kubelet.yaml")),
        ("audit-policy.yaml", include_str!("../config/audit-policy.yaml")),
    ];
    for (file, template) in settings {
        write(&layout.file(file), &layout.fill(template))?;
    }
    for folder in ["pod-logs", "kubelet", "pids"] {
        let folder = layout.file(folder);
        fs::create_dir_all(&folder).file("make the folder", &folder)?;
    }
    Ok(())
}

/// A script for people: kubectl as administrator from outside the namespace.
fn write_kubectl(layout: &Layout, programs: &Programs) -> Result<()> {
    let namespace = network::namespace_path(layout);
    let (kubectl, admin) = (programs.node("kubectl"), layout.kubeconfig(ADMIN));
    let script = format!(
        "#!/bin/sh\nexec nsenter --net={} -- {} --kubeconfig {} \"$@\"\n",
        namespace.display(),
        kubectl.display(),
        admin.display()
    );
    let path = layout.file("kubectl");
    write(&path, &script)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).file("make executable", &path)
}

fn import_images(layout: &Layout, programs: &Programs) -> Result<()> {
    let socket = layout.file("containerd.sock");
    let ctr = |args: &[&str], file: Option<&Path>| {
        let mut ctr = command("ctr", ["-n", "k8s.io", "--address"]);
        output(ctr.arg(&socket).args(args).args(file))
    };
    wait_while_alive(layout, "a ready containerd", || Ok(ctr(&["version"], None).is_ok()))?;
    ctr(&["images", "import"], Some(&programs.images()))?;
    Ok(())
}
