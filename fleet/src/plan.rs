//! A plan: what a scenario means, with every default filled and every flag applied.
//!
//! The same scenario, flags and seed give the same plan. It holds cohorts,
//! timeline and seeds, never per-node events: who a node is and when it arrives
//! is a function of its number.

mod arrival;
mod association;
mod churn;
mod cohort;
mod error;
mod estimate;
mod guest;
mod size;
pub mod slice;
mod threshold;
pub mod timeline;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use agent::catalogue::{Catalogue, Cohort};
use agent::channel::Channels;
use agent::credentials::{Activations, IdentityKind, KEY_POOL};
use agent::distribution::Distribution;
use agent::fault::named::Cause;
use agent::fault::strike::Strike;
use agent::fault::{NodeFault, Share};
use agent::identity::{Identity, node_id};
use plane::config::PlaneConfig;
use plane::service::WorldChange;
use plane::state::world::{Instance, InstanceState};
use shared::error::ErrorCode;
use shared::id::NodeId;
use shared::seed::Seed;
use shared::time::{Period, Timestamp};
use shared::wire::{CreateAssociation, CreateDocument, Tag};

pub(crate) use self::arrival::boots;
use self::association::misfits;
pub(crate) use self::cohort::is_agent_version;
pub use self::error::PlanError;
pub use self::guest::GuestError;
use self::slice::Slice;
pub use self::timeline::PlannedEntry;
use crate::fault::Board;
use crate::history::mode::{Choice, HistoryMode};
use crate::metric::selection::Selection;
use crate::scenario::{self, Arrival, GuestOf, Scenario, Time};
use crate::shard::Shard;
use crate::threshold::Threshold;

/// What a run will do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The scenario's name.
    pub name: String,
    /// What else is to be known of it.
    pub labels: BTreeMap<String, String>,
    /// Everything that is the same for all nodes.
    pub catalogue: Arc<Catalogue>,
    /// How many nodes each cohort has at the most.
    pub sizes: Vec<u32>,
    /// How many nodes each cohort has at first: as it is written, and as it is meant.
    pub at_first: Vec<(u32, u32)>,
    /// When the run begins.
    pub start: Timestamp,
    /// Over what time nodes arrive, where their cohort says nothing else.
    pub ramp: Period,
    /// When the nodes of each cohort arrive, where it says so itself.
    pub arrivals: Vec<Option<Arrival>>,
    /// How many nodes of each cohort are replaced in an hour.
    pub churn: Vec<f64>,
    /// After what time the run ends at the latest.
    pub duration: Period,
    /// How many simulated seconds pass in a second of wall time.
    pub time_scale: f64,
    /// The associations to create: those that are listed by themselves, by
    /// instant, then those of the timeline.
    pub associations: Vec<PlannedAssociation>,
    /// All that happens, in the order in which it is written.
    pub timeline: Vec<PlannedEntry>,
    /// The nodes that are declared terminated.
    pub terminated: Vec<NodeId>,
    /// What goes wrong for a while, as far as it is known beforehand.
    pub faults: Arc<Board>,
    /// The embedded plane's settings.
    pub plane: PlaneConfig,
    /// How long the plane takes to answer in virtual time, if that is modelled.
    pub latency_model: Option<Distribution>,
    /// What must come of it.
    pub thresholds: Vec<Threshold>,
    /// What is written of the run.
    pub history: Choice,
    /// Somebody else's plane that the scenario is for, if it is.
    pub guest_of: Option<GuestOf>,
    /// Which part of the fleet is hosted here.
    pub slice: Slice,
}

/// An association that the operator will create.
#[derive(Debug, Clone)]
pub struct PlannedAssociation {
    /// When, from the start of the run.
    pub at: Period,
    /// The call.
    pub request: CreateAssociation,
    /// What it is aimed at, for people.
    pub aim: String,
    /// How many rounds the run waits for.
    pub rounds: u32,
    /// The refusal that is expected, if one is.
    pub refusal: Option<ErrorCode>,
}

impl PlannedAssociation {
    /// Its name, for people.
    pub fn name(&self) -> &str {
        self.request.association_name.as_deref().unwrap_or(&self.request.name)
    }
}

