//! The first administrator's token: given by `DREAMOPS_ADMIN_TOKEN`, else made once and written to a file that only this user reads.

use crate::app::App;
use crate::config::TOKEN_FILE;
use crate::exit::Failure;
use crate::private::write_private;
use anyhow::{Context, anyhow};
use dreamops_domain::access::{Access, PageRequest, Role, TokenRecord, token_sha256};
use dreamops_domain::id::{TenantId, TokenId};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The shortest token that is taken: guessing it has to be hopeless.
const SHORTEST: usize = 24;
/// Who the token belongs to, for the audit.
const ADMIN: &str = "admin";

/// Where the token is.
pub(super) enum First {
    /// It came from the environment.
    Given,
    /// There was one already; the file is where the first one was written.
    There,
    /// It was made, and is in this file.
    Made(PathBuf),
    /// It was made for a demonstration, and is nowhere else.
    Shown(Zeroizing<String>),
}

impl First {
    /// Says how to use it.
    pub(super) fn announce(&self, scheme: &str, bound: SocketAddr) {
        match self {
            Self::There => {}
            Self::Given => {
                eprintln!("curl -H \"Authorization: Bearer $DREAMOPS_ADMIN_TOKEN\" http://{bound}/api/v1/incidents");
            }
            Self::Made(path) => {
                eprintln!("dreamops: made the administrator's token in {}", path.display());
                eprintln!(
                    "curl -H \"Authorization: Bearer $(cat '{}')\" {scheme}://{bound}/api/v1/incidents",
                    path.display()
                );
            }
            Self::Shown(token) => eprintln!(
                "curl -H 'Authorization: Bearer {}' {scheme}://{bound}/api/v1/incidents",
                token.as_str()
            ),
        }
    }
}

/// Makes sure that an administrator of the default tenant can get in.
pub(super) async fn first_token(app: &App, demo: bool) -> Result<First, Failure> {
    if let Some(given) = &app.config.server.admin_token {
        if given.len() < SHORTEST {
            return Err(Failure::usage(anyhow!(
                "DREAMOPS_ADMIN_TOKEN has {} characters and needs at least {SHORTEST}; make one with `openssl rand -hex 32`",
                given.len()
            )));
        }
        store(app, given).await?;
        return Ok(First::Given);
    }
    if administered(app).await? {
        return Ok(First::There);
    }
    let token = random()?;
    if demo {
        store(app, &token).await?;
        return Ok(First::Shown(token));
    }
    let path = app.config.key_dir.join(TOKEN_FILE);
    // the file first: a stored token that nobody knows would lock everybody out
    write(&path, &token)?;
    store(app, &token).await?;
    Ok(First::Made(path))
}

/// Whether an administrator of the default tenant has a token already; tokens of others let nobody make one.
async fn administered(app: &App) -> Result<bool, Failure> {
    let mut part = PageRequest {
        limit: 500,
        after: None,
    };
    loop {
        let page = app.store.tokens(TenantId::DEFAULT, &part).await?;
        if page.items.iter().any(|token| token.role == Role::Admin) {
            return Ok(true);
        }
        part.after = page.next_cursor;
        if part.after.is_none() {
            return Ok(false);
        }
    }
}

/// Stores the token, unless it is known.
async fn store(app: &App, token: &str) -> Result<(), Failure> {
    let sha256 = token_sha256(token);
    if app.store.principal(&sha256).await?.is_some() {
        return Ok(());
    }
    let now = app.clock.now();
    let record = TokenRecord {
        id: TokenId::new(now),
        user: ADMIN.to_owned(),
        role: Role::Admin,
        created_at: now,
        expires_at: None,
    };
    Ok(app
        .store
        .token_create(TenantId::DEFAULT, &record, &sha256, "host")
        .await?)
}

fn random() -> anyhow::Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new([0u8; 32]);
    getrandom::fill(&mut *bytes).map_err(|error| anyhow!("the system gives no random numbers ({error})"))?;
    Ok(Zeroizing::new(hex::encode(*bytes)))
}

fn write(path: &Path, token: &str) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    write_private(path, format!("{token}\n").as_bytes())
}
