//! Plugins that do more than run a script: inventory and packages.

use agent::call::{Answer, Request};
use agent::catalogue::Behaviour;
use agent::distribution::Distribution;
use agent::fault::Share;
use agent::node::Note;
use serde_json::{Value, json};
use shared::error::ErrorCode;
use shared::id::AssociationId;
use shared::status::AssociationStatus;
use shared::time::Period;
use shared::wire::GetManifestReply;

use super::{ONE, bench, run_of_one, shelf, steps, told, told_of};
use crate::bench::{Bench, ONE_STEP, START, Shelf, association, refused};

#[test]
fn inventory_is_gathered_after_a_wait_of_its_own() {
    let content = json!({"schemaVersion": "2.0", "mainSteps": [{"action": "aws:softwareInventory",
        "name": "collect", "inputs": {"applications": "Enabled"}}]});
    let shelf = shelf(&[("Inventory", &content.to_string())]);
    let mut waits: Vec<_> = (0..20)
        .map(|index| {
            let mut bench = Bench::of(index, Vec::new(), START);
            bench.run_for(Period::minutes(9), &mut |made| shelf.answer(made));
            assert_eq!(told_of(&bench, 1), run_of_one(AssociationStatus::Success, "", ONE));
            let gathered = bench.notes.iter().filter(|(_, note)| matches!(note, Note::InventoryGathered(_)));
            assert_eq!(gathered.count(), 1);
            let instants = bench.instants("UpdateInstanceAssociationStatus", START);
            instants[2] - instants[1]
        })
        .collect();
    waits.sort();
    assert!(waits[0] < Period::seconds(8) && waits[19] > Period::seconds(20), "{waits:?}");
    assert!(waits[19] < Period::seconds(33), "{waits:?}");
}

#[test]
fn a_node_gathers_inventory_for_one_association_only() {
    let content = steps(json!([{"action": "aws:softwareInventory", "name": "collect"}]));
    let documents = [("Inventory".to_owned(), content)].into();
    let shelf =
        Shelf { associations: vec![association(1, "Inventory"), association(2, "Inventory")], documents };
    let mut bench = bench(Vec::new());
    bench.run_for(Period::minutes(9), &mut |made| shelf.answer(made));
    assert_eq!(told_of(&bench, 1), run_of_one(AssociationStatus::Success, "", ONE));
    let (first, second) = (AssociationId::from_bits(1), AssociationId::from_bits(2));
    let summary = format!(
        "1 out of 1 plugin processed, 0 success, 1 failed, 0 timedout, 0 skipped. \n\
         The operation collect failed because aws:softwareInventory detected multiple inventory configurations \
         associated with one instance. Each instance can be associated with just one inventory configuration. \
         Conflicting inventory configuration IDs: {second} and {first}."
    );
    assert_eq!(told_of(&bench, 2), run_of_one(AssociationStatus::Failed, "ExecutionError", &summary));
}

fn package(inputs: Value) -> String {
    steps(json!([{"action": "aws:configurePackage", "name": "p", "inputs": inputs}]))
}

#[test]
fn a_package_is_asked_for_worked_on_and_told_of() {
    let shelf =
        shelf(&[("Package", &package(json!({"name": "AmazonCloudWatchAgent", "action": "Install"})))]);
    let takes = Some(Distribution::Constant(Period::seconds(20)));
    for (fails, code, status) in
        [(Share::NONE, 0, AssociationStatus::Success), (Share::ALL, 5, AssociationStatus::Failed)]
    {
        let behaviour = Behaviour { takes, fails, exit_code: 5, ..Behaviour::default() };
        let mut bench = bench(vec![behaviour]);
        bench.run_for(Period::minutes(9), &mut |made| match &made.request {
            Request::GetManifest(call) => {
                assert_eq!(call.package_version, "latest");
                Answer::Manifest(GetManifestReply { manifest: json!({"version": "1.3"}).to_string() })
            }
            _ => shelf.answer(made),
        });
        let operations = bench.operations();
        let run: Vec<_> = operations
            .iter()
            .filter(|operation| operation.contains("Package") || operation.contains("Manifest"))
            .collect();
        assert_eq!(run, [&"GetManifest", &"PutConfigurePackageResult"]);
        let told_of = &bench.calls_of("PutConfigurePackageResult")[0].request;
        let Request::PutPackageResult(result) = told_of else { panic!("{told_of:?}") };
        assert_eq!(
            (result.package_name.as_str(), result.package_version.as_str()),
            ("AmazonCloudWatchAgent", "1.3")
        );
        assert_eq!((result.operation.as_str(), result.result), ("Install", code));
        assert_eq!(result.overall_timing, 20_010, "the question included");
        assert_eq!(told(&bench).pop().expect("it ran").status, status);
    }
}

#[test]
fn what_is_no_package_of_the_service_may_be_a_document() {
    let unknown = || Answer::Refused(ErrorCode::Other("ResourceNotFoundException".into()).into(), 400);
    for (is_there, status) in [(true, AssociationStatus::Success), (false, AssociationStatus::Failed)] {
        let content = package(json!({"name": "Mine", "action": "Install"}));
        let mut shelf = shelf(&[("A", &content)]);
        if is_there {
            shelf.documents.insert("Mine".into(), ONE_STEP.into());
        }
        let mut bench = bench(Vec::new());
        bench.run_for(Period::minutes(9), &mut |made| match &made.request {
            Request::GetManifest(_) => unknown(),
            _ => shelf.answer(made),
        });
        assert_eq!(bench.calls_of("GetDocument").len(), 2);
        assert_eq!(bench.calls_of("PutConfigurePackageResult").len(), 0, "of such nobody is told");
        assert_eq!(told(&bench).pop().expect("it ran").status, status);
    }
    let shelf = shelf(&[("A", &package(json!({"name": "P", "action": "Install"})))]);
    let mut bench = bench(Vec::new());
    bench.run_for(Period::minutes(9), &mut |made| match &made.request {
        Request::GetManifest(_) => refused(ErrorCode::AccessDeniedException),
        _ => shelf.answer(made),
    });
    let summary = "1 out of 1 plugin processed, 0 success, 1 failed, 0 timedout, 0 skipped. \n\
                   The operation p failed because AccessDeniedException: .";
    assert_eq!(told(&bench).pop().expect("it ran").summary, summary);
}
