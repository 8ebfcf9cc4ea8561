//! What stands at the other end of stdout and stderr.

use std::io::{self, IsTerminal};

use crate::report::page::wrap;

/// A terminal of which nothing else is known.
const USUAL_WIDTH: usize = 80;

/// A file or a pipe has no width: long lines stay whole, within reason.
const WIDTH_OF_NO_TERMINAL: usize = 100;

/// So much further to the right stands what goes on.
const HANGING: usize = 4;

/// In fewer columns nothing can be shown.
const LEAST_WIDTH: usize = 40;

/// How wide lines on stdout may be, in columns.
pub fn width() -> usize {
    let said = std::env::var("COLUMNS").ok();
    let seen = || terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0));
    width_of(said.as_deref(), io::stdout().is_terminal(), seen)
}

/// `COLUMNS` goes before what the terminal says of itself, as it does with `ls`.
fn width_of(said: Option<&str>, is_terminal: bool, seen: impl FnOnce() -> Option<usize>) -> usize {
    let is_wide_enough = |columns: &usize| *columns >= LEAST_WIDTH;
    if let Some(said) = said.and_then(|said| said.parse().ok()).filter(is_wide_enough) {
        return said;
    }
    if is_terminal { seen().filter(is_wide_enough).unwrap_or(USUAL_WIDTH) } else { WIDTH_OF_NO_TERMINAL }
}

/// An error as it is told on stderr: on a terminal no word is broken at the end of a line.
pub fn error(text: &str) -> String {
    let width = terminal_size::terminal_size_of(io::stderr()).map(|(width, _)| usize::from(width.0));
    error_within(text, width.filter(|_| io::stderr().is_terminal()))
}

fn error_within(text: &str, width: Option<usize>) -> String {
    const LABEL: &str = "error: ";
    const INDENT: &str = "       ";
    let Some(room) = width.map(|width| width.max(LEAST_WIDTH) - LABEL.len()) else {
        return format!("{LABEL}{text}");
    };
    // What has lines of its own is indented already.
    let lines =
        text.lines().flat_map(|line| wrap(line.strip_prefix(INDENT).unwrap_or(line).split(' '), " ", room));
    format!("{LABEL}{}", lines.collect::<Vec<_>>().join(&format!("\n{INDENT}")))
}

/// The same text in lines of at most `width` characters: what is longer goes on below,
/// further to the right.
pub fn fit(text: &str, width: usize) -> String {
    let mut fitting = String::with_capacity(text.len());
    for line in text.lines() {
        let content = line.trim_start();
        let indent = line.len() - content.len();
        let room = width.saturating_sub(indent + HANGING).max(1);
        let lines = if line.chars().count() <= width {
            vec![content.to_owned()]
        } else {
            wrap(content.split(' '), " ", room)
        };
        for (number, piece) in lines.iter().enumerate() {
            let further = if number == 0 { 0 } else { HANGING };
            let piece = piece.trim_start();
            fitting.push_str(format!("{:1$}{piece}", "", indent + further).trim_end());
            fitting.push('\n');
        }
    }
    fitting
}

/// Whether colours may be written there: it is a terminal that knows them, and
/// `NO_COLOR` is not set (<https://no-color.org>).
pub fn colours(stream: &impl IsTerminal) -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    stream.is_terminal() && !is_set("NO_COLOR") && !is_dumb
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_wrapped_between_words_on_a_terminal_only() {
        let text = "one two three four five six seven eight nine ten\n       eleven";
        assert_eq!(error_within(text, None), format!("error: {text}"));
        let expected = "error: one two three four five six seven\n       eight nine ten\n       eleven";
        assert_eq!(error_within(text, Some(42)), expected);
    }

    #[test]
    fn what_is_too_long_goes_on_further_to_the_right() {
        let text = "nodes\n  web  500 nodes  Env=prod\n\nend\n";
        assert_eq!(fit(text, 40), text);
        assert_eq!(fit(text, 20), "nodes\n  web  500 nodes\n      Env=prod\n\nend\n");
    }

    #[test]
    fn a_width_that_is_said_goes_before_one_that_is_seen() {
        let cases = [
            (Some("80"), true, Some(132), 80),
            (Some("80"), false, None, 80),
            (None, true, Some(132), 132),
            (None, true, None, USUAL_WIDTH),
            (None, true, Some(20), USUAL_WIDTH),
            (None, false, None, WIDTH_OF_NO_TERMINAL),
            (Some(""), false, None, WIDTH_OF_NO_TERMINAL),
            (Some("wide"), false, None, WIDTH_OF_NO_TERMINAL),
            (Some("12"), false, None, WIDTH_OF_NO_TERMINAL),
        ];
        for (said, is_terminal, seen, expected) in cases {
            assert_eq!(width_of(said, is_terminal, || seen), expected, "{said:?} {is_terminal} {seen:?}");
        }
    }
}
