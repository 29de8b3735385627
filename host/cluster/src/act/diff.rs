//! Minimal JSON patches (RFC 6902) between raw objects, each change preceded by a test of what it replaces.
//!
//! Promises:
//! - Nothing is replaced whole where a part of it can be: maps are compared by key, lists of named elements by name.
//! - Every change follows a `test` of the old value; an absent member is tested as `null`, which the API server
//!   accepts (the `json-patch` crate does not: [`apply`] does).
//! - A change inside a list element follows a `test` of the element's `name`, or, where it has none, of the element.
//! - A map that is absent is added with its content; one that is there is never added again (that would wipe it).
//! - `null` members count as absent on both sides, as the API server sees them.
//!
//! Amounts are compared as text: `1024Mi` differs from `1Gi`. Whoever writes amounts keeps the stored text where it
//! means the same (see `quantity`).

use crate::act::pointer::join;
use domain::rehearsal::RawPatch;
use dreamops_domain as domain;
use json_patch::PatchOperation;
use serde_json::{Map, Value, json};

/// A patch with the fields that it sets.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Changes {
    /// The operations in order.
    pub(crate) ops: Vec<Value>,
    /// Pointers of what differs afterwards, down to values and lists. Elements taken out of a list have none.
    pub(crate) touched: Vec<String>,
}

impl Changes {
    /// The operations after `first`.
    pub(crate) fn after(&self, first: &[Value]) -> RawPatch {
        RawPatch(first.iter().chain(&self.ops).cloned().collect())
    }
}

/// The minimal patch that turns `from` into `to`.
pub(crate) fn changes(from: &Value, to: &Value) -> Changes {
    let mut made = Changes::default();
    compare("", &without_nulls(from), &without_nulls(to), &mut made);
    made
}

/// The value without members that are `null`.
pub(crate) fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.iter()
                .filter(|(_, v)| !v.is_null())
                .map(|(k, v)| (k.clone(), without_nulls(v)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}

fn compare(at: &str, from: &Value, to: &Value, made: &mut Changes) {
    if from == to {
        return;
    }
    match (from, to) {
        (Value::Object(a), Value::Object(b)) => compare_maps(at, a, b, made),
        (Value::Array(a), Value::Array(b)) => match (names(a), names(b)) {
            (Some(old), Some(new)) if same_order(&old, &new) => {
                compare_named(at, a, b, &new, made);
            }
            _ if a.len() == b.len() => compare_by_place(at, a, b, made),
            _ => replace(at, from, to, made),
        },
        _ => replace(at, from, to, made),
    }
}

fn compare_maps(at: &str, from: &Map<String, Value>, to: &Map<String, Value>, made: &mut Changes) {
    for (key, old) in from {
        let pointer = join(at, key);
        if let Some(new) = to.get(key) {
            compare(&pointer, old, new, made);
        } else {
            made.ops.push(test(&pointer, old));
            made.ops.push(json!({"op": "remove", "path": pointer}));
            made.touched.push(pointer);
        }
    }
    for (key, new) in to {
        if !from.contains_key(key) {
            let pointer = join(at, key);
            made.ops.push(test(&pointer, &Value::Null));
            made.ops.push(json!({"op": "add", "path": pointer, "value": new}));
            leaves(&pointer, new, &mut made.touched);
        }
    }
}

/// Both lists hold named elements, and those that stay do so in the same order.
fn compare_named(at: &str, from: &[Value], to: &[Value], new: &[&str], made: &mut Changes) {
    let mut present: Vec<&Value> = from.iter().collect();
    for place in (0..from.len()).rev() {
        if !new.contains(&name_of(&from[place]).unwrap_or_default()) {
            let pointer = join(at, &place.to_string());
            made.ops.push(test(&pointer, &from[place]));
            made.ops.push(json!({"op": "remove", "path": pointer}));
            present.remove(place);
        }
    }
    for (place, wanted) in to.iter().enumerate() {
        let pointer = join(at, &place.to_string());
        match present.get(place) {
            Some(old) if name_of(old) == name_of(wanted) => {
                if *old != wanted {
                    made.ops.push(test(
                        &join(&pointer, "name"),
                        &json!(name_of(wanted).unwrap_or_default()),
                    ));
                    compare(&pointer, old, wanted, made);
                }
            }
            _ => {
                // the neighbour before it shows that the list is the one that was compared
                if let Some(before) = place.checked_sub(1).and_then(|p| name_of(&to[p])) {
                    let neighbour = join(at, &(place - 1).to_string());
                    made.ops.push(test(&join(&neighbour, "name"), &json!(before)));
                }
                made.ops.push(json!({"op": "add", "path": pointer, "value": wanted}));
                leaves(&pointer, wanted, &mut made.touched);
                present.insert(place, wanted);
            }
        }
    }
}

fn compare_by_place(at: &str, from: &[Value], to: &[Value], made: &mut Changes) {
    for (place, (old, new)) in from.iter().zip(to).enumerate() {
        if old == new {
            continue;
        }
        let pointer = join(at, &place.to_string());
        match (old, new) {
            (Value::Object(a), Value::Object(b)) => {
                made.ops.push(test(&pointer, old));
                compare_maps(&pointer, a, b, made);
            }
            _ => replace(&pointer, old, new, made),
        }
    }
}

fn replace(at: &str, from: &Value, to: &Value, made: &mut Changes) {
    made.ops.push(test(at, from));
    made.ops.push(json!({"op": "replace", "path": at, "value": to}));
    leaves(at, to, &mut made.touched);
}

fn leaves(at: &str, value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, inner) in map {
                leaves(&join(at, key), inner, into);
            }
        }
        _ => into.push(at.to_owned()),
    }
}

