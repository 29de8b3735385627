//! `credential registry`: pull credentials that `set-pull-secret` may use.

use crate::app::App;
use crate::args::{CredentialCommand, Format, RegistryCommand, ServerArgs};
use crate::desk::{Desk, List};
use crate::exit::{Failure, Outcome};
use crate::print;
use anyhow::{Context, anyhow};
use dreamops_domain::id::TenantId;
use dreamops_domain::ports::RegistryCredential;
use serde_json::json;
use std::io::{IsTerminal, Read};

/// Runs the command.
pub(crate) async fn run(command: CredentialCommand, server: &ServerArgs) -> Outcome {
    let CredentialCommand::Registry(command) = command;
    let app = Desk::beside(server, "credential").await?;
    match command {
        RegistryCommand::Add {
            registry,
            username,
            namespace,
        } => {
            let password = password()?.into();
            let credential = RegistryCredential {
                registry: dreamops_store::registry::registry_host(&registry),
                username,
                password,
            };
            app.store
                .credential_add(TenantId::DEFAULT, &credential, namespace.as_deref())
                .await?;
            eprintln!("{registry}: stored, sealed");
        }
        RegistryCommand::List { output } => list(&app, output).await?,
        RegistryCommand::Remove { registry, namespace } => {
            if !app
                .store
                .credential_remove(TenantId::DEFAULT, &registry, namespace.as_deref())
                .await?
            {
                return Err(Failure::usage(anyhow!(
                    "there is no such credential; `credential registry list` shows them"
                )));
            }
            eprintln!("{registry}: removed");
        }
    }
    Ok(0)
}

async fn list(app: &App, output: Format) -> Result<(), Failure> {
    let credentials = app.store.credential_list(TenantId::DEFAULT).await?;
    let items = credentials
        .iter()
        .map(|c| json!({ "registry": c.registry, "namespace": c.namespace, "username": c.username }));
    let list = List {
        items: items.collect(),
        next_cursor: None,
    };
    let columns = [
        ("REGISTRY", "registry"),
        ("USERNAME", "username"),
        ("NAMESPACE", "namespace"),
    ];
    let empty = "no credentials; `dreamops credential registry add REGISTRY --username USER` stores one";
    Ok(print::list(&list, &columns, output, empty)?)
}

/// The password, from standard input: an argument would show in the process list.
fn password() -> Result<String, Failure> {
    if std::io::stdin().is_terminal() {
        eprintln!("password (it is shown as you type; or pipe it in), then Ctrl-D:");
    }
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .context("cannot read the password from standard input")?;
    let text = text.trim_end_matches(['\r', '\n']).to_owned();
    if text.is_empty() {
        return Err(Failure::usage(anyhow!(
            "the password is empty; pipe it into the command"
        )));
    }
    Ok(text)
}
