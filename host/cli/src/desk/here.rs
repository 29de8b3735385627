//! The data directory, asked by the server's own routes.

use crate::app::App;
use crate::exit::Failure;
use crate::serve::Server;
use anyhow::Context;
use dreamops_domain::access::{Principal, Role};
use dreamops_domain::audit::Audit;
use dreamops_domain::id::{TenantId, TokenId};
use dreamops_server::http::local::Local;
use http::{Method, StatusCode};
use serde_json::Value;
use std::sync::Arc;

/// How many events are given their place in the chain at once.
const SEALED_AT_ONCE: u32 = 1000;

/// The store of this machine, for whoever may open it.
pub(crate) struct Here {
    app: Arc<App>,
    routes: Local,
}

impl Here {
    pub(super) fn new(app: Arc<App>) -> Result<Self, Failure> {
        // nothing is diagnosed here, so that no component is loaded
        let server = Server::build(&app, app.empty_sandbox()?, None)?;
        let operator = Principal {
            tenant: TenantId::DEFAULT,
            user: crate::config::user(),
            role: Role::Admin,
            token: TokenId::new(app.clock.now()),
        };
        let routes = Local::new(&server.http, operator);
        Ok(Self { app, routes })
    }

    /// The opened data directory.
    pub(crate) fn app(&self) -> &App {
        &self.app
    }

    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(StatusCode, Vec<u8>), Failure> {
        let body = body
            .map(serde_json::to_vec)
            .transpose()
            .context("cannot write the request")?;
        Ok(self.routes.ask(method, path, body).await?)
    }

    pub(super) async fn seal(&self) -> Result<(), Failure> {
        while self.app.store.seal(SEALED_AT_ONCE).await? == u64::from(SEALED_AT_ONCE) {}
        Ok(())
    }
}
