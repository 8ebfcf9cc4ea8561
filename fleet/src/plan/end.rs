//! Whether all that is to happen lies within the run.
//!
//! What would begin when the run is over never happens, and nobody would miss it:
//! that is a mistake. Where a flag has the run end early somebody chose so, and it
//! is told what lies beyond. What begins in time may last longer than the run; that
//! is worth a note.

use shared::time::Period;

use super::make::Mistakes;
use super::{Overrides, Plan, PlanError};
use crate::scenario::{Arrival, Scenario};

/// Something that begins when the run is over.
struct Late {
    what: String,
    at: Period,
    way: Vec<String>,
}

impl Plan {
    /// Refuses what would begin when the run is over, or notes it where a flag has the run end early.
    pub(super) fn end(&mut self, scenario: &Scenario, overrides: &Overrides, mistakes: &mut Mistakes) {
        let late = self.late_entries().chain(self.late_faults(scenario)).chain(self.late_arrivals(scenario));
        let late: Vec<Late> = late.collect();
        if overrides.duration.is_some() {
            self.beyond = late.into_iter().map(|Late { what, at, .. }| format!("{what} ({at})")).collect();
            return;
        }
        for Late { what, at, way } in late {
            mistakes.add(PlanError::Beyond { what, at, end: self.duration, way });
        }
    }

    /// Associations and entries of the timeline.
    fn late_entries(&self) -> impl Iterator<Item = Late> {
        let mut place = 0;
        self.timeline.iter().filter_map(move |entry| {
            let way = if entry.is_of_timeline {
                place += 1;
                vec!["timeline".to_owned(), (place - 1).to_string(), "at".to_owned()]
            } else {
                vec!["associations".to_owned(), entry.name.clone(), "at".to_owned()]
            };
            let at = entry.occasion.first().filter(|at| *at >= self.duration)?;
            // Documents are there for whoever needs them, and with what was wrong nothing happens.
            let what = match entry.is_of_timeline {
                _ if entry.name.is_empty() => return None,
                true => format!("timeline: {}", entry.name),
                false if entry.act.is_document() => return None,
                false => format!("association {}", entry.name),
            };
            Some(Late { what, at, way })
        })
    }

    fn late_faults(&self, scenario: &Scenario) -> impl Iterator<Item = Late> {
        let windows = scenario.faults.iter().enumerate();
        windows.filter_map(|(place, window)| {
            let at = self.carried(scenario, window.at.unwrap_or_default());
            (at >= self.duration).then(|| {
                let name = window.name.clone();
                let name = name.unwrap_or_else(|| format!("{}-{}", window.fault.as_str(), place + 1));
                let way = vec!["faults".to_owned(), place.to_string(), "at".to_owned()];
                Late { what: format!("fault {name}"), at, way }
            })
        })
    }

    fn late_arrivals(&self, scenario: &Scenario) -> impl Iterator<Item = Late> {
        scenario.cohorts.iter().filter_map(|cohort| {
            let at = match cohort.arrival? {
                Arrival::AtOnce => Period::ZERO,
                Arrival::Ramp(ramp) => ramp.after,
                Arrival::Rate(rate) => rate.after,
                Arrival::BootStorm(storm) => storm.after,
                Arrival::Normal(around) => around.at,
            };
            let way = ["cohorts", &cohort.name, "arrival"].map(str::to_owned).to_vec();
            let what = format!("the arrival of cohort {}", cohort.name);
            (at >= self.duration).then_some(Late { what, at, way })
        })
    }

    /// When something happens that was written for this instant: a ramp that is
    /// changed carries what follows it along.
    pub(super) fn carried(&self, scenario: &Scenario, at: Period) -> Period {
        if at < scenario.ramp { at } else { at + (self.ramp - scenario.ramp) - (scenario.ramp - self.ramp) }
    }

