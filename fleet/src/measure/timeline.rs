//! A run second by second, for `timeline.csv`: how nodes stood, and which calls
//! they made.
//!
//! There is a row for each simulated second in which a call was made or a node
//! changed its state. A run has as many rows as fit a sheet: of one that is longer,
//! rows are put together two by two, and then cover twice as long.

use std::collections::BTreeMap;
use std::fmt::Write;

use shared::time::Timestamp;

use super::recent::{Seconds, second_of};
use crate::simulation::CohortState;

/// More rows than this are put together two by two: half a day by the second.
const MOST_ROWS: usize = 43_200;

/// A run second by second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    start: i64,
    /// How many seconds a row covers.
    step: i64,
    /// By how many steps it lies after the start.
    rows: BTreeMap<i64, Row>,
    most_rows: usize,
}

/// Some seconds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Row {
    /// How nodes stood at its end.
    state: CohortState,
    /// Which calls were made.
    calls: BTreeMap<&'static str, u64>,
}

impl Default for Timeline {
    fn default() -> Self {
        Self::starting(Timestamp::default())
    }
}

impl Timeline {
    /// A run that begins at this instant.
    pub fn starting(start: Timestamp) -> Self {
        Self { start: second_of(start), step: 1, rows: BTreeMap::new(), most_rows: MOST_ROWS }
    }

    /// Adds the calls made in some seconds before `at`, when nodes stood like this.
    pub fn take(&mut self, made: &Seconds, at: Timestamp, state: CohortState) {
        let before = self.rows.last_key_value().map(|(_, row)| row.state);
        if made.is_empty() && before != Some(state) {
            // The second that ends now.
            self.row(second_of(at) - 1).state = state;
        }
        for (second, calls) in made {
            let row = self.row(*second);
            row.state = state;
            calls.iter().for_each(|(operation, count)| *row.calls.entry(operation).or_default() += count);
        }
        while self.rows.len() > self.most_rows {
            self.put_together();
        }
    }

    fn row(&mut self, second: i64) -> &mut Row {
        let place = (second - self.start).max(0).div_euclid(self.step);
        self.rows.entry(place).or_default()
    }

    fn put_together(&mut self) {
        self.step *= 2;
        for (place, row) in std::mem::take(&mut self.rows) {
            let sum = self.rows.entry(place.div_euclid(2)).or_default();
            sum.state = row.state;
            row.calls
                .into_iter()
                .for_each(|(operation, count)| *sum.calls.entry(operation).or_default() += count);
        }
    }

    /// The text of `timeline.csv`: seconds from the start, how many a row covers,
    /// how nodes stood at its end, all calls, and those of each operation.
    pub fn to_csv(&self) -> String {
        let mut operations: Vec<&str> =
            self.rows.values().flat_map(|row| row.calls.keys().copied()).collect();
        operations.sort_unstable();
        operations.dedup();
        let mut text = "second,seconds,online,hibernating,starting,calls".to_owned();
        operations.iter().for_each(|operation| text.extend([",", operation]));
        text.push('\n');
        for (place, Row { state, calls }) in &self.rows {
            let CohortState { online, hibernating, starting, .. } = state;
            let (second, step, all) = (place * self.step, self.step, calls.values().sum::<u64>());
            let _ = write!(text, "{second},{step},{online},{hibernating},{starting},{all}");
            for operation in &operations {
                let _ = write!(text, ",{}", calls.get(operation).copied().unwrap_or(0));
            }
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(online: u32) -> CohortState {
        CohortState { nodes: 5, starting: 5 - online, online, hibernating: 0 }
    }

    fn taken(most_rows: usize) -> Timeline {
        let mut timeline = Timeline { most_rows, ..Timeline::starting(Timestamp::from_seconds(100)) };
        let calls = |second, calls: &[(&'static str, u64)]| {
            Seconds::from([(second, calls.iter().copied().collect())])
        };
        timeline.take(&calls(100, &[("GetDocument", 2)]), Timestamp::from_seconds(101), state(1));
        timeline.take(&Seconds::new(), Timestamp::from_seconds(102), state(1));
        timeline.take(&Seconds::new(), Timestamp::from_seconds(104), state(3));
        timeline.take(
            &calls(105, &[("GetDocument", 1), ("PutInventory", 4)]),
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
