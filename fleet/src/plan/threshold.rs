//! What of thresholds and conditions only the whole scenario can tell: whether it has the
//! associations and cohorts that they name.

use agent::distribution::Distribution;
use shared::nearest::nearest;

use super::timeline::Occasion;
use super::{Plan, PlanError};
use crate::measure::meter::unknown_label;
use crate::scenario::Scenario;

/// How long the plane takes to answer in virtual time.
pub(super) fn latency_model(scenario: &Scenario) -> Result<Option<Distribution>, PlanError> {
    let model = scenario.latency_model.map(|written| written.0.check());
    model.transpose().map_err(PlanError::LatencyModel)
}

impl Plan {
    /// Refuses a threshold on what this plan does not have: it would never fail.
    pub(super) fn check_thresholds(&self) -> Result<(), PlanError> {
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
        for (selection, way, asked) in thresholds.chain(conditions) {
            let Some((label, value, names)) = unknown_label(selection, self) else { continue };
            let known = match nearest(value, names.iter().copied()) {
                Some(nearest) => format!("the nearest is `{nearest}`"),
                None if names.is_empty() => "the scenario has none".to_owned(),
                None => format!("the scenario has {}", names.join(", ")),
            };
            return Err(PlanError::UnknownLabel {
                way,
                asked,
                label: label.as_str(),
                value: value.to_owned(),
                known,
            });
        }
        Ok(())
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
