//! What stands at the other end of stdout and stderr.

use std::io::{self, IsTerminal};

/// A terminal of which nothing else is known.
const USUAL_WIDTH: usize = 80;

/// A file or a pipe has no width: long lines stay whole, within reason.
const WIDTH_OF_NO_TERMINAL: usize = 120;

/// How wide lines on stdout may be, in columns.
pub fn width() -> usize {
    if !io::stdout().is_terminal() {
        return WIDTH_OF_NO_TERMINAL;
    }
    let columns = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    columns.filter(|columns| *columns >= 40).unwrap_or(USUAL_WIDTH)
}

/// Whether colours may be written there: it is a terminal that knows them, and
/// `NO_COLOR` is not set (<https://no-color.org>).
pub fn colours(stream: &impl IsTerminal) -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    stream.is_terminal() && !is_set("NO_COLOR") && !is_dumb
}