/// What flags change in a scenario.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Another number of nodes, over all cohorts.
    pub nodes: Option<u32>,
    /// Another seed.
    pub seed: Option<u64>,
    /// Another pace of time.
    pub time_scale: Option<f64>,
    /// Another latest end.
    pub duration: Option<Period>,
    /// Another time over which nodes arrive.
    pub ramp: Option<Period>,
    /// Another share of the fleet that calls under an id which is not accepted.
    pub invalid_instance: Option<Share>,
    /// Another share of the fleet that cannot run the documents meant for it.
    pub unsupported_platform: Option<Share>,
    /// Another part of the run that is written down.
    pub history: Option<HistoryMode>,
    /// One of several parts of the fleet; all of it if not said.
    pub slice: Option<Slice>,
    /// Whether nodes of this machine's kind tell what it tells of itself, whatever is written.
    pub facts: Option<scenario::Facts>,
}

impl Plan {
    /// What this scenario means, from `start` on if it names no instant itself.
    pub fn new(scenario: &Scenario, overrides: &Overrides, start: Timestamp) -> Result<Self, PlanError> {
        let seed = Seed(overrides.seed.unwrap_or(scenario.seed));
        let at_first = size::sizes(scenario, overrides.nodes)?;
        let at_first: Vec<_> = size::written(scenario, overrides.nodes)?
            .into_iter()
            .map(|size| size as u32)
            .zip(at_first)
            .collect();
        let sizes = timeline::peaks(scenario, &at_first);
        let mut cohorts: Vec<Cohort> = Vec::new();
        for written in &scenario.cohorts {
            if cohorts.iter().any(|cohort| cohort.name == written.name) {
                return Err(PlanError::DuplicateCohort(written.name.clone()));
            }
            cohorts.push(cohort::cohort(written, overrides.facts)?);
            arrival::check(written)?;
        }
        let key_pool = scenario.key_pool.unwrap_or(KEY_POOL);
        if !(2..=1_000).contains(&key_pool) {
            return Err(PlanError::KeyPool(key_pool));
        }
        let duration = overrides.duration.unwrap_or(scenario.duration);
        for ((cohort, written), size) in cohorts.iter_mut().zip(&scenario.cohorts).zip(&sizes) {
            cohort.identity.key_pool = key_pool;
            let lives = churn::lives(written, *size, duration)?;
            if cohort.identity.kind == IdentityKind::Hybrid {
                cohort.identity.activations = Activations::of_nodes(*size, lives);
            }
        }
        let time_scale = overrides.time_scale.unwrap_or(match scenario.time {
            Time::Scale(scale) => scale,
            Time::Real | Time::Virtual => 1.0,
        });
        if !(0.001..=100_000.0).contains(&time_scale) {
            return Err(PlanError::TimeScale(time_scale));
        }
        let mut plan = Self {
            name: scenario.name.clone(),
            labels: scenario.labels.clone(),
            catalogue: Arc::new(Catalogue { seed, cohorts }),
            sizes,
            at_first,
            start: scenario.start_time.map_or(start, |instant| instant.0),
            ramp: overrides.ramp.unwrap_or(scenario.ramp),
            churn: scenario.cohorts.iter().map(|cohort| cohort.churn.unwrap_or_default()).collect(),
            arrivals: scenario.cohorts.iter().map(|cohort| cohort.arrival).collect(),
            duration,
            time_scale,
            associations: Vec::new(),
            timeline: Vec::new(),
            faults: Arc::default(),
            plane: scenario.plane.settings.clone(),
            guest_of: scenario.plane.guest_of.clone(),
            latency_model: threshold::latency_model(scenario)?,
            thresholds: scenario.thresholds.0.clone(),
            history: Choice::of(None, 0),
            slice: overrides.slice.unwrap_or(Slice::WHOLE),
            terminated: vec![NodeId::ec2(seed.draw("terminated-node", 0).wide_bits("node-id", 0))],
        };
        plan.strike(scenario, overrides)?;
        plan.declare_instances();
        plan.associations = scenario
            .associations
            .iter()
            .map(|written| plan.association(written))
            .collect::<Result<_, _>>()?;
        plan.associations.sort_by_key(|association| association.at);
        // A ramp that is changed carries what follows it along.
        let shift = plan.ramp - scenario.ramp;
        let earlier = scenario.ramp - plan.ramp;
        for association in &mut plan.associations {
            association.at = association.at + shift - earlier;
        }
        let shifted = |at| if at < scenario.ramp { at } else { at + shift - earlier };
        let faults = Board::new(&plan, &scenario.faults, shifted);
        plan.faults =
            faults.map_err(|(place, name, source)| PlanError::Fault { place, name, source })?.into();
        plan.history = Choice::of(overrides.history.or(scenario.history), plan.estimated_entries());
        plan.lay_out(scenario)?;
        plan.check_thresholds()?;
        if plan.slice.of > plan.nodes() {
            return Err(PlanError::EmptySlice { slice: plan.slice, nodes: plan.nodes() });
        }
        if !plan.slice.has_operator() {
            plan.keep_what_is_of_every_slice();
            plan.associations.clear();
            plan.thresholds.clear();
        }
        Ok(plan)
    }

