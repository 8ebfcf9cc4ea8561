//! Columns: each as wide as its widest cell, numbers to the right, and where
//! that is too much the first column is shortened.

use super::page::{Page, Style, paint, shorten};

/// Between columns.
pub(super) const GAP: usize = 2;

/// A table for a terminal.
#[derive(Debug)]
pub(super) struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Row>,
}

/// To which side the cells of a column are flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// What stands in a column.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Cell {
    text: String,
    style: Style,
}

#[derive(Debug)]
enum Row {
    Cells(Vec<Cell>),
    /// A line over all columns.
    Across(Cell),
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, style: Style::Plain }
    }
}

impl Cell {
    pub(super) fn styled(text: impl Into<String>, style: Style) -> Self {
        Self { text: text.into(), style }
    }
}

impl Table {
    pub(super) fn new(columns: &[(&'static str, Align)]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(Row::Cells(cells));
    }

    pub(super) fn across(&mut self, cell: Cell) {
        self.rows.push(Row::Across(cell));
    }

    /// How wide the first column may be if the whole is to be of this width.
    pub(super) fn room_for_first(&self, width: usize) -> usize {
        let rest: usize = self.widths().iter().skip(1).map(|width| width + GAP).sum();
        width.saturating_sub(rest).max(1)
    }

    /// Puts the table on a page.
    pub(super) fn put(&self, page: &mut Page) {
        page.lines(&self.lines(page.width, page.colour));
    }

    /// The lines, each of at most `width` characters; a table without titles has no headline.
    pub(super) fn lines(&self, width: usize, colour: bool) -> Vec<String> {
        let mut widths = self.widths();
        let room = self.room_for_first(width);
        if let Some(first) = widths.first_mut() {
            *first = room.min(*first);
        }
        // The last columns of a narrow page may have to be cut all the same.
        let mut taken = 0;
        for column in &mut widths {
            *column = (*column).min(width.saturating_sub(taken));
            taken += *column + GAP;
        }
        let mut lines = Vec::new();
        if self.columns.iter().any(|(title, _)| !title.is_empty()) {
            let titles: Vec<Cell> =
                self.columns.iter().map(|(title, _)| Cell::styled(*title, Style::Heading)).collect();
            lines.push(self.line(&titles, &widths, colour));
        }
        for row in &self.rows {
            match row {
                Row::Cells(cells) => lines.push(self.line(cells, &widths, colour)),
                Row::Across(cell) => lines.push(paint(&shorten(&cell.text, width), cell.style, colour)),
            }
        }
        lines
    }

    fn line(&self, cells: &[Cell], widths: &[usize], colour: bool) -> String {
        let cells = cells.iter().zip(widths).zip(&self.columns).map(|((cell, &width), (_, align))| {
            let text = shorten(&cell.text, width);
            let space = " ".repeat(width.saturating_sub(text.chars().count()));
            let painted = paint(&text, cell.style, colour);
            match align {
                Align::Left => painted + &space,
                Align::Right => space + &painted,
            }
        });
        cells.collect::<Vec<String>>().join(&" ".repeat(GAP)).trim_end().to_owned()
    }

    fn widths(&self) -> Vec<usize> {
        let cells = |column: usize| {
            self.rows.iter().filter_map(move |row| match row {
                Row::Cells(cells) => cells.get(column).map(|cell| cell.text.chars().count()),
                Row::Across(_) => None,
            })
        };
        let columns = self.columns.iter().enumerate();
        columns
            .map(|(column, (title, _))| cells(column).max().unwrap_or(0).max(title.chars().count()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&[("call", Align::Left), ("count", Align::Right), ("note", Align::Left)]);
        table.across("a line over all of it".to_owned().into());
        table.row(vec![
            "UpdateInstanceInformation".to_owned().into(),
            "1,200".to_owned().into(),
            Cell::default(),
        ]);
        table.row(vec!["GetDocument".to_owned().into(), "7".to_owned().into(), "late".to_owned().into()]);
        table
    }

    fn text(width: usize) -> String {
        let mut page = Page::new(width, false);
        table().put(&mut page);
        page.into_text()
    }

    #[test]
    fn columns_are_aligned() {
        let expected = "\
call                       count  note
a line over all of it
UpdateInstanceInformation  1,200
GetDocument                    7  late
";
        assert_eq!(text(40), expected);
    }

    #[test]
    fn the_first_column_gives_way() {
        let mut table = table();
        table.row(vec![Cell::default(), "1,234,567,890".to_owned().into(), Cell::default()]);
        let mut page = Page::new(40, false);
        table.put(&mut page);
        let text = page.into_text();
        assert!(text.contains("UpdateInstanceInfo…          1,200\n"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
    }
}
