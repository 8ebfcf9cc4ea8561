//! Who will do what, and when, without doing it: a plan in words and as data.
//!
//! Of nodes it tells ranges, and each one if asked to. A slice has its own nodes,
//! and the operator's work where the operator is, in the first one; slices put
//! together are the whole.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use agent::credentials::IdentityKind;
use serde::Serialize;
use shared::time::{Period, Timestamp};

use crate::history::names::fault_word;
use crate::plan::slice::Slice;
use crate::plan::timeline::{Occasion, PlannedAct};
use crate::plan::{Plan, PlannedAssociation, PlannedEntry};
use crate::report::words::{counted, elapsed};

/// What a plan comes to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outline {
    /// The scenario's name.
    pub scenario: String,
    /// What else is to be known of it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The number that everything follows from.
    pub seed: u64,
    /// After what time it ends at the latest, in simulated seconds.
    pub duration_seconds: f64,
    /// How many nodes the whole fleet has.
    pub nodes: u32,
    /// Which slice this is, if it is not the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slice: Option<String>,
    /// The nodes of this slice, by cohort.
    pub cohorts: Vec<OutlinedCohort>,
    /// The documents that the operator creates before the first association.
    pub documents: Vec<String>,
    /// The associations that it creates, by instant.
    pub associations: Vec<OutlinedAssociation>,
    /// What else it has happen, in the order in which it is written.
    pub timeline: Vec<OutlinedEntry>,
    /// Whether something waits for a condition, here or in the first slice.
    #[serde(skip)]
    pub has_conditions: bool,
    /// What goes wrong for a while, as far as it is known beforehand.
    pub faults: Vec<OutlinedFault>,
    /// What will be left open of thresholds and conditions, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Each node, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub each: Option<Vec<OutlinedNode>>,
}

/// Nodes that are alike.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OutlinedCohort {
    /// The cohort's name.
    pub name: String,
    /// The platform's short name.
    pub platform: String,
    /// Whether they are EC2 instances or hybrid machines.
    pub identity: &'static str,
    /// The tags that they carry.
    pub tags: BTreeMap<String, String>,
    /// The number of the first one in the fleet.
    pub first: u32,
    /// How many there are.
    pub nodes: u32,
    /// When the first one arrives, in simulated seconds from the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_arrives_seconds: Option<f64>,
    /// When the last one does, of those that are not to come later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_arrives_seconds: Option<f64>,
    /// How many of them come only when their cohort is scaled up.
    pub later: u32,
    /// How many of them have something wrong for as long as they live.
    pub faults: BTreeMap<&'static str, u32>,
}

/// An association that the operator creates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OutlinedAssociation {
    /// Its name.
    pub name: String,
    /// When, in simulated seconds from the start.
    pub at_seconds: f64,
    /// The document's name.
    pub document: String,
    /// What it is aimed at, and its schedule.
    pub aim: String,
    /// How many rounds the run waits for.
    pub rounds: u32,
    /// The refusal that is expected, if one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// Something that happens.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OutlinedEntry {
    /// Its name.
    pub name: String,
    /// When, in words.
    pub when: String,
    /// The refusal that is expected, if one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// What goes wrong for a while.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OutlinedFault {
    /// Its name.
    pub name: String,
    /// What goes wrong.
    pub fault: &'static str,
    /// From when on, in simulated seconds from the start.
    pub from_seconds: f64,
    /// Until when; to the end if not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until_seconds: Option<f64>,
    /// How many nodes of this slice it strikes.
    pub nodes: u32,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OutlinedNode {
    /// Its number in the fleet.
    pub number: u32,
    /// Its cohort's name.
    pub cohort: String,
    /// Its index in the cohort.
    pub index: u32,
    /// Its id; a hybrid one has none before it registers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// When it arrives, in simulated seconds from the start; not said if it comes only
    /// when its cohort is scaled up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrives_seconds: Option<f64>,
    /// What is wrong with it for as long as it lives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<&'static str>,
}