    /// How many nodes there are, here and elsewhere.
    pub fn nodes(&self) -> u32 {
        self.sizes.iter().sum()
    }

    /// Whether other nodes of the fleet are hosted elsewhere.
    pub fn is_part(&self) -> bool {
        self.slice != Slice::WHOLE
    }

    /// The numbers of the nodes that are hosted here.
    pub fn hosted(&self) -> Range<u32> {
        self.slice.numbers(self.nodes())
    }

    /// What is asked of its measures while the run goes on.
    pub fn asked_live(&self) -> impl Iterator<Item = &Selection> {
        let thresholds = self.thresholds.iter().filter(|threshold| threshold.is_abort);
        let conditions = self.timeline.iter().filter_map(|entry| match &entry.occasion {
            timeline::Occasion::When(condition) => Some(&condition.selection),
            _ => None,
        });
        thresholds.map(|threshold| &threshold.selection).chain(conditions)
    }

    /// Whether anything may ever go wrong for a while, so that whoever keeps
    /// something open has to be ready for it.
    pub fn may_go_wrong(&self) -> bool {
        let injects = |entry: &PlannedEntry| matches!(entry.act, timeline::PlannedAct::Inject(_));
        !self.faults.is_empty() || self.timeline.iter().any(injects)
    }

    /// How many key pairs the nodes share.
    pub fn key_pool(&self) -> u32 {
        self.catalogue.cohorts.first().map_or(KEY_POOL, |cohort| cohort.identity.key_pool)
    }

    /// How many nodes keep a connection open for messages.
    pub fn channels(&self) -> u32 {
        self.nodes_of(|cohort| cohort.channels != Channels::None)
    }

    /// How many of them do so by a control channel.
    pub fn control_channels(&self) -> u32 {
        self.nodes_of(|cohort| cohort.channels == Channels::WebSocket)
    }

    fn nodes_of(&self, is_meant: impl Fn(&Cohort) -> bool) -> u32 {
        let hosted = self.hosted();
        let mut end = 0;
        let here = self.catalogue.cohorts.iter().zip(&self.sizes).map(|(cohort, size)| {
            let first = end;
            end += size;
            let here = end.min(hosted.end).saturating_sub(first.max(hosted.start));
            if is_meant(cohort) { here } else { 0 }
        });
        here.sum()
    }

    /// Who the node of this number is.
    pub fn identity(&self, number: u32) -> Identity {
        let mut index = number;
        for (cohort, &size) in (0..).zip(&self.sizes) {
            if index < size {
                return Identity { number, index, cohort, incarnation: 0 };
            }
            index -= size;
        }
        unreachable!("node {number} is not of this fleet")
    }

