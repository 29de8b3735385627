//! What a program says in its own settings that it will take: a heap that is larger than the limit ends in a kill.

use dreamops_sdk::json;
use dreamops_sdk::quantity::bytes;
use serde_json::Value;

/// A runtime takes a quarter of its heap beside it: threads, code, buffers.
const BESIDE_HEAP: u64 = 4;

/// The memory that a container's command, arguments and variables ask for, with what shows it; none where they are
/// silent. Variables whose values are hidden tell nothing.
pub(crate) fn need(container: &Value) -> Option<(u64, String)> {
    let words = ["/command", "/args"]
        .into_iter()
        .flat_map(|p| json::items(container, p))
        .filter_map(Value::as_str);
    let values = json::items(container, "/env").iter().map(|v| json::text(v, "/value"));
    let go = json::named(container, "/env", "GOMEMLIMIT").map(|v| json::text(v, "/value"));
    let heaps = words.chain(values).flat_map(str::split_whitespace).filter_map(heap);
    let soft = go.and_then(|text| {
        let amount = bytes(text.strip_suffix('B').unwrap_or(text))?;
        Some((amount, format!("GOMEMLIMIT={text}")))
    });
    heaps
        .chain(soft)
        .max_by_key(|(amount, _)| *amount)
        .map(|(amount, told)| (amount.saturating_add(amount / BESIDE_HEAP), told))
}

/// `-Xmx512m` of Java, `--max-old-space-size=512` of Node.
fn heap(word: &str) -> Option<(u64, String)> {
    let amount = if let Some(size) = word.strip_prefix("-Xmx") {
        let digits = size.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit: u64 = match &size[digits.len()..] {
            "" => 1,
            "k" | "K" => 1 << 10,
            "m" | "M" => 1 << 20,
            "g" | "G" => 1 << 30,
            _ => return None,
        };
        digits.parse::<u64>().ok()?.checked_mul(unit)?
    } else {
        let size = word.strip_prefix("--max-old-space-size=")?;
        size.parse::<u64>().ok()?.checked_mul(1 << 20)?
    };
    Some((amount, word.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::need;
    use serde_json::json;

    #[test]
    fn a_declared_heap_is_found_where_programs_declare_it() {
        let mib = |n: u64| n << 20;
        for (container, expected) in [
            (json!({"args": ["-Xmx400m", "-jar", "x"]}), Some(mib(500))),
            (json!({"command": ["java -Xms1m -Xmx1g"]}), Some(mib(1280))),
            (
                json!({"env": [{"name": "NODE_OPTIONS", "value": "--max-old-space-size=400"}]}),
                Some(mib(500)),
            ),
            (
                json!({"env": [{"name": "GOMEMLIMIT", "value": "400MiB"}]}),
                Some(mib(500)),
            ),
            (json!({"env": [{"name": "X", "value": "‹secret:1a2b›"}]}), None),
            (json!({"args": ["-Xmxlots"]}), None),
            (json!({}), None),
        ] {
            assert_eq!(need(&container).map(|(n, _)| n), expected, "{container}");
        }
    }
}
