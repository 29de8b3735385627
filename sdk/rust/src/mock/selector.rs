//! Label and field selectors as kubectl writes them: `a=b`, `a!=b`, `a in (b,c)`, `a notin (b)`, `a`, `!a`.

use serde_json::Value;

/// Whether labels match a selector. An empty selector matches all.
pub(super) fn labels_match(selector: &str, labels: &[(&str, &str)]) -> bool {
    terms(selector).into_iter().all(|term| {
        let value = |key: &str| labels.iter().find_map(|(k, v)| (*k == key.trim()).then_some(*v));
        if let Some((key, set)) = term.split_once(" notin ") {
            return value(key).is_none_or(|v| !within(set, v));
        }
        if let Some((key, set)) = term.split_once(" in ") {
            return value(key).is_some_and(|v| within(set, v));
        }
        if let Some((key, wanted)) = term.split_once("!=") {
            return value(key) != Some(wanted.trim());
        }
        if let Some((key, wanted)) = term.split_once('=') {
            return value(key) == Some(wanted.trim_start_matches('=').trim());
        }
        match term.strip_prefix('!') {
            Some(key) => value(key).is_none(),
            None => value(&term).is_some(),
        }
    })
}

/// Whether an object matches a field selector such as `involvedObject.kind=Pod`.
pub(super) fn fields_match(selector: &str, object: &Value) -> bool {
    terms(selector).into_iter().all(|term| {
        let (path, wanted, equal) = match (term.split_once("!="), term.split_once('=')) {
            (Some((p, w)), _) => (p, w, false),
            (None, Some((p, w))) => (p, w, true),
            _ => return false,
        };
        let pointer = format!("/{}", path.replace('.', "/"));
        let value = object.pointer(&pointer).and_then(Value::as_str);
        (value.unwrap_or("") == wanted) == equal
    })
}

fn within(set: &str, value: &str) -> bool {
    set.trim_matches(['(', ')', ' ']).split(',').any(|v| v.trim() == value)
}

/// The terms between commas that are not inside brackets.
fn terms(selector: &str) -> Vec<String> {
    let mut terms = vec![String::new()];
    let mut depth = 0;
    for c in selector.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if c == ',' && depth == 0 {
            terms.push(String::new());
        } else if let Some(term) = terms.last_mut() {
            term.push(c);
        }
    }
    terms.retain(|t| !t.trim().is_empty());
    terms.iter().map(|t| t.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::labels_match;

    #[test]
    fn selectors_match_as_kubectl_reads_them() {
        let labels = [("app", "web"), ("tier", "front")];
        for yes in [
            "",
            "app=web",
            "app in (web,api),tier=front",
            "!zone",
            "app",
            "app!=api",
            "app notin (api)",
        ] {
            assert!(labels_match(yes, &labels), "{yes}");
        }
        for no in ["app=api", "zone", "!app", "app notin (web)", "app=web,tier=back"] {
            assert!(!labels_match(no, &labels), "{no}");
        }
    }
}
