//! A machine beside the cluster: a network namespace with one link into the cluster's, and no way from there to the API server.

use crate::ground::enter;
use dreamops_test_cluster::Cluster;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// The machine, and what its link is called.
pub(crate) struct Far {
    namespace: String,
    /// The other end of the link, in the cluster's network.
    pub(crate) near: String,
}

impl Far {
    /// Makes one. It has a route to the other end of its link, and no other.
    pub(crate) fn beside(cluster: &Cluster) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let (process, number) = (std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        // links of the cluster's network have names of up to 15 letters, and addresses of their own
        let link = format!("far{process}-{number}");
        let (a, b) = (process % 250, number % 60 * 4);
        let far = Self {
            namespace: format!("dreamops-{link}"),
            near: format!("10.90.{a}.{}", b + 1),
        };
        let namespace = far.namespace.as_str();
        let cluster = cluster.network_namespace();
        let of_cluster = cluster.file_name().unwrap().to_str().unwrap();
        ip(&format!("netns add {namespace}"));
        ip(&format!(
            "-n {of_cluster} link add {link} type veth peer name near netns {namespace}"
        ));
        ip(&format!("-n {of_cluster} address add {}/30 dev {link}", far.near));
        ip(&format!("-n {of_cluster} link set {link} up"));
        ip(&format!("-n {namespace} address add 10.90.{a}.{}/30 dev near", b + 2));
        ip(&format!("-n {namespace} link set lo up"));
        ip(&format!("-n {namespace} link set near up"));
        far
    }

    /// Moves the calling thread there.
    pub(crate) fn enter(&self) {
        enter(&Path::new("/run/netns").join(&self.namespace));
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        // the link goes with it
        let _gone = Command::new("ip").args(["netns", "delete", &self.namespace]).status();
    }
}

fn ip(line: &str) {
    let done = Command::new("ip").args(line.split(' ')).status().unwrap();
    assert!(done.success(), "ip {line}");
}
