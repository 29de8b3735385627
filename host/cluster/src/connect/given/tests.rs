use super::*;
use crate::connect::address::system_lookup;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

const NOW: &str = "2026-01-01T00:00:00Z";
const EXPIRED: &str = include_str!("../testdata/expired.pem");
const SECRET: &str = "hunter2";

fn given(method: Method) -> Given {
    Given {
        method,
        name: "prod".to_owned(),
        endpoint: "https://api.shop:6443".to_owned(),
        namespace: String::new(),
        ca_certificate: None,
        verify_ssl: true,
        proxy_url: None,
        loopback_allowed: false,
    }
}

fn token(text: &str) -> Given {
    given(Method::ServiceAccount { token: text.into() })
}

fn kubeconfig(cluster: &str, user: &str) -> Given {
    let server = if cluster.contains("server:") {
        ""
    } else {
        "server: 'https://API.shop:6443/', "
    };
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: dev\n\
         contexts:\n- name: dev\n  context: {{cluster: c, user: u, namespace: shop}}\n\
         - name: other\n  context: {{cluster: d, user: v}}\n\
         clusters:\n- name: c\n  cluster: {{{server}{cluster}}}\n\
         users:\n- name: u\n  user: {{{user}}}\n- name: v\n  user: {{token: another-one, exec: {{command: rm}}}}\n"
    );
    given(Method::Kubeconfig { text: text.into() })
}

fn replaced(given: &Given, from: &str, to: &str) -> Given {
    let Method::Kubeconfig { text } = &given.method else {
        panic!("no kubeconfig");
    };
    assert!(text.expose().contains(from), "{from}");
    let text = text.expose().replace(from, to).into();
    Given {
        method: Method::Kubeconfig { text },
        ..given.clone()
    }
}

fn target(given: &Given) -> Result<Target, ConnectError> {
    let settings = ProxySettings {
        https_proxy: "http://shared:3128".to_owned(),
        no_proxy: ".excepted".to_owned(),
    };
    given.target(&settings, Timestamp::parse(NOW).unwrap(), system_lookup())
}

fn refusal(given: &Given) -> Refusal {
    match target(given) {
        Err(ConnectError::Refused { cluster, refusal }) => {
            let text = refusal.to_string();
            assert!(!text.contains(SECRET), "{text}");
            assert_eq!(cluster, "prod");
            refusal
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("{given:?} was accepted"),
    }
}

fn bad_field(given: &Given) -> &'static str {
    match refusal(given) {
        Refusal::BadField { field, .. } | Refusal::TooLong { field, .. } => field,
        other => panic!("{other}"),
    }
}

