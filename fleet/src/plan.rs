//! A plan: what a scenario means, with every default filled and every flag applied.
//!
//! The same scenario, flags and seed give the same plan. It holds cohorts,
//! timeline and seeds, never per-node events: who a node is and when it arrives
//! is a function of its number.

use std::sync::Arc;

use agent::catalogue::{Behaviour, Catalogue, Cohort, PLATFORMS, Platform, Timing};
use agent::channel::Channels;
use agent::credentials::{Activations, IdentityKind, IdentitySettings, KEY_POOL};
use agent::distribution::InvalidDistribution;
use agent::fault::{NodeFaults, Share};
use agent::identity::{Identity, node_id};
use plane::config::PlaneConfig;
use shared::document::Document;
use shared::error::ErrorCode;
use shared::id::NodeId;
use shared::seed::Seed;
use shared::target::Target;
use shared::time::{Period, Timestamp};
use shared::wire::{
    Alarm, AlarmConfiguration, CreateAssociation, CreateDocument, OutputLocation, S3Location, Tag,
};

use crate::machine;
use crate::scenario::timing::InvalidTiming;
use crate::scenario::{self, Scenario};
use crate::shard::Shard;

/// The agent's version where a cohort names none: that of the recorded traces.
const AGENT_VERSION: &str = "3.3.0.0";

/// What a run will do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The scenario's name.
    pub name: String,
    /// Everything that is the same for all nodes.
    pub catalogue: Arc<Catalogue>,
    /// How many nodes each cohort has.
    pub sizes: Vec<u32>,
    /// When the run begins.
    pub start: Timestamp,
    /// Over what time nodes arrive.
    pub ramp: Period,
    /// After what time the run ends at the latest.
    pub duration: Period,
    /// How many simulated seconds pass in a second of wall time.
    pub time_scale: f64,
    /// The documents to create, before the first association.
    pub documents: Vec<CreateDocument>,
    /// The associations to create, by instant.
    pub associations: Vec<PlannedAssociation>,
    /// The nodes that are declared terminated.
    pub terminated: Vec<NodeId>,
    /// The embedded plane's settings.
    pub plane: PlaneConfig,
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
    /// Whether nodes of this machine's kind tell what it tells of itself, whatever is written.
    pub facts: Option<scenario::Facts>,
}

/// Why a scenario makes no plan.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// A run needs nodes.
    #[error("scenario {0} has no nodes")]
    NoNodes(String),
    /// There is no such platform.
    #[error("cohort {cohort}: no platform `{platform}`; there are {}", platform_names())]
    UnknownPlatform {
        /// The cohort that names it.
        cohort: String,
        /// Its name.
        platform: String,
    },
    /// This machine is of another kind than the cohort's platform.
    #[error(
        "cohort {cohort}: `facts: host` takes this machine's own, and that is of another kind than \
         {platform}: choose a platform of its kind, or leave it at `facts: template`"
    )]
    FactsOfAnother {
        /// The cohort.
        cohort: String,
        /// Its platform.
        platform: &'static str,
    },
    /// Two cohorts of one name would have the same nodes.
    #[error("two cohorts are called `{0}`")]
    DuplicateCohort(String),
    /// There is no such cohort.
    #[error("association {association}: no cohort `{cohort}`")]
    UnknownCohort {
        /// The association that names it.
        association: String,
        /// Its name.
        cohort: String,
    },
    /// A cohort has no node that is free of faults.
    #[error("association {association}: cohort {cohort} has no node without a fault to aim at")]
    NoSoundNode {
        /// The association that aims at it.
        association: String,
        /// The cohort.
        cohort: String,
    },
    /// A behaviour is for a node that the cohort does not have.
    #[error("cohort {cohort}: a behaviour names node {node}; the {nodes} nodes count from 0")]
    NoSuchNode {
        /// The cohort.
        cohort: String,
        /// The node's index.
        node: u32,
        /// How many nodes the cohort has.
        nodes: u32,
    },
    /// Settings of an identity that the cohort does not have.
    #[error("cohort {cohort}: `{setting}` is for nodes of identity {identity}")]
    NotOfThisIdentity {
        /// The cohort.
        cohort: String,
        /// The setting.
        setting: &'static str,
        /// Who has it.
        identity: &'static str,
    },
    /// An id that nobody knows before the node has registered.
    #[error(
        "association {association}: the nodes of the hybrid cohort {cohort} get their ids when they register; aim at a tag"
    )]
    NoIdYet {
        /// The association that aims at it.
        association: String,
        /// The cohort.
        cohort: String,
    },
    /// A key must be changed for another.
    #[error("key_pool {0} is not from 2 to 1,000")]
    KeyPool(u32),
    /// A distribution that cannot be drawn from.
    #[error("cohort {cohort}: `takes`: {source}")]
    Takes {
        /// The cohort that names it.
        cohort: String,
        /// What is wrong with it.
        source: InvalidDistribution,
    },
    /// Times at which no node would call.
    #[error("cohort {cohort}: `timing`: {source}")]
    Timing {
        /// The cohort that names it.
        cohort: String,
        /// What is wrong with it.
        source: InvalidTiming,
    },
    /// Such a version cannot stand in a header, and no agent has it.
    #[error("cohort {cohort}: agent version `{}` is not of the form 3.3.0.0", version.escape_debug())]
    AgentVersion {
        /// The cohort that names it.
        cohort: String,
        /// The version.
        version: String,
    },
    /// No cohort lies in the target of a document that a foreign platform could not run.
    #[error(
        "--unsupported-platform strikes nodes that lie in a tag target, and scenario {0} has none \
         whose document Windows cannot run"
    )]
    NothingToMisfit(String),
    /// Time must pass.
    #[error("time scale {0} is not from 0.001 to 100,000")]
    TimeScale(f64),
}