impl Outline {
    /// What this slice of a plan comes to, with each node if `is_each`.
    pub fn new(plan: &Plan, slice: Slice, is_each: bool) -> Self {
        let numbers = slice.numbers(plan.nodes());
        let is_whole = slice.of == 1;
        let by_operator = slice.has_operator();
        Self {
            scenario: plan.name.clone(),
            labels: plan.labels.clone(),
            seed: plan.catalogue.seed.0,
            duration_seconds: plan.duration.as_seconds(),
            nodes: plan.nodes(),
            slice: (!is_whole).then(|| slice.to_string()),
            cohorts: cohorts(plan, &numbers),
            documents: documents(plan).filter(|_| by_operator).collect(),
            associations: plan.associations.iter().filter(|_| by_operator).map(association).collect(),
            timeline: plan
                .timeline
                .iter()
                .filter(|it| it.is_of_timeline && (by_operator || it.is_of_every_slice()))
                .map(entry)
                .collect(),
            has_conditions: plan.timeline.iter().any(|it| matches!(it.occasion, Occasion::When(_))),
            faults: faults(plan, &numbers),
            notes: Vec::new(),
            each: is_each.then(|| numbers.map(|number| node(plan, number)).collect()),
        }
    }

    /// The outline in words.
    pub fn text(&self) -> String {
        let mut text = format!("{}  seed {}", self.scenario, self.seed);
        if let Some(slice) = &self.slice {
            let _ = write!(text, "  slice {slice}");
        }
        let _ =
            writeln!(text, "  {} in all, {} at the latest", nodes(self.nodes), time(self.duration_seconds));
        if !self.labels.is_empty() {
            let labels: Vec<String> =
                self.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let _ = writeln!(text, "labels  {}", labels.join(", "));
        }
        text.push_str("\nnodes\n");
        let widest = self.cohorts.iter().map(|cohort| cohort.name.chars().count()).max().unwrap_or(0);
        self.cohorts.iter().for_each(|cohort| text.push_str(&cohort.lines(widest)));
        if !self.documents.is_empty() || !self.associations.is_empty() {
            text.push_str("\noperator\n");
        }
        if !self.documents.is_empty() {
            let _ =
                writeln!(text, "  documents, before the first association: {}", self.documents.join(", "));
        }
        self.associations.iter().for_each(|association| text.push_str(&association.line()));
        let is_partial = self.slice.is_some() && self.has_conditions;
        if !self.timeline.is_empty() || is_partial {
            text.push_str("\ntimeline\n");
        }
        if is_partial {
            text.push_str(
                "  (what waits for a condition: in the first slice only, by what its own nodes do)\n",
            );
        }
        for OutlinedEntry { name, when, refused } in &self.timeline {
            let refused = refused.as_ref().map(|code| format!(", to be refused with {code}"));
            let _ = writeln!(text, "  {when}  {name}{}", refused.unwrap_or_default());
        }
        if !self.faults.is_empty() {
            text.push_str("\nfaults\n");
        }
        self.faults.iter().for_each(|fault| text.push_str(&fault.line()));
        if !self.notes.is_empty() {
            text.push('\n');
        }
        self.notes.iter().for_each(|note| {
            let _ = writeln!(text, "note: {note}");
        });
        if let Some(nodes) = &self.each {
            text.push_str("\neach node\n");
            let widest = self.cohorts.iter().map(|cohort| cohort.name.chars().count()).max().unwrap_or(0);
            nodes.iter().for_each(|node| text.push_str(&node.line(widest)));
        }
        text
    }
}

