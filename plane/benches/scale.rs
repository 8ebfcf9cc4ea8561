//! What many associations cost the plane: per call, per pair, per dispatch.
//!
//! 100,000 nodes carry 10, 100, 1,000 and 2,000 associations, each number in a
//! plane of its own that is built through the public operations in virtual
//! time: heartbeats, a tag per node, CreateAssociation, the engine run until
//! nothing is due. The tag `Ring` divides the nodes into rings, and each ring
//! is the target of twenty associations, so that every node has twenty of them
//! however many there are; with ten associations in all it has those ten. The
//! associations of a ring lie as far apart as they can. Calls come from nodes
//! all over the fleet, never twice in a row from the same.
//!
//! A report is one that changes something: each pair goes from `Pending` to
//! `InProgress` to `Success`, and when all pairs are through, the associations
//! are run once again, which is counted as dispatch and not as report.
//!
//! The table at the end comes from calls that go to all sizes by turns, and from
//! the middle one of all batches of calls. A call that lists is as long as its
//! rows, so the table divides by them: "flat" is that what a row or a report costs
//! differs by a factor of two at most between ten associations and two thousand.
//!
//! `cargo bench -p ssm-fleet-plane --bench scale`; without `--bench`, as under
//! `cargo test --benches`, the fleet is a hundredth of that and nothing is timed.

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::{Measurement, WallTime};
use criterion::{BenchmarkId, Criterion, Throughput};
use shared::id::{AssociationId, NodeId};
use shared::status::{AssociationStatus, PlatformType};
use shared::target::Target;
use shared::time::{Period, Timestamp};
use shared::wire::{
    AddTagsToResource, CreateAssociation, DeleteAssociation, DescribeAssociationExecutions,
    InstanceAssociationExecutionResult, ListInstanceAssociations, StartAssociationsOnce, Tag,
    UpdateInstanceAssociationStatus, UpdateInstanceInformation,
};
use ssm_fleet_plane::config::PlaneConfig;
use ssm_fleet_plane::service::Service;

/// How many associations there are in all.
const SIZES: [usize; 4] = [10, 100, 1_000, 2_000];

/// How many of them a node has at most.
const MOST_PER_NODE: usize = 20;

/// How far the next pair lies from the one before: about the golden section of
/// two million, and without a factor in common with any number of pairs here.
const STRIDE: usize = 1_236_077;

/// How many calls are made ready at once, beside the clock.
const BATCH: u64 = 1_000;

/// How often each size has its turn when they are compared.
const TURNS: u32 = 100;

/// What calls took, in batches.
#[derive(Debug, Clone, Default)]
struct Spent {
    count: u64,
    time: Duration,
    /// Microseconds per call of each batch.
    batches: Vec<f64>,
}

impl Spent {
    fn add(&mut self, count: u64, time: Duration) {
        self.count += count;
        self.time += time;
        self.batches.push(time.as_secs_f64() * 1e6 / count as f64);
    }

    fn append(&mut self, other: Self) {
        self.count += other.count;
        self.time += other.time;
        self.batches.extend(other.batches);
    }

