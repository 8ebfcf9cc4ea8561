//! What a node does with the documents of commands: they do what documents of
//! associations do. They ask for parameters, run other documents, install packages,
//! reboot the node and go on; what cancels them is told step by step.

use agent::call::{Answer, Request};
use agent::catalogue::Behaviour;
use agent::channel::Channels;
use agent::channel::call::{Incoming, Origin};
use agent::fault::Share;
use agent::lane::LaneName;
use agent::node::{Event, Note, Purpose};
use serde_json::{Value, json};
use shared::error::ErrorCode;
use shared::time::{Period, Timestamp};
use shared::wire::GetManifestReply;

use crate::bench::{Bench, Made, ONE_STEP, Shelf, TAKES, association, document, refused};
use crate::document::inner::runs;
use crate::document::parameter::{parameter, stored};
use crate::document::{shell, steps};
use crate::message::{
    ACK, GET, REPLY, bench, codes, content, message, name, origin, payload, quiet, statuses,
};

const SEND: &str = "aws.ssm.sendCommand.us-east-1";

/// A command with this document over the control channel.
fn command(number: u128, document: &str) -> Incoming {
    message(number, SEND, &payload(number, document), origin())
}

/// A node with a control channel, some minutes after its start.
fn ready(behaviours: Vec<Behaviour>, plane: &mut dyn FnMut(&Made) -> Answer) -> Bench {
    let mut bench = bench(Channels::WebSocket);
    bench.catalogue.cohorts[0].behaviours = behaviours;
    bench.run_for(Period::minutes(3), plane);
    bench
}

/// Runs this document as a command, for so long.
fn run(document: &str, long: Period, plane: &mut dyn FnMut(&Made) -> Answer) -> Bench {
    let mut bench = ready(Vec::new(), plane);
    bench.hand(Event::Pushed(command(1, document)), plane);
    bench.run_for(long, plane);
    bench
}

/// The last word on a command's document, and on this step of it.
fn end(bench: &Bench, step: &str) -> (String, Value) {
    let replies: Vec<Value> = bench.calls_of(REPLY).into_iter().map(content).collect();
    let status = replies.last().expect("it was told of")["documentStatus"].as_str().unwrap().to_owned();
    let told = replies.iter().rev().map(|reply| reply["runtimeStatus"][step].clone());
    (status, told.into_iter().find(|step| !step.is_null()).unwrap_or_default())
}

fn reboots(bench: &Bench) -> Vec<(Timestamp, Purpose)> {
    let notes = bench.notes.iter();
    notes
        .filter_map(|(at, note)| match note {
            Note::Rebooting(cause) => Some((*at, cause.clone())),
            _ => None,
        })
        .collect()
}

fn last_online(bench: &Bench) -> Timestamp {
    bench.notes.iter().rev().find(|(_, note)| *note == Note::Online).expect("it is online").0
}

#[test]
fn what_is_too_long_for_the_control_channel_is_not_said() {
    let document = steps(json!([shell("first", &[]), shell("second", &[])]));
    // In JSON each such character takes six bytes.
    let cases = [
        (10_000, ["InProgress", "InProgress", "InProgress", "Success"].as_slice()),
        (24_000, &["InProgress", "InProgress", "Success"]),
    ];
    for (length, expected) in cases {
        let output = Some("\u{1}".repeat(length));
        let behaviour = Behaviour { step: Some("first".into()), output, ..Behaviour::default() };
        let mut bench = ready(vec![behaviour], &mut quiet);
        bench.hand(Event::Pushed(command(1, &document)), &mut quiet);
        bench.run_for(Period::minutes(1), &mut quiet);
        assert_eq!(statuses(&bench, REPLY), expected, "{length}");
    }
}

