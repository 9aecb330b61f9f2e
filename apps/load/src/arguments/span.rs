//! A length of time as people write it: `30s`, `500ms`, `5m`, `1h`, or a number of seconds.

use std::time::Duration;

/// The longest that is believed.
const MOST: Duration = Duration::from_secs(30 * 24 * 3_600);

/// Reads one.
///
/// # Errors
/// What was expected.
pub(crate) fn read_span(text: &str) -> Result<Duration, String> {
    let end =
        text.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let secs = match unit {
        "ms" => 0.001,
        "s" | "" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        _ => f64::NAN,
    };
    let secs = number.parse::<f64>().ok().map(|number| number * secs);
    secs.and_then(|secs| Duration::try_from_secs_f64(secs).ok())
        .filter(|span| *span <= MOST)
        .ok_or_else(|| "expected a time of at most 30 days such as 30s, 500ms, 5m or 1h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, millis) in
            [("30s", 30_000), ("500ms", 500), ("1.5m", 90_000), ("1h", 3_600_000), ("2", 2_000), ("0s", 0)]
        {
            assert_eq!(read_span(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for wrong in ["", "s", "-1s", "1d", "1 s", "1.2.3s", "1e3s", "9999h"] {
            assert!(read_span(wrong).is_err_and(|error| error.contains("500ms")), "{wrong}");
        }
    }
}
