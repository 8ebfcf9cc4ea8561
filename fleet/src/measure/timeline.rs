//! A run second by second, for `timeline.csv`: how nodes stood, and which calls
//! they made.
//!
//! There is a row for each simulated second in which a call was made or a node
//! changed its state. A run has as many rows as fit a sheet: of one that is longer,
//! rows are put together two by two, and then cover twice as long.

use std::fmt::Write;

use shared::time::Timestamp;

use super::recent::{Second, second_of};
use crate::simulation::CohortState;

/// More rows than this are put together two by two: half a day by the second.
const MOST_ROWS: usize = 43_200;

/// A run second by second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    start: i64,
    /// How many seconds a row covers.
    step: i64,
    rows: Vec<Row>,
    /// The calls of all rows, one row's after another's: operations by their place, and how many.
    calls: Vec<(u8, u32)>,
    operations: Vec<&'static str>,
    most_rows: usize,
}

/// Some seconds. As small as can be, for there are many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Row {
    /// By how many steps it lies after the start.
    place: u32,
    /// How nodes stood at its end.
    online: u32,
    hibernating: u32,
    starting: u32,
    /// Where its calls begin.
    first_call: u32,
}

impl Default for Timeline {
    fn default() -> Self {
        Self::starting(Timestamp::default())
    }
}

impl Timeline {
    /// A run that begins at this instant.
    pub fn starting(start: Timestamp) -> Self {
        Self {
            start: second_of(start),
            step: 1,
            rows: Vec::new(),
            calls: Vec::new(),
            operations: Vec::new(),
            most_rows: MOST_ROWS,
        }
    }

    /// Adds the calls made in some seconds before `at`, which follow one another,
    /// when nodes stood like this.
    pub fn take<'a>(&mut self, made: impl Iterator<Item = &'a Second>, at: Timestamp, state: CohortState) {
        let mut is_told = false;
        for made in made {
            is_told = true;
            self.row(made.second, state);
            for (operation, count) in &made.calls {
                let operation = self.operation(operation);
                self.add(operation, *count);
            }
        }
        if !is_told && !self.rows.last().is_some_and(|row| row.stands(state)) {
            // The second that ends now.
            self.row(second_of(at) - 1, state);
        }
        while self.rows.len() > self.most_rows {
            self.put_together();
        }
    }

    /// Begins the row of a second, unless it is the last one.
    fn row(&mut self, second: i64, state: CohortState) {
        let place = (second - self.start).max(0).div_euclid(self.step);
        let place = u32::try_from(place).unwrap_or(u32::MAX);
        if self.rows.last().is_none_or(|last| last.place < place) {
            let first_call = self.calls.len() as u32;
            self.rows.push(Row { place, online: 0, hibernating: 0, starting: 0, first_call });
        }
        let row = self.rows.last_mut().expect("there is one now");
        (row.online, row.hibernating, row.starting) = (state.online, state.hibernating, state.starting);
    }

    fn operation(&mut self, operation: &'static str) -> u8 {
        let known = self.operations.iter().position(|known| *known == operation);
        let place = known.unwrap_or_else(|| {
            self.operations.push(operation);
            self.operations.len() - 1
        });
        u8::try_from(place).expect("nodes call fewer operations than that")
    }

    /// Adds calls to the last row.
    fn add(&mut self, operation: u8, count: u32) {
        let first = self.rows.last().map_or(0, |row| row.first_call as usize);
        match self.calls[first..].iter_mut().find(|(known, _)| *known == operation) {
            Some((_, calls)) => *calls += count,
            None => self.calls.push((operation, count)),
        }
    }

    fn put_together(&mut self) {
        let rows = std::mem::take(&mut self.rows);
        let calls = std::mem::take(&mut self.calls);
        self.step *= 2;
        for (number, row) in rows.iter().enumerate() {
            let place = row.place / 2;
            if self.rows.last().is_none_or(|last| last.place < place) {
                self.rows.push(Row { place, first_call: self.calls.len() as u32, ..*row });
            } else if let Some(last) = self.rows.last_mut() {
                *last = Row { place, first_call: last.first_call, ..*row };
            }
            for (operation, count) in of_row(&rows, &calls, number) {
                self.add(*operation, *count);
            }
        }
    }

    /// The text of `timeline.csv`: seconds from the start, how many a row covers,
    /// how nodes stood at its end, all calls, and those of each operation.
    pub fn to_csv(&self) -> String {
        let mut operations: Vec<(&str, u8)> = self.operations.iter().copied().zip(0..).collect();
        operations.sort_unstable();
        let mut text = "second,seconds,online,hibernating,starting,calls".to_owned();
        operations.iter().for_each(|(operation, _)| text.extend([",", operation]));
        text.push('\n');
        for (number, Row { place, online, hibernating, starting, .. }) in self.rows.iter().enumerate() {
            let calls = of_row(&self.rows, &self.calls, number);
            let of = |operation: u8| {
                calls.iter().filter(|(made, _)| *made == operation).map(|(_, count)| count).sum::<u32>()
            };
            let (second, step) = (i64::from(*place) * self.step, self.step);
            let all: u64 = calls.iter().map(|(_, count)| u64::from(*count)).sum();
            let _ = write!(text, "{second},{step},{online},{hibernating},{starting},{all}");
            for (_, operation) in &operations {
                let _ = write!(text, ",{}", of(*operation));
            }
            text.push('\n');
        }
        text
    }
}

impl Row {
    fn stands(&self, state: CohortState) -> bool {
        (self.online, self.hibernating, self.starting) == (state.online, state.hibernating, state.starting)
    }
}

/// The calls of the row of this number.
fn of_row<'a>(rows: &[Row], calls: &'a [(u8, u32)], number: usize) -> &'a [(u8, u32)] {
    let end = rows.get(number + 1).map_or(calls.len(), |next| next.first_call as usize);
    &calls[rows[number].first_call as usize..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(online: u32) -> CohortState {
        CohortState { nodes: 5, starting: 5 - online, online, hibernating: 0 }
    }

    fn taken(most_rows: usize) -> Timeline {
        let mut timeline = Timeline { most_rows, ..Timeline::starting(Timestamp::from_seconds(100)) };
        let calls = |second, calls: &[(&'static str, u32)]| [Second { second, calls: calls.to_vec() }];
        let none: [Second; 0] = [];
        timeline.take(calls(100, &[("GetDocument", 2)]).iter(), Timestamp::from_seconds(101), state(1));
        timeline.take(none.iter(), Timestamp::from_seconds(102), state(1));
        timeline.take(none.iter(), Timestamp::from_seconds(104), state(3));
        timeline.take(
            calls(105, &[("GetDocument", 1), ("PutInventory", 4)]).iter(),
            Timestamp::from_seconds(106),
            state(5),
        );
        timeline
    }

    #[test]
    fn a_second_in_which_something_happened_is_a_row() {
        let expected = "\
second,seconds,online,hibernating,starting,calls,GetDocument,PutInventory
0,1,1,0,4,2,2,0
3,1,3,0,2,0,0,0
5,1,5,0,0,5,1,4
";
        assert_eq!(taken(3).to_csv(), expected);
    }

    #[test]
    fn a_long_run_has_rows_of_several_seconds() {
        let expected = "\
second,seconds,online,hibernating,starting,calls,GetDocument,PutInventory
0,4,3,0,2,2,2,0
4,4,5,0,0,5,1,4
";
        assert_eq!(taken(2).to_csv(), expected);
    }
}
