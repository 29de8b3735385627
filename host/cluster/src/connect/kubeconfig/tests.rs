use super::*;

const NOW: &str = "2026-01-01T00:00:00Z";
const EXPIRED: &str = include_str!("../testdata/expired.pem");

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap_or_else(|e| panic!("{e}")))
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap_or_else(|e| panic!("{e}"));
        path
    }

    fn target(&self, text: &str, context: Option<&str>) -> Result<Target, ConnectError> {
        let path = self.write("config", text);
        let now = Timestamp::parse(NOW).unwrap_or_default();
        target(&path, context, &ProxySettings::default(), now)
    }

    fn fails(&self, text: &str, context: Option<&str>) -> ConnectError {
        match self.target(text, context) {
            Ok(target) => panic!("{} was accepted", target.holder),
            Err(error) => error,
        }
    }
}

fn config(cluster: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: dev\n\
         contexts:\n- name: dev\n  context: {{cluster: c, user: u}}\n- name: other\n  context: {{cluster: gone, user: u}}\n\
         clusters:\n- name: c\n  cluster: {{{cluster}}}\nusers:\n- name: u\n  user: {{{user}}}\n"
    )
}

const SERVER: &str = "server: 'https://api.shop:6443'";

#[test]
fn a_token_and_the_contexts_namespace_are_taken() {
    let text =
        config(SERVER, "token: abc").replace("user: u}\n- name: other", "user: u, namespace: shop}\n- name: other");
    let target = Folder::new().target(&text, None).unwrap_or_else(|e| panic!("{e}"));
    assert!(matches!(&target.bearer, Bearer::Token(token) if token.as_str() == "abc"));
    assert_eq!((target.holder.name(), target.namespace.as_str()), ("dev", "shop"));
    assert_eq!(target.server.to_string(), "https://api.shop:6443/");
}

#[test]
fn a_kubeconfig_in_json_is_one_as_well() {
    let text = r#"{"current-context":"a","contexts":[{"name":"a","context":{"cluster":"c"}}],"clusters":[{"name":"c","cluster":{"server":"http://127.0.0.1:1/"}}]}"#;
    let target = Folder::new().target(text, None).unwrap_or_else(|e| panic!("{e}"));
    assert!(matches!(target.bearer, Bearer::None));
}

#[test]
fn files_that_it_names_are_found_beside_it() {
    let folder = Folder::new();
    folder.write("ca.pem", EXPIRED);
    let cluster = format!("{SERVER}, certificate-authority: ca.pem");
    let target = folder
        .target(&config(&cluster, "tokenFile: token"), None)
        .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(target.authorities.len(), 1);
    assert!(matches!(&target.bearer, Bearer::File(path) if *path == folder.0.path().join("token")));
}

#[test]
fn a_missing_file_is_named() {
    let path = Path::new("/nowhere/config");
    let error = target(path, None, &ProxySettings::default(), Timestamp::default()).err();
    assert!(matches!(error, Some(ConnectError::Unreadable { path, .. }) if path == Path::new("/nowhere/config")));
}

#[test]
fn what_is_no_kubeconfig_is_told_without_its_text() {
    for text in [
        "users: [hunter2",
        "hunter2",
        "users: hunter2",
        "\u{0}\u{1}hunter2",
        "contexts: [{name: {hunter2: 1}}]",
    ] {
        let error = Folder::new().fails(text, None);
        assert!(matches!(error, ConnectError::NotKubeconfig { .. }), "{text:?}: {error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[test]
fn an_empty_file_has_no_contexts() {
    assert!(matches!(Folder::new().fails("", None), ConnectError::NoContexts { .. }));
}

#[test]
fn a_context_that_is_not_there_lists_those_that_are() {
    let text = config(SERVER, "token: abc");
    let error = Folder::new().fails(&text, Some("prod"));
    assert!(
        error.to_string().contains("\"prod\"") && error.to_string().contains("dev, other"),
        "{error}"
    );
    let error = Folder::new().fails(&text.replace("current-context: dev\n", ""), None);
    assert!(
        matches!(&error, ConnectError::NoCurrentContext { there, .. } if there.len() == 2),
        "{error}"
    );
}

#[test]
fn a_context_that_names_what_is_not_there_is_told() {
    let text = config(SERVER, "token: abc");
    let error = Folder::new().fails(&text, Some("other"));
    assert!(
        matches!(error, ConnectError::Dangling { what: "cluster", .. }),
        "{error}"
    );
    let error = Folder::new().fails(&text.replace("- name: u\n", "- name: v\n"), None);
    assert!(matches!(error, ConnectError::Dangling { what: "user", .. }), "{error}");
}

#[test]
fn fields_that_cannot_be_used_are_named() {
    let cases = [
        (config("server: api", "token: abc"), "server"),
        (config("insecure-skip-tls-verify: true", "token: abc"), "server"),
        (
            config(&format!("{SERVER}, certificate-authority-data: '%%'"), ""),
            "certificate-authority",
        ),
        (
            config(&format!("{SERVER}, certificate-authority-data: aGVsbG8="), ""),
            "certificate-authority",
        ),
        (
            config(&format!("{SERVER}, certificate-authority: /nowhere/ca"), ""),
            "certificate-authority",
        ),
        (config(&format!("{SERVER}, proxy-url: 'ftp://x'"), ""), "proxy-url"),
        (
            config(SERVER, "client-certificate: /nowhere/cert, client-key: /nowhere/key"),
            "client-certificate",
        ),
        (config(SERVER, "client-key-data: aGVsbG8="), "client-certificate"),
        (config(SERVER, "exec: {apiVersion: v1}"), "exec"),
        (config(SERVER, "exec: {command: x, interactiveMode: Always}"), "exec"),
        (config(SERVER, "auth-provider: {name: gcp}"), "auth-provider"),
    ];
    for (text, expected) in cases {
        let error = Folder::new().fails(&text, None);
        assert!(
            matches!(&error, ConnectError::BadField { field, .. } if *field == expected),
            "{expected}: {error}"
        );
    }
}

#[test]
fn an_expired_certificate_is_told_with_its_date_before_anybody_is_asked() {
    let folder = Folder::new();
    folder.write("cert", EXPIRED);
    folder.write(
        "key",
        "-----BEGIN PRIVATE KEY-----\naGVsbG8=\n-----END PRIVATE KEY-----\n",
    );
    let error = folder.fails(&config(SERVER, "client-certificate: cert, client-key: key"), None);
    assert!(matches!(error, ConnectError::Expired { .. }), "{error}");
    assert!(error.to_string().contains("2020-01-02"), "{error}");
}
