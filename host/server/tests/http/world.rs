//! A running server with two tenants.

use crate::client::{Answer, Asking};
use crate::clock::TestClock;
use crate::faulty::Faulty;
use crate::ports::{TestConnector, TestDesk, TestRedactors, TestRehearsals};
use dreamops_domain::access::{Access, Role, TokenRecord};
use dreamops_domain::audit::Audit;
use dreamops_domain::id::{TenantId, TokenId};
use dreamops_domain::ports::Clock;
use dreamops_server::http::{App, Ports, Settings, serve};
use dreamops_store::SqliteStore;
use dreamops_vault::{Keyring, NewKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

/// The secrets of the short PagerDuty route: two, as in the middle of a rotation.
pub(crate) const SECRETS: [&str; 2] = ["new-secret-of-pagerduty", "old-secret-of-pagerduty"];

pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) store: SqliteStore,
    /// Where alerts are taken in.
    pub(crate) faulty: Arc<Faulty>,
    pub(crate) desk: Arc<TestDesk>,
    /// The other tenant.
    pub(crate) other: TenantId,
    pub(crate) stop: Option<oneshot::Sender<()>>,
    pub(crate) served: JoinHandle<std::io::Result<()>>,
    /// The keys of its ring, newest first.
    pub(crate) keys: [NewKey; 2],
    pub(crate) folder: tempfile::TempDir,
}

/// The database's file in the folder.
pub(crate) const DATABASE: &str = "dreamops.db";

/// A ring of keys, newest first.
pub(crate) fn ring_of(keys: &[&NewKey]) -> Arc<Keyring> {
    let text: Vec<&str> = keys.iter().map(|key| key.expose()).collect();
    Arc::new(Keyring::parse(&text.join(",")).unwrap())
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// With settings changed.
    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let clock = TestClock::new();
        let folder = tempfile::tempdir().unwrap();
        let keys = [Keyring::generate(), Keyring::generate()];
        let ring = ring_of(&[&keys[0], &keys[1]]);
        let store = SqliteStore::open(&folder.path().join(DATABASE), ring.clone(), clock.clone())
            .await
            .unwrap()
            .with_signer(ring);
        let faulty = Arc::new(Faulty {
            store: store.clone(),
            away: false.into(),
        });
        let desk = Arc::new(TestDesk {
            store: Arc::new(store.clone()),
            told: Vec::new().into(),
            nudges: 0.into(),
        });
        let ports = Ports {
            clock: clock.clone(),
            store: Arc::new(store.clone()),
            intake: faulty.clone(),
            queue: faulty.clone(),
            access: Arc::new(store.clone()),
            fleet: Arc::new(store.clone()),
            audit: Arc::new(store.clone()),
            desk: desk.clone(),
            connector: Arc::new(TestConnector),
            rehearsals: Arc::new(TestRehearsals),
            redactors: Arc::new(TestRedactors),
            maintenance: Arc::new(store.clone()),
            upkeep: Arc::new(store.clone()),
        };
        let mut settings = Settings {
            pagerduty_secrets: SECRETS.map(|s| Zeroizing::new(s.to_owned())).to_vec(),
            ..Settings::default()
        };
        change(&mut settings);
        let app = App::new(ports, settings);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(serve(app, listener, async move {
            let _ = stopped.await;
        }));
        let other = store.tenant_create("other", "test").await.unwrap().unwrap();
        let world = Self {
            address,
            clock,
            store,
            faulty,
            desk,
            other,
            stop: Some(stop),
            served,
            keys,
            folder,
        };
        for role in [Role::Intake, Role::Viewer, Role::Responder, Role::Admin] {
            world.token(TenantId::DEFAULT, role, role.name()).await;
        }
        world.token(world.other, Role::Admin, "other").await;
        world.sealed().await;
        world
    }

    async fn token(&self, tenant: TenantId, role: Role, secret: &str) {
        let token = TokenRecord {
            id: TokenId::new(self.clock.now()),
            user: format!("{secret}-user"),
            role,
            created_at: self.clock.now(),
            expires_at: None,
        };
        let digest = hex::encode(Sha256::digest(secret));
        self.store.token_create(tenant, &token, &digest, "test").await.unwrap();
    }

    /// Something happens that the audit keeps, and is sealed: a token is made for a user of this name.
    pub(crate) async fn happen(&self, tenant: TenantId, user: &str) {
        self.token(tenant, Role::Intake, user).await;
        self.sealed().await;
    }

    /// The database as another process opens it, with these keys.
    pub(crate) async fn beside(&self, keys: &[&NewKey]) -> SqliteStore {
        let ring = ring_of(keys);
        let path = self.folder.path().join(DATABASE);
        let store = SqliteStore::open(&path, ring.clone(), self.clock.clone()).await;
        store.unwrap().with_signer(ring)
    }

    /// Lets every event have its position.
    pub(crate) async fn sealed(&self) {
        while self.store.seal(100).await.unwrap() > 0 {}
    }

    pub(crate) fn ask(&self, method: &str, path: &str) -> Asking {
        Asking::new(self.address, method, path)
    }

    /// GET with the token, whose secret is the role's name.
    pub(crate) async fn get(&self, token: &str, path: &str) -> Answer {
        self.ask("GET", path).token(token).send().await
    }

    pub(crate) async fn post(&self, token: &str, path: &str, body: &Value) -> Answer {
        self.ask("POST", path).token(token).json(body).send().await
    }

    /// A responder's word on an incident.
    pub(crate) async fn act(&self, incident: &str, act: &str, body: &Value) -> Answer {
        self.post("responder", &format!("/api/v1/incidents/{incident}/{act}"), body)
            .await
    }

    /// An incident of the tenant of the token; its id.
    pub(crate) async fn incident(&self, token: &str, alert: &str) -> String {
        let body = json!({
            "alert_id": alert, "title": "Pod CrashLoopBackOff", "description": "", "severity": "high",
            "metadata": { "cluster": "production", "namespace": "shop", "pod": format!("web-{alert}") }
        });
        let answer = self
            .post(token, "/api/v1/kubernetes/agno/process-incident", &body)
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["incident_id"].as_str().unwrap().to_owned()
    }

    /// How many alerts the tenant of the token has.
    pub(crate) async fn alerts(&self, token: &str) -> usize {
        self.get(token, "/api/v1/alerts?limit=500").await.items().len()
    }
}
