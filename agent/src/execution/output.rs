//! How much of what a step wrote is kept.
//!
//! As agent/plugins/pluginutil: `StringPrefix` cuts each stream where it comes
//! from, and agent/contracts: `TruncateOutput` puts both into one short text.

/// The most of a standard output, in bytes.
const OUTPUT_LIMIT: usize = 24_000;
/// The most of a standard error, in bytes.
const ERROR_LIMIT: usize = 8_000;
const CUT: &str = "--output truncated--";

/// The most of both in one.
const COMBINED_LIMIT: usize = 2_500;
const BETWEEN: &str = "\n----------ERROR-------\n";
const OUTPUT_CUT: &str = "\n---Output truncated---";
const ERROR_CUT: &str = "\n---Error truncated----";

/// A standard output, cut if it is too long.
pub fn cut_output(text: String) -> String {
    cut(text, OUTPUT_LIMIT, CUT)
}

/// A standard error, cut if it is too long.
pub fn cut_error(text: String) -> String {
    cut(text, ERROR_LIMIT, CUT)
}

/// Both in one text, as a command's reply has them. Where they are too long, the
/// error may have half of the room, and either what the other leaves.
pub fn combined(output: &str, error: &str) -> String {
    if error.is_empty() {
        return fit(output, COMBINED_LIMIT, OUTPUT_CUT);
    }
    let room = COMBINED_LIMIT - BETWEEN.len();
    let half = room / 2;
    let for_output = if error.len() <= half { room - error.len() } else { half };
    let for_error = if output.len() <= half { room - output.len() } else { half };
    let output = fit(output, for_output.max(half), OUTPUT_CUT);
    let error = fit(error, for_error.max(half), ERROR_CUT);
    format!("{output}{BETWEEN}{error}")
}

/// As the agent has it, a text of just the limit is cut too.
fn cut(text: String, limit: usize, mark: &str) -> String {
    if text.len() < limit { text } else { shorten(&text, limit, mark) }
}

fn fit(text: &str, limit: usize, mark: &str) -> String {
    if text.len() <= limit { text.to_owned() } else { shorten(text, limit, mark) }
}

/// Cuts at the character's border before the limit, so that the mark fits in.
fn shorten(text: &str, limit: usize, mark: &str) -> String {
    let end = text.floor_char_boundary(limit - mark.len());
    format!("{}{mark}", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    type Cut = fn(String) -> String;

    #[test]
    fn streams_are_cut_where_they_come_from() {
        let cases: [(Cut, usize, usize, bool); 6] = [
            (cut_output, 23_999, 23_999, false),
            (cut_output, 24_000, 24_000, true),
            (cut_output, 100_000, 24_000, true),
            (cut_error, 7_999, 7_999, false),
            (cut_error, 8_000, 8_000, true),
            (cut_error, 9_000, 8_000, true),
        ];
        for (cut, written, kept, is_cut) in cases {
            let text = cut("x".repeat(written));
            assert_eq!((text.len(), text.ends_with("x--output truncated--")), (kept, is_cut), "{written}");
        }
        assert!(cut_output("é".repeat(20_000)).ends_with("é--output truncated--"));
    }

    #[test]
    fn both_streams_share_one_short_text() {
        let cases = [
            ("out".to_owned(), String::new(), "out".to_owned()),
            ("out".to_owned(), "err".to_owned(), "out\n----------ERROR-------\nerr".to_owned()),
            (String::new(), "err".to_owned(), "\n----------ERROR-------\nerr".to_owned()),
            ("o".repeat(2_501), String::new(), "o".repeat(2_477) + OUTPUT_CUT),
            ("o".repeat(5_000), "e".repeat(100), "o".repeat(2_353) + OUTPUT_CUT + BETWEEN + &"e".repeat(100)),
            ("o".repeat(100), "e".repeat(5_000), "o".repeat(100) + BETWEEN + &"e".repeat(2_353) + ERROR_CUT),
            (
                "o".repeat(5_000),
                "e".repeat(5_000),
                "o".repeat(1_215) + OUTPUT_CUT + BETWEEN + &"e".repeat(1_215) + ERROR_CUT,
            ),
        ];
        for (output, error, expected) in cases {
            let found = combined(&output, &error);
            assert_eq!(found, expected);
            assert!(found.len() <= COMBINED_LIMIT);
        }
    }
}
