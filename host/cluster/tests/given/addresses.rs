//! Forbidden addresses are judged after resolution, and nothing is sent to them.

use crate::server::{Authority, Behaviour, Server, TOKEN};
use crate::world::{connect, fails, given, token};
use dreamops_cluster::connect::{ConnectError, Refusal};

fn is_address(error: &ConnectError) -> bool {
    matches!(
        error,
        ConnectError::Refused {
            refusal: Refusal::Address(_),
            ..
        }
    )
}

#[tokio::test]
async fn this_machine_is_reached_where_an_administrator_allowed_it_alone() {
    let authority = Authority::make();
    let server = Server::start(&authority, Behaviour::default()).await;
    let port = server.address.port();
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0x7f000001"] {
        let mut given = given(token(TOKEN), format!("https://{host}:{port}"), &authority.pem);
        given.loopback_allowed = false;
        let error = fails(&given).await;
        assert!(is_address(&error), "{host}: {error}");
        assert!(error.to_string().contains("administrator"), "{error}");
    }
    assert_eq!(server.connections(), 0);
    connect(&given(
        token(TOKEN),
        format!("https://localhost:{port}"),
        &authority.pem,
    ))
    .await;
    assert!(server.connections() > 0);
}

#[tokio::test]
async fn metadata_services_are_reached_by_nobody() {
    let authority = Authority::make();
    for host in [
        "169.254.169.254",
        "[fe80::1]",
        "[::ffff:169.254.169.254]",
        "100.100.100.200",
        "0.0.0.0",
        "[ff02::1]",
    ] {
        let error = fails(&given(token(TOKEN), format!("https://{host}"), &authority.pem)).await;
        assert!(is_address(&error), "{host}: {error}");
    }
}
