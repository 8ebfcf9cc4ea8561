//! A run's end, counted up into its result.

use std::collections::BTreeMap;
use std::time::Duration;

use agent::fault::NodeFault;
use agent::fault::strike::INVALID_INSTANCE;
use agent::lane::LaneName;
use hdrhistogram::Histogram;
use shared::error::ErrorCode;

use super::fault::faults;
use super::judge;
use super::round::rounds;
use super::timeline::timeline;
use super::{
    Agents, AssociationResult, Calls, Cohort, Failures, Generator, Herd, HistoryCost, InvalidInstance, Nodes,
    OperatorWork, Program, Quantiles, Recorded, Refusal, RunResult, Spent, UnsupportedPlatform, VERSION,
};
use crate::history::mode::Choice;
use crate::measure;
use crate::operator::{Made, Refused};
use crate::plan::PlannedAssociation;
use crate::plan::timeline::PlannedAct;
use crate::simulation::{Finished, Pace};

impl RunResult {
    /// What a run that ended came to.
    pub fn new(finished: &Finished) -> Self {
        let Finished { plan, measures, operator, .. } = finished;
        Self {
            version: VERSION,
            program: Program {
                name: env!("CARGO_PKG_NAME").to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
            scenario: plan.name.clone(),
            labels: plan.labels.clone(),
            slice: plan.is_part().then(|| plan.slice.to_string()),
            seed: plan.catalogue.seed.0,
            pace: finished.pace,
            plane: kind_of(&finished.plane).to_owned(),
            ending: finished.ending,
            started: plan.start,
            ended: finished.ended,
            nodes: nodes(finished),
            failures: failures(finished),
            associations: operator.made.iter().map(|made| association(finished, made)).collect(),
            not_made: not_made(finished),
            refusals: operator.refusals.iter().map(|refused| refusal(finished, refused)).collect(),
            timeline: timeline(finished),
            thresholds: judge::thresholds(finished),
            herd: Herd::of(&finished.live),
            calls: measures
                .calls
                .iter()
                .map(|(name, calls)| ((*name).to_owned(), self::calls(calls)))
                .collect(),
            modelled_latency: match finished.pace {
                Pace::Virtual => latency(finished),
                Pace::Scaled(_) => BTreeMap::new(),
            },
            compliance: finished.survey.as_ref().map(|survey| survey.compliance),
            operator: OperatorWork {
                tagged: operator.tagged,
                made_again: operator.made_again,
                troubles: operator.troubles.iter().cloned().collect(),
            },
            agents: agents(finished),
            faults: faults(finished),
            history: finished.history.clone(),
            recorded: recorded(finished),
            spent: spent(finished),
        }
    }
}

fn recorded(finished: &Finished) -> Recorded {
    let Choice { mode, estimate, is_default } = finished.plan.history;
    let entries = finished.recorded.map_or(0, |written| written.entries);
    Recorded { mode, is_default, estimate, entries }
}

/// A plane's description without its address.
fn kind_of(plane: &str) -> &str {
    plane.split_once(" at ").map_or(plane, |(kind, _)| kind)
}

fn nodes(finished: &Finished) -> Nodes {
    let replaced = finished.measures.replaced.len() as u64;
    let mut nodes = Nodes {
        replaced,
        listed: finished.survey.as_ref().map(|survey| survey.nodes.clone()),
        ..Nodes::default()
    };
    for (cohort, state) in finished.plan.catalogue.cohorts.iter().zip(&finished.cohorts) {
        nodes.total += u64::from(state.nodes);
        nodes.online += u64::from(state.online);
        nodes.hibernating += u64::from(state.hibernating);
        nodes.starting += u64::from(state.starting);
        nodes.cohorts.push(Cohort {
            name: cohort.name.clone(),
            platform: cohort.platform.name.to_owned(),
            nodes: u64::from(state.nodes),
            online: u64::from(state.online),
            hibernating: u64::from(state.hibernating),
        });
    }
    nodes
}

fn failures(finished: &Finished) -> Failures {
    let mut refusals = BTreeMap::new();
    for (operation, calls) in &finished.measures.calls {
        if let Some(count) = calls.refused.get(&ErrorCode::InvalidInstanceId) {
            refusals.insert((*operation).to_owned(), *count);
        }
    }
    let measures = &finished.measures;
    let runs = measures.foreign_runs.iter().map(|(status, count)| (status.to_string(), *count)).collect();
    let (nodes, unknown) = (measures.met_foreign_document, measures.platforms_not_accepted);
    Failures {
        invalid_instance: InvalidInstance {
            nodes: measures.ids_not_accepted,
            causes: causes(finished),
            refusals,
        },
        unsupported_platform: UnsupportedPlatform { nodes, unknown, runs },
    }
}

/// The causes for which nodes were no valid instances, with how many they were:
/// those that it was meant for as long as they live, and those that a fault struck.
fn causes(finished: &Finished) -> BTreeMap<String, u64> {
    let mut causes: BTreeMap<String, u64> = BTreeMap::new();
    let plan = &finished.plan;
    for number in 0..plan.nodes() {
        let faults = &plan.identity(number).cohort(&plan.catalogue).faults;
        if let Some(NodeFault::InvalidInstance(cause)) = faults.of(plan.catalogue.seed, number) {
            *causes.entry(cause.as_str().to_owned()).or_default() += 1;
        }
    }
    for ((name, detail), count) in &finished.measures.struck {
        if let Some(cause) = detail.filter(|_| *name == INVALID_INSTANCE) {
            *causes.entry(cause.to_owned()).or_default() += count;
        }
    }
    causes
}

fn association(finished: &Finished, made: &Made) -> AssociationResult {
    let planned = &finished.plan.associations[made.planned];
    let executions = finished.survey.as_ref().and_then(|survey| survey.executions.get(&made.id));
    let (runs, folded) = (finished.measures.runs_of(made.id), finished.measures.folded_of(made.id));
    let is_part = finished.plan.is_part();
    AssociationResult {
        name: name(planned),
        aim: planned.aim.clone(),
        id: made.id,
        // Of one that is there no longer nothing more is waited for.
        rounds_expected: if made.is_gone { 0 } else { planned.rounds },
        rounds: rounds(made.created, executions.map(Vec::as_slice), &runs, &folded, is_part),
    }
}

fn refusal(finished: &Finished, refused: &Refused) -> Refusal {
    let planned = &finished.plan.associations[refused.planned];
    let seen = refused.error.as_ref();
    Refusal {
        name: name(planned),
        aim: planned.aim.clone(),
        expected: planned.refusal.as_ref().map(ToString::to_string),
        seen: seen.map(|error| error.code.to_string()),
        message: seen.map(|error| error.message.clone()),
        is_as_expected: planned.refusal.as_ref() == seen.map(|error| &error.code),
    }
}

fn not_made(finished: &Finished) -> Vec<String> {
    let operator = &finished.operator;
    let is_missing = |place: usize| {
        operator.made.iter().all(|made| made.planned != place)
            && operator.refusals.iter().all(|refused| refused.planned != place)
    };
    // Who waits for a condition may wait in vain.
    let is_certain = |place: usize| {
        finished.plan.timeline.iter().any(|entry| {
            matches!(entry.act, PlannedAct::CreateAssociation(created) if created == place)
                && entry.occasion.first().is_some()
        })
    };
    let planned = finished.plan.associations.iter().enumerate().filter(|(place, _)| is_certain(*place));
    planned.filter(|(place, _)| is_missing(*place)).map(|(_, planned)| name(planned)).collect()
}

fn name(planned: &PlannedAssociation) -> String {
    planned.name().to_owned()
}

fn calls(calls: &measure::Calls) -> Calls {
    Calls {
        count: calls.made,
        retries: calls.retries,
        refused: calls.refused.iter().map(|(code, count)| (code.to_string(), *count)).collect(),
        unknown: calls.unknown,
        unreadable: calls.unreadable,
        looks: calls.looks.iter().map(|(look, count)| (look.to_string(), *count)).collect(),
    }
}

fn agents(finished: &Finished) -> Agents {
    let measures = &finished.measures;
    Agents {
        runs_started: measures.started,
        came_online: measures.came_online,
        fell_asleep: measures.fell_asleep,
        reboots: measures.reboots,
        runs_given_up: measures.runs_given_up,
        inventories_gathered: measures.inventories_gathered,
        lost_reports: measures.lost_reports,
        late_answers: measures.late_answers,
        workers_died: measures
            .workers_died
            .iter()
            .map(|(fatality, count)| (fatality.to_string(), *count))
            .collect(),
        started_late: by_lane(&measures.started_late),
        skipped: by_lane(&measures.skipped),
    }
}

fn by_lane(counts: &BTreeMap<LaneName, u64>) -> BTreeMap<String, u64> {
    counts.iter().map(|(lane, count)| (lane.as_str().to_owned(), *count)).collect()
}

fn spent(finished: &Finished) -> Spent {
    Spent {
        plane: finished.plane.clone(),
        wall_seconds: finished.spending.wall.as_secs_f64(),
        cpu_seconds: finished.spending.cpu.as_secs_f64(),
        memory_bytes: finished.spending.memory,
        latency: match finished.pace {
            Pace::Virtual => BTreeMap::new(),
            Pace::Scaled(_) => latency(finished),
        },
        generator: generator(finished),
        history: finished.recorded.map(|written| HistoryCost {
            bytes: written.bytes,
            waits: written.waits,
            waited_seconds: written.waited.as_secs_f64(),
        }),
    }
}

fn latency(finished: &Finished) -> BTreeMap<String, Quantiles> {
    let calls = finished.measures.calls.iter();
    let latency = calls.filter_map(|(name, calls)| {
        let histogram = calls.latency.as_ref()?;
        Some(((*name).to_owned(), Quantiles::of(histogram)))
    });
    latency.collect()
}

fn generator(finished: &Finished) -> Option<Generator> {
    let (sharing, connections) = finished.connections?;
    let mut generator = Generator {
        kept_up: false,
        lateness: finished.measures.lateness.as_ref().map(Quantiles::of).unwrap_or_default(),
        connections: sharing,
        held_calls: connections.held_in_total,
        longest_held_microseconds: microseconds(connections.longest_held),
        connections_opened: connections.opened,
        connections_at_most: connections.most_open as u64,
        connections_replaced: connections.replaced,
    };
    generator.kept_up = generator.keeps_up(finished.pace);
    Some(generator)
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

impl Quantiles {
    /// Of durations in microseconds.
    fn of(histogram: &Histogram<u64>) -> Self {
        Self {
            p50_microseconds: histogram.value_at_quantile(0.5),
            p99_microseconds: histogram.value_at_quantile(0.99),
            max_microseconds: histogram.max(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use agent::client::pool::Counters;
    use serde_json::Value;
    use shared::error::ApiError;
    use shared::id::{AssociationId, ExecutionId};
    use shared::status::AssociationStatus;
    use shared::time::{Period, Timestamp};

    use shared::operation::Operation;
    use shared::wire::UpdateInstanceInformation;

    use super::*;
    use crate::connections::Connections;
    use crate::history::recorder::Written;
    use crate::measure::live::Live;
    use crate::measure::{Measures, Ran};
    use crate::operator::Operator;
    use crate::plan::{Overrides, Plan};
    use crate::scenario::Scenario;
    use crate::simulation::{CohortState, Ending, Spending};
    use crate::survey::{Compliance, Execution, Listed, Survey};

    fn second(count: u64) -> Timestamp {
        Timestamp::from_seconds(1_000) + Period::seconds(count)
    }

    /// A hundred nodes of first-look, one run of which ended.
    fn finished(wall: u64) -> Finished {
        let overrides = Overrides { nodes: Some(100), ..Overrides::default() };
        let plan =
            Arc::new(Plan::new(&Scenario::load("first-look").unwrap(), &overrides, second(0)).unwrap());
        let id = AssociationId::from_bits(1);
        let mut operator = Operator::new(plan.clone());
        operator.tagged = 99;
        operator.made.push(Made { planned: 0, id, created: second(60), is_gone: false });
        operator.refusals = vec![
            Refused { planned: 2, error: Some(ApiError::new(ErrorCode::UnsupportedPlatformType, "no")) },
            Refused { planned: 3, error: Some(ApiError::new(ErrorCode::InvalidTarget, "odd")) },
        ];
        let mut measures = Measures::default();
        measures.met_foreign_document = 1;
        measures.ids_not_accepted = 1;
        let status = AssociationStatus::Success;
        let ran = Ran {
            ended: second(90),
            node: 4,
            incarnation: 0,
            started: second(70),
            status,
            is_reported: true,
            is_foreign: true,
        };
        measures.runs.insert(id, vec![ran]);
        measures.foreign_runs.insert(status, 1);
        let mut heartbeats = measure::Calls { made: 7, ..measure::Calls::default() };
        heartbeats.refused.insert(ErrorCode::InvalidInstanceId, 3);
        measure::record(&mut heartbeats.latency, Duration::from_micros(wall * 100));
        measures.calls.insert(UpdateInstanceInformation::NAME, heartbeats);
        let targets = [("Success".to_owned(), 1)].into();
        let status = "Success".to_owned();
        let execution = Execution {
            id: ExecutionId::from_bits(2),
            created: Some(second(60)),
            status,
            targets,
            replaced: 0,
            is_last_word: false,
        };
        let survey = Survey {
            executions: [(id, vec![execution])].into(),
            compliance: Compliance { compliant: 1, non_compliant: 0 },
            nodes: Listed { nodes: 99, online: 99, ..Listed::default() },
        };
        let cohort =
            |nodes, hibernating| CohortState { nodes, hibernating, online: nodes - hibernating, starting: 0 };
        Finished {
            plan,
            plane: format!("embedded plane at http://127.0.0.1:{wall}"),
            pace: Pace::Scaled(60.0),
            ending: Ending::Complete,
            ended: second(120),
            operator,
            measures,
            live: Live::default(),
            timeline: Default::default(),
            struck_by_plane: Default::default(),
            broken: None,
            cohorts: vec![cohort(50, 1), cohort(30, 2), cohort(15, 1), cohort(5, 1)],
            survey: Some(survey),
            history: None,
            recorded: Some(Written { bytes: wall, ..Written::default() }),
            connections: Some((
                Connections::AsAgent,
                Counters { held_in_total: wall, ..Counters::default() },
            )),
            spending: Spending {
                wall: Duration::from_secs(wall),
                cpu: Duration::from_millis(wall),
                memory: wall << 20,
            },
        }
    }

    #[test]
    fn wall_time_spending_and_addresses_stand_in_one_object() {
        let json = |wall| serde_json::from_str::<Value>(&RunResult::new(&finished(wall)).to_json()).unwrap();
        let (mut one, mut other) = (json(1), json(2));
        for key in ["plane", "wall_seconds", "cpu_seconds", "memory_bytes", "latency", "generator", "history"]
        {
            assert_ne!(one["spent"][key], other["spent"][key], "{key}");
        }
        one.as_object_mut().unwrap().remove("spent");
        other.as_object_mut().unwrap().remove("spent");
        assert_eq!(one, other);
        assert_eq!((&one["version"], &one["plane"]), (&1.into(), &"embedded plane".into()));
        assert_eq!((&one["started"], &one["pace"]["scaled"]), (&"1970-01-01T00:16:40Z".into(), &60.0.into()));
    }

    #[test]
    fn what_was_seen_is_counted() {
        let result = RunResult::new(&finished(1));
        assert_eq!((result.nodes.total, result.nodes.online, result.nodes.hibernating), (100, 95, 5));
        assert_eq!(result.failures.invalid_instance.nodes, 1);
        assert_eq!(result.failures.invalid_instance.refusals["UpdateInstanceInformation"], 3);
        assert_eq!(result.failures.unsupported_platform.nodes, 1);
        assert_eq!(result.failures.unsupported_platform.runs["Success"], 1);
        let hello = &result.associations[0];
        assert_eq!((hello.name.as_str(), hello.rounds_over(), hello.rounds[0].foreign), ("hello", 1, 1));
        assert_eq!((hello.rounds[0].t100, hello.rounds[0].agrees), (Some(Period::seconds(30)), Some(true)));
        assert_eq!(result.not_made, ["baseline"]);
    }

    /// Windows as a scenario has them, and two of one name as the timeline injects them.
    #[test]
    fn faults_are_told_by_their_windows_and_by_what_they_struck() {
        let mut finished = finished(1);
        let text = "{name: x, seed: 1, duration: 1h, cohorts: [{name: a, platform: debian-12, nodes: 10}], \
             faults: [{name: dark, fault: {partition: {}}, on: {index: {to: 3}}, at: 10s, for: 20s}, \
             {name: load, fault: {throttling: {rate: 1}}, at: 30s}, \
             {name: later, fault: pause, at: 10m}]}";
        let scenario = Scenario::parse("x", text).unwrap();
        let plan = Arc::new(Plan::new(&scenario, &Overrides::default(), second(0)).unwrap());
        finished.operator = Operator::new(plan.clone());
        let blip = "{name: blip, fault: pause, for: 10s}";
        let blip = serde_saphyr::from_str(blip).unwrap();
        for at in [40, 60] {
            finished.operator.faults.inject(&blip, second(at)).unwrap();
        }
        finished.operator.made.clear();
        finished.operator.refusals.clear();
        finished.plan = plan;
        let name = UpdateInstanceInformation::NAME;
        finished.measures.meets(name, [0, 0]);
        [3, 3, 4].into_iter().for_each(|window| finished.measures.struck_by(window));
        finished.struck_by_plane =
            [(("load".to_owned(), "throttling"), [(name.to_owned(), 7)].into())].into();
        let result = RunResult::new(&finished);
        let seen: Vec<_> = result
            .faults
            .iter()
            .map(|it| (it.name.as_str(), it.layer.as_str(), it.windows.len(), it.nodes, it.calls()))
            .collect();
        let expected = [
            ("dark", "network", 1, 4, 2),
            ("load", "plane", 1, 10, 7),
            ("blip", "node", 2, 3, 0),
            ("later", "node", 0, 0, 0),
        ];
        assert_eq!(seen, expected);
        let until = |place: usize| result.faults[place].windows[0].until;
        assert_eq!((until(0), until(1)), (Some(second(30)), None), "one was in force at the end");
        let json: Value = serde_json::from_str(&result.to_json()).unwrap();
        assert_eq!(json["faults"][0]["windows"][0]["until"], "1970-01-01T00:17:10Z");
        assert_eq!(json["faults"][1]["windows"][0]["until"], Value::Null);
        assert_eq!(json["faults"][1]["calls"][name], 7);
    }

    #[test]
    fn a_refusal_is_expected_by_its_name() {
        let result = RunResult::new(&finished(1));
        let seen: Vec<_> = result
            .refusals
            .iter()
            .map(|refusal| (refusal.expected.as_deref(), refusal.seen.as_deref(), refusal.is_as_expected))
            .collect();
        let expected = [
            (Some("UnsupportedPlatformType"), Some("UnsupportedPlatformType"), true),
            (Some("InvalidInstanceId"), Some("InvalidTarget"), false),
        ];
        assert_eq!(seen, expected);
    }
}