    /// When the node of this number arrives.
    pub fn arrival(&self, number: u32) -> Timestamp {
        let identity = self.identity(number);
        if identity.index >= self.at_first[usize::from(identity.cohort)].1 {
            // It comes when the cohort is scaled up.
            return Timestamp::NEVER;
        }
        let own = self.arrivals[usize::from(identity.cohort)];
        let after = own.map_or_else(
            || self.ramp.share(arrival::even_place(number)),
            |own| arrival::after(own, identity.index, identity.draw(&self.catalogue)),
        );
        self.start + after
    }

    /// The id of the node of this number. A hybrid one has none before it registers:
    /// what is told of it then is nobody's.
    pub fn node_id(&self, number: u32) -> NodeId {
        self.id_of(self.identity(number))
    }

    /// The same of a node that may have taken another one's place.
    pub fn id_of(&self, node: Identity) -> NodeId {
        let fault = node.cohort(&self.catalogue).faults.of(self.catalogue.seed, node.number);
        node_id(node.draw(&self.catalogue), fault)
    }

    /// The tags that the node of this number carries, and each that takes its place.
    pub fn tags(&self, number: u32) -> Vec<Tag> {
        let identity = self.identity(number);
        let draw = identity.draw(&self.catalogue);
        let rules = &identity.cohort(&self.catalogue).tags;
        rules.iter().map(|rule| rule.of(draw, identity.index)).collect()
    }

    /// What is hosted here in so many shards, at least one and at most one per node.
    pub fn shards(&self, count: usize) -> Vec<Shard> {
        let Range { start, end } = self.hosted();
        let nodes = end - start;
        let count = (count.max(1) as u32).min(nodes.max(1));
        let border = |shard: u32| start + (u64::from(nodes) * u64::from(shard) / u64::from(count)) as u32;
        (0..count).map(|shard| self.shard(border(shard)..border(shard + 1))).collect()
    }

    /// One shard of the nodes of these numbers.
    pub fn shard(&self, numbers: Range<u32>) -> Shard {
        let churn = self.churn_among(&numbers);
        let nodes = numbers.map(|number| (self.identity(number), self.arrival(number)));
        Shard::new(self.catalogue.clone(), self.faults.clone(), nodes).with_churn(churn)
    }

    /// The fault, if there is one, that takes a plane which is told of it: what AWS
    /// knows of an instance no call makes true at somebody else's plane.
    pub fn told_to_the_plane(&self) -> Option<Cause> {
        let is_told = |cause: &Cause| cause.is_told_to_the_plane();
        let lifelong = self.catalogue.cohorts.iter().find_map(|cohort| {
            let shares = Cause::ALL.iter().skip(1).zip(cohort.faults.other_causes);
            shares.filter(|(_, share)| *share != Share::NONE).map(|(cause, _)| *cause).find(is_told)
        });
        let for_a_while = self.faults.windows().iter().find_map(|window| match window.fault.strike() {
            Some(Strike::InvalidInstance(cause)) => Some(cause).filter(is_told),
            _ => None,
        });
        lifelong.or(for_a_while)
    }

    /// Tells the embedded plane of those nodes that are no valid instances for as
    /// long as they live: only it can know that.
    fn declare_instances(&mut self) {
        let is_told = |cohort: &Cohort| cohort.faults.other_causes.iter().any(|share| *share != Share::NONE);
        if !self.catalogue.cohorts.iter().any(is_told) {
            return;
        }
        for number in 0..self.nodes() {
            match self.declared(self.identity(number)) {
                Some(WorldChange::Denied(id, true)) => _ = self.plane.world.denied_nodes.insert(id),
                Some(WorldChange::Instance(id, Some(instance))) => {
                    self.plane.world.instances.insert(id, instance);
                }
                _ => {}
            }
        }
    }

