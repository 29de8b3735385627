//! Label selectors, from the form of manifests to the form of requests.

use serde_json::Value;

/// A `LabelSelector` (`matchLabels`, `matchExpressions`) as a request writes it.
///
/// `None` where it selects nothing we could ask for: no selector, or an operator that is not known.
/// (An empty `LabelSelector` selects everything; no workload has one.)
pub(crate) fn of_workload(selector: &Value) -> Option<String> {
    let mut parts = labels(&selector["matchLabels"]);
    for expression in selector["matchExpressions"].as_array().into_iter().flatten() {
        let key = expression["key"].as_str()?;
        let values: Vec<&str> = expression["values"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let values = values.join(",");
        parts.push(match expression["operator"].as_str()? {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "Exists" => key.to_owned(),
            "DoesNotExist" => format!("!{key}"),
            _ => return None,
        });
    }
    (!parts.is_empty()).then(|| parts.join(","))
}

/// A plain map of labels, as a Service has it; `None` where it is empty.
pub(crate) fn of_service(selector: &Value) -> Option<String> {
    let parts = labels(selector);
    (!parts.is_empty()).then(|| parts.join(","))
}

fn labels(map: &Value) -> Vec<String> {
    map.as_object()
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn labels_and_expressions_are_joined() {
        let selector = json!({"matchLabels": {"app": "web"}, "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["a", "b"]},
            {"key": "old", "operator": "DoesNotExist"}]});
        assert_eq!(of_workload(&selector).as_deref(), Some("app=web,tier in (a,b),!old"));
    }

    #[test]
    fn no_selector_selects_nothing_rather_than_everything() {
        assert_eq!(of_workload(&Value::Null), None);
        assert_eq!(of_service(&json!({})), None);
    }
}
