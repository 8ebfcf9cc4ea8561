//! What of thresholds and conditions only the whole scenario can tell: whether it has the
//! associations and cohorts that they name.

use agent::distribution::Distribution;
use shared::nearest::nearest;

use super::timeline::Occasion;
use super::{Plan, PlanError};
use crate::measure::live::Unread;
use crate::measure::meter::unknown_label;
use crate::metric::selection::Selection;
use crate::scenario::Scenario;

/// How long the plane takes to answer in virtual time.
pub(super) fn latency_model(scenario: &Scenario) -> Result<Option<Distribution>, PlanError> {
    let model = scenario.latency_model.map(|written| written.0.check());
    model.transpose().map_err(PlanError::LatencyModel)
}

impl Plan {
    /// What virtual time will leave open of thresholds and conditions, in words.
    pub fn left_open_in_virtual_time(&self) -> Vec<String> {
        let unread =
            |selection: &Selection| Unread::in_virtual_time(selection.metric, self.latency_model.is_some());
        let thresholds = self.thresholds.iter().filter_map(|threshold| {
            let why = unread(&threshold.selection)?;
            Some(format!("threshold {threshold} will not be evaluated, and the exit code be 4: {why}"))
        });
        let conditions = self.timeline.iter().filter_map(|entry| match &entry.occasion {
            Occasion::When(condition) => {
                let why = unread(&condition.selection)?;
                Some(format!("condition {condition} will never hold: {why}"))
            }
            _ => None,
        });
        thresholds.chain(conditions).collect()
    }

    /// What is asked of things that this plan does not have: such a threshold would never fail.
    pub(super) fn unknown_labels(&self) -> Vec<PlanError> {
        let thresholds = self.thresholds.iter().map(|threshold| {
            let way = vec!["thresholds".to_owned(), threshold.selection.to_string()];
            (&threshold.selection, way, format!("threshold {threshold}"))
        });
        let entries = self.timeline.iter().filter(|entry| entry.is_of_timeline).enumerate();
        let conditions = entries.filter_map(|(place, entry)| match &entry.occasion {
            Occasion::When(condition) => {
                let way = vec!["timeline".to_owned(), place.to_string()];
                Some((&condition.selection, way, format!("condition {condition}")))
            }
            _ => None,
        });
        let all = thresholds.chain(conditions);
        all.filter_map(|(selection, way, asked)| {
            let (label, value, names) = unknown_label(selection, self)?;
            let known = match nearest(value, names.iter().copied()) {
                Some(nearest) => format!("the nearest is `{nearest}`"),
                None if names.is_empty() => "the scenario has none".to_owned(),
                None => format!("the scenario has {}", names.join(", ")),
            };
            let (label, value) = (label.as_str(), value.to_owned());
            Some(PlanError::UnknownLabel { way, asked, label, value, known })
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use shared::time::Timestamp;

    use super::*;
    use crate::plan::Overrides;

    #[test]
    fn a_threshold_on_what_is_not_there_is_refused() {
        let plan = |thresholds: &str| {
            let (others, _) = crate::scenario::FIRST_LOOK.split_once("thresholds:").unwrap();
            let text = format!("{others}thresholds:\n  {thresholds}\n");
            let scenario = Scenario::parse("first-look", &text).unwrap();
            Plan::new(&scenario, &Overrides::default(), Timestamp::from_seconds(0))
                .map(|plan| plan.thresholds)
        };
        assert_eq!(plan("online{cohort=web}: [value > 5]").unwrap().len(), 1);
        let cases = [
            ("online{cohort=wep}: [value > 5]", "no cohort is called `wep`: the nearest is `web`"),
            (
                "runs{association=patch}: [count > 5]",
                "threshold runs{association=patch}: count > 5: no association is called `patch`: the scenario has hello",
            ),
        ];
        for (thresholds, expected) in cases {
            let error = plan(thresholds).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
