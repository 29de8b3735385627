//! A change of keys over HTTP.

use crate::world::World;
use dreamops_domain::access::{Access, SourceRecord};
use dreamops_domain::alert::Source;
use dreamops_domain::audit::Audit;
use dreamops_domain::id::{SourceId, TenantId};
use dreamops_domain::ports::Clock;
use serde_json::json;
use zeroize::Zeroizing;

const PATH: &str = "/api/v1/keys/rotate";

#[tokio::test]
async fn what_an_older_key_sealed_is_sealed_anew_and_opens_without_it() {
    let world = World::new().await;
    let [new, old] = &world.keys;
    // a replica that has not been told of the new key yet
    let before = world.beside(&[old, new]).await;
    for name in ["a", "b", "c"] {
        let source = SourceRecord {
            id: SourceId::new(world.clock.now()),
            tenant: world.other,
            name: name.into(),
            kind: Source::Alertmanager,
            cluster: None,
            created_at: world.clock.now(),
        };
        let secret = Zeroizing::new(format!("secret-of-{name}"));
        assert!(before.source_create(&source, &[secret], "test").await.unwrap());
    }
    let done = world.post("admin", PATH, &json!({})).await;
    assert_eq!(done.json(), json!({ "complete": true, "resealed": 3, "left": 0 }));
    let again = world.post("admin", PATH, &json!({})).await;
    assert_eq!(again.json(), json!({ "complete": true, "resealed": 0, "left": 0 }));
    let after = world.beside(&[new]).await;
    for name in ["a", "b", "c"] {
        let (_, secrets) = after.source(Source::Alertmanager, name).await.unwrap().unwrap();
        assert_eq!(secrets[0].as_str(), format!("secret-of-{name}"));
    }
    world.sealed().await;
    let check = after.verify(TenantId::DEFAULT, None).await.unwrap();
    assert_eq!(check.problems, [""; 0]);
}

#[tokio::test]
async fn only_an_admin_of_the_operators_tenant_may_ask_for_it() {
    let world = World::new().await;
    for token in ["intake", "viewer", "responder", "other"] {
        world.post(token, PATH, &json!({})).await.is_problem(403, "forbidden");
    }
    let nobody = world.ask("POST", PATH).send().await;
    nobody.is_problem(401, "unauthenticated");
    world.get("admin", PATH).await.is_problem(405, "wrong-method");
}