#[test]
fn a_command_that_asks_for_a_reboot_goes_on_when_the_node_is_back() {
    let document = steps(json!([shell("first", &["echo a"]), shell("second", &[]), shell("third", &[])]));
    let behaviour = Behaviour {
        step: Some("second".into()),
        fails: Share::ALL,
        exit_code: 194,
        output: Some("half\n".into()),
        ..Behaviour::default()
    };
    let mut bench = ready(vec![behaviour], &mut quiet);
    bench.hand(Event::Pushed(command(1, &document)), &mut quiet);
    bench.run_for(Period::minutes(5), &mut quiet);

    let told: Vec<Value> = bench.calls_of(REPLY).into_iter().map(content).collect();
    let words: Vec<(&str, &str)> = told
        .iter()
        .map(|reply| {
            let steps = reply["runtimeStatus"].as_object();
            let step = steps.and_then(|steps| steps.values().next());
            let of_step = step.map_or("", |step| step["status"].as_str().unwrap());
            (reply["documentStatus"].as_str().unwrap(), of_step)
        })
        .collect();
    let expected = [
        ("InProgress", ""),
        ("InProgress", "Success"),
        ("InProgress", "SuccessAndReboot"),
        ("SuccessAndReboot", ""),
        ("InProgress", "Success"),
        ("InProgress", "Success"),
        ("Success", ""),
    ];
    assert_eq!(words, expected, "the second step is told of before and after the reboot");
    assert_eq!(told[2]["runtimeStatus"]["second"]["code"], 194);
    assert_eq!(
        told[3]["additionalInfo"]["runtimeStatusCounts"],
        json!({"Success": 1, "SuccessAndReboot": 1})
    );
    let began = |reply: usize| &told[reply]["runtimeStatus"]["second"]["startDateTime"];
    assert_eq!(began(2), began(4), "it began when it was begun first");

    let reboots = reboots(&bench);
    assert_eq!(
        reboots.iter().map(|(_, cause)| cause).collect::<Vec<_>>(),
        [&Purpose::Command(name(1).into())]
    );
    let gone = reboots[0].0;
    assert!(bench.calls_of(REPLY)[..4].iter().all(|made| made.at < gone), "all is told before it goes");
    let back = bench.calls.iter().find(|made| made.at > gone).expect("it is back");
    assert_eq!(
        back.at.since(gone),
        Period::seconds(91),
        "a minute, half a minute to boot, a second to start"
    );
    assert_eq!(bench.calls_of("CreateControlChannel").len(), 2, "its channel is opened anew");
    assert!(!bench.node.is_running());
}

#[test]
fn a_command_that_always_reboots_is_given_up_after_fifteen_times() {
    let mut bench = ready(Vec::new(), &mut quiet);
    bench.hand(Event::Pushed(command(1, &steps(json!([shell("s", &["exit 194"])])))), &mut quiet);
    bench.run_for(Period::hours(2), &mut quiet);
    assert_eq!(reboots(&bench).len(), 16);
    let given_up = Note::GivenUp(Purpose::Command(name(1).into()));
    assert!(bench.notes.iter().any(|(_, note)| *note == given_up));
    assert!(!statuses(&bench, REPLY).iter().any(|status| status == "Success"), "nobody hears of its end");
    assert!(!bench.node.is_running());
}

#[test]
fn whatever_runs_beside_it_goes_on_after_the_reboot() {
    let long = steps(json!([shell("before", &["echo a"]), shell("long", &["sleep 4m"])]));
    let documents = [("Long".to_owned(), long.clone())].into();
    let shelf = Shelf { associations: vec![association(1, "Long")], documents };
    let mut polls = 0;
    let mut plane = |made: &Made| match (made.operation(), shelf.answer(made)) {
        (GET, _) => quiet(made),
        (_, Answer::Associations(mut page)) => {
            polls += 1;
            page.associations[0].detailed_status =
                Some(if polls == 1 { "Associated" } else { "InProgress" }.into());
            Answer::Associations(page)
        }
        (_, answer) => answer,
    };
    let mut bench = bench(Channels::WebSocket);
    while !bench.node.is_running() {
        bench.run_for(Period::seconds(1), &mut plane);
    }
    bench.hand(Event::Pushed(command(1, &long)), &mut plane);
    bench.run_for(Period::minutes(2), &mut plane);
    let reboot =
        Behaviour { step: Some("reboot".into()), fails: Share::ALL, exit_code: 194, ..Behaviour::default() };
    bench.catalogue.cohorts[0].behaviours = vec![reboot];
    bench.hand(Event::Pushed(command(2, &steps(json!([shell("reboot", &[])])))), &mut plane);
    bench.run_for(Period::minutes(12), &mut plane);

    assert_eq!(reboots(&bench).len(), 1);
    let online = last_online(&bench);
    let ends: Vec<Value> = bench.calls_of(REPLY).into_iter().map(content).collect();
    assert_eq!(
        ends.iter().filter(|reply| reply["documentStatus"] == "Success").count(),
        2,
        "both commands end"
    );
    // The long step begins anew: four minutes and up to two seconds after the node is back.
    let last = bench.calls_of(REPLY).pop().expect("it was told of").at.since(online);
    assert!(last > Period::minutes(4) && last < Period::minutes(4) + Period::seconds(3), "{last}");
    let reports = bench.instants("UpdateInstanceAssociationStatus", online);
    assert_eq!(reports.len(), 5, "pending, in progress, two steps, the end: {reports:?}");
    let again = reports[3];
    assert!(again > Period::minutes(4) && again < Period::minutes(4) + Period::seconds(3), "{again}");
    assert!(!bench.node.is_running());
}

