//! Amounts as Kubernetes writes them: `128Mi`, `1G`, `250m`, `1.5`, `1e3`.

/// Bytes for an amount of memory; none for what is no amount.
pub fn bytes(text: &str) -> Option<u64> {
    scaled(text, 1.0)
}

/// Thousandths of a core for an amount of processor; none for what is no amount.
pub fn millicores(text: &str) -> Option<u64> {
    scaled(text, 1_000.0)
}

/// Amounts are far below 2^52, where a float is exact; rounding is upward, as the API server does.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn scaled(text: &str, unit: f64) -> Option<u64> {
    let text = text.trim();
    let digits = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(digits);
    let factor = match suffix {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "Ki" => 1024.0,
        "Mi" => 1024.0 * 1024.0,
        "Gi" => 1024.0 * 1024.0 * 1024.0,
        "Ti" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        exponent => {
            let power: i32 = exponent.strip_prefix(['e', 'E'])?.parse().ok()?;
            10f64.powi(power)
        }
    };
    let value = number.parse::<f64>().ok()? * factor * unit;
    (value.is_finite() && value >= 0.0).then_some(value.ceil() as u64)
}

/// `128Mi`, `1.5Gi`, `512Ki`, `999`: bytes as people write limits.
pub fn show_bytes(bytes: u64) -> String {
    for (unit, name) in [(1 << 30, "Gi"), (1 << 20, "Mi"), (1 << 10, "Ki")] {
        if bytes >= unit {
            return if bytes.is_multiple_of(unit) {
                format!("{}{name}", bytes / unit)
            } else {
                format!("{:.1}{name}", bytes as f64 / unit as f64)
            };
        }
    }
    bytes.to_string()
}

/// `250m`, `2`: millicores as people write them.
pub fn show_millicores(millis: u64) -> String {
    if millis > 0 && millis.is_multiple_of(1_000) {
        (millis / 1_000).to_string()
    } else {
        format!("{millis}m")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_in_every_form() {
        assert_eq!(bytes("128Mi"), Some(134_217_728));
        assert_eq!(bytes("1G"), Some(1_000_000_000));
        assert_eq!(bytes("1e3"), Some(1_000));
        assert_eq!(bytes("100"), Some(100));
        assert_eq!(bytes("1.5Gi"), Some(1_610_612_736));
        assert_eq!(bytes("lots"), None);
        assert_eq!(bytes("-5Mi"), None);
        assert_eq!(millicores("250m"), Some(250));
        assert_eq!(millicores("1.5"), Some(1_500));
        assert_eq!(millicores("3"), Some(3_000));
        assert_eq!(millicores("100u"), Some(1));
    }

    #[test]
    fn amounts_are_shown_as_people_write_them() {
        assert_eq!(show_bytes(134_217_728), "128Mi");
        assert_eq!(show_bytes(1_610_612_736), "1.5Gi");
        assert_eq!(show_bytes(999), "999");
        assert_eq!(show_millicores(250), "250m");
        assert_eq!(show_millicores(2_000), "2");
    }
}
