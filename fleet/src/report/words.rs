//! Numbers and units as people read them.

use shared::time::Period;

/// A count, with commas between thousands: `1,234,567`.
pub(crate) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count of things: `1 run`, `2 runs`.
pub(crate) fn counted(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", count(number))
}

/// Microseconds as milliseconds, from ten seconds on as seconds: `0.24 ms`, `23.1 ms`, `12.5 s`.
pub(super) fn latency(microseconds: u64) -> String {
    if microseconds < 10_000 {
        format!("{}.{:02} ms", microseconds / 1000, microseconds / 10 % 100)
    } else if microseconds < 10_000_000 {
        format!("{}.{} ms", count(microseconds / 1000), microseconds / 100 % 10)
    } else {
        format!("{}.{} s", count(microseconds / 1_000_000), microseconds / 100_000 % 10)
    }
}

/// A simulated period: `0.4s`, `12.3s`, `5m12s`; what never was is `-`.
pub(crate) fn elapsed(period: Option<Period>) -> String {
    match period {
        None => "-".to_owned(),
        Some(period) if period < Period::minutes(1) => {
            let milliseconds = period.as_milliseconds();
            format!("{}.{}s", milliseconds / 1000, milliseconds / 100 % 10)
        }
        Some(period) => period.to_string(),
    }
}

/// Seconds of wall or processor time: `3.2 s`, `58 s`, `5m12s`.
pub(super) fn seconds(seconds: f64) -> String {
    if seconds < 10.0 {
        format!("{seconds:.1} s")
    } else if seconds < 100.0 {
        format!("{seconds:.0} s")
    } else {
        Period::milliseconds((seconds * 1000.0) as u64).to_string()
    }
}

/// Bytes as megabytes of a million: `58 MB`.
pub(super) fn megabytes(bytes: u64) -> String {
    format!("{} MB", count((bytes + 500_000) / 1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        let cases = [(0, "0"), (7, "7"), (999, "999"), (1_000, "1,000"), (12_345_678, "12,345,678")];
        for (number, expected) in cases {
            assert_eq!(count(number), expected);
        }
        assert_eq!((counted(1, "run").as_str(), counted(1_200, "run").as_str()), ("1 run", "1,200 runs"));
        let cases = [
            (9, "0.00 ms"),
            (199, "0.19 ms"),
            (9_999, "9.99 ms"),
            (12_345, "12.3 ms"),
            (1_950_000, "1,950.0 ms"),
            (12_500_000, "12.5 s"),
        ];
        for (microseconds, expected) in cases {
            assert_eq!(latency(microseconds), expected);
        }
        let cases = [(450, "0.4s"), (12_345, "12.3s"), (312_999, "5m12s"), (3_600_000, "1h00m00s")];
        for (milliseconds, expected) in cases {
            assert_eq!(elapsed(Some(Period::milliseconds(milliseconds))), expected);
        }
        assert_eq!(elapsed(None), "-");
        let cases = [(3.21, "3.2 s"), (58.4, "58 s"), (312.9, "5m12s")];
        for (number, expected) in cases {
            assert_eq!(seconds(number), expected);
        }
        assert_eq!((megabytes(57_900_000).as_str(), megabytes(0).as_str()), ("58 MB", "0 MB"));
    }
}
