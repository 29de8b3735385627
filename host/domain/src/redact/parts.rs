//! Parts of what has been shown: they are shown as well, and are cut after redaction, because redaction
//! needs the whole to tell what a value is.

use super::Shown;
use serde_json::{Map, Value};

impl Shown<Value> {
    /// What lies at a JSON pointer (RFC 6901).
    pub fn part(&self, pointer: &str) -> Option<Self> {
        self.0.pointer(pointer).cloned().map(Self)
    }

    /// Only what lies at these JSON pointers, each at its place. Pointers to nothing add nothing;
    /// elements of a list before the one that is asked for become `null`.
    #[must_use]
    pub fn only(&self, pointers: &[String]) -> Self {
        let mut kept = Value::Object(Map::new());
        for pointer in pointers {
            if let Some(found) = self.0.pointer(pointer) {
                place(&mut kept, &self.0, pointer, found.clone());
            }
        }
        Self(kept)
    }
}

impl Shown<String> {
    /// The end of the text, at most `max` bytes, beginning at a line where one begins there. Tells whether it was cut.
    pub fn tail(&self, max: usize) -> (Self, bool) {
        if self.0.len() <= max {
            return (self.clone(), false);
        }
        let mut from = self.0.len() - max;
        while !self.0.is_char_boundary(from) {
            from += 1;
        }
        let begun = &self.0[from..];
        let whole_lines = match begun.find('\n') {
            Some(end) if end + 1 < begun.len() => &begun[end + 1..],
            _ => begun,
        };
        (Self(whole_lines.to_owned()), true)
    }
}

/// Puts `found` at `pointer` in `kept`, which grows in the likeness of `like`.
fn place(kept: &mut Value, like: &Value, pointer: &str, found: Value) {
    let Some(path) = pointer.strip_prefix('/') else {
        *kept = found;
        return;
    };
    let (part, rest) = match path.split_once('/') {
        Some((part, rest)) => (part, format!("/{rest}")),
        None => (path, String::new()),
    };
    let name = part.replace("~1", "/").replace("~0", "~");
    if let Value::Array(elements) = like {
        let Some((index, element)) = name
            .parse::<usize>()
            .ok()
            .and_then(|index| elements.get(index).map(|element| (index, element)))
        else {
            return;
        };
        if !kept.is_array() {
            *kept = Value::Array(Vec::new());
        }
        if let Value::Array(list) = kept {
            while list.len() <= index {
                list.push(Value::Null);
            }
            place(&mut list[index], element, &rest, found);
        }
    } else if let Value::Object(members) = like {
        let Some(member) = members.get(&name) else {
            return;
        };
        if !kept.is_object() {
            *kept = Value::Object(Map::new());
        }
        if let Value::Object(map) = kept {
            place(map.entry(name).or_insert(Value::Null), member, &rest, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn only(pointers: &[&str]) -> Value {
        let object = json!({"kind": "Pod", "metadata": {"name": "web", "labels": {"a/b": "c"}},
            "spec": {"containers": [{"name": "x", "image": "i"}, {"name": "y", "image": "j"}]}});
        let pointers: Vec<String> = pointers.iter().map(|&p| p.to_owned()).collect();
        Shown(object).only(&pointers).into_inner()
    }

    #[test]
    fn parts_stay_at_their_places() {
        assert_eq!(
            only(&["/metadata/name", "/spec/containers/1/image"]),
            json!({"metadata": {"name": "web"}, "spec": {"containers": [null, {"image": "j"}]}})
        );
        assert_eq!(
            only(&["/spec/containers/0/name", "/spec/containers/0/image"]),
            json!({"spec": {"containers": [{"name": "x", "image": "i"}]}})
        );
        assert_eq!(
            only(&["/metadata/labels/a~1b"]),
            json!({"metadata": {"labels": {"a/b": "c"}}})
        );
        assert_eq!(only(&["/status", "metadata"]), json!({}));
        assert_eq!(only(&[""])["kind"], "Pod");
    }

    #[test]
    fn a_tail_begins_with_a_whole_line() {
        let text = Shown("first\nsecond\nthird\n".to_owned());
        let (tail, cut) = text.tail(15);
        assert_eq!((tail.as_str(), cut), ("second\nthird\n", true));
        assert_eq!(text.tail(100), (text.clone(), false));
        let (inside, _) = Shown("ä".repeat(10)).tail(5);
        assert_eq!(inside.as_str(), "ää");
    }
}