    /// What a call took in the middle one of all batches: whatever else the
    /// machine had to do stretches some of them.
    fn microseconds(&self) -> f64 {
        let mut batches = self.batches.clone();
        batches.sort_by(f64::total_cmp);
        batches.get(batches.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

/// What was measured of one size.
#[derive(Debug, Clone, Default)]
struct Figures {
    associations: usize,
    per_node: usize,
    pairs: usize,
    dispatched: Spent,
    reported: Spent,
    listed: Spent,
    created: Spent,
    /// Bytes of a pair: when it is dispatched, and when it has run.
    bytes: [f64; 2],
}

impl Figures {
    /// What a call costs per row that it lists, in microseconds.
    fn microseconds_per_row(&self) -> f64 {
        self.listed.microseconds() / self.per_node as f64
    }
}

/// A plane with its fleet.
struct Built {
    plane: Service,
    now: Timestamp,
    nodes: Vec<NodeId>,
    associations: Vec<AssociationId>,
    /// The next report of the round: the number of its pair, first for all
    /// pairs at `InProgress`, then for all at `Success`.
    next_report: usize,
    next_list: usize,
    figures: Figures,
}

impl Built {
    /// A plane with these many nodes and associations; nothing has been reported.
    fn new(nodes: usize, associations: usize) -> Self {
        let config = PlaneConfig { association_limit: u32::MAX, ..PlaneConfig::default() };
        let ids = (0..nodes).map(|index| NodeId::ec2(index as u128 + 1)).collect();
        let mut built = Self {
            plane: Service::new(config),
            now: Timestamp::from_seconds(1_741_608_000),
            nodes: ids,
            associations: Vec::new(),
            next_report: 0,
            next_list: 0,
            figures: Figures::default(),
        };
        let rings = associations.div_ceil(MOST_PER_NODE);
        for index in 0..nodes {
            built.admit(built.nodes[index], index % rings);
        }
        for index in 0..associations {
            let created = built.plane.call(built.now, association(index % rings)).expect("it is sound");
            built.associations.push(created.association_description.association_id.expect("it has an id"));
        }
        built.figures =
            Figures { associations, per_node: built.per_node(), pairs: built.pairs(), ..Figures::default() };
        let memory = allocation_counter::measure(|| built.dispatch());
        built.figures.bytes[0] = memory.bytes_current as f64 / built.pairs() as f64;
        built
    }

    fn admit(&mut self, id: NodeId, ring: usize) {
        let heartbeat = UpdateInstanceInformation {
            agent_name: Some("amazon-ssm-agent".to_owned()),
            agent_status: Some("Active".to_owned()),
            agent_version: Some("3.3.0.0".to_owned()),
            availability_zone: None,
            availability_zone_id: None,
            computer_name: Some(format!("{id}.internal")),
            ip_address: Some("10.0.0.5".to_owned()),
            instance_id: id,
            platform_name: Some("Ubuntu".to_owned()),
            platform_type: Some(PlatformType::Linux),
            platform_version: Some("22.04".to_owned()),
            ssm_connection_channel: None,
        };
        self.plane.call(self.now, heartbeat).expect("the node is admitted");
        let tags = vec![Tag { key: "Ring".to_owned(), value: ring.to_string() }];
        let tags = AddTagsToResource {
            resource_type: "ManagedInstance".to_owned(),
            resource_id: id.to_string(),
            tags,
        };
        self.plane.call(self.now, tags).expect("the node is known");
        self.plane.run_timers(self.now);
    }

    fn rings(&self) -> usize {
        self.associations.len().div_ceil(MOST_PER_NODE)
    }

    fn per_node(&self) -> usize {
        self.associations.len() / self.rings()
    }

    fn pairs(&self) -> usize {
        self.nodes.len() * self.per_node()
    }

    /// Lets the engine do what is due, which is to begin an execution of each association.
    fn dispatch(&mut self) {
        let start = WallTime.start();
        self.plane.run_timers(self.now);
        let time = WallTime.end(start);
        self.figures.dispatched.add(self.pairs() as u64, time);
        self.next_report = 0;
    }

    /// The node and the association of a pair.
    fn pair(&self, number: usize) -> (NodeId, AssociationId) {
        let place = number * STRIDE % self.pairs();
        let (node, slot) = (place / self.per_node(), place % self.per_node());
        (self.nodes[node], self.associations[node % self.rings() + slot * self.rings()])
    }

    /// The next report of this round, unless all pairs are through.
    fn report(&mut self) -> Option<UpdateInstanceAssociationStatus> {
        let (round, number) = (self.next_report / self.pairs(), self.next_report % self.pairs());
        let status = match round {
            0 => AssociationStatus::InProgress,
            1 => AssociationStatus::Success,
            _ => return None,
        };
        self.next_report += 1;
        if number.is_multiple_of(1_000) {
            self.now = self.now + Period::milliseconds(1);
        }
        let (instance_id, association_id) = self.pair(number);
        let execution_result = InstanceAssociationExecutionResult {
            error_code: Some(String::new()),
            execution_date: self.now,
            execution_summary: "1 out of 1 plugin processed, 1 success, 0 failed, 0 timedout, 0 skipped."
                .to_owned(),
            output_url: None,
            status,
        };
        Some(UpdateInstanceAssociationStatus {
            association_id,
            association_version: None,
            execution_result,
            instance_id,
        })
    }

    /// Makes the next `count` reports of this round, or as many as are left.
    fn run_reports(&mut self, count: u64) -> (u64, Duration) {
        let mut spent = Spent::default();
        while spent.count < count {
            let most = BATCH.min(count - spent.count) as usize;
            let calls: Vec<_> = std::iter::from_fn(|| self.report()).take(most).collect();
            if calls.is_empty() {
                break;
            }
            let calls_made = calls.len() as u64;
            let start = WallTime.start();
            for call in calls {
                black_box(self.plane.call(self.now, call).expect("the pair is there"));
            }
            spent.add(calls_made, WallTime.end(start));
        }
        let (made, time) = (spent.count, spent.time);
        self.figures.reported.append(spent);
        (made, time)
    }

    /// Has every association run once again, if all nodes are through.
    fn begin_round(&mut self) {
        if self.next_report < 2 * self.pairs() {
            return;
        }
        self.check_round();
        self.now = self.now + Period::minutes(1);
        for ten in self.associations.chunks(10) {
            let call = StartAssociationsOnce { association_ids: ten.to_vec() };
            self.plane.call(self.now, call).expect("the associations are there");
        }
        self.dispatch();
    }

    /// Panics unless each report of the round has changed something.
    fn check_round(&self) {
        for association_id in [self.associations[0], self.associations[self.associations.len() - 1]] {
            let call = DescribeAssociationExecutions {
                association_id,
                filters: None,
                max_results: None,
                next_token: None,
            };
            let executions = self.plane.call(self.now, call).expect("it is there").association_executions;
            let expected = format!("{{Success={}}}", self.nodes.len() / self.rings());
            assert_eq!(executions[0].resource_count_by_status.as_ref(), Some(&expected));
        }
    }

    /// Lets the first round end, and counts what is kept of it.
    fn finish_first_round(&mut self) {
        let memory = allocation_counter::measure(|| {
            self.run_reports(u64::MAX);
        });
        self.check_round();
        self.figures.bytes[1] = self.figures.bytes[0] + memory.bytes_current as f64 / self.pairs() as f64;
    }

    fn time_reports(&mut self, count: u64) -> Duration {
        let mut time = Duration::ZERO;
        let mut left = count;
        while left > 0 {
            self.begin_round();
            let (made, spent) = self.run_reports(left);
            left -= made;
            time += spent;
        }
        time
    }

    /// Has nodes from all over the fleet list what they have.
    fn time_lists(&mut self, count: u64) -> Duration {
        let mut spent = Spent::default();
        while spent.count < count {
            let calls: Vec<_> = (0..BATCH.min(count - spent.count))
                .map(|_| {
                    self.next_list += 1;
                    let (instance_id, _) = self.pair(self.next_list);
                    ListInstanceAssociations { instance_id, max_results: Some(20), next_token: None }
                })
                .collect();
            let calls_made = calls.len() as u64;
            let start = WallTime.start();
            for call in calls {
                let reply = self.plane.call(self.now, call).expect("the node is known");
                assert_eq!(black_box(reply).associations.len(), self.per_node());
            }
            spent.add(calls_made, WallTime.end(start));
        }
        let time = spent.time;
        self.figures.listed.append(spent);
        time
    }

    /// Makes associations, which are deleted again before the engine sees them.
    fn time_creations(&mut self, count: u64) -> Duration {
        let mut spent = Spent::default();
        while spent.count < count {
            let calls: Vec<_> = (0..BATCH.min(count - spent.count))
                .map(|index| association(index as usize % self.rings()))
                .collect();
            let mut made = Vec::with_capacity(calls.len());
            let start = WallTime.start();
            for call in calls {
                made.push(self.plane.call(self.now, call).expect("it is sound"));
            }
            spent.add(made.len() as u64, WallTime.end(start));
            for association in made {
                let association_id = association.association_description.association_id;
                let call = DeleteAssociation { association_id, ..DeleteAssociation::default() };
                self.plane.call(self.now, call).expect("it was just made");
            }
            self.plane.run_timers(self.now);
        }
        let time = spent.time;
        self.figures.created.append(spent);
        time
    }
}

/// A request for an association of this ring.
fn association(ring: usize) -> CreateAssociation {
    CreateAssociation {
        name: "AWS-RunShellScript".to_owned(),
        parameters: Some([("commands".to_owned(), vec!["uptime".to_owned()])].into()),
        targets: Some(vec![Target::new("tag:Ring", [ring.to_string()])]),
        ..CreateAssociation::default()
    }
}

/// Measures one size.
fn measure(criterion: &mut Criterion, built: &mut Built) {
    let associations = built.associations.len();
    let mut group = criterion.benchmark_group("scale");
    group.sample_size(20).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(4));
    group.throughput(Throughput::Elements(built.per_node() as u64));
    group.bench_function(BenchmarkId::new("ListInstanceAssociations", associations), |bencher| {
        bencher.iter_custom(|count| built.time_lists(count));
    });
    built.finish_first_round();
    built.begin_round();
    group.throughput(Throughput::Elements(1));
    group.bench_function(BenchmarkId::new("UpdateInstanceAssociationStatus", associations), |bencher| {
        bencher.iter_custom(|count| built.time_reports(count));
    });
    group.bench_function(BenchmarkId::new("CreateAssociation", associations), |bencher| {
        bencher.iter_custom(|count| built.time_creations(count));
    });
    group.finish();
}

/// Measures all sizes by turns, so that whatever else the machine has to do
/// meanwhile falls on all of them.
fn compare(sizes: &mut [Built]) {
    for built in &mut *sizes {
        let Figures { listed, reported, created, .. } = &mut built.figures;
        [listed, reported, created].into_iter().for_each(|spent| *spent = Spent::default());
    }
    for _ in 0..TURNS {
        for built in &mut *sizes {
            built.time_lists(2 * BATCH);
            built.time_reports(2 * BATCH);
            built.time_creations(BATCH);
        }
    }
}

/// How many times the least the greatest is.
fn spread(values: impl Iterator<Item = f64> + Clone) -> f64 {
    values.clone().fold(0.0, f64::max) / values.fold(f64::INFINITY, f64::min)
}

fn main() {
    let is_timed = std::env::args().any(|argument| argument == "--bench");
    let nodes = if is_timed { 100_000 } else { 1_000 };
    let mut criterion = Criterion::default().configure_from_args();
    let mut sizes = SIZES.map(|associations| Built::new(nodes, associations));
    sizes.iter_mut().for_each(|built| measure(&mut criterion, built));
    criterion.final_summary();
    if !is_timed {
        return;
    }
    compare(&mut sizes);
    let measured = sizes.map(|built| built.figures);
    println!(
        "associations      pairs  list  per row  report  create  dispatch    bytes per pair\n\
         \x20                         µs       µs      µs      µs   pairs/s  dispatched  run"
    );
    for figures in &measured {
        println!(
            "{:>12} {:>10} {:>5.2} {:>8.3} {:>7.3} {:>7.2} {:>9.0} {:>11.0} {:>4.0}",
            figures.associations,
            figures.pairs,
            figures.listed.microseconds(),
            figures.microseconds_per_row(),
            figures.reported.microseconds(),
            figures.created.microseconds(),
            1e6 / figures.dispatched.microseconds(),
            figures.bytes[0],
            figures.bytes[1],
        );
    }
    println!(
        "greatest to least: list per row {:.2}, report {:.2}, create {:.2}",
        spread(measured.iter().map(Figures::microseconds_per_row)),
        spread(measured.iter().map(|figures| figures.reported.microseconds())),
        spread(measured.iter().map(|figures| figures.created.microseconds())),
    );
}
