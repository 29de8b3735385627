//! The real Kubernetes of the tests, for working by hand.

use anyhow::bail;
use dreamops_test_cluster::Cluster;

/// Brings it up, takes it down, or says how to reach it.
pub(crate) fn run(what: &str, name: &str) -> anyhow::Result<()> {
    match what {
        "up" => explain(&Cluster::start(name)?),
        "kubeconfig" => explain(&Cluster::attach(name)?),
        "down" => Cluster::stop(name)?,
        other => bail!("there is nothing called {other}"),
    }
    Ok(())
}

fn explain(cluster: &Cluster) {
    let enter = format!("nsenter --net={}", cluster.network_namespace().display());
    eprintln!("kubeconfig: {}", cluster.admin_kubeconfig().display());
    eprintln!("enter:      {enter} COMMAND");
    eprintln!(
        "for example: {enter} target/debug/dreamops respond ALERT.json --kubeconfig {}",
        cluster.admin_kubeconfig().display()
    );
}
