//! The cluster is asked for each right, and those that are missing are told.

use crate::server::{Authority, Behaviour, Server, TOKEN};
use crate::world::{connect, given, token};
use dreamops_cluster::rights::{self, MissingRight};

async fn missing(denied: Vec<(&'static str, &'static str)>) -> Vec<MissingRight> {
    let authority = Authority::make();
    let behaviour = Behaviour {
        denied,
        ..Behaviour::default()
    };
    let server = Server::start(&authority, behaviour).await;
    let given = given(token(TOKEN), format!("https://{}", server.address), &authority.pem);
    let connection = connect(&given).await;
    rights::check(&connection, "shop")
        .await
        .unwrap_or_else(|e| panic!("{e:?}"))
}

#[tokio::test]
async fn a_credential_with_all_rights_lacks_none() {
    assert_eq!(missing(Vec::new()).await, []);
}

#[tokio::test]
async fn each_missing_right_is_told_with_the_rule_to_add() {
    let missing = missing(vec![("patch", "deployments"), ("list", "nodes")]).await;
    let told: Vec<_> = missing.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            r#"may not patch deployments in shop; add to its Role: {apiGroups: ["apps"], resources: ["deployments"], verbs: ["patch"]}"#,
            r#"may not list nodes in the whole cluster; add to its ClusterRole: {apiGroups: [""], resources: ["nodes"], verbs: ["list"]}"#,
        ]
    );
    assert_eq!(
        missing.iter().map(MissingRight::is_needed).collect::<Vec<_>>(),
        [true, false]
    );
}