impl OutlinedCohort {
    /// Two lines: who they are, and when they come and what is to be known of them.
    fn lines(&self, widest: usize) -> String {
        let Self { name, first, platform, identity, .. } = self;
        let which = match self.nodes {
            1 => first.to_string(),
            nodes => format!("{first} to {}", first + nodes - 1),
        };
        let mut lines =
            format!("  {name:widest$}  {} ({which})  {platform}  {identity}\n", nodes(self.nodes));
        let _ = write!(lines, "  {:widest$}  arrive {}", "", self.arrivals());
        for (key, value) in &self.tags {
            let _ = write!(lines, "  {key}={value}");
        }
        for (fault, nodes) in &self.faults {
            let _ = write!(lines, "  {fault} {nodes}");
        }
        lines + "\n"
    }

    /// When they arrive, in words.
    fn arrivals(&self) -> String {
        let at_first = self.first_arrives_seconds.zip(self.last_arrives_seconds);
        let at_first = at_first.map(|(first, last)| format!("from {} to {}", time(first), time(last)));
        match (at_first, self.later) {
            (Some(at_first), 0) => at_first,
            (Some(at_first), later) => format!("{at_first}, {later} of them when scaled up"),
            (None, _) => "when scaled up".to_owned(),
        }
    }
}

impl OutlinedAssociation {
    fn line(&self) -> String {
        let Self { name, document, aim, rounds, .. } = self;
        let mut line = format!("  {}  association {name}: {document}, {aim}", time(self.at_seconds));
        match &self.refused {
            Some(refused) => {
                let _ = write!(line, ", to be refused with {refused}");
            }
            None if *rounds == 1 => line.push_str(", 1 round"),
            None => {
                let _ = write!(line, ", {rounds} rounds");
            }
        }
        line + "\n"
    }
}

impl OutlinedFault {
    fn line(&self) -> String {
        let until = self.until_seconds.map_or_else(|| "the end".to_owned(), time);
        let from = time(self.from_seconds);
        format!("  {from} to {until}  {}: {}, {}\n", self.name, self.fault, nodes(self.nodes))
    }
}

impl OutlinedNode {
    fn line(&self, widest: usize) -> String {
        let Self { number, cohort, index, .. } = self;
        let id = self.id.as_deref().unwrap_or("no id before it registers");
        let fault = self.fault.map(|fault| format!("  {fault}")).unwrap_or_default();
        let arrives = self.arrives_seconds.map_or_else(|| "when scaled up".to_owned(), time);
        let place = format!("{cohort}/{index}");
        // An index has seldom more digits.
        format!("  {number:>6}  {place:0$}  {id}  arrives {arrives}{fault}\n", widest + 7)
    }
}

/// When a node arrives, in simulated seconds from the start; not if it comes only
/// when its cohort is scaled up.
fn arrival(plan: &Plan, number: u32) -> Option<f64> {
    let at = plan.arrival(number);
    (at != Timestamp::NEVER).then(|| at.since(plan.start).as_seconds())
}

/// A time in simulated seconds, as a person writes it.
fn time(seconds: f64) -> String {
    if seconds == 0.0 {
        return "0s".to_owned();
    }
    elapsed(Some(Period::milliseconds((seconds * 1000.0).round() as u64)))
}

/// So many nodes: `1 node`, `1,000 nodes`.
fn nodes(number: u32) -> String {
    counted(u64::from(number), "node")
}

fn cohorts(plan: &Plan, numbers: &Range<u32>) -> Vec<OutlinedCohort> {
    let mut first = 0;
    let mut outlined = Vec::new();
    for (cohort, size) in plan.catalogue.cohorts.iter().zip(&plan.sizes) {
        let here = first.max(numbers.start)..(first + size).min(numbers.end);
        first += size;
        if here.is_empty() {
            continue;
        }
        let arrivals: Vec<f64> = here.clone().filter_map(|number| arrival(plan, number)).collect();
        let later = here.len() - arrivals.len();
        let mut faults = BTreeMap::new();
        for fault in here.clone().filter_map(|number| fault_of(plan, number)) {
            *faults.entry(fault).or_default() += 1;
        }
        outlined.push(OutlinedCohort {
            name: cohort.name.clone(),
            platform: cohort.platform.name.to_owned(),
            identity: match cohort.identity.kind {
                IdentityKind::Hybrid => "hybrid",
                IdentityKind::Ec2 => "ec2",
            },
            tags: cohort.tags.iter().map(|tag| (tag.key.clone(), tag.value.to_string())).collect(),
            first: here.start,
            nodes: here.len() as u32,
            first_arrives_seconds: arrivals.iter().copied().reduce(f64::min),
            last_arrives_seconds: arrivals.iter().copied().reduce(f64::max),
            later: later as u32,
            faults,
        });
    }
    outlined
}

