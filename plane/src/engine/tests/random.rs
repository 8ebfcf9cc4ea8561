//! Random operations: whatever happens, what is counted is what a recount gives,
//! no slot is given away twice, and a halted execution lets nobody in.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;
use shared::id::{AssociationId, NodeId};
use shared::status::AssociationStatus::{self, Failed, InProgress, Pending, Success, TimedOut};
use shared::status::PlatformType;
use shared::time::Period;

use super::recount::recount;
use crate::config::{AdmissionOrder, LateNodes, PlaneConfig};
use crate::service::{Service, WorldChange};
use crate::state::execution::Limit;
use crate::state::world::AlarmState;
use crate::testing::World;

/// Something that happens. Numbers are taken modulo what there is.
#[derive(Debug, Clone)]
enum Happening {
    Join(u8),
    Tag(u8, bool),
    Untag(u8),
    Create { limit: &'static str, errors: &'static str, schedule: Option<&'static str>, tagged: bool },
    Update { which: u8, limit: &'static str, tagged: bool },
    StartOnce(u8),
    Delete(u8),
    Alarm(Option<bool>),
    Poll(u8),
    Report(u8, u8, AssociationStatus),
    Pass(u64),
    Restart,
}

fn happening() -> impl Strategy<Value = Happening> {
    use Happening::{
        Alarm, Create, Delete, Join, Pass, Poll, Report, Restart, StartOnce, Tag, Untag, Update,
    };
    let limit = || prop::sample::select(vec!["1", "2", "34%", "100%"]);
    let errors = prop::sample::select(vec!["0", "1", "50%", "100%"]);
    let schedule = prop::option::of(prop::sample::select(vec!["rate(30 minutes)", "cron(0 * * * ? *)"]));
    let status =
        prop::sample::select(vec![Pending, InProgress, InProgress, Success, Success, Failed, TimedOut]);
    prop_oneof![
        2 => any::<u8>().prop_map(Join),
        2 => (any::<u8>(), any::<bool>()).prop_map(|(node, prod)| Tag(node, prod)),
        1 => any::<u8>().prop_map(Untag),
        2 => (limit(), errors, schedule, any::<bool>())
            .prop_map(|(limit, errors, schedule, tagged)| Create { limit, errors, schedule, tagged }),
        1 => (any::<u8>(), limit(), any::<bool>())
            .prop_map(|(which, limit, tagged)| Update { which, limit, tagged }),
        1 => any::<u8>().prop_map(StartOnce),
        1 => any::<u8>().prop_map(Delete),
        1 => any::<Option<bool>>().prop_map(Alarm),
        8 => any::<u8>().prop_map(Poll),
        12 => (any::<u8>(), any::<u8>(), status).prop_map(|(node, which, status)| Report(node, which, status)),
        3 => (0u64..45).prop_map(Pass),
        1 => Just(Restart),
    ]
}

/// The nodes that may join.
const NODES: u8 = 9;

struct Story {
    world: World,
    config: PlaneConfig,
    associations: Vec<AssociationId>,
    /// What each node was last told to run.
    told: BTreeMap<(u8, AssociationId), bool>,
    /// By execution: slots taken, rows that are not over, as last looked at.
    seen: BTreeMap<(AssociationId, u32), (u32, u32)>,
    is_untagged: bool,
}

fn id_of(node: u8) -> NodeId {
    NodeId::ec2(u128::from(node % NODES))
}

impl Story {
    fn new(config: PlaneConfig) -> Self {
        Self {
            world: World::empty(config.clone()),
            config,
            associations: Vec::new(),
            told: BTreeMap::new(),
            seen: BTreeMap::new(),
            is_untagged: false,
        }
    }

    fn which(&self, number: u8) -> Option<AssociationId> {
        let number = usize::from(number).checked_rem(self.associations.len())?;
        Some(self.associations[number])
    }

    fn targets(tagged: bool) -> serde_json::Value {
        if tagged {
            json!([{"Key": "tag:Env", "Values": ["prod"]}])
        } else {
            json!([{"Key": "InstanceIds", "Values": ["*"]}])
        }
    }

    fn happen(&mut self, happening: &Happening) {
        match happening {
            Happening::Join(node) => self.world.ping(id_of(*node).as_str(), PlatformType::Linux),
            Happening::Tag(node, prod) => {
                self.is_untagged |= !prod;
                self.world.tag(id_of(*node).as_str(), "Env", if *prod { "prod" } else { "test" });
            }
            Happening::Untag(node) => {
                self.is_untagged = true;
                let id = id_of(*node);
                let body = json!({"ResourceType": "ManagedInstance", "ResourceId": id, "TagKeys": ["Env"]});
                self.world.post("RemoveTagsFromResource", &body).unwrap();
            }
            Happening::Create { limit, errors, schedule, tagged } => {
                let body = json!({
                    "Name": "AWS-RunShellScript", "Parameters": {"commands": ["id"]}, "MaxConcurrency": limit,
                    "MaxErrors": errors, "ScheduleExpression": schedule, "Targets": Self::targets(*tagged),
                    "AlarmConfiguration": {"Alarms": [{"Name": "a1"}], "IgnorePollAlarmFailure": true},
                });
                self.associations.push(self.world.associate(&body));
            }
            Happening::Update { which, limit, tagged } => {
                let Some(id) = self.which(*which) else { return };
                let body = json!({
                    "AssociationId": id, "Parameters": {"commands": ["id"]}, "MaxConcurrency": limit,
                    "Targets": Self::targets(*tagged),
                });
                // Whoever leaves the targets may come back, as with a tag.
                self.is_untagged = true;
                self.world.post("UpdateAssociation", &body).unwrap();
            }
            Happening::StartOnce(which) => {
                let Some(id) = self.which(*which) else { return };
                self.world.post("StartAssociationsOnce", &json!({"AssociationIds": [id]})).unwrap();
            }
            Happening::Delete(which) => {
                let Some(id) = self.which(*which) else { return };
                self.associations.retain(|one| *one != id);
                self.world.post("DeleteAssociation", &json!({"AssociationId": id})).unwrap();
            }
            Happening::Alarm(raised) => {
                let state = raised.map(|raised| if raised { AlarmState::Alarm } else { AlarmState::Ok });
                let change = WorldChange::Alarm("a1".to_owned(), state);
                self.world.plane.change_world(self.world.now, change).unwrap();
            }
            Happening::Poll(node) => self.poll(*node),
            Happening::Report(node, which, status) => self.report(*node, *which, *status),
            Happening::Pass(minutes) => self.world.pass(Period::minutes(*minutes)),
            Happening::Restart => {
                let bytes = self.world.plane.snapshot().unwrap();
                self.world.plane = Service::restore(self.config.clone(), &bytes).unwrap();
                assert_eq!(self.world.plane.snapshot().unwrap(), bytes, "a snapshot brings all of it back");
            }
        }
    }

    fn poll(&mut self, node: u8) {
        let is_known = self.world.plane.state().nodes.admitted(id_of(node)).is_some();
        for summary in is_known.then(|| self.world.poll(id_of(node).as_str())).into_iter().flatten() {
            if summary.detailed_status.as_deref() == Some("Pending") {
                self.told.insert((node % NODES, summary.association_id), true);
            }
        }
    }

    /// A node reports only of what it was told to run, and not after its end.
    fn report(&mut self, node: u8, which: u8, status: AssociationStatus) {
        let Some(id) = self.which(which) else { return };
        let key = (node % NODES, id);
        if self.told.get(&key) != Some(&true) {
            return;
        }
        self.world.now += Period::seconds(1);
        let outcome = self.world.report(id_of(node).as_str(), id, status);
        if status.is_terminal() || outcome.is_err() {
            self.told.insert(key, false);
        }
    }

    fn check(&mut self) {
        self.world.settle();
        let state = self.world.plane.state();
        recount(&state);
        let mut seen = BTreeMap::new();
        for association in state.associations.after(None) {
            for execution in &association.executions {
                let key = (association.id, execution.number);
                let before = self.seen.get(&key);
                let open = execution.counts.open();
                if let (Some((busy, _)), Limit::At(limit)) = (before, execution.limit)
                    && !self.is_untagged
                {
                    assert!(execution.busy <= limit.max(*busy), "a slot that is not there, in {key:?}");
                }
                if let Some((_, before)) = before
                    && execution.halt.is_some()
                {
                    assert!(open <= *before, "somebody was let into {key:?}, which is halted");
                }
                if let Some(row) = execution.first_waiting()
                    && association.is_current(execution.number)
                {
                    assert!(!execution.has_room(), "row {row} of {key:?} waits beside a free slot");
                }
                seen.insert(key, (execution.busy, open));
            }
        }
        self.seen = seen;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_counts_are_recounts_and_slots_are_given_once(
        happenings in prop::collection::vec(happening(), 1..120),
        skips in any::<bool>(),
        shuffles in any::<bool>(),
    ) {
        let config = PlaneConfig {
            late_node_policy: if skips { LateNodes::Skip } else { LateNodes::Run },
            admission_order: if shuffles { AdmissionOrder::Shuffled } else { AdmissionOrder::NodeId },
            execution_history: 3,
            ..PlaneConfig::default()
        };
        let mut story = Story::new(config);
        for happening in &happenings {
            story.happen(happening);
            story.check();
        }
    }
}