    /// What the embedded plane is told of a node that is no valid instance for as long as it lives.
    pub fn declared(&self, node: Identity) -> Option<WorldChange> {
        let cohort = node.cohort(&self.catalogue);
        let fault = cohort.faults.of(self.catalogue.seed, node.number);
        let Some(NodeFault::InvalidInstance(cause)) = fault else { return None };
        if cohort.identity.kind == IdentityKind::Hybrid {
            return None;
        }
        let id = node_id(node.draw(&self.catalogue), None);
        let state = match cause {
            Cause::NoPermission => return Some(WorldChange::Denied(id, true)),
            Cause::AgentStopped => InstanceState::Running,
            Cause::ShuttingDown => InstanceState::ShuttingDown,
            Cause::Terminated => InstanceState::Terminated,
            Cause::NeverRegistered | Cause::Deregistered => return None,
        };
        let tags = self.tags(node.number).into_iter().map(|tag| (tag.key, tag.value)).collect();
        let tags = (cause == Cause::AgentStopped).then_some(tags);
        Some(WorldChange::Instance(id, Some(Instance { state, tags })))
    }

    fn strike(&mut self, scenario: &Scenario, overrides: &Overrides) -> Result<(), PlanError> {
        let misfits = match overrides.unsupported_platform {
            None => None,
            Some(share) => Some(self.spread_misfits(scenario, share)?),
        };
        let catalogue = Arc::make_mut(&mut self.catalogue);
        for (index, cohort) in catalogue.cohorts.iter_mut().enumerate() {
            if let Some(share) = overrides.invalid_instance {
                cohort.faults.invalid_instance = share;
            }
            if let Some((eligible, share)) = &misfits {
                cohort.faults.unsupported_platform = if eligible[index] { *share } else { Share::NONE };
            }
        }
        Ok(())
    }

    /// Spreads a share of the whole fleet over the cohorts that lie in a tag
    /// target whose document the foreign platform cannot run.
    fn spread_misfits(&self, scenario: &Scenario, share: Share) -> Result<(Vec<bool>, Share), PlanError> {
        let cohorts = &self.catalogue.cohorts;
        let eligible: Vec<bool> = cohorts
            .iter()
            .map(|cohort| scenario.associations.iter().any(|a| misfits(scenario, a, cohort)))
            .collect();
        let nodes: u32 = eligible.iter().zip(&self.sizes).filter(|(is, _)| **is).map(|(_, size)| size).sum();
        let struck = share.part_of(u64::from(self.nodes()));
        if nodes == 0 && struck > 0 {
            return Err(PlanError::NothingToMisfit(scenario.name.clone()));
        }
        Ok((eligible, Share::of(struck, u64::from(nodes))))
    }
}

/// When something happens to the node of this number that happens to all within a time.
pub(crate) fn spread(number: u32, over: Period) -> Period {
    const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
    let place = u64::from(number).wrapping_mul(GOLDEN) as f64 / u64::MAX as f64;
    over.share(place)
}

fn create_document(written: &scenario::Document) -> CreateDocument {
    CreateDocument {
        name: written.name.clone(),
        content: written.content.to_string(),
        document_type: Some("Command".into()),
        document_format: Some("JSON".into()),
        ..CreateDocument::default()
    }
}

#[cfg(test)]
mod tests {
    use agent::catalogue::Timing;
    use agent::mix::Mix;
    use shared::status::PlatformType;

    use super::*;

    fn first_look() -> Scenario {
        Scenario::load("first-look").unwrap()
    }

    fn plan(overrides: &Overrides) -> Plan {
        Plan::new(&first_look(), overrides, Timestamp::from_seconds(1_000)).unwrap()
    }

    fn faults(plan: &Plan) -> (usize, usize) {
        let stray = NodeFault::InvalidInstance(Cause::NeverRegistered);
        let fault =
            |number| plan.identity(number).cohort(&plan.catalogue).faults.of(plan.catalogue.seed, number);
        let all: Vec<_> = (0..plan.nodes()).filter_map(fault).collect();
        let invalid = all.iter().filter(|fault| **fault == stray).count();
        (invalid, all.len() - invalid)
    }

    #[test]
    fn first_look_has_ten_of_each_failure() {
        assert_eq!(faults(&plan(&Overrides::default())), (10, 10));
        let share = |text: &str| Some(text.parse().unwrap());
        let overrides = Overrides {
            invalid_instance: share("2%"),
            unsupported_platform: share("5%"),
            ..Default::default()
        };
        assert_eq!(faults(&plan(&overrides)), (20, 50));
        let overrides = Overrides { nodes: Some(10_000), ..Default::default() };
        assert_eq!(faults(&plan(&overrides)), (100, 100));
    }

