//! What a word without quotes is, by the core schema of YAML 1.2.

/// What a word without quotes is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Plain {
    /// Nothing at all.
    Nothing,
    /// True or false.
    Truth(bool),
    /// A whole number.
    Whole(i128),
    /// Any other number.
    Fraction(f64),
    /// Nothing but a text.
    Text,
}

/// What this word is.
pub(super) fn plain(word: &str) -> Plain {
    match word {
        _ if is_nothing(word) => Plain::Nothing,
        "true" | "True" | "TRUE" => Plain::Truth(true),
        "false" | "False" | "FALSE" => Plain::Truth(false),
        _ => whole(word)
            .map(Plain::Whole)
            .or_else(|| fraction(word).map(Plain::Fraction))
            .unwrap_or(Plain::Text),
    }
}

/// Whether the word stands for nothing.
pub(super) fn is_nothing(word: &str) -> bool {
    matches!(word, "" | "~" | "null" | "Null" | "NULL")
}

/// The whole number that is written so; underscores may stand between its digits.
pub(super) fn whole(word: &str) -> Option<i128> {
    let (is_negative, rest) = match word.as_bytes().first()? {
        b'-' => (true, &word[1..]),
        b'+' => (false, &word[1..]),
        _ => (false, word),
    };
    let (digits, radix) = match rest.get(..2) {
        Some("0x") => (&rest[2..], 16),
        Some("0o") => (&rest[2..], 8),
        _ => (rest, 10),
    };
    let is_grouped = !digits.starts_with('_') && !digits.ends_with('_') && !digits.contains("__");
    if !is_grouped || !digits.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'_') {
        return None;
    }
    let number = i128::from_str_radix(&digits.replace('_', ""), radix).ok()?;
    Some(if is_negative { -number } else { number })
}

/// The number that is written so.
pub(super) fn fraction(word: &str) -> Option<f64> {
    let is_number = word.bytes().any(|byte| byte.is_ascii_digit())
        && word.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    is_number.then(|| word.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_what_the_core_schema_says() {
        let cases = [
            ("", Plain::Nothing),
            ("~", Plain::Nothing),
            ("null", Plain::Nothing),
            ("true", Plain::Truth(true)),
            ("False", Plain::Truth(false)),
            ("yes", Plain::Text),
            ("7", Plain::Whole(7)),
            ("-7", Plain::Whole(-7)),
            ("20_000", Plain::Whole(20_000)),
            ("0x1f", Plain::Whole(31)),
            ("1__0", Plain::Text),
            ("_1", Plain::Text),
            ("0.5", Plain::Fraction(0.5)),
            ("1e3", Plain::Fraction(1000.0)),
            ("1.2.3", Plain::Text),
            ("5m", Plain::Text),
            ("2025-01-14", Plain::Text),
            ("-", Plain::Text),
            ("face", Plain::Text),
            ("é", Plain::Text),
        ];
        for (word, expected) in cases {
            assert_eq!(plain(word), expected, "{word}");
        }
    }
}
