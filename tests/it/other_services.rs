//! What AWS keeps in other services, said in a scenario: groups, alarms, buckets,
//! instances and documents of other accounts, and what they do to its run.

use fleet::plan::Overrides;
use fleet::scenario::Scenario;
use fleet::simulation::Ending;
use shared::wire::{DescribeInstanceInformation, ListAssociations};
use ssm_fleet_tests::World;

const SCENARIO: &str = r#"
name: other-services
seed: 3
ramp: 1m
duration: 2h
plane:
  world:
    alarms: { quiet: OK, loud: ALARM }
    buckets: [logs]
    resource_groups: { web: { tag_filters: [{ key: Role, values: [web] }] } }
    instances:
      i-0123456789abcdef0: { state: pending, tags: { Role: web } }
      i-0123456789abcdef1: { state: shutting-down }
    denied_nodes: [i-0123456789abcdef2]
    shared_documents:
      "arn:aws:ssm:us-east-1:999988887777:document/Theirs":
        content:
          schemaVersion: "2.2"
          mainSteps: [{ action: aws:runShellScript, name: a, inputs: { runCommand: [id] } }]
cohorts:
  - { name: web, platform: amazon-linux-2023, nodes: 6, tags: { Role: web } }
  - { name: rest, platform: amazon-linux-2023, nodes: 4 }
associations:
  - { name: group, at: 5m, document: "arn:aws:ssm:us-east-1:999988887777:document/Theirs",
      targets: [resource-group: web], alarm: quiet, output_bucket: logs }
  - { name: stopped, at: 5m, document: "arn:aws:ssm:us-east-1:999988887777:document/Theirs",
      targets: [resource-group: web], alarm: loud, rounds: 0 }
  - { name: early, at: 5m, document: "arn:aws:ssm:us-east-1:999988887777:document/Theirs",
      targets: [instance: i-0123456789abcdef0], rounds: 0 }
  - { name: bare, at: 6m, document: Theirs, targets: [all], refused: InvalidDocument }
  - { name: bucket, at: 6m, document: "arn:aws:ssm:us-east-1:999988887777:document/Theirs",
      targets: [all], output_bucket: elsewhere, refused: InvalidOutputLocation }
  - { name: going, at: 6m, document: "arn:aws:ssm:us-east-1:999988887777:document/Theirs",
      targets: [instance: i-0123456789abcdef1], refused: InvalidInstanceId }
  - { name: denied, at: 6m, document: "arn:aws:ssm:us-east-1:999988887777:document/Theirs",
      targets: [instance: i-0123456789abcdef2], refused: InvalidInstanceId }
"#;

#[test]
fn a_scenario_says_what_other_services_know() {
    let scenario = Scenario::parse("other-services", SCENARIO).unwrap();
    let outcome = World::new(&scenario, &Overrides::default()).run();
    assert_eq!(outcome.finished.ending, Ending::Complete, "{:?}", outcome.finished.operator.troubles);
    let refusals = &outcome.finished.operator.refusals;
    assert_eq!(refusals.len(), 4, "{refusals:?}");
    assert_eq!(outcome.finished.operator.made.len(), 3);

    let end = outcome.finished.ended;
    let listed = outcome.service.call(end, ListAssociations::default()).unwrap().associations;
    let told: Vec<(String, String)> = listed
        .into_iter()
        .map(|one| {
            let overview = one.overview.unwrap();
            let counts = overview.association_status_aggregated_count.unwrap_or_default();
            (one.association_name.unwrap(), format!("{:?} {counts:?}", overview.status.unwrap()))
        })
        .collect();
    let expected = [
        ("group", r#""Success" {"Success": 6}"#),
        ("stopped", r#""Pending" {}"#),
        ("early", r#""Success" {}"#),
    ];
    assert_eq!(told, expected.map(|(name, stands)| (name.to_owned(), stands.to_owned())));
    let nodes = outcome.service.call(end, DescribeInstanceInformation::default()).unwrap();
    assert_eq!(nodes.instance_information_list.len(), 10, "who never registered is not listed");
}
