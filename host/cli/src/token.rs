//! `token`: who may use the server's API. A token is printed once, when it is made.

use crate::args::{ServerArgs, TokenCommand};
use crate::desk::{Desk, encoded};
use crate::exit::{Failure, Outcome};
use crate::print;
use anyhow::anyhow;
use dreamops_domain::ports::Clock;
use serde_json::{Value, json};

const PATH: &str = "/api/v1/tokens";

/// Runs the command.
pub(crate) async fn run(command: TokenCommand, server: &ServerArgs) -> Outcome {
    let desk = Desk::open(server).await?;
    match command {
        TokenCommand::Create {
            user,
            role,
            expires_in,
            output,
        } => {
            let expires_at = expires_in.map(|span| (crate::clock::SystemClock::new().now() + span).to_string());
            let wanted = json!({ "user": user, "role": role.name(), "expires_at": expires_at });
            let made = desk.post(PATH, &wanted).await?;
            if output.is_table() {
                let secret = made["secret"].as_str().unwrap_or_default();
                eprintln!(
                    "made token {} of role {} for {user}; it is shown now and never again:",
                    text(&made["id"]),
                    role.name()
                );
                print::say(&format!("{secret}\n"))?;
            } else {
                print::document(&made, output)?;
            }
        }
        TokenCommand::List { output } => {
            let list = desk.list(PATH, "", usize::MAX).await?;
            let columns = [
                ("ID", "id"),
                ("USER", "user"),
                ("ROLE", "role"),
                ("CREATED", "created_at"),
                ("EXPIRES", "expires_at"),
            ];
            print::list(
                &list,
                &columns,
                output,
                "no tokens; `dreamops token create USER` makes one",
            )?;
        }
        TokenCommand::Revoke { id } => {
            if id.parse::<dreamops_domain::id::TokenId>().is_err() {
                return Err(Failure::usage(anyhow!(
                    "{id:?} is no id of a token; `dreamops token list` shows those there are"
                )));
            }
            desk.delete(&format!("{PATH}/{}", encoded(&id))).await?;
            eprintln!("token {id} no longer works");
        }
    }
    Ok(0)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
