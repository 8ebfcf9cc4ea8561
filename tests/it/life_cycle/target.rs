//! Nodes that an association gains and loses: by tags, groups, registration, their end.

use std::collections::BTreeSet;

use fleet::history::{Ending, Entry};
use plane::config::{LateNodes, PlaneConfig};
use plane::service::WorldChange;
use plane::state::world::{Instance, InstanceState, ResourceGroup, TagFilter};
use serde_json::json;

use super::{pair, play, row};
use crate::stage::{Network, Stage, fleet_of, takes};

#[test]
fn a_node_that_gets_the_tag_runs_at_once_and_nobody_else() {
    play(|stage, _| {
        let id = stage.associate("hello", "prod", &json!({}));
        let waits = json!({"ScheduleExpression": "cron(0 1 * * ? *)", "ApplyOnlyAtCronInterval": true});
        let waits = stage.associate("hello", "prod", &waits);
        stage.until(15);
        let new = stage.nodes("test")[0];
        stage.tag(new, "Env", "prod");
        assert_eq!(stage.standing(new, id), pair("Pending", "Associated"));
        assert_eq!(stage.executions(id), [row("InProgress", "{Pending=1, Success=3}")]);
        stage.until(70);
        assert_eq!((stage.began(new, id), stage.began(new, waits)), (vec![20], vec![60]));
        for node in stage.nodes("prod") {
            assert_eq!(stage.began(node, id), [10]);
        }
        assert_eq!(stage.executions(id), [row("Success", "{Success=4}")]);
    });
}

#[test]
fn a_node_that_registers_later_runs_at_once() {
    let scenario = fleet_of(&[("prod", 6)], "1h");
    Stage::play(&scenario, |stage, _| {
        stage.create_document("hello", 1);
        let id = stage.associate("hello", "prod", &json!({}));
        let all = json!({"Targets": [{"Key": "InstanceIds", "Values": ["*"]}]});
        let everyone = stage.associate("hello", "prod", &all);
        stage.until(80);
        for node in stage.nodes("prod") {
            let arrived = stage.minute_of(stage.plan.arrival(node));
            for id in [id, everyone] {
                let began = stage.began(node, id);
                assert!(began.len() == 1 && began[0] - arrived <= 2, "{began:?}, and came at {arrived}");
            }
        }
        assert_eq!(stage.executions(id), [row("Success", "{Success=6}")]);
    });
}

