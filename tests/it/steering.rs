//! Agents that keep schedules themselves (the plane's setting `steering: agent`).

use std::collections::BTreeMap;

use agent::schedule::{Next, Schedule};
use fleet::plan::Overrides;
use fleet::scenario::Scenario;
use plane::config::{PlaneConfig, Steering};
use plane::service::Service;
use shared::schedule::timetable::Timetable;
use shared::schedule::{self, SHORTEST_INTERVAL};
use shared::seed::Seed;
use shared::target::Target;
use shared::time::{Period, Timestamp};
use shared::wire::{CreateAssociation, ListInstanceAssociations, RegisterManagedInstance};
use ssm_fleet_tests::World;

/// Schedules that the service takes, in all the ways that its dialect has.
const EXPRESSIONS: [&str; 24] = [
    "cron(0/30 * * * ? *)",
    "cron(0 0/4 * * ? *)",
    "cron(15 13 ? * * *)",
    "cron(15 13 ? * MON *)",
    "cron(30 23 ? * TUE#3 *)",
    "cron(0 0 ? * 3L *)",
    "cron(0 0 ? * TUEL *)",
    "cron(0 0 */1 * * ? *)",
    "cron(0 0 0/4 1/1 * ? *)",
    "cron(0 0 2 ? * SUN *)",
    "cron(0 2 L * ? *)",
    "cron(0 2 LW * ? *)",
    "cron(0 8 15W * ? *)",
    "cron(15 10 ? * 2-6 *)",
    "cron(15 10 ? * mon-fri *)",
    "cron(0 6,18 ? * * *)",
    "cron(0 0 31 * ? *)",
    "cron(0 3 1/10 * ? *)",
    "cron(0 12 ? * L *)",
    "cron(0 12 ? * 1 *)",
    "cron(0 12 ? * FRI#5 *)",
    "cron(0 0 ? * 5#2 *)",
    "cron(0 0 1 * ? 2099)",
    "rate(1 day)",
];

#[test]
fn a_schedule_that_agents_are_handed_means_the_same_to_them() {
    let now = Timestamp::from_seconds(1_741_615_651);
    let config = PlaneConfig { steering: Steering::Agent, ..PlaneConfig::default() };
    let service = Service::new(config);
    let node = "i-0123456789abcdef0".parse().expect("a node's id");
    let registration = RegisterManagedInstance {
        fingerprint: "i-0123456789abcdef0".into(),
        public_key: agent::identity::public_key(Seed(1), 0),
        ..RegisterManagedInstance::default()
    };
    service.call(now, registration).expect("an unknown node is taken");
    let mut made = BTreeMap::new();
    for expression in EXPRESSIONS {
        let request = CreateAssociation {
            name: "AWS-RunShellScript".into(),
            parameters: Some([("commands".into(), vec!["true".into()])].into()),
            schedule_expression: Some(expression.into()),
            targets: Some(vec![Target::new("InstanceIds", ["*"])]),
            ..CreateAssociation::default()
        };
        let reply = service.call(now, request).expect(expression);
        made.insert(reply.association_description.association_id.expect("an id"), expression);
    }
    while service.run_timer(now) {}
    let mut handed = 0;
    let mut token = None;
    loop {
        let ask = ListInstanceAssociations { instance_id: node, max_results: Some(20), next_token: token };
        let page = service.call(now, ask).expect("the node is known");
        for summary in page.associations {
            let Some(text) = summary.schedule_expression else { continue };
            let expression = made[&summary.association_id];
            let service_runs = Timetable::new(
                Some(schedule::Schedule::parse(expression, SHORTEST_INTERVAL).expect(expression)),
                false,
                None,
            );
            let expected = service_runs.expect(expression).runs(now).skip(1).take(20).map(|due| due.at);
            let agents_own = Schedule::parse(&text).expect("the agent can read what it is handed");
            let mut last = now;
            for expected in expected {
                assert_eq!(agents_own.next(last), Next::At(expected), "{expression} handed out as {text}");
                last = expected;
            }
            handed += 1;
        }
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    // Not those that end, nor those in words that agents have no equal for.
    assert!((20..EXPRESSIONS.len()).contains(&handed), "{handed} were handed out");
}

#[test]
fn agents_that_keep_a_cron_fire_at_the_same_second() {
    let scenario = Scenario::parse(
        "test",
        "{name: herd, seed: 5, ramp: 5m, duration: 95m, plane: {steering: agent},
          cohorts: [{name: all, platform: ubuntu-22.04, nodes: 200, tags: {Role: web}}],
          associations: [{name: herd, document: AWS-RunShellScript, at: 10m,
            parameters: {commands: ['true']}, schedule: 'cron(0 * * * ? *)',
            rounds: 2, targets: [all]}]}",
    );
    let outcome = World::new(&scenario.expect("a scenario"), &Overrides::default()).run();
    let made = outcome.finished.operator.made[0].id;
    let mut starts: BTreeMap<Timestamp, u32> = BTreeMap::new();
    for run in outcome.finished.measures.runs_of(made) {
        *starts.entry(run.started).or_default() += 1;
    }
    let herd: Vec<_> = starts.iter().filter(|(_, nodes)| **nodes > 50).collect();
    assert_eq!(herd.len(), 1, "{starts:?}");
    assert_eq!(*herd[0].1, 200, "every node, at the same instant");
    assert_eq!(herd[0].0.milliseconds() % Period::hours(1).as_milliseconds() as i64, 0, "the full hour");
}
