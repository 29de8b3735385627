//! Credential plugins: programs that a kubeconfig names under `exec`.
//!
//! Promises: the program is given no terminal and no time beyond [`DEADLINE`]; its output is shown
//! nowhere; of what it says on its error channel only the last line, redacted and inert.
//! Source: Kubernetes, "client-go credential plugins", `client.authentication.k8s.io/v1`.

use super::certificate::Identity;
use super::error::{ConnectError, Holder};
use dreamops_domain::inert::inert;
use dreamops_domain::redact::Redactor;
use dreamops_domain::time::Timestamp;
use kube::config::{ExecAuthCluster, ExecConfig, ExecInteractiveMode};
use serde_json::{Value, json};
use std::process::{Output, Stdio};
use std::time::Duration;
use tokio::process::Command;
use zeroize::Zeroizing;

/// A plugin that takes longer is stopped.
const DEADLINE: Duration = Duration::from_secs(6);
/// The most of a plugin's error line that is shown, in characters.
const SAID: usize = 300;

/// How a plugin is run.
#[derive(Clone)]
pub(crate) struct Plugin {
    context: String,
    command: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    api_version: String,
    hint: Option<String>,
    /// What it learns of the call, as JSON.
    info: String,
}

/// What a plugin gave.
pub(crate) struct Issued {
    pub(crate) token: Option<Zeroizing<String>>,
    pub(crate) identity: Option<Identity>,
    /// The end of its life, if the plugin says so.
    pub(crate) until: Option<Timestamp>,
}

impl Plugin {
    /// From the kubeconfig's `exec`.
    pub(crate) fn new(context: &str, exec: &ExecConfig, about: Option<ExecAuthCluster>) -> Result<Self, ConnectError> {
        let bad = |why: &str| ConnectError::BadField {
            of: Holder::Context(context.to_owned()),
            field: "exec",
            why: why.to_owned(),
        };
        let command = exec.command.clone().filter(|c| !c.is_empty());
        let command = command.ok_or_else(|| bad("it names no command"))?;
        if exec.interactive_mode == Some(ExecInteractiveMode::Always) {
            return Err(bad(
                "its interactiveMode is Always, and there is no terminal for it here; use a credential that needs nobody",
            ));
        }
        let api_version = exec.api_version.clone().unwrap_or_default();
        let mut spec = json!({ "interactive": false });
        if let Some(about) = about {
            spec["cluster"] = serde_json::to_value(about).unwrap_or(Value::Null);
        }
        let info = json!({ "apiVersion": api_version, "kind": "ExecCredential", "spec": spec });
        let environment = exec.env.iter().flatten().filter_map(|entry| {
            let value = entry.get("value").cloned().unwrap_or_default();
            entry.get("name").map(|name| (name.clone(), value))
        });
        Ok(Self {
            context: context.to_owned(),
            command,
            arguments: exec.args.clone().unwrap_or_default(),
            environment: environment.collect(),
            api_version,
            hint: exec.install_hint.clone().filter(|h| !h.trim().is_empty()),
            info: info.to_string(),
        })
    }