/// A `test` operation.
pub(crate) fn test(pointer: &str, value: &Value) -> Value {
    json!({"op": "test", "path": pointer, "value": value})
}

fn name_of(element: &Value) -> Option<&str> {
    element.get("name")?.as_str()
}

/// The names of a list's elements; `None` where one has none, two share one, or the list is empty.
fn names(items: &[Value]) -> Option<Vec<&str>> {
    let names: Vec<&str> = items.iter().map(name_of).collect::<Option<_>>()?;
    let distinct: std::collections::BTreeSet<&&str> = names.iter().collect();
    (distinct.len() == names.len()).then_some(names)
}

fn same_order(old: &[&str], new: &[&str]) -> bool {
    let kept_old = old.iter().filter(|n| new.contains(n));
    let kept_new = new.iter().filter(|n| old.contains(n));
    kept_old.eq(kept_new)
}

/// Why a patch does not apply: the first operation that failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Unmet {
    /// Where.
    pub(crate) path: String,
    /// Whether it was a test, and not a path that leads nowhere.
    pub(crate) was_test: bool,
}

/// Applies a patch as the API server does: a `test` of `null` holds for an absent member.
pub(crate) fn apply(doc: &Value, ops: &[Value]) -> Result<Value, Unmet> {
    let mut at = doc.clone();
    for op in ops {
        let path = op["path"].as_str().unwrap_or_default();
        let is_test = op["op"] == "test";
        let unmet = || Unmet {
            path: path.to_owned(),
            was_test: is_test,
        };
        if is_test && op["value"].is_null() {
            if at.pointer(path).is_some_and(|v| !v.is_null()) {
                return Err(unmet());
            }
            continue;
        }
        let parsed: PatchOperation = serde_json::from_value(op.clone()).map_err(|_| unmet())?;
        json_patch::patch(&mut at, &[parsed]).map_err(|_| unmet())?;
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn apply_ok(from: &Value, made: &Changes) -> Value {
        apply(from, &made.ops).expect("the patch applies")
    }

    #[test]
    fn one_changed_field_of_one_container_is_one_change_under_its_name() {
        let from = json!({"spec": {"containers": [
            {"name": "a", "image": "x"}, {"name": "b", "image": "y", "args": ["1"]}]}});
        let mut to = from.clone();
        to["spec"]["containers"][1]["image"] = json!("z");
        let made = changes(&from, &to);
        assert_eq!(
            made.ops,
            vec![
                json!({"op": "test", "path": "/spec/containers/1/name", "value": "b"}),
                json!({"op": "test", "path": "/spec/containers/1/image", "value": "y"}),
                json!({"op": "replace", "path": "/spec/containers/1/image", "value": "z"}),
            ]
        );
        assert_eq!(made.touched, vec!["/spec/containers/1/image"]);
    }

    #[test]
    fn an_absent_map_is_added_with_its_content_and_guarded_against_being_there() {
        let from = json!({"metadata": {}});
        let to = json!({"metadata": {"annotations": {"a/b": "1"}}});
        let made = changes(&from, &to);
        assert_eq!(
            made.ops,
            vec![
                json!({"op": "test", "path": "/metadata/annotations", "value": null}),
                json!({"op": "add", "path": "/metadata/annotations", "value": {"a/b": "1"}}),
            ]
        );
        assert_eq!(made.touched, vec!["/metadata/annotations/a~1b"]);
        let meanwhile = json!({"metadata": {"annotations": {"other": "2"}}});
        assert_eq!(
            apply(&meanwhile, &made.ops),
            Err(Unmet {
                path: "/metadata/annotations".into(),
                was_test: true
            })
        );
    }

    #[test]
    fn a_map_that_is_there_is_never_added_again() {
        let from = json!({"annotations": {"keep": "1"}});
        let to = json!({"annotations": {"keep": "1", "new": "2"}});
        let made = changes(&from, &to);
        assert!(made.ops.iter().all(|op| op["path"] != "/annotations"));
        assert_eq!(apply_ok(&from, &made), to);
    }

    #[test]
    fn elements_that_come_and_go_are_matched_by_name() {
        let from =
            json!({"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}, {"name": "C", "value": "3"}]});
        let to =
            json!({"env": [{"name": "B", "value": "2"}, {"name": "N", "value": "9"}, {"name": "C", "value": "4"}]});
        let made = changes(&from, &to);
        assert_eq!(apply_ok(&from, &made), to);
        assert!(
            !made.ops.iter().any(|op| op["path"] == "/env"),
            "the list is not replaced whole"
        );
        let shifted = json!({"env": [{"name": "Z", "value": "0"}, {"name": "A", "value": "1"}]});
        assert!(apply(&shifted, &made.ops).is_err());
    }

    #[test]
    fn reordered_lists_are_set_in_place_and_lists_of_other_length_whole() {
        for (from, to) in [
            (
                json!({"l": [{"name": "a"}, {"name": "b"}]}),
                json!({"l": [{"name": "b"}, {"name": "a"}]}),
            ),
            (json!({"l": ["x", "y"]}), json!({"l": ["x", "z"]})),
            (json!({"l": ["x"]}), json!({"l": ["x", "z"]})),
            (
                json!({"l": [{"port": 1}]}),
                json!({"l": [{"port": 1, "targetPort": 8}]}),
            ),
            (json!({"l": [{"name": "a"}]}), json!({"l": []})),
        ] {
            assert_eq!(apply_ok(&from, &changes(&from, &to)), to, "{from} to {to}");
        }
    }

    #[test]
    fn an_unnamed_element_is_guarded_by_its_whole_self() {
        let from = json!({"ports": [{"port": 80, "targetPort": 8080}]});
        let to = json!({"ports": [{"port": 80, "targetPort": 8081}]});
        let made = changes(&from, &to);
        let other = json!({"ports": [{"port": 443, "targetPort": 8080}]});
        assert!(apply(&other, &made.ops).is_err());
        assert_eq!(made.touched, vec!["/ports/0/targetPort"]);
    }

    #[test]
    fn null_and_absent_are_the_same() {
        let from = json!({"metadata": {"creationTimestamp": null}});
        assert_eq!(changes(&from, &json!({"metadata": {}})), Changes::default());
        let to = json!({"metadata": {"creationTimestamp": "now"}});
        assert_eq!(apply_ok(&from, &changes(&from, &to)), to);
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            (0i64..5).prop_map(Value::from),
            "[a-c]{0,2}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            let key = prop_oneof![
                "[a-d]",
                Just("a/b".to_owned()),
                Just("~".to_owned()),
                Just(String::new()),
                Just("name".to_owned())
            ];
            let named = proptest::collection::vec(("[a-e]", inner.clone()), 0..5).prop_map(|es| {
                es.into_iter()
                    .map(|(n, v)| json!({"name": n, "value": v}))
                    .collect::<Value>()
            });
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                named,
                proptest::collection::btree_map(key, inner, 0..5).prop_map(|m| Value::Object(m.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_patch_leads_to_its_end_and_its_inverse_back(a in json_value(), b in json_value()) {
            let there = changes(&a, &b);
            let reached = apply(&a, &there.ops);
            prop_assert_eq!(reached.as_ref(), Ok(&b));
            let back = changes(&b, &a);
            let start = apply(&b, &back.ops);
            prop_assert_eq!(start.as_ref(), Ok(&a));
            let both: Vec<Value> = there.ops.iter().chain(&back.ops).cloned().collect();
            let returned = apply(&a, &both);
            prop_assert_eq!(returned.as_ref(), Ok(&a));
        }

        #[test]
        fn a_patch_of_equal_values_is_empty(a in json_value()) {
            prop_assert_eq!(changes(&a, &a), Changes::default());
        }

        #[test]
        fn what_a_patch_touches_has_the_wanted_value(a in json_value(), b in json_value()) {
            for pointer in changes(&a, &b).touched {
                prop_assert!(apply(&a, &changes(&a, &b).ops).is_ok_and(|r| r.pointer(&pointer) == b.pointer(&pointer)));
            }
        }
    }
}
