use super::*;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use serde_json::json;
use sha2::Digest;

fn redactor() -> Redactor {
    Redactor::new(b"tenant one")
}

fn text(text: &str) -> String {
    redactor().text(text).into_inner()
}

fn object(object: &Value) -> Value {
    redactor().object(object).into_inner()
}

fn handle(secret: &str) -> String {
    redactor().handle(secret.as_bytes())
}

/// A pod template with one container's worth of these fields.
fn template(container: &Value) -> Value {
    json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}})
}

const SECRET: &str = "hunter2-correct-horse";
const JWT: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQifQ.c2lnbmF0dXJlLWJ5dGVz";
const PEM: &str =
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEAxFQ0123\nabcdefghijklmnop+/==\n-----END RSA PRIVATE KEY-----";

#[test]
fn every_form_of_a_secret_leaves_text() {
    let e = |parts: &[&str]| parts.concat();
    let keys = [
        e(&["AKIA", "IOSFODNN7EXAMPLE"]),
        e(&["ghp_", "16C7e42F292c6912E7710c838347Ae178B4a"]),
        e(&["github_pat_", "11ABCDEFG0abcdefghij_1234567890"]),
        e(&["glpat-", "ABCdef1234567890wxyz"]),
        e(&["xoxb-", "123456789012-abcdefABCDEF"]),
        e(&["sk-ant-api03-", "abcDEF123_-456ghi"]),
        e(&["sk-proj-", "abcDEF1234567890ghij"]),
        e(&["AIza", "SyA1234567890abcdefghijklmnopqrstuv"]),
        e(&["sk_live_", "4eC39HqLyjWDarjtT1zdp7dc"]),
        e(&["npm_", "abcdefghijklmnopqrst1234567890abcdef"]),
        e(&["hvs.", "CAESIJ1234567890abcdefgh"]),
        e(&["AGE-SECRET-KEY-1", "QQPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"]),
        "07401b.f395accd246ae52d".to_owned(),
        JWT.to_owned(),
        PEM.to_owned(),
        PEM.replace('\n', "\\n"),
        STANDARD.encode(PEM),
        hex::encode(Sha256::digest("x")),
    ];
    for key in &keys {
        for around in [
            "KEY",
            "log line KEY and more",
            "x=KEY;",
            "{\"msg\":\"KEY\"}",
            "(KEY)",
            "first\nKEY\nlast",
        ] {
            let shown = text(&around.replace("KEY", key));
            assert!(
                !shown.contains(key.as_str()) && contains_handle(&shown),
                "{key} in {around}: {shown}"
            );
        }
    }
}

#[test]
fn every_way_to_say_a_secret_leaves_text_and_what_stands_around_stays() {
    for said in [
        "password=§",
        "password = §, user=joe",
        "PGPASSWORD=§ psql",
        "db.password: §",
        "{\"api_key\": \"§\", \"n\": 1}",
        "{\\\"token\\\":\\\"§\\\"}",
        "client_secret='§'",
        "?access_token=§&x=1",
        "run --db-password § --verbose",
        "run --token=§",
        "<password>§</password>",
        "{name: DB_PASSWORD, value: §}",
        "- name: DB_PASSWORD\n  value: §\n",
        "{\"name\":\"DB_PASSWORD\",\"value\":\"§\"}",
        "Authorization: Bearer §",
        "\"Authorization\": \"Basic §\"",
        "got bearer § from",
        "Cookie: §",
        "postgres://app:§@db:5432/shop?sslmode=off",
        "redis://:§@cache:6379/0",
        "https://§@github.example/x.git",
        "https://h:80/go?to=https://u:§@h/",
        "app:§@tcp(db:3306)/shop",
    ] {
        assert_eq!(
            text(&said.replace('§', SECRET)),
            said.replace('§', &handle(SECRET)),
            "{said}"
        );
    }
    let words = format!("{SECRET} and words");
    assert_eq!(
        text(&format!("password=\"{words}\", x")),
        format!("password=\"{}\", x", handle(&words))
    );
}

