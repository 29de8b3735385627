//! Kubeconfig files: how a client reaches the API server, and as whom. Each
//! holds all it needs, so that it can be copied into a vault.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::certificates::{Authority, Identity};
use crate::error::{FileContext as _, Result};
use crate::layout::{API_PORT, Layout, NODE_ADDRESS, write_private};

/// By what the client proves who it is.
pub(crate) enum Credential<'a> {
    Certificate(&'a Identity),
    Token(&'a str),
}

pub(crate) fn api_address() -> String {
    format!("https://{NODE_ADDRESS}:{API_PORT}")
}

/// Writes a kubeconfig that only its owner can read.
pub(crate) fn write(layout: &Layout, path: &Path, namespace: &str, credential: &Credential) -> Result<()> {
    let user = match credential {
        Credential::Certificate(identity) => serde_json::json!({
            "client-certificate-data": encoded(&identity.certificate())?,
            "client-key-data": encoded(&identity.key())?,
        }),
        Credential::Token(token) => serde_json::json!({ "token": token }),
    };
    let config = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": layout.name(), "cluster": {
            "server": api_address(),
            "certificate-authority-data": encoded(&Authority::of_cluster(layout).certificate())?,
        }}],
        "users": [{ "name": "user", "user": user }],
        "contexts": [{ "name": layout.name(), "context": {
            "cluster": layout.name(), "user": "user", "namespace": namespace,
        }}],
        "current-context": layout.name(),
    });
    // JSON is YAML
    write_private(path, &format!("{config:#}\n"))
}

fn encoded(file: &Path) -> Result<String> {
    Ok(STANDARD.encode(fs::read(file).file("read", file)?))
}
