//! The servers of a cluster and how each is set up.

use std::path::Path;

use crate::certificates::Authority;
use crate::error::Result;
use crate::kubeconfig::api_address;
use crate::layout::{API_PORT, Layout, METRICS_PORT, NODE_ADDRESS, NODE_NAME, POD_NETWORK, REGISTRY, SERVICE_NETWORK};
use crate::network::name_servers;
use crate::programs::Programs;
use crate::{REGISTRY_PASSWORD, servers::Server};

const ETCD: &str = "http://127.0.0.1:2379";

/// What does not depend on another part; all of it may start at once.
pub(crate) fn foundation(layout: &Layout, programs: &Programs) -> Result<Vec<Server>> {
    Ok(vec![
        etcd(layout, programs),
        containerd(layout),
        api_server(layout, programs),
        outside(layout, programs)?,
    ])
}

/// What needs the API server and the images.
pub(crate) fn node(layout: &Layout, programs: &Programs) -> Vec<Server> {
    vec![
        controllers(layout, programs),
        scheduler(layout, programs),
        kubelet(layout, programs),
        proxy(layout, programs),
        metrics_server(layout, programs),
    ]
}

fn etcd(layout: &Layout, programs: &Programs) -> Server {
    let peers = "http://127.0.0.1:2380";
    Server {
        name: "etcd",
        program: programs.node("etcd"),
        args: options(&[
            ("data-dir", &path(&layout.file("etcd"))),
            ("listen-client-urls", ETCD),
            ("advertise-client-urls", ETCD),
            ("listen-peer-urls", peers),
            ("initial-advertise-peer-urls", peers),
            ("initial-cluster", &format!("default={peers}")),
            // nobody needs the data after a crash
            ("unsafe-no-fsync", "true"),
            ("log-level", "warn"),
        ]),
        env: Vec::new(),
    }
}

fn containerd(layout: &Layout) -> Server {
    Server {
        name: "containerd",
        program: "containerd".into(),
        args: options(&[("config", &path(&layout.file("containerd.toml")))]),
        env: Vec::new(),
    }
}

fn outside(layout: &Layout, programs: &Programs) -> Result<Server> {
    let names = layout.certificates().join("names");
    let mut listen: Vec<String> = name_servers()?.iter().map(ToString::to_string).collect();
    listen.extend([NODE_ADDRESS.to_owned(), "127.0.0.1".to_owned()]);
    let listen: Vec<String> = listen.iter().map(|address| format!("{address}:53")).collect();
    Ok(Server {
        name: "outside",
        program: programs.outside(),
        args: vec!["serve".to_owned(), path(&programs.stage())],
        env: vec![
            ("REGISTRY_LISTEN", REGISTRY.to_owned()),
            ("REGISTRY_PASSWORD", REGISTRY_PASSWORD.to_owned()),
            ("NAMES_LISTEN", listen.join(",")),
            ("API_SERVER", api_address()),
            ("API_CA", path(&Authority::of_cluster(layout).certificate())),
            ("API_CERT", path(&names.join("cert.pem"))),
            ("API_KEY", path(&names.join("key.pem"))),
        ],
    })
}

fn api_server(layout: &Layout, programs: &Programs) -> Server {
    let certificates = layout.certificates();
    let file = |name: &str| path(&certificates.join(name));
    Server {
        name: "kube-apiserver",
        program: programs.node("kube-apiserver"),
        args: options(&[
            ("etcd-servers", ETCD),
            ("bind-address", NODE_ADDRESS),
            ("advertise-address", NODE_ADDRESS),
            ("secure-port", &API_PORT.to_string()),
            ("service-cluster-ip-range", SERVICE_NETWORK),
            ("authorization-mode", "Node,RBAC"),
            ("allow-privileged", "true"),
            ("tls-cert-file", &file("node/cert.pem")),
            ("tls-private-key-file", &file("node/key.pem")),
            ("client-ca-file", &file("ca/cert.pem")),
            ("service-account-issuer", "https://kubernetes.default.svc.cluster.local"),
            ("service-account-key-file", &file("tokens.pub")),
            ("service-account-signing-key-file", &file("tokens.key")),
            ("kubelet-client-certificate", &file("apiserver-kubelet/cert.pem")),
            ("kubelet-client-key", &file("apiserver-kubelet/key.pem")),
            ("kubelet-certificate-authority", &file("ca/cert.pem")),
            ("kubelet-preferred-address-types", "InternalIP"),
            ("requestheader-client-ca-file", &file("front-proxy-ca/cert.pem")),
            ("requestheader-allowed-names", "front-proxy"),
            ("requestheader-username-headers", "X-Remote-User"),
            ("requestheader-group-headers", "X-Remote-Group"),
            ("requestheader-extra-headers-prefix", "X-Remote-Extra-"),
            ("proxy-client-cert-file", &file("front-proxy/cert.pem")),
            ("proxy-client-key-file", &file("front-proxy/key.pem")),
            // straight to the endpoint: no need to wait for kube-proxy
            ("enable-aggregator-routing", "true"),
            ("audit-policy-file", &path(&layout.file("audit-policy.yaml"))),
            ("audit-log-path", &path(&layout.file("audit.log"))),
        ]),
        env: Vec::new(),
    }
}