/// The place of this bucket.
fn output_in(bucket: String) -> OutputLocation {
    let place = S3Location { output_s3_bucket_name: Some(bucket), ..S3Location::default() };
    OutputLocation { s3_location: Some(place) }
}

fn platform_names() -> String {
    PLATFORMS.map(|platform| platform.name).join(", ")
}

impl Plan {
    /// What this scenario means from `start` on.
    pub fn new(scenario: &Scenario, overrides: &Overrides, start: Timestamp) -> Result<Self, PlanError> {
        let seed = Seed(overrides.seed.unwrap_or(scenario.seed));
        let sizes = sizes(scenario, overrides.nodes)?;
        let mut cohorts: Vec<Cohort> = Vec::new();
        for written in &scenario.cohorts {
            if cohorts.iter().any(|cohort| cohort.name == written.name) {
                return Err(PlanError::DuplicateCohort(written.name.clone()));
            }
            cohorts.push(cohort(written, overrides.facts)?);
        }
        let key_pool = scenario.key_pool.unwrap_or(KEY_POOL);
        if !(2..=1_000).contains(&key_pool) {
            return Err(PlanError::KeyPool(key_pool));
        }
        for (cohort, size) in cohorts.iter_mut().zip(&sizes) {
            cohort.identity.key_pool = key_pool;
            if cohort.identity.kind == IdentityKind::Hybrid {
                cohort.identity.activations = Activations::of_nodes(*size);
            }
        }
        let time_scale = overrides.time_scale.or(scenario.time_scale).unwrap_or(1.0);
        if !(0.001..=100_000.0).contains(&time_scale) {
            return Err(PlanError::TimeScale(time_scale));
        }
        let mut plan = Self {
            name: scenario.name.clone(),
            catalogue: Arc::new(Catalogue { seed, cohorts }),
            sizes,
            start,
            ramp: overrides.ramp.unwrap_or(scenario.ramp),
            duration: overrides.duration.unwrap_or(scenario.duration),
            time_scale,
            documents: scenario.documents.iter().map(create_document).collect(),
            associations: Vec::new(),
            plane: scenario.plane.clone(),
            terminated: vec![NodeId::ec2(seed.draw("terminated-node", 0).wide_bits("node-id", 0))],
        };
        plan.strike(scenario, overrides)?;
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
        Ok(plan)
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> u32 {
        self.sizes.iter().sum()
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
        let cohorts = self.catalogue.cohorts.iter().zip(&self.sizes);
        cohorts.filter(|(cohort, _)| is_meant(cohort)).map(|(_, size)| size).sum()
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

    /// When the node of this number arrives. Steps by the golden section are
    /// even over the ramp and mix the cohorts.
    pub fn arrival(&self, number: u32) -> Timestamp {
        const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
        let place = u64::from(number).wrapping_mul(GOLDEN) as f64 / u64::MAX as f64;
        self.start + self.ramp.share(place)
    }

    /// The id of the node of this number. A hybrid one has none before it registers:
    /// what is told of it then is nobody's.
    pub fn node_id(&self, number: u32) -> NodeId {
        let identity = self.identity(number);
        let fault = identity.cohort(&self.catalogue).faults.of(self.catalogue.seed, number);
        node_id(identity.draw(&self.catalogue), fault)
    }

    /// The tags that the node of this number carries.
    pub fn tags(&self, number: u32) -> &[Tag] {
        &self.identity(number).cohort(&self.catalogue).tags
    }

    /// The fleet in so many shards, at least one and at most one per node.
    pub fn shards(&self, count: usize) -> Vec<Shard> {
        let nodes = self.nodes();
        let count = (count.max(1) as u32).min(nodes.max(1));
        let border = |shard: u32| (u64::from(nodes) * u64::from(shard) / u64::from(count)) as u32;
        (0..count).map(|shard| self.shard(border(shard)..border(shard + 1))).collect()
    }

    /// One shard of the nodes of these numbers.
    pub fn shard(&self, numbers: std::ops::Range<u32>) -> Shard {
        let nodes = numbers.map(|number| (self.identity(number), self.arrival(number)));
        Shard::new(self.catalogue.clone(), nodes)
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

    fn association(&self, written: &scenario::Association) -> Result<PlannedAssociation, PlanError> {
        let mut aims = Vec::new();
        let mut targets = Vec::new();
        for target in &written.targets {
            let (target, aim) = self.target(written, target)?;
            targets.push(target);
            aims.push(aim);
        }
        let aim = aims.join(" and ");
        let aim = written.schedule.as_ref().map_or(aim.clone(), |schedule| format!("{schedule} {aim}"));
        Ok(PlannedAssociation {
            at: written.at,
            request: CreateAssociation {
                name: written.document.clone(),
                association_name: Some(written.name.clone()),
                parameters: written.parameters.clone(),
                targets: Some(targets),
                schedule_expression: written.schedule.clone(),
                max_concurrency: written.max_concurrency.clone(),
                max_errors: written.max_errors.clone(),
                alarm_configuration: written.alarm.clone().map(|name| AlarmConfiguration {
                    ignore_poll_alarm_failure: None,
                    alarms: vec![Alarm { name }],
                }),
                output_location: written.output_bucket.clone().map(output_in),
                ..CreateAssociation::default()
            },
            aim,
            rounds: written.rounds.unwrap_or(1),
            refusal: written.refused.as_ref().map(|refusal| refusal.0.clone()),
        })
    }

    fn target(
        &self,
        association: &scenario::Association,
        target: &scenario::Target,
    ) -> Result<(Target, String), PlanError> {
        Ok(match target {
            scenario::Target::All => (Target::new("InstanceIds", ["*"]), "all nodes".to_owned()),
            scenario::Target::Tag(tag) => {
                let aim = format!("tag {}={}", tag.key, tag.values.join(","));
                (Target::new(format!("tag:{}", tag.key), &tag.values), aim)
            }
            scenario::Target::TerminatedNode => {
                let id = self.terminated[0];
                (Target::new("InstanceIds", [id.as_str()]), format!("{id} (terminated)"))
            }
            scenario::Target::Instance(id) => (Target::new("InstanceIds", [id.as_str()]), id.to_string()),
            scenario::Target::ResourceGroup(name) => {
                (Target::new("resource-groups:Name", [name]), format!("resource group {name}"))
            }
            scenario::Target::Node(cohort) => {
                let id = self.sound_node(association, cohort)?;
                (Target::new("InstanceIds", [id.as_str()]), id.to_string())
            }
        })
    }

    /// The first node of a cohort to arrive that is free of faults.
    fn sound_node(&self, association: &scenario::Association, cohort: &str) -> Result<NodeId, PlanError> {
        let place =
            self.catalogue.cohorts.iter().position(|known| known.name == cohort).ok_or_else(|| {
                PlanError::UnknownCohort { association: association.name.clone(), cohort: cohort.to_owned() }
            })?;
        if self.catalogue.cohorts[place].identity.kind == IdentityKind::Hybrid {
            return Err(PlanError::NoIdYet {
                association: association.name.clone(),
                cohort: cohort.to_owned(),
            });
        }
        let first: u32 = self.sizes[..place].iter().sum();
        let faults = self.catalogue.cohorts[place].faults;
        let sound = (first..first + self.sizes[place])
            .filter(|&number| faults.of(self.catalogue.seed, number).is_none())
            .min_by_key(|&number| self.arrival(number));
        sound.map(|number| self.node_id(number)).ok_or_else(|| PlanError::NoSoundNode {
            association: association.name.clone(),
            cohort: cohort.to_owned(),
        })
    }
}

/// Whether nodes of this cohort lie in the association's tag target, and would
/// not be able to run its document on the foreign platform.
fn misfits(scenario: &Scenario, association: &scenario::Association, cohort: &Cohort) -> bool {
    let has_tag = |target: &scenario::Target| match target {
        scenario::Target::Tag(wanted) => {
            cohort.tags.iter().any(|tag| tag.key == wanted.key && wanted.values.contains(&tag.value))
        }
        scenario::Target::All => true,
        scenario::Target::Node(_)
        | scenario::Target::TerminatedNode
        | scenario::Target::Instance(_)
        | scenario::Target::ResourceGroup(_) => false,
    };
    let written = scenario.documents.iter().find(|document| document.name == association.document);
    let Some(Ok(document)) = written.map(|written| Document::parse(&written.content.to_string())) else {
        return false;
    };
    let foreign = cohort.platform.foreign().kind;
    association.refused.is_none()
        && association.targets.iter().all(has_tag)
        && !document.platforms().contains(&foreign)
}

fn cohort(written: &scenario::Cohort, facts: Option<scenario::Facts>) -> Result<Cohort, PlanError> {
    let platform = Platform::named(&written.platform).ok_or_else(|| PlanError::UnknownPlatform {
        cohort: written.name.clone(),
        platform: written.platform.clone(),
    })?;
    let mut faults = NodeFaults::default();
    for fault in &written.faults {
        match *fault {
            scenario::Fault::InvalidInstance(share) => faults.invalid_instance = share,
            scenario::Fault::UnsupportedPlatform(share) => faults.unsupported_platform = share,
            scenario::Fault::FingerprintMismatch(share) => faults.fingerprint_mismatch = share,
        }
    }
    let identity = identity(written, &faults)?;
    let tags =
        written.tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect();
    let agent_version = written.agent_version.clone().unwrap_or_else(|| AGENT_VERSION.to_owned());
    if !is_agent_version(&agent_version) {
        return Err(PlanError::AgentVersion { cohort: written.name.clone(), version: agent_version });
    }
    let timing = written.timing.meant();
    let timing = timing.map_err(|source| PlanError::Timing { cohort: written.name.clone(), source })?;
    let behaviours = written.behaviours.iter().map(|behaviour| self::behaviour(written, behaviour));
    let is_of_its_kind = machine::kind() == Some(platform.kind);
    if facts.is_none() && written.facts == scenario::Facts::Host && !is_of_its_kind {
        return Err(PlanError::FactsOfAnother { cohort: written.name.clone(), platform: platform.name });
    }
    let is_host = facts.unwrap_or(written.facts) == scenario::Facts::Host && is_of_its_kind;
    let host = is_host.then(|| Arc::new(machine::facts()));
    Ok(Cohort {
        name: written.name.clone(),
        platform,
        host,
        tags,
        identity,
        agent_version,
        timing: Timing {
            facts_change_every: written.facts_change.unwrap_or(timing.facts_change_every),
            ..timing
        },
        behaviours: behaviours.collect::<Result<_, _>>()?,
        faults,
        channels: match written.channel {
            scenario::Channel::None => Channels::None,
            scenario::Channel::LongPoll => Channels::LongPoll,
            scenario::Channel::Websocket => Channels::WebSocket,
        },
    })
}

/// How its nodes show who they are; their activations come later.
fn identity(written: &scenario::Cohort, faults: &NodeFaults) -> Result<IdentitySettings, PlanError> {
    let not_of = |setting, identity| {
        Err(PlanError::NotOfThisIdentity { cohort: written.name.clone(), setting, identity })
    };
    let settings = IdentitySettings {
        has_role: written.instance_profile.unwrap_or(true),
        key_rotation: written.key_rotation,
        ..IdentitySettings::default()
    };
    match written.identity {
        scenario::Identity::Ec2 if written.key_rotation.is_some() => not_of("key_rotation", "hybrid"),
        scenario::Identity::Ec2 if faults.fingerprint_mismatch != Share::NONE => {
            not_of("fingerprint-mismatch", "hybrid")
        }
        scenario::Identity::Hybrid if written.instance_profile.is_some() => not_of("instance_profile", "ec2"),
        scenario::Identity::Ec2 => Ok(settings),
        scenario::Identity::Hybrid => Ok(IdentitySettings { kind: IdentityKind::Hybrid, ..settings }),
    }
}

/// Three or four numbers of at most six digits (botocore, ssm: `Version` of an agent).
fn is_agent_version(text: &str) -> bool {
    let is_number = |part: &str| (1..=6).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    (3..=4).contains(&text.split('.').count()) && text.split('.').all(is_number)
}

fn behaviour(cohort: &scenario::Cohort, written: &scenario::Behaviour) -> Result<Behaviour, PlanError> {
    let standard = Behaviour::default();
    if let Some(&node) = written.nodes.iter().flatten().find(|node| **node >= cohort.nodes) {
        let (cohort, nodes) = (cohort.name.clone(), cohort.nodes);
        return Err(PlanError::NoSuchNode { cohort, node, nodes });
    }
    let takes = written.takes.map(|takes| takes.0.check()).transpose();
    let takes = takes.map_err(|source| PlanError::Takes { cohort: cohort.name.clone(), source })?;
    Ok(Behaviour {
        document: written.document.clone(),
        nodes: written.nodes.clone(),
        step: written.step.clone(),
        takes,
        fails: written.fails,
        exit_code: written.exit_code.unwrap_or(standard.exit_code),
        output: written.output.clone(),
        error: written.error.clone(),
        reboot: written.reboot.unwrap_or(standard.reboot),
        loses_output: written.loses_output,
    })
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

/// The cohorts' sizes, scaled to `nodes` by largest remainder.
fn sizes(scenario: &Scenario, nodes: Option<u32>) -> Result<Vec<u32>, PlanError> {
    let written: Vec<u64> = scenario.cohorts.iter().map(|cohort| u64::from(cohort.nodes)).collect();
    let total: u64 = written.iter().sum();
    let wanted = nodes.map_or(total, u64::from);
    if total == 0 || wanted == 0 {
        return Err(PlanError::NoNodes(scenario.name.clone()));
    }
    let mut sizes: Vec<u32> = written.iter().map(|size| (size * wanted / total) as u32).collect();
    let mut rest: Vec<usize> = (0..sizes.len()).collect();
    // Of equal remainders the smaller cohort's goes first, so that few nodes still show every cohort.
    rest.sort_by_key(|&index| (std::cmp::Reverse(written[index] * wanted % total), written[index], index));
    let missing = wanted - sizes.iter().map(|&size| u64::from(size)).sum::<u64>();
    for &index in rest.iter().take(missing as usize) {
        sizes[index] += 1;
    }
    Ok(sizes)
}

#[cfg(test)]
mod tests {
    use shared::status::PlatformType;

    use super::*;

    fn first_look() -> Scenario {
        Scenario::load("first-look").unwrap()
    }

    fn plan(overrides: &Overrides) -> Plan {
        Plan::new(&first_look(), overrides, Timestamp::from_seconds(1_000)).unwrap()
    }

    fn faults(plan: &Plan) -> (usize, usize) {
        use agent::fault::NodeFault;
        let fault =
            |number| plan.identity(number).cohort(&plan.catalogue).faults.of(plan.catalogue.seed, number);
        let all: Vec<_> = (0..plan.nodes()).filter_map(fault).collect();
        let invalid = all.iter().filter(|fault| **fault == NodeFault::InvalidInstance).count();
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
            scenario.cohorts[1].agent_version = Some(version.to_owned());
            Plan::new(&scenario, &Overrides::default(), Timestamp::from_seconds(0))
        };
        for version in ["3.3.0.0", "2.3.12", "3.2.2303.0"] {
            assert_eq!(with(version).unwrap().catalogue.cohorts[1].agent_version, version);
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
        let of_kind = [PlatformType::Linux, PlatformType::Windows].map(|kind| machine::kind() == Some(kind));
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
        assert_eq!((settings.activations.len(), hybrid.key_pool()), (3, 2));
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
    fn a_shorter_ramp_brings_the_associations_forward() {
        let plan = plan(&Overrides { ramp: Some(Period::minutes(2)), ..Default::default() });
        assert_eq!(plan.associations[0].at, Period::minutes(3));
    }
}
