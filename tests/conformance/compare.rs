//! Where two documents differ.

use serde_json::Value;
use std::fmt;

/// A place at which a real and a simulated answer differ.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Difference {
    /// A JSON pointer.
    pub(crate) at: String,
    pub(crate) real: Option<Value>,
    pub(crate) simulated: Option<Value>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<Value>| match value {
            None => "(absent)".to_owned(),
            Some(value) => {
                let text = value.to_string();
                let cut: String = text.chars().take(400).collect();
                if cut.len() < text.len() {
                    format!("{cut}…")
                } else {
                    cut
                }
            }
        };
        write!(
            f,
            "{}\n      real      {}\n      simulated {}",
            self.at,
            shown(&self.real),
            shown(&self.simulated)
        )
    }
}

/// All places, in order.
pub(crate) fn differences(real: &Value, simulated: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    walk("", Some(real), Some(simulated), &mut found);
    found
}

fn walk(at: &str, real: Option<&Value>, simulated: Option<&Value>, found: &mut Vec<Difference>) {
    match (real, simulated) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let more = b.keys().filter(|k| !a.contains_key(*k));
            for key in a.keys().chain(more) {
                let escaped = key.replace('~', "~0").replace('/', "~1");
                walk(&format!("{at}/{escaped}"), a.get(key), b.get(key), found);
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            for place in 0..a.len().max(b.len()) {
                walk(&format!("{at}/{place}"), a.get(place), b.get(place), found);
            }
        }
        (a, b) if a == b => {}
        (a, b) => found.push(Difference {
            at: at.to_owned(),
            real: a.cloned(),
            simulated: b.cloned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_differs_is_found_wherever_it_is() {
        let real = json!({"code": 200, "body": {"spec": {"list": [1, 2]}, "same": true}});
        let simulated = json!({"code": 201, "body": {"spec": {"list": [1], "more": 0}, "same": true}});
        let found = differences(&real, &simulated);
        let places: Vec<&str> = found.iter().map(|d| d.at.as_str()).collect();
        assert_eq!(places, ["/code", "/body/spec/list/1", "/body/spec/more"]);
        assert_eq!(differences(&real, &real), []);
    }
}