#[test]
fn what_a_person_needs_to_read_stays_in_text() {
    let digest = hex::encode(Sha256::digest("image"));
    for line in [
        "MountVolume.SetUp failed for volume \"db-password\" : secret \"db-creds\" not found",
        "Error: couldn't find key DB_PASSWORD in Secret shop/web-secret",
        "references non-existent secret key: tls.crt",
        "password authentication failed for user \"app\"",
        "the token: expired, password: required; secret missing",
        "Back-off restarting failed container web in pod web-7d9f8b6c5d-x2x9q_shop(3f2b8c1e-1111-4222-8333-444455556666)",
        "Failed to pull image \"ghcr.io/acme/web:1.2.3\": rpc error: code = NotFound desc = failed to pull and unpack image",
        &format!("registry.example:5000/acme/web@sha256:{digest}"),
        &format!("containerd://{digest}"),
        "commit da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "secretKeyRef: {name: db, key: password}, tokenExpirationSeconds: 3607, secretName: web-tls",
        "pods \"web-1\" is forbidden: exceeded quota: small, requested: limits.memory=3Gi, used: limits.memory=1Gi, limited: limits.memory=2Gi",
        "User \"system:serviceaccount:ops:dreamops\" cannot get resource \"secrets\" in API group \"\"",
        "contact joe@example.com or see https://example.com:8080/a?b=c@d",
        "dial tcp 10.96.0.1:5432: connect: connection refused",
        "java.lang.OutOfMemoryError: Java heap space at com.example.HorizontalPodAutoscalerControllerFactory.run(Main.java:42)",
        "Basic authentication required, bearer authorization too",
        "2026-05-20T14:00:00.123456789Z INFO listening on 0.0.0.0:8080 trace=1 level=info",
        "exit code 137, restarts=12, DB_PASSWORD=$(SECRET) --token ${TOKEN}",
    ] {
        assert_eq!(text(line), line);
    }
}

