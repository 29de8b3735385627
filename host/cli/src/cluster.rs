//! `cluster`: what is connected. A credential is tried before it is stored, sealed; it comes from files or standard input, since an
//! argument would show in the process list.

use crate::args::{AuthArg, ClusterCommand, CredentialArgs, Format, ServerArgs};
use crate::desk::{Desk, encoded};
use crate::exit::{Failure, Outcome};
use crate::print;
use anyhow::{Context, anyhow};
use dreamops_cluster::rights;
use dreamops_domain::fleet::Fleet;
use dreamops_domain::id::TenantId;
use serde_json::{Value, json};
use std::io::Read;
use std::path::Path;

const PATH: &str = "/api/v1/clusters";
const CONNECT: &str = "/api/v1/kubernetes/agno/connect-cluster";

/// Runs the command.
pub(crate) async fn run(command: ClusterCommand, server: &ServerArgs) -> Outcome {
    match command {
        ClusterCommand::Rbac { namespace, account } => {
            let manifest = rights::manifest(&namespace, &account).map_err(Failure::usage)?;
            print::say(&manifest)?;
            return Ok(0);
        }
        ClusterCommand::Add { name, given, output } => {
            let desk = Desk::open(server).await?;
            if record(&desk, &name).await?.is_some() {
                return Err(Failure::usage(anyhow!(
                    "cluster {name} is connected already; give it another credential with `dreamops cluster rotate {name}`"
                )));
            }
            connect(&desk, &name, &given, output).await?;
        }
        ClusterCommand::Rotate { name, given, output } => {
            let desk = Desk::open(server).await?;
            if record(&desk, &name).await?.is_none() {
                return Err(unknown(&name));
            }
            connect(&desk, &name, &given, output).await?;
        }
        ClusterCommand::List { output } => {
            let desk = Desk::open(server).await?;
            let list = desk.list(PATH, "", usize::MAX).await?;
            let columns = [
                ("NAME", "name"),
                ("STATUS", "status"),
                ("VERSION", "version"),
                ("NAMESPACE", "namespace"),
                ("BY", "auth_method"),
                ("EXPIRES", "expires_at"),
                ("ADDRESS", "address"),
                ("REASON", "status_reason"),
            ];
            print::list(
                &list,
                &columns,
                output,
                "no clusters; `dreamops cluster add NAME` connects one",
            )?;
        }
        ClusterCommand::Test { name, output } => return test(&Desk::open(server).await?, &name, output).await,
        ClusterCommand::Remove { name } => {
            let desk = Desk::open(server).await?;
            desk.delete(&format!("{PATH}/{}", encoded(&name))).await?;
            eprintln!("cluster {name} and its credential are forgotten");
        }
    }
    Ok(0)
}

fn unknown(name: &str) -> Failure {
    Failure::usage(anyhow!(
        "no cluster {name:?} is connected; `dreamops cluster list` shows those that are, `dreamops cluster add {name}` connects it"
    ))
}

/// What is stored of a cluster, without its credential.
async fn record(desk: &Desk, name: &str) -> Result<Option<Value>, Failure> {
    let clusters = desk.list(PATH, "", usize::MAX).await?.items;
    Ok(clusters.into_iter().find(|cluster| cluster["name"] == name))
}

async fn connect(desk: &Desk, name: &str, given: &CredentialArgs, output: Format) -> Result<(), Failure> {
    let answer = desk.post(CONNECT, &request(name, given)?).await?;
    if !output.is_table() {
        return Ok(print::document(&answer, output)?);
    }
    let result = &answer["connection_result"];
    let text = |field: &str| print::cell(result[field].as_str().unwrap_or_default(), 80);
    eprintln!(
        "{name}: connected, Kubernetes {} on {}; the credential is stored, sealed",
        text("cluster_version"),
        text("platform")
    );
    eprintln!("see what it may do there with `dreamops cluster test {name}`");
    Ok(())
}