    /// What begins in time and would go on when the run is over, in words.
    pub fn cut_off(&self, scenario: &Scenario) -> Vec<String> {
        let follows_ramp = scenario.cohorts.iter().any(|cohort| cohort.arrival.is_none());
        let ramp = follows_ramp.then(|| ("nodes arrive".to_owned(), self.ramp));
        let arrivals = scenario.cohorts.iter().zip(&self.at_first).filter_map(|(cohort, (_, nodes))| {
            let until = match cohort.arrival? {
                Arrival::Ramp(ramp) => ramp.after + ramp.over,
                Arrival::Rate(rate) => {
                    let over = f64::from(nodes.saturating_sub(1)) / rate.per_second;
                    rate.after + Period::milliseconds((over * 1000.0) as u64)
                }
                Arrival::AtOnce | Arrival::BootStorm(_) | Arrival::Normal(_) => return None,
            };
            Some((format!("nodes of cohort {} arrive", cohort.name), until))
        });
        let faults =
            self.faults.windows().iter().filter(|window| window.until < self.start + Period::days(36_525));
        let faults =
            faults.map(|window| (format!("fault {} lasts", window.name), window.until.since(self.start)));
        let entries = self.timeline.iter().filter_map(|entry| {
            Some((format!("timeline: {} happens again", entry.name), entry.occasion.until()?))
        });
        let all = ramp.into_iter().chain(arrivals).chain(faults).chain(entries);
        let beyond = all.filter(|(_, until)| *until > self.duration);
        beyond
            .map(|(what, until)| format!("{what} until {until}, and the run ends at {}", self.duration))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use shared::time::Timestamp;

    use super::*;

    const HEAD: &str = "\
name: x
seed: 1
duration: 1h
documents:
  - { name: one, content: { schemaVersion: '2.2', mainSteps: [] } }
";

    fn plan(rest: &str, duration: Option<Period>) -> Result<(Plan, Scenario), String> {
        let cohorts = "cohorts:\n  - { name: web, platform: debian-12, nodes: 10 }\n";
        let cohorts = if rest.contains("cohorts:") { "" } else { cohorts };
        let scenario = Scenario::parse("x", &format!("{HEAD}{cohorts}{rest}")).expect(rest);
        let overrides = Overrides { duration, ..Overrides::default() };
        let plan = Plan::new(&scenario, &overrides, Timestamp::from_seconds(0));
        plan.map(|plan| (plan, scenario)).map_err(|error| error.to_string())
    }

    #[test]
    fn what_would_begin_when_the_run_is_over_is_refused_unless_a_flag_has_it_end_early() {
        let cases = [
            (
                "associations: [{ name: abc, at: 2h, document: one, targets: [all] }]\n",
                "association abc",
                "2h00m00s",
            ),
            (
                "associations: [{ name: abc, at: 1h, document: one, targets: [all] }]\n",
                "association abc",
                "1h00m00s",
            ),
            ("timeline: [{ at: 90m, do: { narrate: late } }]\n", "timeline: narrate", "1h30m00s"),
            ("timeline: [{ every: 2h, do: { narrate: late } }]\n", "timeline: narrate", "2h00m00s"),
            ("faults: [{ fault: pause, at: 3h }]\n", "fault pause-1", "3h00m00s"),
            (
                "cohorts: [{ name: a, platform: debian-12, nodes: 1, arrival: { boot-storm: { after: 2h } } }]\n",
                "the arrival of cohort a",
                "2h00m00s",
            ),
        ];
        for (rest, what, at) in cases {
            let expected = format!(
                "{what} begins at {at}, and the run ends at 1h00m00s: let it begin earlier, or raise `duration`"
            );
            assert_eq!(plan(rest, None).map(drop), Err(expected), "{rest}");
            let (longer, _) = plan(rest, Some(Period::hours(4))).expect(rest);
            assert_eq!(longer.beyond, [""; 0], "{rest}");
            let (shorter, _) = plan(rest, Some(Period::minutes(30))).expect(rest);
            assert_eq!(shorter.beyond, [format!("{what} ({at})")], "{rest}");
        }
    }

    #[test]
    fn what_would_go_on_when_the_run_is_over_is_worth_a_note() {
        let cases = [
            ("faults: [{ fault: pause, at: 30m }]\n", ""),
            ("faults: [{ fault: pause, at: 30m, for: 30m }]\n", ""),
            ("faults: [{ fault: pause, at: 30m, for: 40m }]\n", "fault pause-1 lasts until 1h10m00s"),
            ("ramp: 2h\n", "nodes arrive until 2h00m00s"),
            (
                "timeline: [{ every: 10m, until: 2h, do: { narrate: tick } }]\n",
                "timeline: narrate happens again until 2h00m00s",
            ),
            (
                "cohorts: [{ name: a, platform: debian-12, nodes: 61, arrival: { rate: { per_second: 0.01 } } }]\n",
                "nodes of cohort a arrive until 1h40m00s",
            ),
        ];
        for (rest, expected) in cases {
            let (plan, scenario) = plan(rest, None).expect(rest);
            let expected = if expected.is_empty() {
                vec![]
            } else {
                vec![format!("{expected}, and the run ends at 1h00m00s")]
            };
            assert_eq!(plan.cut_off(&scenario), expected, "{rest}");
        }
    }
}
