//! What nodes tell of themselves when their inventory association runs.

use agent::call::{Answer, Request};
use agent::node::Note;
use fleet::plan::Overrides;
use fleet::scenario::Scenario;
use serde_json::json;
use shared::error::ErrorCode;
use shared::status::AssociationStatus;
use shared::time::Period;
use shared::wire::PutInventory;
use ssm_fleet_tests::World;

use crate::bench::{Bench, Made, Shelf, association, refused};

const GATHER: &str = r#"{"schemaVersion":"2.0","mainSteps":[{"action":"aws:softwareInventory","name":"collect",
    "inputs":{"applications":"Enabled","networkConfig":"Enabled","customInventory":"Disabled"}}]}"#;

/// A plane whose one association gathers inventory every half hour.
fn shelf() -> Shelf {
    let mut gather = association(1, "Gather");
    gather.schedule_expression = Some("rate(30 minutes)".into());
    Shelf { associations: vec![gather], documents: [("Gather".to_owned(), GATHER.to_owned())].into() }
}

fn uploads(bench: &Bench) -> Vec<&PutInventory> {
    fn upload(made: &Made) -> Option<&PutInventory> {
        if let Request::PutInventory(call) = &made.request { Some(call) } else { None }
    }
    bench.calls.iter().filter_map(upload).collect()
}

/// For each type, whether its content is there.
fn contents(upload: &PutInventory) -> Vec<bool> {
    upload.items.iter().map(|item| item.content.is_some()).collect()
}

fn endings(bench: &Bench) -> Vec<AssociationStatus> {
    let ended = |note: &Note| if let Note::Ended(ended) = note { Some(ended.status) } else { None };
    bench.notes.iter().filter_map(|(_, note)| ended(note)).collect()
}

#[test]
fn what_the_plane_has_taken_is_told_by_its_hash_alone() {
    let mut shelf = shelf();
    let mut bench = Bench::new();
    bench.run_for(Period::minutes(9), &mut |made| shelf.answer(made));
    // The plane knows of the run from then on.
    shelf.associations[0].last_execution_date = Some(bench.now);
    bench.run_for(Period::minutes(31), &mut |made| shelf.answer(made));
    let uploads = uploads(&bench);
    assert_eq!(
        uploads.iter().map(|upload| contents(upload)).collect::<Vec<_>>(),
        [[true, true], [false, false]]
    );
    for (first, second) in uploads[0].items.iter().zip(&uploads[1].items) {
        assert_eq!(first.content_hash, second.content_hash);
        assert_ne!(first.capture_time, second.capture_time);
    }
    // The upload stands between "Executing association" and the step's own report.
    let mut operations = bench.operations();
    operations.retain(|name| *name != "UpdateInstanceInformation");
    let place = operations.iter().position(|name| *name == "PutInventory").expect("it is told");
    assert_eq!(
        operations[place - 1..=place + 1],
        ["UpdateInstanceAssociationStatus", "PutInventory", "UpdateInstanceAssociationStatus"]
    );
    assert_eq!(endings(&bench), [AssociationStatus::Success; 2]);
}

#[test]
fn a_content_that_the_plane_does_not_know_is_sent_in_full_once_more() {
    let mismatch = || ErrorCode::from("ItemContentMismatchException");
    let cases: [(Vec<Option<ErrorCode>>, usize, AssociationStatus); 4] = [
        (vec![None], 1, AssociationStatus::Success),
        (vec![Some(mismatch()), None], 2, AssociationStatus::Success),
        (vec![Some(mismatch()), Some(mismatch())], 2, AssociationStatus::Failed),
        (vec![Some(ErrorCode::from("ItemSizeLimitExceededException"))], 1, AssociationStatus::Failed),
    ];
    for (refusals, calls, ending) in cases {
        let shelf = shelf();
        let mut answers = refusals.iter();
        let mut bench = Bench::new();
        bench.run_for(Period::minutes(5), &mut |made| match &made.request {
            Request::PutInventory(_) => match answers.next().cloned().flatten() {
                Some(code) => refused(code),
                None => Answer::Done,
            },
            _ => shelf.answer(made),
        });
        let uploads = uploads(&bench);
        assert_eq!(uploads.len(), calls, "{refusals:?}");
        assert!(uploads.iter().all(|upload| contents(upload) == [true, true]), "{refusals:?}");
        assert_eq!(endings(&bench), [ending], "{refusals:?}");
    }
}

#[test]
fn a_fleet_tells_what_it_is_made_of_and_the_plane_can_be_asked() {
    let scenario = Scenario::parse(
        "test",
        "{name: inventory, seed: 5, ramp: 1m, duration: 100m,
          cohorts: [{name: linux, platform: debian-12, nodes: 20, facts_change: 1h},
                    {name: windows, platform: windows-2022, nodes: 5}],
          associations: [{name: gather, document: AWS-GatherSoftwareInventory, at: 10m, rounds: 3,
            schedule: rate(30 minutes), targets: [all]}]}",
    );
    let outcome = World::new(&scenario.expect("a scenario"), &Overrides::default()).run();
    let calls = &outcome.finished.measures.calls["PutInventory"];
    assert_eq!((calls.made, calls.errors()), (75, 0));
    let having = |name: &str| {
        let filter = json!({ "Key": "AWS:Application.Name", "Values": [name], "Type": "Equal" });
        let reply = outcome.ask("GetInventory", &json!({ "Filters": [filter], "MaxResults": 50 }));
        reply["Entities"].as_array().expect("entities").len()
    };
    assert_eq!((having("adduser"), having("Amazon SSM Agent"), having("no such package")), (20, 5, 0));
}
