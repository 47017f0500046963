//! Durations (`1h30m`) and sizes (`4MB`) as people write them.

use std::time::Duration;

/// Reads `10m`, `90s`, `1h30m`, `2d`, `500ms`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    const UNITS: [(&str, u64); 6] =
        [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000)];
    let mut rest = text.trim();
    let mut total: Option<u64> = None;
    while !rest.is_empty() {
        let (number, after) = leading_number(rest)?;
        let end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, tail) = after.split_at_checked(end)?;
        let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit)?;
        total = Some(total.unwrap_or(0).checked_add(number.checked_mul(*millis)?)?);
        rest = tail.trim_start();
    }
    total.map(Duration::from_millis)
}

/// Reads `4MB`, `64KiB`, `512` (bytes): decimal units are decimal, binary ones binary.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = leading_number(text.trim())?;
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1000,
        "mb" => 1000 * 1000,
        "gb" => 1000 * 1000 * 1000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// Prints a duration as it would be written: `1h30m`.
pub(super) fn print_duration(duration: Duration) -> String {
    let mut left = duration.as_millis();
    let mut out = String::new();
    for (name, millis) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
        if left >= millis {
            out.push_str(&format!("{}{name}", left / millis));
            left %= millis;
        }
    }
    if out.is_empty() { "0s".to_owned() } else { out }
}

/// Prints a size in the greatest unit that divides it.
pub(super) fn print_bytes(bytes: u64) -> String {
    let units: [(&str, u64); 6] = [
        ("GiB", 1 << 30),
        ("GB", 1_000_000_000),
        ("MiB", 1 << 20),
        ("MB", 1_000_000),
        ("KiB", 1 << 10),
        ("KB", 1000),
    ];
    match units.iter().find(|(_, factor)| bytes >= *factor && bytes.is_multiple_of(*factor)) {
        Some((name, factor)) => format!("{}{name}", bytes / factor),
        None => format!("{bytes}B"),
    }
}

fn leading_number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    Some((digits.parse().ok()?, rest.trim_start()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_durations() {
        let check = |text: &str, millis: Option<u64>| {
            assert_eq!(duration(text), millis.map(Duration::from_millis), "{text}");
        };
        check("10m", Some(600_000));
        check("90s", Some(90_000));
        check("1h30m", Some(5_400_000));
        check("1h 30m", Some(5_400_000));
        check("2d", Some(172_800_000));
        check("1w", Some(604_800_000));
        check("500ms", Some(500));
        check("0s", Some(0));
        for bad in
            ["", "10", "m", "10 parsecs", "-5s", "1.5h", "10m5", "99999999999999999999s", "9999999999999999w"]
        {
            check(bad, None);
        }
    }

    #[test]
    fn reads_sizes() {
        let check = |text: &str, expected: Option<u64>| assert_eq!(bytes(text), expected, "{text}");
        check("4MB", Some(4_000_000));
        check("64KiB", Some(65_536));
        check("64 kib", Some(65_536));
        check("1GiB", Some(1 << 30));
        check("512", Some(512));
        check("512B", Some(512));
        for bad in ["", "MB", "4XB", "4.5MB", "-1MB", "99999999999999999999GB"] {
            check(bad, None);
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read(millis in 0..u64::from(u32::MAX), size in 0..u64::MAX / 2) {
            let time = Duration::from_millis(millis);
            prop_assert_eq!(duration(&print_duration(time)), Some(time));
            prop_assert_eq!(bytes(&print_bytes(size)), Some(size));
        }
    }
}