#[test]
fn a_secrets_values_become_handles_also_in_lists_and_in_what_was_applied_last() {
    let encoded = STANDARD.encode(SECRET);
    let secret = json!({"kind": "Secret", "type": "Opaque", "metadata": {"name": "s", "annotations": {}}, "data": {"k": encoded}, "stringData": {"l": "x y"}});
    let mut applied = secret.clone();
    applied["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = secret.to_string().into();
    let mut item = secret.clone();
    item.as_object_mut().expect("object").remove("kind");
    for whole in [
        applied,
        json!({"kind": "SecretList", "items": [item]}),
        json!({"kind": "List", "items": [secret]}),
        item.clone(),
    ] {
        let shown = object(&whole).to_string();
        assert!(
            !shown.contains(&encoded) && !shown.contains("x y") && shown.contains(&handle(SECRET)),
            "{shown}"
        );
    }
}

#[test]
fn environments_keep_names_and_plain_values() {
    let env = json!([
        {"name": "DB_PASSWORD", "value": "info"},
        {"name": "LOG_LEVEL", "value": "info"},
        {"name": "UPSTREAM", "value": "http://cache.shop:6379/0"},
        {"name": "DATABASE_URL", "value": format!("postgres://app:{SECRET}@db:5432/shop")},
        {"name": "ODD", "value": "Xk9fQ2mL8vB3"},
        {"name": "FROM", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
        {"name": "API_TOKEN", "value": "$(OTHER)"},
        {"name": "EMPTY_PASSWORD", "value": ""},
    ]);
    let shown = object(&template(&json!({"name": "web", "env": env})));
    let value = |i: usize| {
        shown["spec"]["containers"][0]["env"][i]["value"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    assert_eq!(value(0), handle("info"));
    assert_eq!(
        (value(1).as_str(), value(2).as_str()),
        ("info", "http://cache.shop:6379/0")
    );
    assert_eq!(value(3), format!("postgres://app:{}@db:5432/shop", handle(SECRET)));
    assert_eq!(value(4), handle("Xk9fQ2mL8vB3"));
    assert_eq!(shown["spec"]["containers"][0]["env"][5], env[5]);
    assert_eq!((value(6).as_str(), value(7).as_str()), ("$(OTHER)", ""));
    let names: Vec<_> = shown["spec"]["containers"][0]["env"]
        .as_array()
        .expect("list")
        .iter()
        .map(|e| &e["name"])
        .collect();
    assert_eq!(names.len(), 8);
    let map = object(&json!({"spec": {"env": {"TOKEN": "abc", "MODE": "fast"}}}));
    assert_eq!(map["spec"]["env"], json!({"TOKEN": handle("abc"), "MODE": "fast"}));
}

#[test]
fn arguments_fields_headers_and_settings_lose_their_secrets() {
    let container = json!({
        "name": "web", "image": "web:1",
        "args": ["--token", "abc", "--password=abc", "--port=80", "--key-file=/x", "--secret", "--next"],
        "command": ["sh", "-c", "exec app --api-key abc"],
        "livenessProbe": {"httpGet": {"httpHeaders": [{"name": "Authorization", "value": "abc"}, {"name": "Accept", "value": "text"}]}},
        "secretName": "web-tls", "adminPassword": "abc", "pinPassword": 1234
    });
    let h = handle("abc");
    assert_eq!(
        object(&container),
        json!({
            "name": "web", "image": "web:1",
            "args": ["--token", h, format!("--password={h}"), "--port=80", "--key-file=/x", "--secret", "--next"],
            "command": ["sh", "-c", format!("exec app --api-key {h}")],
            "livenessProbe": {"httpGet": {"httpHeaders": [{"name": "Authorization", "value": h}, {"name": "Accept", "value": "text"}]}},
            "secretName": "web-tls", "adminPassword": h, "pinPassword": handle("1234")
        })
    );
    let settings = json!({"kind": "ConfigMap", "data": {"password": "abc", "mode": "fast", "app.yaml": "user: joe\npassword: abc\n", "app.json": "{\"token\":\"abc\",\"n\":1}"}});
    assert_eq!(
        object(&settings)["data"],
        json!({"password": h, "mode": "fast", "app.yaml": format!("user: joe\npassword: {h}\n"), "app.json": format!("{{\"token\":\"{h}\",\"n\":1}}")})
    );
}

#[test]
fn what_identifies_objects_stays_and_managed_fields_go() {
    let digest = hex::encode(Sha256::digest("image"));
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "web-7d9f8b6c5d-x2x9q", "namespace": "shop", "uid": "3f2b8c1e-1111-4222-8333-444455556666", "resourceVersion": "123456789012",
            "labels": {"app": "web", "pod-template-hash": "7d9f8b6c5d"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": "web-7d9f8b6c5d", "uid": "3f2b8c1e-1111-4222-8333-444455556667"}]
        },
        "spec": {
            "containers": [{"name": "web", "image": format!("web@sha256:{digest}"), "resources": {"limits": {"memory": "64Mi"}}}],
            "volumes": [{"name": "t", "secret": {"secretName": "web-tls"}}, {"name": "kube-api-access-x2x9q", "projected": {"sources": [{"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}}]}}],
            "imagePullSecrets": [{"name": "regcred"}], "serviceAccountName": "web", "automountServiceAccountToken": true
        },
        "status": {"containerStatuses": [{"containerID": format!("containerd://{digest}"), "imageID": format!("docker.io/web@sha256:{digest}")}]}
    });
    assert_eq!(object(&pod), pod);
    let mut managed = pod.clone();
    managed["metadata"]["managedFields"] = json!([{"manager": "kubectl"}]);
    assert_eq!(object(&managed), pod);
}

#[test]
fn writers_are_shown_by_name_and_without_any_value() {
    let container = "k:{\"name\":\"web\"}";
    let managed = json!({"kind": "Deployment", "metadata": {"name": "web", "managedFields": [{
        "manager": "nightly-sizer", "operation": "Update", "time": "2026-01-01T00:00:00Z", "apiVersion": "apps/v1",
        "fieldsV1": {"f:spec": {container: {".": {}, "f:image": {}}, "f:set": {format!("v:\"{SECRET}\""): {}}}},
    }]}});
    let shown = Redactor::new(b"tenant one").object_with_writers(&managed).into_inner();
    assert_eq!(
        shown["metadata"]["managedFields"],
        json!([{"manager": "nightly-sizer", "operation": "Update", "time": "2026-01-01T00:00:00Z",
            "fieldsV1": {"f:spec": {container: {".": {}, "f:image": {}}, "f:set": {}}}}])
    );
    assert!(!shown.to_string().contains(SECRET));
    let plain = json!({"kind": "Service", "metadata": {"name": "web"}});
    assert_eq!(
        Redactor::new(b"tenant one").object_with_writers(&plain).into_inner(),
        plain
    );
}

#[test]
fn equal_secrets_have_equal_handles_in_a_tenant_and_nowhere_else() {
    assert_eq!(
        text(&format!("password={SECRET}")).split('=').nth(1),
        Some(handle(SECRET).as_str())
    );
    assert_eq!(handle(&format!("{SECRET}\n")), handle(SECRET));
    assert_ne!(handle(SECRET), handle("another"));
    assert_ne!(handle(SECRET), Redactor::new(b"tenant two").handle(SECRET.as_bytes()));
    assert!(is_handle(&handle(SECRET)));
}

#[test]
fn a_handle_is_known_in_any_dress() {
    for dressed in [
        "‹secret:1a2b3c4d›",
        "x ‹secret:1a2b3c4d› y",
        "<secret:1a2b3c4d>",
        "\\u2039secret:1a2b3c4d\\u203a",
        "‹SECRET:1A2B3C4D›",
    ] {
        assert!(contains_handle(dressed), "{dressed}");
    }
    for other in ["‹secret:1a2b3c›", "secret:1a2b3c4d", "<secret>", ""] {
        assert!(!contains_handle(other) && !is_handle(other), "{other}");
    }
    assert!(is_handle("‹secret:1a2b3c4d›") && !is_handle("‹secret:1a2b3c4d› "));
}

#[test]
fn many_beginnings_without_an_end_cost_no_more_than_their_length() {
    // work that grew with the square would take minutes
    for part in [
        "-----BEGIN PRIVATE KEY-----\n!",
        "token=[",
        "password=-",
        "a://b",
        "name: x value",
        "eyJ",
        "'",
        "Bearer ",
        "x-x-",
    ] {
        let long = part.repeat(60_000 / part.len());
        assert!(text(&long).len() <= long.len() * 4, "{part}");
    }
}

/// Secrets as they are in the wild, with random bytes.
fn planted() -> impl Strategy<Value = String> {
    prop_oneof![
        "AKIA[A-Z0-9]{16}",
        "ghp_[A-Za-z0-9]{36}",
        "xoxb-[0-9]{12}-[A-Za-z0-9]{24}",
        "sk-ant-api03-[A-Za-z0-9]{40}",
        "sk-proj-[A-Z0-9]{4}[A-Za-z0-9]{30}",
        prop::collection::vec(any::<u8>(), 60..90).prop_map(|b| {
            let body = URL_SAFE_NO_PAD.encode(&b);
            format!("eyJ{}.{}.{}", &body[..20], &body[20..50], &body[50..])
        }),
        prop::collection::vec(any::<u8>(), 48..200).prop_map(|b| format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----",
            STANDARD.encode(b)
        )),
        prop::array::uniform32(any::<u8>()).prop_map(hex::encode),
    ]
}

/// Objects with the secret somewhere in them.
fn places(secret: &str) -> Vec<Value> {
    let container = |field: &str, value: Value| template(&json!({"name": "web", field: value}));
    vec![
        json!({"metadata": {"annotations": {"note": secret}}}),
        json!({"metadata": {"labels": {"x": secret}}}),
        json!({"metadata": {"name": format!("x {secret}")}}),
        json!({"metadata": {"annotations": {secret: "x"}}}),
        json!({"kind": "ConfigMap", "data": {"x": secret, "y": format!("a: 1\nb: {secret}\n")}}),
        json!({"kind": "Event", "message": format!("it said {secret}.")}),
        container("env", json!([{"name": "PLAIN", "value": secret}])),
        container(
            "env",
            json!([{"name": "PLAIN", "value": format!("http://h/?x={secret}")}]),
        ),
        container("args", json!(["--x", secret, format!("--y={secret}")])),
        container("image", secret.into()),
        json!({"spec": {"template": container("command", json!(["sh", "-c", format!("echo {secret} | x")]))}}),
        json!({"kind": "ControllerRevision", "data": {"spec": {"template": container("env", json!([{"name": "A", "value": secret}]))}}}),
        json!({"metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": container("env", json!([{"name": "A", "value": secret}])).to_string()}}}),
        json!({"status": {"conditions": [{"message": secret}]}, "list": [[secret]]}),
    ]
}

/// Secrets that have no form of their own: they are told by their place alone.
fn shapeless() -> impl Strategy<Value = String> {
    "[a-zA-Z][a-zA-Z0-9!#%^*_+~-]{5,20}[0-9!#%]Q"
}

proptest! {
    // each case redacts dozens of objects
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_secret_of_a_known_form_survives_in_no_place(secret in planted()) {
        // names of objects and images may hold 64 hexadecimal digits
        let hex = secret.len() == 64;
        for place in places(&secret) {
            let named = hex && (place.pointer("/metadata/name").is_some() || place.to_string().contains("\"image\"") || place.to_string().contains(&format!("{secret}\":\"x\"")));
            let shown = object(&place).to_string();
            prop_assert!(named || !shown.contains(&secret), "{} in {}", secret, shown);
            let escaped = serde_json::to_string(&secret).unwrap_or_default();
            prop_assert!(named || !shown.contains(escaped.trim_matches('"')), "{} in {}", secret, shown);
        }
        for around in ["{}", "x {} y", "a={};b", "\"{}\"", "[{}]", "{}\n{}"] {
            let shown = text(&around.replace("{}", &secret));
            prop_assert!(!shown.contains(&secret), "{} in {}", secret, shown);
        }
    }

    #[test]
    fn a_secret_without_a_form_survives_in_no_place_that_tells_it(secret in shapeless()) {
        let texts = ["password={}", "token: {}", "{\"clientSecret\":\"{}\"}", "--api-key {}", "Authorization: Bearer {}", "amqp://u:{}@h/"];
        for said in texts {
            let shown = text(&said.replace("{}", &secret));
            prop_assert!(!shown.contains(&secret), "{} in {}", secret, shown);
        }
        for place in [
            json!({"kind": "Secret", "data": {"x": STANDARD.encode(&secret)}}),
            json!({"kind": "Secret", "stringData": {"x": secret}}),
            template(&json!({"env": [{"name": "DB_PASSWORD", "value": secret}]})),
            template(&json!({"args": ["--password", secret]})),
            template(&json!({"args": [format!("--password={secret}")]})),
            json!({"kind": "ConfigMap", "data": {"password": secret}}),
        ] {
            let shown = object(&place).to_string();
            prop_assert!(!shown.contains(&secret) && !shown.contains(&STANDARD.encode(&secret)), "{} in {}", secret, shown);
        }
    }

    #[test]
    fn redacting_twice_changes_nothing(secret in planted(), parts in prop::collection::vec(prop::sample::select(vec![
        "password=", "token: ", "\"", "'", " ", "\n", "{", "}", "@", "://", ":", "Bearer ", "x", "abc", "=", "-----BEGIN A KEY-----", "\\", "--secret ", "<token>", "/", "‹secret:1a2b3c4d›", "‹", "A1b2C3d4E5f6G7h8",
    ]), 0..30)) {
        let mixed = format!("{}{secret}{}", parts.concat(), parts.concat());
        let once = text(&mixed);
        prop_assert_eq!(text(&once), once);
        for place in places(&secret) {
            let once = object(&place);
            prop_assert_eq!(object(&once), once);
        }
    }

    #[test]
    fn no_text_makes_redaction_panic(any in any::<String>()) {
        let once = text(&any);
        prop_assert_eq!(text(&once), once);
    }
}

/// Who selects by a masked label finds nothing.
#[test]
fn labels_and_what_selects_by_them_stay_whatever_they_look_like() {
    let random = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-0f3c9a1d";
    let map = || json!({"app": random, "token": SECRET});
    let shown = object(&json!({
        "metadata": {"labels": map()},
        "spec": {"selector": {"matchLabels": map()}, "template": {"metadata": {"labels": map()}}},
    }));
    for at in [
        "/metadata/labels",
        "/spec/selector/matchLabels",
        "/spec/template/metadata/labels",
    ] {
        let labels = shown.pointer(at).cloned().unwrap_or_default();
        assert_eq!(labels, json!({"app": random, "token": handle(SECRET)}), "{at}");
    }
}
