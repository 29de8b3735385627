use super::*;

const USER: Rule = Rule::Guarded {
    loopback: false,
    plain: false,
};
const ADMIN: Rule = Rule::Guarded {
    loopback: true,
    plain: false,
};
const PLAIN: Rule = Rule::Guarded {
    loopback: true,
    plain: true,
};

#[test]
fn addresses_that_no_cluster_has_are_refused_in_every_spelling() {
    for host in [
        "169.254.169.254",
        "169.254.170.2",
        "[fe80::a9fe:a9fe]",
        "[::ffff:169.254.169.254]",
        "[::ffff:a9fe:a9fe]",
        "[::169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::1]",
        "[::ffff:0:169.254.169.254]",
        "[fd00:ec2::254]",
        "[fd20:ce::254]",
        "100.100.100.200",
        "168.63.129.16",
        "0.0.0.0",
        "0.1.2.3",
        "[::]",
        "[::ffff:0.0.0.0]",
        "224.0.0.1",
        "255.255.255.255",
        "[ff02::1]",
    ] {
        for rule in [USER, ADMIN, PLAIN] {
            assert!(rule.judge_literal(host).is_err(), "{host}");
        }
        assert!(Rule::Any.judge_literal(host).is_ok(), "{host}");
    }
}

#[test]
fn this_machine_is_an_administrators_to_allow() {
    for host in [
        "127.0.0.1",
        "127.9.9.9",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
    ] {
        assert!(USER.judge_literal(host).is_err(), "{host}");
        assert!(ADMIN.judge_literal(host).is_ok(), "{host}");
        assert!(PLAIN.judge_literal(host).is_ok(), "{host}");
    }
}

#[test]
fn clusters_are_anywhere_else_but_not_over_plain_http() {
    for host in ["10.0.0.1", "192.168.1.1", "8.8.8.8", "[fd00::1]", "[2001:db8::1]"] {
        assert!(USER.judge_literal(host).is_ok(), "{host}");
        assert!(PLAIN.judge_literal(host).is_err(), "{host}");
    }
}

fn answers(addresses: &'static [&'static str]) -> Lookup {
    Arc::new(move |_| {
        let found = addresses.iter().filter_map(|a| a.parse().ok()).collect();
        Box::pin(async move { Ok(found) })
    })
}

async fn pinned(to: &'static str, addresses: &'static [&'static str]) -> Result<String, BoxError> {
    let resolver = Resolver::new(USER, answers(addresses));
    pin(Uri::from_static(to), resolver).await.map(|uri| uri.to_string())
}

#[tokio::test]
async fn a_name_with_one_forbidden_address_is_refused_whole() {
    let resolver = Resolver::new(USER, answers(&["10.0.0.1", "169.254.169.254"]));
    let error = resolver.resolve("api.shop".to_owned()).await.err();
    assert!(error.is_some_and(|e| e.is::<ForbiddenAddress>()));
}

#[tokio::test]
async fn a_proxy_is_told_the_judged_address() {
    let told = pinned("https://api.shop:6443/x", &["10.0.0.1", "10.0.0.2"]).await;
    assert_eq!(told.unwrap(), "https://10.0.0.1:6443/x");
    let told = pinned("https://api.shop/", &["fd00::1"]).await;
    assert_eq!(told.unwrap(), "https://[fd00::1]:443/");
    assert!(pinned("https://api.shop/", &["169.254.169.254"]).await.is_err());
    assert!(pinned("https://169.254.169.254/", &[]).await.is_err());
}

#[tokio::test]
async fn a_name_that_only_the_proxy_knows_is_told_as_a_name() {
    let nowhere: Lookup = Arc::new(|_| Box::pin(async { Err(io::Error::other("no such name")) }));
    let told = pin(Uri::from_static("https://api.shop:6443/"), Resolver::new(USER, nowhere)).await;
    assert_eq!(told.unwrap().to_string(), "https://api.shop:6443/");
}