fn controllers(layout: &Layout, programs: &Programs) -> Server {
    let kubeconfig = path(&layout.kubeconfig("system:kube-controller-manager"));
    let certificates = layout.certificates();
    Server {
        name: "kube-controller-manager",
        program: programs.node("kube-controller-manager"),
        args: options(&[
            ("kubeconfig", &kubeconfig),
            ("authentication-kubeconfig", &kubeconfig),
            ("authorization-kubeconfig", &kubeconfig),
            ("bind-address", "127.0.0.1"),
            ("leader-elect", "false"),
            ("use-service-account-credentials", "true"),
            // an autoscaler believes no pod of less than five minutes that was unready in between; a test does not wait that long
            ("horizontal-pod-autoscaler-cpu-initialization-period", "10s"),
            ("horizontal-pod-autoscaler-sync-period", "5s"),
            ("root-ca-file", &path(&certificates.join("ca/cert.pem"))),
            (
                "service-account-private-key-file",
                &path(&certificates.join("tokens.key")),
            ),
        ]),
        env: Vec::new(),
    }
}

fn scheduler(layout: &Layout, programs: &Programs) -> Server {
    let kubeconfig = path(&layout.kubeconfig("system:kube-scheduler"));
    Server {
        name: "kube-scheduler",
        program: programs.node("kube-scheduler"),
        args: options(&[
            ("kubeconfig", &kubeconfig),
            ("authentication-kubeconfig", &kubeconfig),
            ("authorization-kubeconfig", &kubeconfig),
            ("bind-address", "127.0.0.1"),
            ("leader-elect", "false"),
        ]),
        env: Vec::new(),
    }
}

fn kubelet(layout: &Layout, programs: &Programs) -> Server {
    let user = format!("system:node:{NODE_NAME}");
    Server {
        name: "kubelet",
        program: programs.node("kubelet"),
        args: options(&[
            ("config", &path(&layout.file("kubelet.yaml"))),
            ("kubeconfig", &path(&layout.kubeconfig(&user))),
            ("root-dir", &path(&layout.file("kubelet"))),
            ("hostname-override", NODE_NAME),
            ("node-ip", NODE_ADDRESS),
        ]),
        env: Vec::new(),
    }
}

fn proxy(layout: &Layout, programs: &Programs) -> Server {
    Server {
        name: "kube-proxy",
        program: programs.node("kube-proxy"),
        args: options(&[
            ("kubeconfig", &path(&layout.kubeconfig("system:kube-proxy"))),
            ("hostname-override", NODE_NAME),
            ("bind-address", NODE_ADDRESS),
            ("proxy-mode", "nftables"),
            ("cluster-cidr", POD_NETWORK),
            // settings of the whole machine, not of the namespace
            ("conntrack-max-per-core", "0"),
            ("oom-score-adj", "0"),
        ]),
        env: Vec::new(),
    }
}

fn metrics_server(layout: &Layout, programs: &Programs) -> Server {
    let kubeconfig = path(&layout.kubeconfig("metrics-server"));
    Server {
        name: "metrics-server",
        program: programs.metrics_server(),
        args: options(&[
            ("kubeconfig", &kubeconfig),
            ("authentication-kubeconfig", &kubeconfig),
            ("authorization-kubeconfig", &kubeconfig),
            ("bind-address", NODE_ADDRESS),
            ("secure-port", &METRICS_PORT.to_string()),
            ("cert-dir", &path(&layout.file("metrics-server"))),
            (
                "kubelet-certificate-authority",
                &path(&Authority::of_cluster(layout).certificate()),
            ),
            ("kubelet-preferred-address-types", "InternalIP"),
            ("kubelet-request-timeout", "5s"),
            ("metric-resolution", "10s"),
        ]),
        env: Vec::new(),
    }
}

fn options(pairs: &[(&str, &str)]) -> Vec<String> {
    pairs.iter().map(|(name, value)| format!("--{name}={value}")).collect()
}

fn path(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