fn documents(plan: &Plan) -> impl Iterator<Item = String> {
    plan.timeline.iter().filter(|entry| !entry.is_of_timeline).filter_map(|entry| match &entry.act {
        PlannedAct::CreateDocument(call) => Some(call.name.clone()),
        _ => None,
    })
}

fn entry(planned: &PlannedEntry) -> OutlinedEntry {
    let when = match &planned.occasion {
        Occasion::At(at) => format!("at {at}"),
        Occasion::Every { every, from, until: None } => format!("every {every} from {from}"),
        Occasion::Every { every, from, until: Some(until) } => {
            format!("every {every} from {from} until {until}")
        }
        Occasion::When(condition) => format!("when {condition}"),
    };
    let refused = planned.expected.error.as_ref().map(ToString::to_string);
    let name = match &planned.act {
        PlannedAct::Narrate(text) => format!("narrate: {text}"),
        _ => planned.name.clone(),
    };
    OutlinedEntry { name, when, refused }
}

fn association(planned: &PlannedAssociation) -> OutlinedAssociation {
    let request = &planned.request;
    OutlinedAssociation {
        name: request.association_name.clone().unwrap_or_else(|| request.name.clone()),
        at_seconds: planned.at.as_seconds(),
        document: request.name.clone(),
        aim: planned.aim.clone(),
        rounds: planned.rounds,
        refused: planned.refusal.as_ref().map(ToString::to_string),
    }
}

fn faults(plan: &Plan, numbers: &Range<u32>) -> Vec<OutlinedFault> {
    let windows = plan.faults.windows().iter();
    let outlined = windows.map(|window| OutlinedFault {
        name: window.name.to_string(),
        fault: window.fault.as_str(),
        from_seconds: window.from.since(plan.start).as_seconds(),
        until_seconds: (window.until < Timestamp::NEVER).then(|| window.until.since(plan.start).as_seconds()),
        nodes: numbers.clone().filter(|&number| window.strikes(plan.identity(number))).count() as u32,
    });
    outlined.collect()
}

fn node(plan: &Plan, number: u32) -> OutlinedNode {
    let identity = plan.identity(number);
    let cohort = identity.cohort(&plan.catalogue);
    let is_hybrid = cohort.identity.kind == IdentityKind::Hybrid;
    OutlinedNode {
        number,
        cohort: cohort.name.clone(),
        index: identity.index,
        id: (!is_hybrid).then(|| plan.node_id(number).to_string()),
        arrives_seconds: arrival(plan, number),
        fault: fault_of(plan, number),
    }
}

