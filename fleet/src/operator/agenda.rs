//! What of the timeline is due when.
//!
//! Invariant: what is due at one instant happens in the order in which it is
//! written.

use std::collections::BTreeSet;

use shared::time::Timestamp;

use crate::condition::Condition;
use crate::measure::live::Live;
use crate::plan::PlannedEntry;
use crate::plan::timeline::Occasion;

/// What is still to happen.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    start: Timestamp,
    /// By instant, then by place in the plan.
    due: BTreeSet<(Timestamp, usize)>,
    /// What waits for a condition.
    waiting: Vec<(Condition, usize)>,
}

impl Agenda {
    /// All that is planned.
    pub(super) fn new(start: Timestamp, timeline: &[PlannedEntry]) -> Self {
        let mut agenda = Self { start, ..Self::default() };
        for (place, entry) in timeline.iter().enumerate() {
            if let Some(first) = entry.occasion.first() {
                agenda.due.insert((start + first, place));
            }
            if let Occasion::When(condition) = &entry.occasion {
                agenda.waiting.push((condition.clone(), place));
            }
        }
        agenda
    }

    /// When something is due next.
    pub(super) fn next_due(&self) -> Timestamp {
        self.due.first().map_or(Timestamp::NEVER, |(at, _)| *at)
    }

    /// Takes out what is due next, by its place, if it is due now. What happens
    /// again is put down again.
    pub(super) fn take(&mut self, now: Timestamp, timeline: &[PlannedEntry]) -> Option<usize> {
        self.take_if(now, timeline, |_, _| true)
    }

    /// The same for the first of those that `is_meant`, by its instant and what it is.
    pub(super) fn take_if(
        &mut self,
        now: Timestamp,
        timeline: &[PlannedEntry],
        is_meant: impl Fn(Timestamp, &PlannedEntry) -> bool,
    ) -> Option<usize> {
        let due = self.due.iter().take_while(|(at, _)| *at <= now);
        let (at, place) = due.copied().find(|(at, place)| is_meant(*at, &timeline[*place]))?;
        self.due.remove(&(at, place));
        if let Some(next) = timeline[place].occasion.next(at.since(self.start)) {
            self.due.insert((self.start + next, place));
        }
        Some(place)
    }

    /// When the first is due of those that `is_meant`.
    pub(super) fn next_due_of(
        &self,
        timeline: &[PlannedEntry],
        is_meant: impl Fn(Timestamp, &PlannedEntry) -> bool,
    ) -> Timestamp {
        let meant = self.due.iter().find(|(at, place)| is_meant(*at, &timeline[*place]));
        meant.map_or(Timestamp::NEVER, |(at, _)| *at)
    }

    /// Puts down for now what waited for a condition that holds.
    pub(super) fn look(&mut self, now: Timestamp, live: &Live) {
        let due = &mut self.due;
        self.waiting.retain(|(condition, place)| {
            let holds = condition.holds(live);
            if holds {
                due.insert((now, *place));
            }
            !holds
        });
    }

    /// When to look at conditions next: at the next whole second, if one is waited for.
    pub(super) fn next_look(&self, now: Timestamp) -> Timestamp {
        if self.waiting.is_empty() {
            return Timestamp::NEVER;
        }
        Timestamp::from_seconds(now.milliseconds().div_euclid(1000) + 1)
    }

    /// Whether nothing is to come at an instant that is known; what happens again
    /// and again without an end is always to come. Who waits for a
    /// condition may wait in vain, and holds nobody up.
    pub(super) fn is_done(&self) -> bool {
        self.due.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use shared::time::Period;

    use super::*;
    use crate::plan::timeline::{Expected, PlannedAct};

    fn entry(occasion: Occasion) -> PlannedEntry {
        PlannedEntry {
            name: String::new(),
            occasion,
            act: PlannedAct::Narrate(String::new()),
            expected: Expected::default(),
            is_of_timeline: true,
        }
    }

    fn minute(count: u64) -> Timestamp {
        Timestamp::from_seconds(1_000) + Period::minutes(count)
    }

    /// What happens up to an instant: minute and place.
    fn run(agenda: &mut Agenda, timeline: &[PlannedEntry], until: u64) -> Vec<(u64, usize)> {
        let mut happened = Vec::new();
        while agenda.next_due() <= minute(until) {
            let now = agenda.next_due();
            let place = agenda.take(now, timeline).expect("it is due");
            happened.push((now.since(minute(0)).as_milliseconds() / 60_000, place));
        }
        happened
    }

    #[test]
    fn entries_happen_by_instant_then_as_they_are_written() {
        let every = |every, from, until: Option<u64>| Occasion::Every {
            every: Period::minutes(every),
            from: Period::minutes(from),
            until: until.map(Period::minutes),
        };
        let at = |minutes| Occasion::At(Period::minutes(minutes));
        let timeline = [at(20), every(10, 10, Some(35)), at(10), at(20)].map(entry);
        let mut agenda = Agenda::new(minute(0), &timeline);
        let expected = [(10, 1), (10, 2), (20, 0), (20, 1), (20, 3), (30, 1)];
        assert_eq!(run(&mut agenda, &timeline, 100), expected);
        assert!(agenda.is_done());

        let timeline = [every(30, 5, None)].map(entry);
        let mut agenda = Agenda::new(minute(0), &timeline);
        assert_eq!(run(&mut agenda, &timeline, 70), [(5, 0), (35, 0), (65, 0)]);
        assert!(!agenda.is_done());
    }

    #[test]
    fn a_condition_is_waited_for_and_then_no_more() {
        let when = Occasion::When("hibernating >= 0".parse().expect("it is a condition"));
        let never = Occasion::When("online > 10".parse().expect("it is a condition"));
        let timeline = [never, when].map(entry);
        let mut agenda = Agenda::new(minute(0), &timeline);
        assert_eq!(agenda.next_look(minute(1)), minute(1) + Period::seconds(1));
        assert!(agenda.is_done(), "nobody is held up");
        let state = crate::simulation::CohortState::default();
        let live = Live { cohorts: vec![state], ..Live::default() };
        agenda.look(minute(1), &live);
        agenda.look(minute(1), &live);
        assert_eq!(run(&mut agenda, &timeline, 1), [(1, 1)]);
        agenda.look(minute(2), &live);
        assert_eq!(run(&mut agenda, &timeline, 2), []);
        assert_ne!(agenda.next_look(minute(2)), Timestamp::NEVER, "the other one waits still");
    }
}
