//! Lines of a terminal: fields with a label, wrapped; colour where it is asked for.

/// Where the text of a field begins.
pub(super) const INDENT: usize = 13;

/// Below this, nothing can be laid out.
const NARROWEST: usize = 40;

/// How a text is set off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Style {
    /// Not at all.
    #[default]
    Plain,
    /// The words that order the rest.
    Heading,
    /// What explains the rest.
    Aside,
    /// What went wrong.
    Alarm,
}

/// A page under way.
#[derive(Debug)]
pub(super) struct Page {
    /// How long a line may be.
    pub(super) width: usize,
    /// Whether there is colour.
    pub(super) colour: bool,
    text: String,
}

impl Page {
    pub(super) fn new(width: usize, colour: bool) -> Self {
        Self { width: width.max(NARROWEST), colour, text: String::new() }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// An empty line, unless there is one already.
    pub(super) fn blank(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// A line as it is.
    pub(super) fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// Lines as they are.
    pub(super) fn lines(&mut self, lines: &[String]) {
        lines.iter().for_each(|line| self.line(line));
    }

    /// A label and words behind it, over as many lines as it takes.
    pub(super) fn field(&mut self, label: &str, text: &str, style: Style) {
        let lines = wrap(text.split_whitespace(), " ", self.width - INDENT);
        self.labelled(label, &lines, style);
    }

    /// A label and items behind it, none of which is torn if it fits a line.
    pub(super) fn items(&mut self, label: &str, items: &[String], separator: &str) {
        let lines = wrap(items.iter().map(String::as_str), separator, self.width - INDENT);
        self.labelled(label, &lines, Style::Plain);
    }

    /// A label and lines behind it, as they are.
    pub(super) fn labelled(&mut self, label: &str, lines: &[String], style: Style) {
        for (number, line) in lines.iter().enumerate() {
            let label = if number == 0 { label } else { "" };
            let label_style = if style == Style::Alarm { style } else { Style::Heading };
            let gap = " ".repeat(INDENT.saturating_sub(label.chars().count()).max(1));
            let text =
                format!("{}{gap}{}", paint(label, label_style, self.colour), paint(line, style, self.colour));
            self.line(&text);
        }
    }
}

/// A text set off, if there is colour.
pub(crate) fn paint(text: &str, style: Style, colour: bool) -> String {
    let code = match style {
        Style::Heading => "1",
        Style::Aside => "2",
        Style::Alarm => "31",
        Style::Plain => "",
    };
    if colour && !code.is_empty() && !text.is_empty() {
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}

/// Puts items on lines of at most `width` characters. An item that is longer is
/// wrapped between its words, and a word that is longer is cut. A mark that the
/// separator begins with, such as a comma, stays with the item before it.
pub(crate) fn wrap<'a>(
    items: impl IntoIterator<Item = &'a str>,
    separator: &str,
    width: usize,
) -> Vec<String> {
    let mark = separator.trim_end();
    let space = &separator[mark.len()..];
    let mut lines: Vec<String> = Vec::new();
    let mut items = items.into_iter().peekable();
    while let Some(item) = items.next() {
        let item = if items.peek().is_some() { format!("{item}{mark}") } else { item.to_owned() };
        let length = item.chars().count();
        match lines.last_mut() {
            Some(line) if line.chars().count() + space.len() + length <= width => {
                line.push_str(space);
                line.push_str(&item);
            }
            _ if length <= width => lines.push(item),
            _ if item.contains(' ') => lines.extend(wrap(item.split(' '), " ", width)),
            _ => lines.extend(cut(&item, width)),
        }
    }
    lines
}

fn cut(word: &str, width: usize) -> Vec<String> {
    let characters: Vec<char> = word.chars().collect();
    characters.chunks(width.max(1)).map(|piece| piece.iter().collect()).collect()
}

/// A text of at most `width` characters; what is left off shows as an ellipsis.
pub(crate) fn shorten(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut kept: String = text.chars().take(width.saturating_sub(1)).collect();
    kept.truncate(kept.trim_end().len());
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_wrapped_whole_where_they_fit() {
        let cases: &[(&[&str], &str, usize, &[&str])] = &[
            (&["one", "two", "three"], " ", 7, &["one two", "three"]),
            (&["one two", "three four"], ", ", 19, &["one two, three four"]),
            (&["one two", "three four"], ", ", 18, &["one two,", "three four"]),
            (&["one two three", "four"], "  ", 8, &["one two", "three", "four"]),
            (&["one two three", "four"], "; ", 8, &["one two", "three;", "four"]),
            (&["abcdefgh"], " ", 3, &["abc", "def", "gh"]),
            (&[], " ", 3, &[]),
        ];
        for (items, separator, width, expected) in cases {
            assert_eq!(wrap(items.iter().copied(), separator, *width), *expected);
        }
    }

    #[test]
    fn what_is_left_off_shows() {
        let cases = [("hello", 5, "hello"), ("hello there", 7, "hello…"), ("hello", 1, "…")];
        for (text, width, expected) in cases {
            assert_eq!(shorten(text, width), expected);
        }
    }

    #[test]
    fn a_field_is_labelled_once_and_coloured_on_demand() {
        let mut page = Page::new(40, false);
        page.field("spent", "one two three four five six seven eight", Style::Plain);
        assert_eq!(page.into_text(), "spent        one two three four five six\n             seven eight\n");
        let mut page = Page::new(40, true);
        page.field("trouble", "no reply", Style::Alarm);
        assert_eq!(page.into_text(), "\u{1b}[31mtrouble\u{1b}[0m      \u{1b}[31mno reply\u{1b}[0m\n");
    }
}