    /// Runs it.
    pub(crate) async fn run(&self, redactor: &Redactor) -> Result<Issued, ConnectError> {
        let output = Command::new(&self.command)
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("KUBERNETES_EXEC_INFO", &self.info)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .output();
        match tokio::time::timeout(DEADLINE, output).await {
            Err(_) => Err(self.failed(format!(
                "it did not end within {} s; run it by hand, it may wait for somebody",
                DEADLINE.as_secs()
            ))),
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                let hint = self.hint.as_deref().unwrap_or("install it, or put it on PATH");
                let hint = inert(&redactor.text(hint.trim()), SAID);
                Err(self.failed(format!("there is no such program; {hint}")))
            }
            Ok(Err(error)) => Err(self.failed(format!("it cannot be started: {error}"))),
            Ok(Ok(output)) if !output.status.success() => Err(self.failed(said(&output, redactor))),
            Ok(Ok(output)) => self.issued(&output.stdout),
        }
    }

    fn failed(&self, why: String) -> ConnectError {
        ConnectError::Plugin {
            context: self.context.clone(),
            command: self.command.clone(),
            why,
        }
    }

    fn issued(&self, stdout: &[u8]) -> Result<Issued, ConnectError> {
        // plugins may write YAML, of which JSON is a part
        let credential: Value =
            serde_saphyr::from_slice(stdout).map_err(|_| self.failed("it wrote no ExecCredential".to_owned()))?;
        let version = credential["apiVersion"].as_str().unwrap_or_default();
        if credential["kind"] != "ExecCredential" || (!self.api_version.is_empty() && version != self.api_version) {
            return Err(self.failed(format!(
                "it wrote no ExecCredential of {}, which the kubeconfig asks for",
                self.api_version
            )));
        }
        let status = &credential["status"];
        let text = |key: &str| status[key].as_str().map(str::trim).filter(|t| !t.is_empty());
        let until = match text("expirationTimestamp").map(Timestamp::parse) {
            None => None,
            Some(Ok(until)) => Some(until),
            Some(Err(error)) => return Err(self.failed(format!("its expirationTimestamp: {error}"))),
        };
        let identity = match (text("clientCertificateData"), text("clientKeyData")) {
            (Some(certificate), Some(key)) => Some(Identity {
                certificate: certificate.as_bytes().to_vec(),
                key: Zeroizing::new(key.as_bytes().to_vec()),
            }),
            _ => None,
        };
        let token = text("token").map(|token| Zeroizing::new(token.to_owned()));
        if token.is_none() && identity.is_none() {
            return Err(self.failed("its ExecCredential holds neither token nor certificate with key".to_owned()));
        }
        Ok(Issued { token, identity, until })
    }
}

/// The end of a failed plugin, with its last word.
fn said(output: &Output, redactor: &Redactor) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let shown = redactor.text(&stderr).into_inner();
    let last = shown
        .lines()
        .map(str::trim)
        .rfind(|line| !line.is_empty())
        .unwrap_or_default();
    let last = inert(last, SAID);
    if last.is_empty() {
        format!("it ended with {}", output.status)
    } else {
        format!("it ended with {}: {last}", output.status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin(script: &str) -> Plugin {
        let exec: ExecConfig = serde_json::from_value(json!({
            "apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", script],
            "env": [{"name": "GREETING", "value": "hello"}], "interactiveMode": "IfAvailable",
        }))
        .unwrap_or_default();
        Plugin::new("dev", &exec, None).unwrap_or_else(|e| panic!("{e}"))
    }

    async fn run(script: &str) -> Result<Issued, String> {
        plugin(script)
            .run(&Redactor::new(b"k"))
            .await
            .map_err(|e| e.to_string())
    }

    #[tokio::test]
    async fn a_token_and_its_end_are_taken() {
        let script = r#"printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s-%s","expirationTimestamp":"2026-01-01T00:00:00Z"}}' "$GREETING" "$(printf %s "$KUBERNETES_EXEC_INFO" | grep -c '"interactive":false')""#;
        let issued = run(script).await;
        let issued = issued.unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(issued.token.as_ref().map(|t| t.as_str()), Some("hello-1"));
        assert_eq!(issued.until, Timestamp::parse("2026-01-01T00:00:00Z").ok());
    }

    #[tokio::test]
    async fn a_plugin_that_writes_something_else_is_told_so_without_its_output() {
        for script in [
            "echo hunter2",
            "true",
            r#"echo '{"kind":"ExecCredential","apiVersion":"v1","status":{"token":"hunter2"}}'"#,
        ] {
            let error = run(script).await.err().unwrap_or_default();
            assert!(
                error.contains("ExecCredential") && !error.contains("hunter2"),
                "{error}"
            );
        }
    }

    #[tokio::test]
    async fn a_plugin_that_fails_has_the_last_word() {
        let error = run("echo hunter2; echo 'first' >&2; echo 'session ended, log in again' >&2; exit 3")
            .await
            .err();
        let error = error.unwrap_or_default();
        assert!(
            error.contains("session ended, log in again") && !error.contains("hunter2"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_missing_plugin_is_named_with_the_way_to_get_it() {
        let exec: ExecConfig = serde_json::from_value(json!({
            "apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-plugin-here", "installHint": "run get-it",
        }))
        .unwrap_or_default();
        let plugin = Plugin::new("dev", &exec, None).unwrap_or_else(|e| panic!("{e}"));
        let error = plugin
            .run(&Redactor::new(b"k"))
            .await
            .err()
            .map(|e| e.to_string())
            .unwrap_or_default();
        assert!(
            error.contains("no-such-plugin-here") && error.contains("run get-it"),
            "{error}"
        );
    }
}
