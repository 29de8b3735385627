//! Two tenants attack each other through every route of the description: what belongs to one does not exist for the other.

use crate::database::{KEY, postgres};
use crate::deliveries::notification;
use crate::stage::{NAME, Stage};
use dreamops_tests::serving::{Serving, ask, until};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// An id and a name that nobody has.
const NOBODYS: &str = "01900000-0000-7000-8000-000000000000";
/// How long an incident may take to show a plan.
const PATIENCE: Duration = Duration::from_mins(2);

/// What a tenant has, by the parameter's name in a path and the collection before it.
struct Belongings {
    token: String,
    ids: BTreeMap<&'static str, String>,
}

#[test]
fn two_tenants_see_nothing_of_each_other_through_any_route() {
    let database = postgres();
    let mut place = Serving::new("mode = \"approval\"\n")
        .with("DATABASE_URL", &database.database("tenants").unwrap())
        .with("DREAMOPS_ENCRYPTION_KEYS", KEY);
    place.start();
    let stage = Stage::new("crash-loop");
    let generations = stage.generations();
    let [my_token, their_token] = tokens(&place);
    let mine = settled(&place, my_token, "mine", Some(&stage));
    let theirs = settled(&place, their_token, "theirs", None);
    let before = (inventory(&place, &mine), inventory(&place, &theirs));
    let description = place.get("/openapi.json").body;
    let mut tried = 0;
    for (path, operations) in description["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let Some((collection, _)) = path.split_once("/{") else {
                continue;
            };
            let body = body(path, operation);
            let known = mine.ids.contains_key(collection) || is_shared(path);
            assert!(known, "{path}: the test has nothing of this kind; add it to `settled`");
            for (by, of) in [(&mine, &theirs), (&theirs, &mine)] {
                let Some(id) = of.ids.get(collection) else { continue };
                assert_eq!(
                    told(&place, by, method, path, id, &body),
                    told(&place, by, method, path, NOBODYS, &body),
                    "{method} {path}"
                );
                tried += 1;
            }
        }
    }
    assert!(tried >= 17, "only {tried} attacks were tried");
    names_in_bodies_are_no_better(&place, &theirs);
    // and nothing of it had an effect
    assert_eq!(before, (inventory(&place, &mine), inventory(&place, &theirs)));
    lists_show_only_their_own(&place, &mine, &theirs);
    assert_eq!(stage.generations(), generations, "a cluster was written to");
}

/// A cluster of the other tenant, named in a body, is as unknown as one that nobody has.
fn names_in_bodies_are_no_better(place: &Serving, by: &Belongings) {
    let asked = |route: &str, cluster: &str| {
        let body = match route {
            "test-connection" => json!({ "use_remote_cluster": true, "cluster_name": cluster }),
            _ => json!({ "scenario": "pod_crash", "cluster_name": cluster, "namespace": "shop" }),
        };
        let path = format!("/api/v1/kubernetes/agno/{route}");
        let answer = ask(&place.address(), "POST", &path, Some(&by.token), &body).unwrap();
        (answer.code, answer.text.replace(cluster, "NAME"))
    };
    for route in ["test-connection", "test-remediation"] {
        assert_eq!(asked(route, NAME), asked(route, "nobodys-cluster"), "{route}");
    }
}

/// Routes whose parameter names nothing of a tenant's: webhooks prove themselves by a source's secret and answer everybody
/// alike, tenants are the operator's.
fn is_shared(path: &str) -> bool {
    path.starts_with("/api/v1/webhooks/") || path.starts_with("/api/v1/tenants/")
}