/// Certificate and key of a client, in force at [`NOW`], as PEM.
fn pair() -> (String, String) {
    let mut about = rcgen::CertificateParams::default();
    about.not_before = rcgen::date_time_ymd(2025, 1, 1);
    about.not_after = rcgen::date_time_ymd(2027, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = about.self_signed(&key).unwrap();
    let pem = |label: &str, der: &[u8]| {
        format!(
            "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
            STANDARD.encode(der)
        )
    };
    (
        pem("CERTIFICATE", certificate.der()),
        pem("PRIVATE KEY", &key.serialize_der()),
    )
}

#[test]
fn a_token_is_taken_with_the_rest() {
    let mut given = token(" abc\n");
    given.namespace = "shop".to_owned();
    given.ca_certificate = Some(STANDARD.encode(EXPIRED));
    let target = target(&given).unwrap_or_else(|e| panic!("{e}"));
    assert!(matches!(&target.bearer, Bearer::Token(token) if token.as_str() == "abc"));
    assert_eq!(target.namespace, "shop");
    assert_eq!(target.authorities.len(), 1);
    assert!(!target.insecure && target.identity.is_none());
    assert_eq!(target.proxy.unwrap().to_string(), "http://shared:3128/");
    assert_eq!(target.reach.proxy, Rule::Any);
}

#[test]
fn a_token_that_is_none_is_refused() {
    for bad in ["", " \n", "Bearer hunter2", "hunter2\nhunter2", "hunter2\u{e4}"] {
        assert_eq!(bad_field(&token(bad)), "token", "{bad:?}");
    }
    assert_eq!(bad_field(&token(&"x".repeat(LONGEST + 1))), "token");
}

#[test]
fn a_token_that_has_run_out_is_told_before_anybody_is_asked() {
    let jwt = |end: u64| {
        let claims = URL_SAFE_NO_PAD.encode(format!(r#"{{"exp":{end}}}"#));
        token(&format!("e30.{claims}.c2ln"))
    };
    let error = target(&jwt(1_700_000_000)).err().unwrap();
    assert!(error.is_expired(), "{error}");
    assert!(
        error
            .to_string()
            .contains("token of cluster \"prod\" expired on 2023-11-14"),
        "{error}"
    );
    assert!(target(&jwt(1_900_000_000)).is_ok());
}

#[test]
fn a_client_certificate_is_taken_as_pem_and_as_base64() {
    let (certificate, key) = pair();
    for (certificate, key) in [
        (certificate.clone(), key.clone()),
        (STANDARD.encode(&certificate), STANDARD.encode(&key)),
    ] {
        let given = given(Method::ClientCert {
            certificate,
            key: key.into(),
        });
        let target = target(&given).unwrap_or_else(|e| panic!("{e}"));
        assert!(target.identity.is_some() && matches!(target.bearer, Bearer::None));
    }
}

#[test]
fn a_certificate_or_key_that_is_none_is_refused_by_its_field() {
    let (certificate, key) = pair();
    let of = |certificate: &str, key: &str| {
        given(Method::ClientCert {
            certificate: certificate.to_owned(),
            key: key.into(),
        })
    };
    for bad in ["", SECRET, "aGVsbG8=", &key] {
        assert_eq!(bad_field(&of(bad, &key)), "certificate", "{bad}");
    }
    for bad in ["", SECRET, "aGVsbG8=", &certificate] {
        assert_eq!(bad_field(&of(&certificate, bad)), "key", "{bad}");
    }
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\naGVsbG8=\n-----END ENCRYPTED PRIVATE KEY-----\n";
    assert!(refusal(&of(&certificate, encrypted)).to_string().contains("passphrase"));
}

#[test]
fn a_client_certificate_that_has_run_out_is_told_before_anybody_is_asked() {
    let (_, key) = pair();
    let given = given(Method::ClientCert {
        certificate: EXPIRED.to_owned(),
        key: key.into(),
    });
    let error = target(&given).err().unwrap();
    assert!(
        error.is_expired() && error.to_string().contains("2020-01-02"),
        "{error}"
    );
}

#[test]
fn an_uploads_current_context_is_taken() {
    let mut given = kubeconfig("tls-server-name: inner", "token: abc");
    given.proxy_url = Some("socks5://10.0.0.9".into());
    let target = target(&given).unwrap_or_else(|e| panic!("{e}"));
    assert!(matches!(&target.bearer, Bearer::Token(token) if token.as_str() == "abc"));
    assert_eq!(target.namespace, "shop");
    assert_eq!(target.server_name.as_deref(), Some("inner"));
    assert_eq!(target.proxy.unwrap().to_string(), "socks5://10.0.0.9:1080/");
    assert!(matches!(target.reach.proxy, Rule::Guarded { loopback: false, .. }));
}

#[test]
fn an_uploads_certificate_is_taken() {
    let (certificate, key) = pair();
    let data = format!(
        "client-certificate-data: {}, client-key-data: {}",
        STANDARD.encode(certificate),
        STANDARD.encode(key)
    );
    assert!(target(&kubeconfig("", &data)).unwrap().identity.is_some());
    let authority = format!("certificate-authority-data: {}", STANDARD.encode(EXPIRED));
    let both = Given {
        ca_certificate: Some(EXPIRED.to_owned()),
        ..kubeconfig(&authority, &data)
    };
    assert_eq!(target(&both).unwrap().authorities.len(), 1);
}

#[test]
fn fields_that_run_read_or_impersonate_are_refused_by_name() {
    for (cluster, user, expected) in [
        ("", "exec: {command: sh, apiVersion: v1}", "exec"),
        ("", "exec: {}", "exec"),
        ("", "auth-provider: {name: gcp}", "auth-provider"),
        ("", "token: abc, tokenFile: /etc/passwd", "tokenFile"),
        ("", "username: admin", "username"),
        ("", "password: hunter2", "password"),
        ("", "client-certificate: /etc/cert", "client-certificate"),
        ("", "client-key: /etc/key", "client-key"),
        ("certificate-authority: /etc/ca", "token: abc", "certificate-authority"),
        ("", "token: abc, as: root", "as"),
        ("", "token: abc, as-uid: '0'", "as-uid"),
        ("", "token: abc, as-groups: [system:masters]", "as-groups"),
        ("", "token: abc, as-user-extra: {a: [b]}", "as-user-extra"),
    ] {
        let refusal = refusal(&kubeconfig(cluster, user));
        assert!(
            matches!(refusal, Refusal::FieldNotAllowed { field, .. } if field == expected),
            "{expected}: {refusal}"
        );
        assert!(refusal.to_string().contains(expected));
    }
}

#[test]
fn empty_forms_of_refused_fields_are_passed_over() {
    let given = kubeconfig(
        "certificate-authority: ''",
        "token: abc, tokenFile: '', username: '', exec: null, as: ''",
    );
    assert!(target(&given).is_ok());
}

#[test]
fn an_upload_has_exactly_one_credential() {
    let (certificate, key) = pair();
    let (certificate, key) = (STANDARD.encode(certificate), STANDARD.encode(key));
    let pair = format!("client-certificate-data: {certificate}, client-key-data: {key}");
    assert_eq!(refusal(&kubeconfig("", "")), Refusal::NoCredential);
    assert_eq!(refusal(&kubeconfig("", "token: ''")), Refusal::NoCredential);
    assert_eq!(
        refusal(&kubeconfig("", &format!("token: abc, {pair}"))),
        Refusal::TwoCredentials
    );
    let half = kubeconfig("", &format!("client-certificate-data: {certificate}"));
    assert_eq!(bad_field(&half), "client-key-data");
    let half = kubeconfig("", &format!("client-key-data: {key}"));
    assert_eq!(bad_field(&half), "client-certificate-data");
    assert_eq!(
        bad_field(&kubeconfig("", "client-certificate-data: '%%', client-key-data: x")),
        "client-certificate-data"
    );
}

#[test]
fn an_uploads_server_is_the_endpoint() {
    for server in [
        "https://api.shop",
        "http://api.shop:6443",
        "https://api.shop:6443/x",
        "https://evil:6443",
    ] {
        let refusal = refusal(&kubeconfig(&format!("server: '{server}'"), "token: abc"));
        assert!(matches!(refusal, Refusal::OtherServer { .. }), "{server}: {refusal}");
    }
    assert_eq!(bad_field(&kubeconfig("server: 'api'", "token: abc")), "server");
    assert_eq!(bad_field(&kubeconfig("server: ''", "token: abc")), "server");
}

#[test]
fn an_upload_names_its_server_by_itself_and_a_credential_does_not() {
    let mut upload = kubeconfig("", "token: abc");
    upload.endpoint = "  ".to_owned();
    assert_eq!(target(&upload).unwrap().server, "https://api.shop:6443/");
    let mut token = token("abc");
    token.endpoint = String::new();
    assert_eq!(bad_field(&token), "endpoint");
}

#[test]
fn checking_the_server_is_turned_off_by_name_alone() {
    let skips = kubeconfig("insecure-skip-tls-verify: true", "token: abc");
    assert_eq!(refusal(&skips), Refusal::SkipsVerification);
    for given in [&skips, &token("abc")] {
        let mut given = given.clone();
        given.verify_ssl = false;
        assert!(target(&given).unwrap().insecure);
    }
}

#[test]
fn an_upload_and_the_fields_do_not_contradict() {
    let authority = format!("certificate-authority-data: {}", STANDARD.encode(EXPIRED));
    let mut given = kubeconfig(&authority, "token: abc");
    given.ca_certificate = Some(pair().0);
    assert!(matches!(
        refusal(&given),
        Refusal::Contradiction {
            field: "ca_certificate",
            ..
        }
    ));
    let mut given = kubeconfig("proxy-url: 'http://u:hunter2@a:1'", "token: abc");
    given.proxy_url = Some("http://b:1".into());
    assert!(matches!(
        refusal(&given),
        Refusal::Contradiction { field: "proxy_url", .. }
    ));
}

#[test]
fn what_is_no_kubeconfig_is_told_without_its_text() {
    for text in [
        "users: [hunter2",
        "hunter2",
        "users: hunter2",
        "\u{0}hunter2",
        "kind: Pod",
        "contexts: [{hunter2: 1}]",
        "current-context: a\ncurrent-context: hunter2",
        "[]",
        "7",
    ] {
        let refusal = refusal(&given(Method::Kubeconfig { text: text.into() }));
        assert!(matches!(refusal, Refusal::NotKubeconfig { .. }), "{text:?}: {refusal}");
    }
}

#[test]
fn a_bomb_is_refused() {
    let doubled = ('b'..='z')
        .zip('a'..)
        .map(|(next, last)| format!("{next}: &{next} [*{last}, *{last}]\n"));
    let doubling = format!("a: &a [x, x]\n{}", doubled.collect::<String>());
    let deep = format!("extensions: {}{}", "[".repeat(5_000), "]".repeat(5_000));
    let wide = format!("extensions: [{}]", "1,".repeat(100_000));
    let several = "kind: Config\n---\nkind: Config\n".to_owned();
    let of = |text: String| refusal(&given(Method::Kubeconfig { text: text.into() }));
    for text in [doubling, wide, several] {
        assert_eq!(of(text), Refusal::TooIntricate);
    }
    // the parser itself follows no such depth
    assert!(matches!(of(deep), Refusal::NotKubeconfig { .. }));
    let long = "#".repeat(LONGEST + 1);
    assert_eq!(
        bad_field(&given(Method::Kubeconfig { text: long.into() })),
        "kubeconfig"
    );
}

#[test]
fn names_that_are_missing_or_there_twice_are_told() {
    let whole = kubeconfig("", "token: abc");
    let of = |from: &str, to: &str| refusal(&replaced(&whole, from, to));
    for what in ["contexts", "clusters", "users"] {
        let from = format!("{what}:\n");
        let twice = match what {
            "contexts" => "contexts:\n- name: dev\n  context: {cluster: c, user: v}\n",
            "clusters" => "clusters:\n- name: c\n  cluster: {server: 'https://evil'}\n",
            _ => "users:\n- name: u\n  user: {token: x}\n",
        };
        let refusal = of(&from, twice);
        assert!(
            matches!(&refusal, Refusal::Duplicate { what: told, .. } if *told == what),
            "{refusal}"
        );
    }
    assert!(matches!(of("current-context: dev\n", ""), Refusal::NoCurrentContext { there } if there.len() == 2));
    let unknown = of("current-context: dev", "current-context: prod");
    assert!(unknown.to_string().contains("dev, other"), "{unknown}");
    assert!(matches!(
        of("cluster: c,", "cluster: gone,"),
        Refusal::Dangling { what: "cluster", .. }
    ));
    assert!(matches!(
        of("user: u,", "user: gone,"),
        Refusal::Dangling { what: "user", .. }
    ));
    assert_eq!(of("user: u,", ""), Refusal::NoCredential);
    assert!(matches!(
        of("kind: Config", "x: 1\nkind: Pod"),
        Refusal::NotKubeconfig { .. }
    ));
}

#[test]
fn forbidden_addresses_are_refused_before_anybody_is_asked() {
    for endpoint in [
        "https://169.254.169.254",
        "https://[::ffff:a9fe:a9fe]:6443",
        "https://127.0.0.1:6443",
        "https://2130706433",
    ] {
        let mut given = token("abc");
        given.endpoint = endpoint.to_owned();
        assert!(matches!(refusal(&given), Refusal::Address(_)), "{endpoint}");
    }
    let mut given = token("abc");
    given.endpoint = "http://api.shop".to_owned();
    assert_eq!(refusal(&given), Refusal::PlainHttp { field: "endpoint" });
}

#[test]
fn fields_that_cannot_be_used_are_named() {
    let mut given = token("abc");
    given.endpoint = "nonsense hunter2".to_owned();
    assert_eq!(bad_field(&given), "endpoint");
    for bad in ["Shop", "a/b", "..", "-a", "a-", &"a".repeat(64), "kube system"] {
        let mut given = token("abc");
        given.namespace = bad.to_owned();
        assert_eq!(bad_field(&given), "namespace", "{bad}");
    }
    for bad in ["ftp://hunter2@proxy", "http://u:hunter2@:x", "http://u:hunter2@pro xy"] {
        let mut given = token("abc");
        given.proxy_url = Some(bad.into());
        assert_eq!(bad_field(&given), "proxy_url");
    }
    let mut given = token("abc");
    given.ca_certificate = Some(SECRET.to_owned());
    assert_eq!(bad_field(&given), "ca_certificate");
}

#[test]
fn the_surroundings_proxy_is_used_unless_excepted() {
    let mut given = token("abc");
    given.endpoint = "https://api.excepted".to_owned();
    assert!(target(&given).unwrap().proxy.is_none());
}

#[test]
fn a_fault_of_the_surroundings_proxy_is_not_laid_to_the_user() {
    let settings = ProxySettings {
        https_proxy: "ftp://u:hunter2@shared".to_owned(),
        no_proxy: String::new(),
    };
    let outcome = token("abc").target(&settings, Timestamp::parse(NOW).unwrap(), system_lookup());
    let text = outcome.err().unwrap().to_string();
    assert!(text.contains("HTTPS_PROXY") && !text.contains(SECRET), "{text}");
}

#[test]
fn a_document_holds_all_of_it_and_debug_shows_nothing() {
    let (certificate, key) = pair();
    for method in [
        Method::ServiceAccount { token: SECRET.into() },
        Method::Kubeconfig { text: SECRET.into() },
        Method::ClientCert {
            certificate,
            key: key.into(),
        },
    ] {
        let mut given = given(method);
        given.proxy_url = Some("http://u:hunter2@proxy".into());
        let document = given.to_document().unwrap();
        assert!(document.contains(SECRET));
        assert_eq!(Given::from_document(&document).as_ref(), Ok(&given));
        let shown = format!("{given:?} {given:#?}");
        assert!(!shown.contains(SECRET) && !shown.contains("PRIVATE KEY"), "{shown}");
    }
}

#[test]
fn a_document_of_another_form_is_refused_without_its_text() {
    let document = token("abc").to_document().unwrap();
    for bad in [
        "",
        "hunter2",
        "{}",
        &document.replace("\"format\":1", "\"format\":2"),
        &document.replace("\"name\"", "\"hunter2\""),
    ] {
        let refusal = Given::from_document(bad).unwrap_err();
        assert_eq!(refusal, Refusal::BadDocument);
    }
}

#[test]
fn what_is_kept_of_an_upload_is_one_context() {
    let authority = format!("certificate-authority-data: {}", STANDARD.encode(EXPIRED));
    let given = kubeconfig(&format!("{authority}, proxy-url: 'http://10.0.0.9:1'"), "token: abc");
    let kept = given.clone().kept().unwrap_or_else(|e| panic!("{e}"));
    let document = kept.to_document().unwrap();
    assert!(
        !document.contains("another-one") && !document.contains("exec"),
        "{}",
        *document
    );
    let (before, after) = (target(&given).unwrap(), target(&kept).unwrap());
    assert_eq!(before.server, after.server);
    assert_eq!(before.authorities, after.authorities);
    assert_eq!(before.proxy, after.proxy);
    assert_eq!(before.namespace, after.namespace);
    assert!(matches!(&after.bearer, Bearer::Token(token) if token.as_str() == "abc"));
    assert_eq!(kept.clone().kept(), Ok(kept));
    assert!(kubeconfig("", "exec: {}").kept().is_err());
}
