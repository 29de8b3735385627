//! Times as Kubernetes writes them.

/// Milliseconds since 1970 for `2025-11-24T10:19:00Z` or `…T10:19:00.123456Z`; none for any other form. The API
/// server writes UTC only.
pub fn millis(text: &str) -> Option<u64> {
    let (date, clock) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.splitn(3, '-').map(str::parse::<u64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut clock = clock.splitn(3, ':').map(str::parse::<u64>);
    let (hour, minute, second) = (clock.next()?.ok()?, clock.next()?.ok()?, clock.next()?.ok()?);
    if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let milli = format!("{fraction:0<3}").get(..3)?.parse::<u64>().ok()?;
    let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(seconds * 1_000 + milli)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar. The year is counted from March, so that the
/// leap day is its last.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let to_march_1970_era = 719_468;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - to_march_1970_era
}

/// `40 s`, `12 min`, `5 h`, `3 d`: how long something lasted, for sentences.
pub fn span(millis: u64) -> String {
    match millis / 1_000 {
        s @ 0..=119 => format!("{s} s"),
        s @ 120..=7_199 => format!("{} min", s / 60),
        s @ 7_200..=172_799 => format!("{} h", s / 3_600),
        s => format!("{} d", s / 86_400),
    }
}

/// The inverse of [`millis`], in whole seconds; for objects that a mock makes.
#[cfg(not(target_arch = "wasm32"))]
pub fn rfc3339(millis: u64) -> String {
    let seconds = millis / 1_000;
    let (mut left, clock) = (seconds / 86_400, seconds % 86_400);
    let mut year = 1970;
    let length = |y: u64| 365 + u64::from(y.is_multiple_of(4) && (!y.is_multiple_of(100) || y.is_multiple_of(400)));
    while left >= length(year) {
        left -= length(year);
        year += 1;
    }
    let mut month = 1;
    while month < 12 && days(year, month + 1, 1) - days(year, 1, 1) <= left {
        month += 1;
    }
    let day = left - (days(year, month, 1) - days(year, 1, 1)) + 1;
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
        clock / 3_600,
        clock / 60 % 60,
        clock % 60
    )
}

#[cfg(test)]
mod tests {
    use super::{millis, rfc3339};

    #[test]
    fn times_of_the_api_server_are_read() {
        assert_eq!(millis("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(millis("2000-02-29T12:00:00Z"), Some(951_825_600_000));
        assert_eq!(millis("2025-11-24T10:19:00Z"), Some(1_763_979_540_000));
        assert_eq!(millis("2025-11-24T10:19:00.123456Z"), Some(1_763_979_540_123));
        assert_eq!(millis("2025-11-24T10:19:00+01:00"), None);
        assert_eq!(millis("yesterday"), None);
    }

    #[test]
    fn a_written_time_reads_back() {
        for day in (0..40_000).step_by(13) {
            let at = (day * 86_400 + 3_723) * 1_000;
            assert_eq!(millis(&rfc3339(at)), Some(at), "{}", rfc3339(at));
        }
    }
}