/// The body of connect-cluster.
fn request(name: &str, given: &CredentialArgs) -> Result<Value, Failure> {
    let mut request = json!({
        "cluster_name": name,
        "auth_method": given.auth_method.name(),
        "cluster_endpoint": given.endpoint.clone().unwrap_or_default(),
        "namespace": given.namespace.clone().unwrap_or_default(),
        "verify_ssl": !given.insecure_skip_tls_verify,
        "proxy_url": given.proxy_url,
    });
    let needed = |file: &Option<std::path::PathBuf>, flag: &str| match file {
        Some(file) => read(file),
        None => Err(Failure::usage(anyhow!(
            "--auth-method {} needs {flag} FILE; `-` reads standard input",
            given.auth_method.flag()
        ))),
    };
    match given.auth_method {
        AuthArg::ServiceAccount => {
            request["service_account_token"] = needed(&given.token_file, "--token-file")?.trim().into();
        }
        AuthArg::Kubeconfig => request["kubeconfig_data"] = needed(&given.kubeconfig, "--kubeconfig")?.into(),
        AuthArg::ClientCert => {
            request["client_certificate"] = needed(&given.certificate, "--client-certificate")?.into();
            request["client_key"] = needed(&given.key, "--client-key")?.into();
        }
    }
    if let Some(file) = &given.ca {
        request["ca_certificate"] = read(file)?.into();
    }
    Ok(request)
}

fn read(file: &Path) -> Result<String, Failure> {
    if file != Path::new("-") {
        let text = std::fs::read_to_string(file);
        return text
            .with_context(|| format!("cannot read {}", file.display()))
            .map_err(Failure::usage);
    }
    let mut text = String::new();
    let read = std::io::stdin().read_to_string(&mut text);
    read.context("cannot read standard input").map_err(Failure::usage)?;
    Ok(text)
}

/// Reaches it by the stored credential, and asks for the rights. Code 1 where it cannot be worked with.
async fn test(desk: &Desk, name: &str, output: Format) -> Outcome {
    let Desk::Here(here) = desk else {
        let noted = record(desk, name).await?.ok_or_else(|| unknown(name))?;
        let columns = [
            ("status", "status"),
            ("reason", "status_reason"),
            ("last used", "last_used_at"),
            ("expires", "expires_at"),
        ];
        print::item(&noted, &columns, output)?;
        eprintln!("this is what the server noted when it used the cluster last; rights are told on its machine");
        return Ok(u8::from(noted["status"] != "connected"));
    };
    let app = here.app();
    let found = app.store.cluster(TenantId::DEFAULT, name).await?;
    let found = found.ok_or_else(|| unknown(name))?;
    let connection = app.connect_registered(&found, app.redactor.clone()).await?;
    let missing = rights::check(&connection, &connection.namespace).await;
    let missing = missing.map_err(|error| {
        let said = error.said(&app.redactor);
        anyhow!("cluster {name} did not say what may be done there: {said}")
    })?;
    let (needed, useful): (Vec<_>, Vec<_>) = missing.iter().partition(|m| m.is_needed());
    let lines = |rights: &[&rights::MissingRight]| rights.iter().map(ToString::to_string).collect::<Vec<_>>();
    let result = json!({
        "name": name, "connected": true, "version": connection.version, "platform": connection.platform,
        "address": connection.cluster.address, "namespace": connection.namespace,
        "expires_at": connection.expires_at.map(|t| t.to_string()),
        "missing_rights": lines(&needed), "missing_looks": lines(&useful),
    });
    if output.is_table() {
        let columns = [
            ("version", "version"),
            ("platform", "platform"),
            ("address", "address"),
            ("namespace", "namespace"),
            ("expires", "expires_at"),
        ];
        print::item(&result, &columns, output)?;
        for (label, rights) in [("needed", &needed), ("useful", &useful)] {
            for right in rights {
                print::say(&format!("{label}: {right}\n"))?;
            }
        }
        if missing.is_empty() {
            print::say("every right is there\n")?;
        } else {
            eprintln!(
                "`dreamops cluster rbac --namespace {}` prints what to apply",
                connection.namespace
            );
        }
    } else {
        print::document(&result, output)?;
    }
    Ok(u8::from(!needed.is_empty()))
}