#[test]
fn what_a_command_refers_to_is_asked_for_before_it_is_taken() {
    let document = json!({"schemaVersion": "2.2",
        "parameters": {"word": {"type": "String", "default": "{{ ssm:word }}"}},
        "mainSteps": [shell("only", &["echo {{ word }} {{ssm:end}}"])]});
    let store = [parameter("word", "String", "hello"), parameter("end", "String", "!")];
    let mut plane = |made: &Made| stored(made, &store).unwrap_or_else(|| quiet(made));
    let mut bench = ready(Vec::new(), &mut plane);
    bench.hand(Event::Pushed(command(1, &document.to_string())), &mut plane);
    bench.hand(Event::Pushed(command(2, ONE_STEP)), &mut plane);
    assert_eq!(bench.calls_of(ACK).len(), 0, "messages are read one after another");
    bench.run_for(Period::minutes(1), &mut plane);
    let asked = bench.calls_of("GetParameters");
    assert_eq!(asked.iter().map(|made| made.lane).collect::<Vec<_>>(), [LaneName::Intake; 2]);
    assert!(asked[1].at < bench.calls_of(ACK)[0].at);
    let told = bench.calls_of(REPLY).into_iter().map(content);
    let outputs: Vec<Value> = told
        .filter(|reply| reply["documentStatus"] == "Success")
        .map(|reply| reply["runtimeStatus"]["only"]["output"].clone())
        .collect();
    assert_eq!(codes(&bench), ["200", "200"]);
    assert!(outputs.contains(&json!("hello !\n")), "{outputs:?}");

    // No value, or one that the document does not allow, and the command fails.
    let strict =
        document.to_string().replace(r#""type":"String""#, r#""type":"String","allowedPattern":"^x$""#);
    assert!(strict.contains("allowedPattern"), "{strict}");
    let cases = [
        (document.to_string(), Vec::new(), "Input contains invalid parameters [word]"),
        (strict, store.to_vec(), "Parameter value for word does not match the allowed pattern ^x$"),
    ];
    for (document, store, reason) in cases {
        let mut plane = |made: &Made| stored(made, &store).unwrap_or_else(|| quiet(made));
        let bench = run(&document, Period::minutes(1), &mut plane);
        assert_eq!(codes(&bench), ["51408"]);
        let told: Vec<Value> = bench.calls_of(REPLY).into_iter().map(content).collect();
        assert_eq!(told.len(), 1);
        assert_eq!(
            (&told[0]["documentStatus"], &told[0]["documentTraceOutput"]),
            (&json!("Failed"), &json!(reason))
        );
    }
}

#[test]
fn a_command_runs_documents_and_installs_packages_as_an_association_does() {
    let package = |name: &str| json!({"action": "aws:configurePackage", "name": "p", "inputs": {"name": name, "action": "Install"}});
    let mut plane = |made: &Made| match &made.request {
        Request::GetDocument(call) if call.name == "Inner" => {
            document("Inner", &steps(json!([shell("a", &["echo inside"])])))
        }
        Request::GetDocument(_) => refused(ErrorCode::InvalidDocument),
        Request::GetManifest(_) => {
            Answer::Manifest(GetManifestReply { manifest: json!({"version": "1.3"}).to_string() })
        }
        _ => quiet(made),
    };
    let cases = [
        (runs("s", "Inner", json!({})), &["GetDocument"] as &[&str], "Success", "inside\n"),
        (runs("s", "Missing", json!({})), &["GetDocument"], "Failed", "InvalidDocument: "),
        (package("P"), &["GetManifest", "PutConfigurePackageResult"], "Success", ""),
    ];
    for (step, calls, status, written) in cases {
        let name = step["name"].as_str().unwrap().to_owned();
        let bench = run(&steps(json!([step])), Period::minutes(2), &mut plane);
        let made: Vec<_> = bench.calls.iter().filter(|made| made.lane == LaneName::Command1).collect();
        assert_eq!(made.iter().map(|made| made.operation()).collect::<Vec<_>>(), calls, "{name}");
        let (ended, told) = end(&bench, &name);
        assert_eq!(ended, status, "{told}");
        let output = format!(
            "{}{}",
            told["standardOutput"].as_str().unwrap(),
            told["standardError"].as_str().unwrap()
        );
        assert_eq!(output, written);
    }
}

#[test]
fn five_commands_call_side_by_side() {
    let document = steps(json!([runs("s", "Inner", json!({}))]));
    let mut asked = 0;
    let mut plane = |made: &Made| match &made.request {
        // Nothing comes back for the first two; these are tried again.
        Request::GetDocument(_) => {
            asked += 1;
            if asked < 3 { Answer::Unreachable } else { crate::bench::document("Inner", ONE_STEP) }
        }
        _ => quiet(made),
    };
    let mut bench = ready(Vec::new(), &mut plane);
    for number in 1..=6 {
        bench.hand(Event::Pushed(command(number, &document)), &mut plane);
    }
    let begun = bench.now;
    bench.run_for(Period::minutes(1), &mut plane);
    let first: Vec<_> =
        bench.calls_of("GetDocument").iter().filter(|made| made.at == begun).map(|made| made.lane).collect();
    let lanes =
        [LaneName::Command1, LaneName::Command2, LaneName::Command3, LaneName::Command4, LaneName::Command5];
    assert_eq!(first, lanes);
    assert_eq!(statuses(&bench, REPLY).iter().filter(|status| *status == "Success").count(), 6);
}

#[test]
fn inventory_is_gathered_for_associations_only() {
    let document = steps(
        json!([{"action": "aws:softwareInventory", "name": "s", "inputs": {"applications": "Enabled"}}]),
    );
    let bench = run(&document, Period::minutes(2), &mut quiet);
    assert_eq!(bench.calls_of("PutInventory").len(), 0);
    let (status, step) = end(&bench, "s");
    assert_eq!((status.as_str(), &step["code"]), ("Failed", &json!(1)));
    assert_eq!(step["standardError"], "aws:softwareInventory plugin can only be invoked via ssm-associate");
}

#[test]
fn a_command_goes_on_while_the_agents_worker_is_gone() {
    let document = steps(json!([shell("first", &["sleep 30s"]), shell("second", &[])]));
    let mut is_fatal = false;
    let mut bench = ready(Vec::new(), &mut quiet);
    while bench.now.since(bench.online_since()) < Period::minutes(10) - Period::seconds(1) {
        bench.run_for(Period::seconds(1), &mut quiet);
    }
    bench.hand(Event::Pushed(command(1, &document)), &mut quiet);
    bench.run_for(Period::minutes(8), &mut |made| match &made.request {
        Request::ListAssociations(_) if !is_fatal => {
            is_fatal = true;
            Answer::Fatal("Checksum")
        }
        _ => quiet(made),
    });
    assert!(bench.notes.iter().any(|(_, note)| matches!(note, Note::WorkerDied(_))));
    assert_eq!(statuses(&bench, REPLY), ["InProgress", "InProgress", "InProgress", "Success"]);
    assert!(!bench.node.is_running());
}

#[test]
fn steps_of_a_cancelled_command_are_told_of_one_by_one() {
    let windows = json!({"action": "aws:psModule", "name": "elsewhere", "inputs": {"runCommand": ["x"]}});
    let document = steps(json!([
        shell("first", &["exit 3"]),
        shell("second", &["echo so far", "sleep 10m", "echo not this"]),
        shell("third", &[]),
        windows
    ]));
    for (first, expected) in [("exit 3", "Failed"), ("exit 0", "Cancelled")] {
        let mut bench = ready(Vec::new(), &mut quiet);
        bench.hand(Event::Pushed(command(1, &document.replace("exit 3", first))), &mut quiet);
        bench.run_for(Period::minutes(1), &mut quiet);
        let cancel = json!({"CancelMessageId": name(1)}).to_string();
        let cancel = message(2, "aws.ssm.cancelCommand.us-east-1", &cancel, origin());
        let cancelled = bench.now;
        bench.hand(Event::Pushed(cancel), &mut quiet);
        bench.run_for(Period::minutes(20), &mut quiet);
        let step = |name| end(&bench, name).1;
        assert_eq!(
            end(&bench, "first").0,
            expected,
            "a step that failed outweighs those that were cancelled"
        );
        let of = |name| (step(name)["status"].clone(), step(name)["code"].clone());
        assert_eq!(of("second"), (json!("Cancelled"), json!(137)), "its process was killed");
        assert_eq!(step("second")["standardOutput"], "so far\n");
        assert_eq!(of("third"), (json!("Cancelled"), json!(1)), "it was not begun");
        assert_eq!(of("elsewhere"), (json!("Skipped"), json!(0)), "it would not have run anyway");
        let replies = bench.instants(REPLY, cancelled);
        assert_eq!(replies.len(), 6, "that it begins, four steps, the end");
        assert!(replies[5] < TAKES * 10, "all at once: {replies:?}");
    }
}

#[test]
fn a_command_is_told_of_twice_by_long_polling_and_run_once() {
    let mut bench = bench(Channels::LongPoll);
    let mut left = 2;
    bench.run_for(Period::minutes(2), &mut |made| match made.operation() {
        GET if left > 0 => {
            left -= 1;
            let sent = message(1, "aws.ssm.sendCommand.us-east-1.1", &payload(1, ONE_STEP), Origin::Poll);
            Answer::Messages(vec![sent])
        }
        _ => quiet(made),
    });
    assert_eq!(bench.calls_of("AcknowledgeMessage").len(), 2, "what is known is acknowledged all the same");
    let statuses = statuses(&bench, "SendReply");
    assert_eq!(statuses.iter().filter(|status| *status == "Success").count(), 1, "{statuses:?}");
}