    #[test]
    fn cohorts_scale_alike_and_add_up() {
        for nodes in [1, 3, 7, 10, 999, 10_001, 1_000_000] {
            assert_eq!(plan(&Overrides { nodes: Some(nodes), ..Default::default() }).nodes(), nodes);
        }
        let plan = plan(&Overrides { nodes: Some(10), ..Default::default() });
        assert_eq!(plan.sizes, [5, 3, 1, 1]);
        assert_eq!((plan.identity(7).cohort, plan.identity(7).index), (1, 2));
    }

    #[test]
    fn nodes_arrive_evenly_over_the_ramp() {
        let plan = plan(&Overrides::default());
        let mut tenths = [0; 10];
        for number in 0..1000 {
            let since = plan.arrival(number).since(plan.start).as_milliseconds();
            tenths[(since * 10 / plan.ramp.as_milliseconds()) as usize] += 1;
        }
        assert!(tenths.iter().all(|&count| (98..=102).contains(&count)), "{tenths:?}");
    }

    #[test]
    fn a_version_that_no_agent_has_is_refused() {
        let with = |version: &str| {
            let mut scenario = first_look();
            let versions = scenario::Versions(Mix::of_one(version.to_owned()));
            scenario.cohorts[1].agent_version = Some(versions);
            Plan::new(&scenario, &Overrides::default(), Timestamp::from_seconds(0))
        };
        for version in ["3.3.0.0", "2.3.12", "3.2.2303.0"] {
            let plan = with(version).unwrap();
            let versions = &plan.catalogue.cohorts[1].agent_versions;
            assert_eq!(versions, &Mix::of_one(version.to_owned()));
        }
        for version in ["", "3.3", "3.3.0.0.0", "3.3.0\n", "3..0", "3.3.0-b", "1234567.0.0"] {
            let error = with(version).unwrap_err().to_string();
            assert!(error.starts_with("cohort database: agent version"), "{error}");
        }
    }

    #[test]
    fn a_cohort_calls_when_its_timing_says() {
        let with = |timing: &str| {
            let text = format!(
                "{{name: x, seed: 1, duration: 5m, cohorts: [{{name: a, platform: debian-12, nodes: 1, \
                 facts_change: 1d, timing: {{{timing}}}}}, {{name: b, platform: debian-12, nodes: 1}}]}}"
            );
            let scenario = Scenario::parse("x", &text).expect("it is well written");
            Plan::new(&scenario, &Overrides::default(), Timestamp::from_seconds(0))
        };
        let plan = with("poll: 20m").unwrap();
        let [changed, standard] = [0, 1].map(|place: usize| plan.catalogue.cohorts[place].timing);
        let facts_change_every = Period::days(1);
        assert_eq!(changed, Timing { poll_every: Period::minutes(20), facts_change_every, ..standard });
        assert_eq!(standard, Timing::default());
        let error = with("health: 1m").unwrap_err().to_string();
        assert!(error.starts_with("cohort a: `timing`: `health` is 1m00s, and"), "{error}");
        assert!(with("health: 1m, unreal: true").is_ok());
    }

    #[test]
    fn nodes_tell_of_this_machine_where_that_is_wanted_and_of_their_kind() {
        let text = "{name: x, seed: 1, duration: 5m, cohorts: [\
             {name: linux, platform: debian-12, nodes: 1}, {name: windows, platform: windows-2022, nodes: 1}]}";
        let with = |text: &str, facts| {
            let scenario = Scenario::parse("x", text).expect("it is well written");
            let overrides = Overrides { facts, ..Overrides::default() };
            let plan = Plan::new(&scenario, &overrides, Timestamp::from_seconds(0))?;
            Ok::<_, PlanError>([0, 1].map(|place: usize| plan.catalogue.cohorts[place].host.is_some()))
        };
        let of_kind =
            [PlatformType::Linux, PlatformType::Windows].map(|kind| crate::machine::kind() == Some(kind));
        assert_eq!(with(text, None), Ok([false, false]));
        assert_eq!(with(text, Some(scenario::Facts::Host)), Ok(of_kind));
        // What is written of a cohort is meant, so a platform of another kind is a mistake.
        for (place, platform) in ["debian-12", "windows-2022"].into_iter().enumerate() {
            let written = text.replace(platform, &format!("{platform}, facts: host"));
            let mut expected = [false, false];
            expected[place] = true;
            match with(&written, None) {
                Ok(found) => assert_eq!((found, of_kind[place]), (expected, true)),
                Err(error) => {
                    assert!(!of_kind[place] && error.to_string().contains("`facts: host`"), "{error}");
                }
            }
            assert_eq!(with(&written, Some(scenario::Facts::Template)), Ok([false, false]));
        }
    }