#[test]
fn a_runbook_is_not_carried_out_for_a_node_that_joins() {
    play(|stage, _| {
        let content = json!({
            "schemaVersion": "0.3", "parameters": {"InstanceId": {"type": "String"}},
            "mainSteps": [{"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}}],
        });
        let body = json!({"Name": "Runbook", "Content": content.to_string(), "DocumentType": "Automation"});
        stage.ask("CreateDocument", &body);
        let more = json!({
            "AutomationTargetParameterName": "InstanceId", "ScheduleExpression": "cron(0 1 * * ? *)",
        });
        let id = stage.associate("Runbook", "prod", &more);
        stage.until(12);
        stage.tag(stage.nodes("test")[0], "Env", "prod");
        stage.until(50);
        assert_eq!(stage.executions(id), [row("Success", "{Success=3}")]);
        stage.until(65);
        assert_eq!(stage.executions(id)[0], row("Success", "{Success=4}"), "by its schedule");
    });
}

#[test]
fn a_node_whose_tag_is_taken_off_has_it_no_longer() {
    play(|stage, network| {
        let id = stage.associate("slow", "prod", &json!({"ScheduleExpression": "rate(30 minutes)"}));
        let prod = stage.nodes("prod");
        stage.until(8);
        stage.untag(prod[0], "Env");
        stage.until(12);
        assert_eq!(stage.running(id), BTreeSet::from([prod[1], prod[2]]), "it had not fetched its order");
        stage.untag(prod[1], "Env");
        assert_eq!(stage.standing(prod[1], id), None);
        assert_eq!(stage.executions(id), [row("InProgress", "{InProgress=1, Skipped=2}")]);
        stage.until(70);
        assert_eq!(stage.began(prod[0], id), [0; 0]);
        assert_eq!(stage.began(prod[1], id), [10], "what runs already ends");
        assert_eq!(stage.began(prod[2], id), [10, 40]);
        let endings = network.endings(id);
        let of_left = endings.iter().find(|ending| ending.node == prod[1]).unwrap();
        assert_eq!(of_left.refusal.as_deref(), Some("AssociationDoesNotExist"));
        assert_eq!((stage.compliance(prod[1]).len(), stage.compliance(prod[2]).len()), (0, 1));
        let counts = &stage.describe(id)["Overview"]["AssociationStatusAggregatedCount"];
        assert_eq!(counts, &json!({"Pending": 1}), "minute 62 began another round");
    });
}

fn group(value: &str) -> Option<ResourceGroup> {
    let filter = TagFilter { key: "Env".to_owned(), values: vec![value.to_owned()] };
    Some(ResourceGroup { tag_filters: vec![filter] })
}

#[test]
fn a_resource_group_gains_and_loses_nodes_and_is_deleted() {
    play(|stage, _| {
        stage.change(WorldChange::ResourceGroup("web".to_owned(), group("prod")));
        let more = json!({
            "Targets": [{"Key": "resource-groups:Name", "Values": ["web"]}], "ScheduleExpression": "rate(1 hour)",
        });
        let id = stage.associate("hello", "prod", &more);
        let (prod, test) = (stage.nodes("prod"), stage.nodes("test"));
        stage.until(12);
        stage.tag(test[0], "Env", "prod");
        stage.untag(prod[0], "Env");
        stage.until(32);
        assert_eq!(stage.began(test[0], id), [20]);
        assert_eq!((stage.began(prod[0], id), stage.standing(prod[0], id)), (vec![10], None));
        stage.change(WorldChange::ResourceGroup("web".to_owned(), None));
        stage.until(80);
        for node in prod.iter().chain(&test) {
            assert_eq!(stage.standing(*node, id), None);
            assert!(stage.began(*node, id).len() <= 1, "its nodes stop running it");
        }
        assert_eq!(stage.executions(id)[0].0, "Failed", "minute 62 finds no group");
        assert_eq!(stage.executions(id).len(), 2);
    });
}

#[test]
fn a_node_that_is_gone_is_counted_no_more_and_refused() {
    play(|stage, _| {
        let id = stage.associate("slow", "prod", &json!({"ScheduleExpression": "rate(30 minutes)"}));
        let prod = stage.nodes("prod");
        stage.until(12);
        let gone = Instance { state: InstanceState::Terminated, ..Instance::default() };
        stage.change(WorldChange::Instance(stage.id(prod[0]), Some(gone)));
        assert_eq!(stage.executions(id), [row("InProgress", "{InProgress=2, Skipped=1}")]);
        stage.until(70);
        assert_eq!(stage.executions(id)[1], row("Success", "{Success=2}"), "minute 32 finds two nodes");
        assert_eq!(stage.began(prod[0], id), [10]);
        let minute = stage.minute(13);
        // Whoever asks, ListAssociations has none of the old form: there the agent turns when a poll fails.
        let of_gone = |entry: &&Entry| {
            entry.node == prod[0] && entry.arrived > minute && entry.operation != "ListAssociations"
        };
        let calls: Vec<_> = stage.calls().iter().filter(of_gone).cloned().collect();
        assert!(calls.len() > 10, "the agent knows of nothing: {}", calls.len());
        // Its polls then go the way of old agents: that list is empty, and no refusal.
        let is_refused = |entry: &Entry| entry.ending != Ending::Ok || entry.operation == "ListAssociations";
        assert!(calls.iter().all(is_refused), "{calls:?}");
        let body = json!({"InstanceId": stage.id(prod[0])});
        let refusal = stage.try_ask("DescribeInstanceAssociationsStatus", &body).unwrap_err();
        assert!(refusal.contains("InvalidInstanceId"), "{refusal}");
    });
}

/// E.3, late node: ten nodes, two at once, and an eleventh appears.
#[test]
fn a_late_node_runs_beyond_the_limit_or_in_the_next_interval() {
    for (policy, at_once, began) in [(LateNodes::Run, 3, vec![20]), (LateNodes::Skip, 2, vec![])] {
        let mut scenario = fleet_of(&[("prod", 10), ("test", 1)], "0s");
        for cohort in &mut scenario.cohorts {
            cohort.behaviours.push(takes("slow", 15));
        }
        let network = Network::default();
        let set = |config: &mut PlaneConfig| config.late_node_policy = policy;
        Stage::play_through(&scenario, &network, set, |stage| {
            stage.create_document("slow", 1);
            let more = json!({"MaxConcurrency": "2", "ScheduleExpression": "rate(1 hour)"});
            stage.until(2);
            let id = stage.associate("slow", "prod", &more);
            let late = stage.nodes("test")[0];
            stage.until(12);
            assert_eq!(stage.running(id).len(), 2);
            stage.tag(late, "Env", "prod");
            stage.until(22);
            assert_eq!(stage.running(id).len(), at_once, "{policy:?}");
            stage.until(60);
            assert_eq!(stage.began(late, id), began, "{policy:?}");
            stage.until(72);
            let counts = stage.executions(id)[0].1.clone();
            let of = |counts: &str| -> usize {
                let numbers = counts.trim_matches(['{', '}']).split(", ");
                numbers.map(|pair| pair.split('=').nth(1).unwrap().parse::<usize>().unwrap()).sum()
            };
            assert_eq!(of(&counts), 11, "{policy:?}: {counts}");
            assert_eq!(stage.running(id).len(), 2, "{policy:?}: the limit holds again");
        });
    }
}