/// A tenant with one thing of each kind. Its incident waits for a person where it has a cluster: the simulated one is on this
/// machine, which only the operator's tenant may connect to.
fn settled(place: &Serving, token: (String, String), name: &str, stage: Option<&Stage>) -> Belongings {
    let (id, secret) = token;
    let asked =
        |method: &str, path: &str, body: Value| ask(&place.address(), method, path, Some(&secret), &body).unwrap();
    let source = json!({ "name": format!("prometheus-of-{name}"), "kind": "alertmanager" });
    let source = asked("POST", "/api/v1/sources", source);
    assert_eq!(source.code, 201, "{}", source.text);
    let window = json!({ "namespace": "elsewhere", "until": "2036-02-01T06:00:00Z" });
    let window = asked("POST", "/api/v1/maintenance-windows", window);
    assert_eq!(window.code, 201, "{}", window.text);
    let alert = match stage {
        Some(stage) => {
            stage.connect(place);
            stage.alert()
        }
        None => notification("alert-of-theirs", "web"),
    };
    let delivered = asked("POST", "/api/v1/webhooks/alertmanager", alert);
    assert_eq!(delivered.code, 202, "{}", delivered.text);
    let phase = if stage.is_some() {
        "awaiting-approval"
    } else {
        "escalated"
    };
    let incident = until(PATIENCE, || {
        let list = asked("GET", &format!("/api/v1/incidents?phase={phase}"), Value::Null);
        list.body["items"][0]["id"].as_str().map(str::to_owned)
    });
    let mut ids = BTreeMap::from([
        ("/api/v1/incidents", incident.expect("the incident comes to its phase")),
        ("/api/v1/tokens", id),
        (
            "/api/v1/maintenance-windows",
            window.body["id"].as_str().unwrap().to_owned(),
        ),
        ("/api/v1/sources", source.body["id"].as_str().unwrap().to_owned()),
    ]);
    if stage.is_some() {
        ids.insert("/api/v1/clusters", NAME.to_owned());
    }
    Belongings { token: secret, ids }
}

/// A token of the operator's tenant, and one of another: id and secret.
fn tokens(place: &Serving) -> [(String, String); 2] {
    let token = |path: &str| {
        let made = place.ask("POST", path, &json!({ "user": "ana", "role": "admin" }));
        assert_eq!(made.code, 201, "{}", made.text);
        let text = |field: &str| made.body[field].as_str().unwrap().to_owned();
        (text("id"), text("secret"))
    };
    assert_eq!(
        place.ask("POST", "/api/v1/tenants", &json!({ "name": "theirs" })).code,
        201
    );
    ["/api/v1/tokens", "/api/v1/tenants/theirs/tokens"].map(token)
}

/// What is answered, but for the id itself.
fn told(place: &Serving, by: &Belongings, method: &str, path: &str, id: &str, body: &Value) -> (u16, String) {
    let (start, rest) = path.split_once('{').unwrap();
    let (_, end) = rest.split_once('}').unwrap();
    let path = format!("{start}{id}{end}");
    let answer = ask(&place.address(), &method.to_uppercase(), &path, Some(&by.token), body).unwrap();
    (answer.code, answer.text.replace(id, "ID"))
}

/// A body that the route takes.
fn body(path: &str, operation: &Value) -> Value {
    if operation["requestBody"].is_null() {
        return Value::Null;
    }
    match path.rsplit('/').next() {
        Some("approve") => json!({ "digest": "0".repeat(64) }),
        Some("reject") => json!({ "reason": "no" }),
        Some("mode") => json!({ "mode": "observe" }),
        _ => json!({}),
    }
}

const LISTS: [&str; 6] = [
    "incidents",
    "alerts",
    "clusters",
    "sources",
    "tokens",
    "kubernetes/agno/clusters",
];

/// Everything that a tenant sees of its own in lists.
fn inventory(place: &Serving, of: &Belongings) -> Vec<Value> {
    let seen = |list: &&str| {
        ask(
            &place.address(),
            "GET",
            &format!("/api/v1/{list}"),
            Some(&of.token),
            &Value::Null,
        )
    };
    let mut lists: Vec<Value> = LISTS.iter().map(|list| seen(list).unwrap().body).collect();
    without_use(&mut lists);
    lists
}

/// When a cluster was used last is no one's doing here.
fn without_use(lists: &mut [Value]) {
    for list in lists {
        let items = if list.is_array() { list } else { &mut list["items"] };
        for item in items.as_array_mut().into_iter().flatten() {
            if let Some(fields) = item.as_object_mut() {
                fields.remove("last_used_at");
            }
        }
    }
}

fn lists_show_only_their_own(place: &Serving, mine: &Belongings, theirs: &Belongings) {
    for (by, of) in [(mine, theirs), (theirs, mine)] {
        for list in LISTS.iter().chain(&["audit?limit=500", "audit/verify"]) {
            let answer = ask(
                &place.address(),
                "GET",
                &format!("/api/v1/{list}"),
                Some(&by.token),
                &Value::Null,
            )
            .unwrap();
            assert_eq!(answer.code, 200, "{list}: {}", answer.text);
            for (collection, id) in of.ids.iter().filter(|(_, id)| *id != NAME) {
                assert!(
                    !answer.text.contains(id),
                    "{list} shows {collection}/{id} of another tenant"
                );
            }
        }
    }
}
