//! `key`: the keys that stored secrets are sealed with.
//!
//! A change of keys: `key generate` (or `--write`, into the key file), start every server anew so that it has the new key first and
//! still the old ones, `key rotate`, then take the old ones out.

use crate::args::{Format, KeyCommand, ServerArgs};
use crate::config::Config;
use crate::desk::Desk;
use crate::exit::{Failure, Outcome};
use crate::print;
use anyhow::anyhow;
use dreamops_vault::{KeyFile, Keyring};
use serde_json::json;

const PATH: &str = "/api/v1/keys/rotate";

/// Runs the command.
pub(crate) async fn run(command: KeyCommand, server: &ServerArgs) -> Outcome {
    match command {
        KeyCommand::Generate { write: false } => {
            print::say(&format!("{}\n", Keyring::generate().expose()))?;
            eprintln!(
                "put it first in DREAMOPS_ENCRYPTION_KEYS, and keep the older ones behind it until `dreamops key rotate` has ended"
            );
            Ok(0)
        }
        KeyCommand::Generate { write: true } => write(),
        KeyCommand::Rotate { output } => rotate(&Desk::open(server).await?, output).await,
    }
}

fn write() -> Outcome {
    let config = Config::load()?;
    if config.encryption_keys.is_some() {
        return Err(Failure::usage(anyhow!(
            "the keys are given in DREAMOPS_ENCRYPTION_KEYS, so that a key file would not be read; put the output of `dreamops key generate` first there"
        )));
    }
    let file = KeyFile::add_newest(&config.key_dir)?;
    eprintln!(
        "a new key is first of {} in {}; keep a copy of the file",
        file.keyring.ids().len(),
        file.path.display()
    );
    eprintln!("a server that runs knows it after its next start; then `dreamops key rotate` seals what is stored anew");
    Ok(0)
}

/// Code 1 where something is left that no key of the ring opens.
async fn rotate(desk: &Desk, output: Format) -> Outcome {
    let mut resealed = 0;
    let left = loop {
        let answer = desk.post(PATH, &json!({})).await?;
        let number = |field: &str| {
            answer[field]
                .as_u64()
                .ok_or_else(|| anyhow!("the answer does not say {field:?}; is it a server of this version?"))
        };
        let (now, left) = (number("resealed")?, number("left")?);
        resealed += now;
        if left == 0 || now == 0 {
            break left;
        }
        eprintln!("{resealed} values are sealed anew, {left} are left");
    };
    if !output.is_table() {
        let document = json!({ "complete": left == 0, "resealed": resealed, "left": left });
        print::document(&document, output)?;
    }
    if left > 0 {
        return Err(Failure::from(anyhow!(
            "{left} values are sealed under keys that are not in the ring; bring those keys back behind the newest one and rotate again"
        )));
    }
    eprintln!(
        "{resealed} values were sealed anew; everything is sealed under the newest key, and older ones may leave the ring"
    );
    Ok(0)
}