fn fault_of(plan: &Plan, number: u32) -> Option<&'static str> {
    let faults = plan.identity(number).cohort(&plan.catalogue).faults;
    faults.of(plan.catalogue.seed, number).map(fault_word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Overrides;
    use crate::scenario::Scenario;

    fn plan(faults: &str) -> Plan {
        let mut scenario = Scenario::load("first-look").expect("it is built in");
        scenario.faults = serde_saphyr::from_str(faults).expect("it is well written");
        Plan::new(&scenario, &Overrides::default(), Timestamp::from_seconds(1_000)).expect("it makes a plan")
    }

    #[test]
    fn slices_put_together_are_the_whole() {
        let plan = plan("[{ fault: { partition: {} }, on: { pick: { percent: 10% } }, at: 5m, for: 10m }]");
        let whole = Outline::new(&plan, Slice::WHOLE, true);
        for of in [2, 3, 7] {
            let parts: Vec<Outline> =
                (1..=of).map(|number| Outline::new(&plan, Slice { number, of }, true)).collect();
            let each: Vec<OutlinedNode> =
                parts.iter().filter_map(|part| part.each.clone()).flatten().collect();
            assert_eq!(Some(&each), whole.each.as_ref(), "the same nodes, each once");
            let associations: Vec<_> = parts.iter().flat_map(|part| part.associations.clone()).collect();
            assert_eq!(associations, whole.associations, "one operator");
            let documents: Vec<_> = parts.iter().flat_map(|part| part.documents.clone()).collect();
            assert_eq!(documents, whole.documents);
            let nodes = |parts: &[Outline]| -> BTreeMap<String, u32> {
                let mut sizes = BTreeMap::new();
                for cohort in parts.iter().flat_map(|part| &part.cohorts) {
                    *sizes.entry(cohort.name.clone()).or_default() += cohort.nodes;
                    for (fault, nodes) in &cohort.faults {
                        *sizes.entry(format!("{} {fault}", cohort.name)).or_default() += nodes;
                    }
                }
                sizes
            };
            assert_eq!(nodes(&parts), nodes(std::slice::from_ref(&whole)));
            let struck = |parts: &[Outline]| parts.iter().map(|part| part.faults[0].nodes).sum::<u32>();
            assert_eq!((struck(&parts), struck(std::slice::from_ref(&whole))), (100, 100));
        }
    }

    #[test]
    fn an_outline_tells_who_does_what_and_when() {
        let plan =
            plan("[{ name: cut, fault: { partition: {} }, at: 5m, for: 10m }, { fault: { timeout: {} } }]");
        let text = Outline::new(&plan, Slice::WHOLE, false).text();
        for line in [
            "first-look  seed 2718281828  1,000 nodes in all, 55m00s at the latest",
            "  web       500 nodes (0 to 499)  amazon-linux-2023  ec2\n            arrive from 0s to 9m59s  Env=prod  Role=web  invalid-instance 5  unsupported-platform 10",
            "  11m00s  association baseline: first-look-baseline, rate(30 minutes) tag Role=web,database, 2 rounds",
            "to be refused with UnsupportedPlatformType",
            "  5m00s to 15m00s  cut: partition, 1,000 nodes",
            "  0s to the end  timeout-2: timeout, 1,000 nodes",
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
    }

    #[test]
    fn who_comes_only_when_scaled_up_has_no_instant_of_arrival() {
        let text = "{name: x, seed: 1, duration: 1h, cohorts: [{name: a, platform: debian-12, nodes: 10}], \
                    timeline: [{at: 5m, do: {scale: {cohort: a, to: 14}}}]}";
        let scenario = Scenario::parse("x", text).expect("a scenario");
        let plan =
            Plan::new(&scenario, &Overrides::default(), Timestamp::from_seconds(1_000)).expect("a plan");
        let outline = Outline::new(&plan, Slice::WHOLE, true);
        let each = outline.each.as_ref().expect("each node");
        let known: Vec<bool> = each.iter().map(|node| node.arrives_seconds.is_some()).collect();
        assert_eq!(known, [[true; 10].as_slice(), &[false; 4]].concat());
        assert!(outline.cohorts[0].last_arrives_seconds.is_some_and(|seconds| seconds < 3600.0));
        let text = outline.text();
        for line in [
            "arrive from 0s to 0s, 4 of them when scaled up",
            "      10  a/10      ",
            "arrives when scaled up",
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
        let last = Outline::new(&plan, Slice { number: 7, of: 7 }, false).text();
        assert!(last.contains("arrive when scaled up"), "{last}");
    }
}