    #[test]
    fn a_behaviour_for_a_node_that_is_not_there_is_refused() {
        let with = |nodes: &[u32]| {
            let mut scenario = first_look();
            scenario.cohorts[3].behaviours = vec![scenario::Behaviour {
                nodes: Some(nodes.iter().copied().collect()),
                fails: Share::ALL,
                ..scenario::Behaviour::default()
            }];
            // Fewer nodes than written are no mistake: some of those named are then not there.
            let fewer = Overrides { nodes: Some(100), ..Overrides::default() };
            Plan::new(&scenario, &fewer, Timestamp::from_seconds(0))
        };
        assert!(with(&[0, 49]).is_ok());
        let error = with(&[3, 50]).unwrap_err().to_string();
        assert_eq!(error, "cohort build: a behaviour names node 50; the 50 nodes count from 0");
    }

    #[test]
    fn each_identity_has_its_own_settings() {
        let with = |cohort: &str, rest: &str| {
            let text = format!(
                "{{name: x, seed: 1, duration: 5m, {rest} cohorts: [{{name: a, platform: ubuntu-22.04, nodes: 2001, {cohort}}}]}}"
            );
            let scenario = Scenario::parse("x", &text).expect("it is well written");
            Plan::new(&scenario, &Overrides::default(), Timestamp::from_seconds(0))
        };
        let hybrid = with("identity: hybrid, key_rotation: 1d", "key_pool: 2,").unwrap();
        let settings = &hybrid.catalogue.cohorts[0].identity;
        assert_eq!((settings.activations.len(), hybrid.key_pool()), (5, 2));
        assert_eq!(settings.key_rotation, Some(Period::days(1)));
        let plain = with("instance_profile: false", "").unwrap();
        let settings = &plain.catalogue.cohorts[0].identity;
        assert_eq!((settings.activations.is_empty(), settings.has_role, plain.key_pool()), (true, false, 8));
        let to_node = "associations: [{name: b, at: 0s, document: d, targets: [node: a]}],";
        let cases = [
            ("key_rotation: 1d", "", "`key_rotation` is for nodes of identity hybrid"),
            (
                "faults: [fingerprint-mismatch: 1%]",
                "",
                "`fingerprint-mismatch` is for nodes of identity hybrid",
            ),
            (
                "identity: hybrid, instance_profile: true",
                "",
                "`instance_profile` is for nodes of identity ec2",
            ),
            ("identity: hybrid", to_node, "aim at a tag"),
            ("identity: hybrid", "key_pool: 1,", "key_pool 1 is not from 2 to 1,000"),
        ];
        for (cohort, rest, expected) in cases {
            let error = with(cohort, rest).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_slice_hosts_its_nodes_and_the_first_one_has_the_operator() {
        let slice = |text: &str| {
            let overrides = Overrides { slice: Some(text.parse().unwrap()), ..Overrides::default() };
            Plan::new(&first_look(), &overrides, Timestamp::from_seconds(1_000))
        };
        let [first, second] = ["1/2", "2/2"].map(|text| slice(text).unwrap());
        assert_eq!((first.hosted(), second.hosted()), (0..500, 500..1_000));
        assert_eq!((first.nodes(), second.nodes()), (1_000, 1_000));
        assert_eq!((first.associations.len(), first.timeline.len()), (4, 7), "three documents among them");
        assert_eq!((second.associations.len(), second.timeline.len()), (0, 0));
        let whole = plan(&Overrides::default());
        let who = |plan: &Plan, number| (plan.node_id(number), plan.arrival(number).milliseconds());
        assert_eq!(who(&second, 700).0, whole.node_id(700), "the same node wherever it is hosted");
        assert_eq!(second.shards(3).len(), 3);
        let error = slice("2000/2000").map(|plan| plan.hosted());
        assert_eq!(
            error,
            Err(PlanError::EmptySlice { slice: Slice { number: 2_000, of: 2_000 }, nodes: 1_000 })
        );
    }

    #[test]
    fn a_cause_that_only_our_plane_can_be_told_of_is_named() {
        let with = |cohort: &str, faults: &str| {
            let text = format!(
                "{{name: x, seed: 1, duration: 5m, cohorts: [{{name: a, platform: debian-12, nodes: 50, {cohort}}}], \
                 faults: [{faults}]}}"
            );
            let scenario = Scenario::parse("x", &text).expect(&text);
            Plan::new(&scenario, &Overrides::default(), Timestamp::from_seconds(0))
                .map(|plan| plan.told_to_the_plane())
        };
        let lifelong =
            |cause: &str| with(&format!("faults: [invalid-instance: {{share: 10%, cause: {cause}}}]"), "");
        let for_a_while =
            |cause: &str| with("", &format!("{{fault: {{invalid-instance: {{cause: {cause}}}}}}}"));
        for cause in Cause::ALL.into_iter().filter(|cause| *cause != Cause::Deregistered) {
            let expected = Some(cause).filter(|cause| cause.is_told_to_the_plane());
            assert_eq!(lifelong(cause.as_str()).unwrap(), expected, "{cause:?}");
            assert_eq!(for_a_while(cause.as_str()).unwrap(), expected, "{cause:?}");
        }
        let error = lifelong("deregistered").unwrap_err().to_string();
        assert!(error.contains("`deregistered` is for nodes of identity hybrid"), "{error}");
    }

    #[test]
    fn an_association_may_name_an_invalid_instance_by_its_cause() {
        let aimed = |identity: &str, share: &str, cause: &str| {
            let text = format!(
                "{{name: x, seed: 1, duration: 5m, cohorts: [{{name: a, platform: debian-12, nodes: 50, identity: {identity}, \
                 faults: [invalid-instance: {{share: {share}, cause: {cause}}}]}}], \
                 associations: [{{name: b, document: c, targets: [invalid-instance: {cause}]}}]}}"
            );
            let scenario = Scenario::parse("x", &text).expect(&text);
            Plan::new(&scenario, &Overrides::default(), Timestamp::from_seconds(0))
        };
        for cause in Cause::ALL.into_iter().filter(|cause| *cause != Cause::Deregistered) {
            let plan = aimed("ec2", "10%", cause.as_str()).unwrap();
            let expected = Some(NodeFault::InvalidInstance(cause));
            let fault = |number: u32| plan.catalogue.cohorts[0].faults.of(plan.catalogue.seed, number);
            let first = (0..50).find(|number| fault(*number) == expected).expect("there is one");
            let id = plan.node_id(first);
            let targets = plan.associations[0].request.targets.as_ref().unwrap();
            assert_eq!(targets[0], shared::target::Target::new("InstanceIds", [id.as_str()]), "{cause:?}");
            assert_eq!(plan.associations[0].aim, format!("{id} ({})", cause.as_str()));
        }
        for (identity, share, cause) in [
            ("ec2", "0%", "terminated"),
            ("hybrid", "10%", "never-registered"),
            ("hybrid", "100%", "deregistered"),
        ] {
            let error = aimed(identity, share, cause).unwrap_err().to_string();
            let expected =
                format!("association b: no EC2 instance of this fleet is no valid one for the cause {cause}");
            assert!(error.contains(&expected), "{error}");
        }
    }

    #[test]
    fn a_shorter_ramp_brings_the_associations_forward() {
        let plan = plan(&Overrides { ramp: Some(Period::minutes(2)), ..Default::default() });
        assert_eq!(plan.associations[0].at, Period::minutes(3));
    }
}
