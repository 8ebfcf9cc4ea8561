//! Commands over both channels of messages, with what agents were recorded to say.

use serde_json::{Value, json};
use shared::error::ErrorCode::{self, *};
use shared::frame::{AGENT_JOB, AGENT_JOB_ACK, AGENT_JOB_REPLY, AGENT_JOB_REPLY_ACK, Frame, MessageId};
use shared::time::Period;

use crate::config::{ControlChannel, PlaneConfig, PushRefresh};
use crate::service::Service;
use crate::testing::{GONE, ONE, TWO, World};

fn send(world: &World, more: &Value) -> String {
    let mut body = json!({"DocumentName": "Shell22", "Parameters": {"commands": ["echo hi"]}});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let id = world.post("SendCommand", &body).unwrap()["Command"]["CommandId"].as_str().unwrap().to_owned();
    world.settle();
    id
}

/// Status, details, code and output of a command's part on a node.
fn part(world: &World, id: &str, node: &str) -> (String, String, i64, String) {
    let reply = world.post("GetCommandInvocation", &json!({"CommandId": id, "InstanceId": node})).unwrap();
    let text = |key: &str| reply[key].as_str().unwrap().to_owned();
    (
        text("Status"),
        text("StatusDetails"),
        reply["ResponseCode"].as_i64().unwrap(),
        text("StandardOutputContent"),
    )
}

fn is(status: &str, details: &str, code: i64, output: &str) -> (String, String, i64, String) {
    (status.to_owned(), details.to_owned(), code, output.to_owned())
}

fn jobs(world: &World, node: &str) -> Vec<(MessageId, Value)> {
    let frames = world.plane.jobs(world.now, node.parse().unwrap());
    let read = |frame: &Frame| {
        let again = Frame::decode(&frame.encode()).unwrap();
        assert_eq!(again.message_type, AGENT_JOB);
        (again.id, serde_json::from_slice(&again.payload).unwrap())
    };
    frames.iter().map(read).collect()
}

fn receive(world: &World, node: &str, message_type: &str, payload: &Value) -> Option<Value> {
    let bytes = payload.to_string().into_bytes();
    let frame = Frame::new(message_type, world.now, MessageId::from_bits(9), bytes);
    let answer = world.plane.receive(world.now, node.parse().unwrap(), &frame)?;
    assert_eq!(answer.message_type, AGENT_JOB_REPLY_ACK);
    let ack: Value = serde_json::from_slice(&answer.payload).unwrap();
    assert_eq!(ack["acknowledgedMessageId"], frame.id.to_string());
    Some(ack["jobId"].clone())
}

fn ack(world: &World, node: &str, job: &Value, code: &str) {
    let payload = json!({
        "jobId": job["JobId"], "acknowledgedMessageId": "f3317a59-e1be-42e9-b1e0-f9fc9aadc27d",
        "createdDate": "2026-11-23T04:26:29.967Z", "statusCode": code, "errorMessage": "",
    });
    assert_eq!(receive(world, node, AGENT_JOB_ACK, &payload), None);
}

/// The content of a reply, as the agent was recorded to write it.
fn content(status: &str, step: Option<(&str, &str, i32, &str)>) -> Value {
    let agent =
        json!({"lang": "en-US", "name": "amazon-ssm-agent", "os": "linux", "osver": "1", "ver": "3.3.0.0"});
    let steps = step.map(|(name, status, code, output)| {
        json!({name: {
            "status": status, "code": code, "name": "aws:runShellScript", "output": output,
            "startDateTime": "2026-11-23T04:26:29.991Z", "endDateTime": "2026-11-23T04:26:30.009Z",
            "outputS3BucketName": "", "outputS3KeyPrefix": "", "stepName": "",
            "standardOutput": output, "standardError": "",
        }})
    });
    json!({
        "additionalInfo": {
            "agent": agent, "dateTime": "2026-11-23T04:26:30.012Z", "runId": "", "runtimeStatusCounts": null,
        },
        "documentStatus": status, "documentTraceOutput": "", "runtimeStatus": steps,
    })
}

fn reply(world: &World, node: &str, job: &Value, content: &Value) -> Option<Value> {
    let payload = json!({
        "schemaVersion": 1, "jobId": job["JobId"], "content": content.to_string(), "topic": "aws.ssm.sendCommand",
    });
    receive(world, node, AGENT_JOB_REPLY, &payload)
}

fn queue(world: &World, node: &str) -> usize {
    world.plane.commands_waiting(node.parse().unwrap())
}

#[test]
fn a_command_goes_over_the_control_channel_and_its_output_comes_back() {
    let mut world = World::new();
    world.open_channel(ONE);
    let id = send(&world, &json!({"InstanceIds": [ONE, TWO], "Comment": "hello"}));
    let jobs_of_one = jobs(&world, ONE);
    assert_eq!(jobs_of_one.len(), 1);
    let job = &jobs_of_one[0].1;
    assert_eq!(job["SchemaVersion"], 1);
    assert_eq!(job["JobId"], format!("aws.ssm.{id}.{ONE}"));
    assert_eq!(job["Topic"], "aws.ssm.sendCommand.us-east-1");
    let payload: Value = serde_json::from_str(job["Content"].as_str().unwrap()).unwrap();
    assert_eq!(payload["CommandId"], id);
    assert_eq!(payload["DocumentName"], "Shell22");
    assert_eq!(payload["Parameters"], json!({"commands": ["echo hi"]}));
    assert_eq!(payload["DocumentContent"]["mainSteps"][0]["action"], "aws:runShellScript");
    assert_eq!(payload["CloudWatchOutputEnabled"], "false");
    assert_eq!(jobs(&world, ONE), [], "it was sent");
    assert_eq!(part(&world, &id, ONE), is("Pending", "Pending", -1, ""));

    ack(&world, ONE, job, "200");
    assert_eq!(part(&world, &id, ONE), is("InProgress", "InProgress", -1, ""));
    assert_eq!((queue(&world, ONE), queue(&world, TWO)), (0, 1));
    let progress = content("InProgress", None);
    assert_eq!(reply(&world, ONE, job, &progress), Some(job["JobId"].clone()), "each reply is acknowledged");
    reply(&world, ONE, job, &content("InProgress", Some(("run", "Success", 0, "hi\n"))));
    // The end of a document of several steps names none of them.
    reply(&world, ONE, job, &content("Success", None));
    assert_eq!(part(&world, &id, ONE), is("Success", "Success", 0, "hi\n"));
    let body = json!({"CommandId": id, "InstanceId": ONE});
    let read = world.post("GetCommandInvocation", &body).unwrap();
    assert_eq!(read["ExecutionElapsedTime"], "PT0.018S");
    assert_eq!(read["ExecutionStartDateTime"], "2026-11-23T04:26:29.991Z");
    assert_eq!(read["ExecutionEndDateTime"], "2026-11-23T04:26:30.009Z");
    let listed =
        world.post("ListCommandInvocations", &json!({"CommandId": id, "InstanceId": ONE, "Details": true}));
    let plugin = listed.unwrap()["CommandInvocations"][0]["CommandPlugins"][0].clone();
    assert_eq!(
        (&plugin["Status"], &plugin["ResponseCode"], &plugin["Output"]),
        (&json!("Success"), &json!(0), &json!("hi\n"))
    );

    // What comes after the end changes nothing, and neither does a restart.
    reply(&world, ONE, job, &content("Failed", None));
    world.plane = Service::restore(World::config(), &world.plane.snapshot().unwrap()).unwrap();
    assert_eq!(part(&world, &id, ONE), is("Success", "Success", 0, "hi\n"));
    world.pass(Period::hours(1));
    assert_eq!(part(&world, &id, TWO), is("TimedOut", "DeliveryTimedOut", -1, ""));
    let command = world.post("ListCommands", &json!({"CommandId": id})).unwrap()["Commands"][0].clone();
    assert_eq!((&command["Status"], &command["StatusDetails"]), (&json!("Failed"), &json!("Incomplete")));
}

#[test]
fn how_a_command_ends_follows_from_what_the_node_says() {
    // The document's status, the step's, its code; the part's status and details, the command's.
    let cases = [
        ("Success", "Success", 0, "Success", "Success", "Success"),
        ("Success", "Skipped", 0, "Success", "Success", "Success"),
        ("Failed", "Failed", 3, "Failed", "Failed", "Failed"),
        ("TimedOut", "TimedOut", 137, "TimedOut", "ExecutionTimedOut", "TimedOut"),
        ("Cancelled", "Cancelled", 1, "Cancelled", "Cancelled", "Cancelled"),
    ];
    for (document, step, code, status, details, whole) in cases {
        let world = World::new();
        world.open_channel(ONE);
        let id = send(&world, &json!({"InstanceIds": [ONE]}));
        let job = jobs(&world, ONE)[0].1.clone();
        reply(&world, ONE, &job, &content(document, Some(("run", step, code, "out"))));
        assert_eq!(part(&world, &id, ONE), is(status, details, code.into(), "out"), "{document}");
        let command = world.post("ListCommands", &json!({"CommandId": id})).unwrap()["Commands"][0].clone();
        assert_eq!(command["Status"], whole, "{document}");
        assert_eq!(command["CompletedCount"], 1);
        let errors = i64::from(matches!(document, "Failed" | "TimedOut"));
        assert_eq!(command["ErrorCount"], errors, "{document}");
    }
    // The acknowledgement's code; the part's details, and whether it waits on.
    for (code, details, waits) in [
        ("200", "InProgress", 0),
        ("51405", "InProgress", 0),
        ("51402", "Pending", 1),
        ("51406", "Undeliverable", 0),
    ] {
        let mut world = World::new();
        world.open_channel(ONE);
        let id = send(&world, &json!({"InstanceIds": [ONE]}));
        let job = jobs(&world, ONE)[0].1.clone();
        ack(&world, ONE, &job, code);
        assert_eq!(part(&world, &id, ONE).1, details, "{code}");
        assert_eq!(queue(&world, ONE), waits);
        world.pass(Period::seconds(29));
        assert_eq!(jobs(&world, ONE).len(), 0, "{code}");
        world.pass(Period::seconds(1));
        assert_eq!(jobs(&world, ONE).len(), waits, "{code}: it is sent again");
    }
}

#[test]
fn a_node_speaks_for_itself_only_and_nonsense_changes_nothing() {
    let world = World::new();
    world.open_channel(ONE);
    let id = send(&world, &json!({"InstanceIds": [ONE]}));
    let job = jobs(&world, ONE)[0].1.clone();
    ack(&world, TWO, &job, "200");
    reply(&world, TWO, &job, &content("Success", None));
    assert_eq!(receive(&world, ONE, AGENT_JOB_ACK, &json!({"jobId": 7})), None);
    assert_eq!(receive(&world, ONE, "agent_telemetry", &json!({})), None);
    let odd = json!({"schemaVersion": 1, "jobId": "aws.ssm.x", "content": "{", "topic": ""});
    assert_eq!(receive(&world, ONE, AGENT_JOB_REPLY, &odd), Some(json!("aws.ssm.x")), "all the same");
    assert_eq!(part(&world, &id, ONE), is("Pending", "Pending", -1, ""));
}

#[test]
fn a_command_is_cancelled_where_it_runs() {
    let mut world = World::new();
    world.open_channel(ONE);
    let id = send(&world, &json!({"InstanceIds": [ONE]}));
    let job = jobs(&world, ONE)[0].1.clone();
    ack(&world, ONE, &job, "200");
    world.post("CancelCommand", &json!({"CommandId": id})).unwrap();
    world.settle();
    assert_eq!(part(&world, &id, ONE), is("Cancelling", "Cancelling", -1, ""));
    let cancel = jobs(&world, ONE)[0].1.clone();
    assert_eq!(cancel["Topic"], "aws.ssm.cancelCommand.us-east-1");
    assert_ne!(cancel["JobId"], job["JobId"]);
    let payload: Value = serde_json::from_str(cancel["Content"].as_str().unwrap()).unwrap();
    assert_eq!(payload, json!({"CancelMessageId": format!("aws.ssm.{id}.{ONE}")}));
    reply(&world, ONE, &job, &content("Cancelled", Some(("run", "Cancelled", 1, "so far"))));
    assert_eq!(part(&world, &id, ONE), is("Cancelled", "Cancelled", 1, "so far"));
    assert_eq!(queue(&world, ONE), 0);

    // Whoever never says how it ended has no more time than the document.
    let lost = send(&world, &json!({"InstanceIds": [ONE], "TimeoutSeconds": 30}));
    let job = jobs(&world, ONE)[0].1.clone();
    ack(&world, ONE, &job, "200");
    world.pass(Period::hours(1));
    assert_eq!(part(&world, &lost, ONE).1, "InProgress");
    world.pass(Period::seconds(30));
    assert_eq!(part(&world, &lost, ONE), is("TimedOut", "ExecutionTimedOut", -1, ""));
}

#[test]
fn what_waits_is_handed_out_some_at_a_time_in_its_order() {
    let world = World::new();
    let sent: Vec<String> = (0..12).map(|_| send(&world, &json!({"InstanceIds": [ONE]}))).collect();
    world.open_channel(ONE);
    let (first, second) = (jobs(&world, ONE), jobs(&world, ONE));
    assert_eq!((first.len(), second.len(), jobs(&world, ONE).len()), (10, 2, 0));
    let order: Vec<Value> = first.into_iter().chain(second).map(|(_, job)| job["JobId"].clone()).collect();
    assert_eq!(order, sent.iter().map(|id| json!(format!("aws.ssm.{id}.{ONE}"))).collect::<Vec<_>>());
}

fn get_messages(world: &World, node: &str) -> Vec<Value> {
    let body = json!({
        "Destination": node, "MessagesRequestId": "831391d8-4ed9-4072-a060-5d554c17d691", "VisibilityTimeoutInSeconds": 10,
    });
    let reply = world.post("GetMessages", &body).unwrap();
    assert_eq!(
        (&reply["Destination"], &reply["MessagesRequestId"]),
        (&body["Destination"], &body["MessagesRequestId"])
    );
    reply["Messages"].as_array().unwrap().clone()
}

#[test]
fn a_command_goes_by_long_polling_and_comes_again_until_it_is_acknowledged() {
    let mut world = World::new();
    assert_eq!(get_messages(&world, ONE), [] as [Value; 0]);
    let id = send(&world, &json!({"InstanceIds": [ONE]}));
    let messages = get_messages(&world, ONE);
    let message = &messages[0];
    assert_eq!(message["MessageId"], format!("aws.ssm.{id}.{ONE}"));
    assert_eq!(message["Topic"], "aws.ssm.sendCommand.us-east-1.111122223333");
    assert_eq!(message["Destination"], ONE);
    assert_eq!(message["CreatedDate"], "2025-03-10T12:00:00.000Z");
    let payload = message["Payload"].as_str().unwrap();
    assert_eq!(message["PayloadDigest"], crate::state::document::sha256(payload.as_bytes()));
    assert_eq!(get_messages(&world, ONE).len(), 0, "it is hidden");
    world.pass(Period::seconds(10));
    assert_eq!(get_messages(&world, ONE), messages, "nobody said that he has it");

    let say = |operation: &str, more: Value| {
        let mut body = json!({"MessageId": message["MessageId"]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(world.post(operation, &body), Ok(json!({})), "{operation}");
    };
    let reply = |content: Value| {
        say(
            "SendReply",
            json!({"ReplyId": "03495dde-fccc-4c13-8aaa-4868a1e8b735", "Payload": content.to_string()}),
        );
    };
    reply(content("InProgress", None));
    say("AcknowledgeMessage", json!({}));
    assert_eq!(part(&world, &id, ONE).1, "InProgress");
    reply(content("InProgress", Some(("run", "Success", 0, "via-mds\n"))));
    reply(content("Success", Some(("run", "Success", 0, "via-mds\n"))));
    say("DeleteMessage", json!({}));
    assert_eq!(part(&world, &id, ONE), is("Success", "Success", 0, "via-mds\n"));
    world.pass(Period::seconds(10));
    assert_eq!(get_messages(&world, ONE).len(), 0);

    let failed = send(&world, &json!({"InstanceIds": [ONE]}));
    let message = get_messages(&world, ONE)[0].clone();
    let body = json!({"MessageId": message["MessageId"], "FailureType": "NoHandlerExists"});
    assert_eq!(world.post("FailMessage", &body), Ok(json!({})));
    assert_eq!(part(&world, &failed, ONE), is("Failed", "Undeliverable", -1, ""));
}

#[test]
fn what_no_agent_says_to_the_message_service_is_refused_by_name() {
    let world = World::new();
    let question =
        |node: &str| json!({"Destination": node, "MessagesRequestId": "x", "VisibilityTimeoutInSeconds": 10});
    let reply =
        |payload: &str| json!({"MessageId": format!("aws.ssm.x.{ONE}"), "ReplyId": "x", "Payload": payload});
    let cases: [(&str, Value, ErrorCode); 9] = [
        ("GetMessages", question("i-0ddddddddddddddd1"), InvalidInstanceId),
        ("GetMessages", question(GONE), InvalidInstanceId),
        ("GetMessages", question("i-1"), ValidationException),
        ("GetMessages", json!({}), ValidationException),
        ("AcknowledgeMessage", json!({"MessageId": "nonsense"}), ValidationException),
        ("DeleteMessage", json!({"MessageId": ""}), ValidationException),
        ("SendReply", reply("{}"), ValidationException),
        ("SendReply", json!({"MessageId": "x"}), ValidationException),
        ("FailMessage", json!({"MessageId": "x", "FailureType": "Tired"}), ValidationException),
    ];
    for (operation, body, code) in cases {
        assert_eq!(world.post(operation, &body).map_err(|(code, _)| code), Err(code), "{operation} {body}");
    }
    // A command that is forgotten is no mistake of the node's.
    let old = format!("aws.ssm.00000000-0000-4000-8000-000000000001.{ONE}");
    assert_eq!(world.post("AcknowledgeMessage", &json!({"MessageId": old})), Ok(json!({})));
}

#[test]
fn who_may_open_a_control_channel() {
    let world = World::new();
    let create =
        |world: &World, node: &str| world.plane.create_control_channel(node).map_err(|error| error.code);
    for (node, code) in
        [("i-1", ValidationException), ("i-0ddddddddddddddd1", InvalidInstanceId), (GONE, InvalidInstanceId)]
    {
        assert_eq!(create(&world, node), Err(code), "{node}");
    }
    let token = create(&world, ONE).unwrap();
    let open = |text: &str| world.plane.open_control_channel(ONE.parse().unwrap(), text);
    assert!(open("{}").unwrap_err().contains("first frame"));
    let frame = |token: &str| {
        json!({"MessageSchemaVersion": "1.0", "RequestId": "x", "TokenValue": token}).to_string()
    };
    assert!(open(&frame("other")).unwrap_err().contains(ONE));
    assert!(open(&frame(&token)).is_ok());
    let deaf = World::with(PlaneConfig { control_channel: ControlChannel::Deny, ..World::config() });
    assert_eq!(create(&deaf, ONE), Err(AccessDeniedException));
}

#[test]
fn whoever_can_be_reached_is_told_at_once_of_what_there_is_to_run() {
    let targets = json!([{"Key": "InstanceIds", "Values": ["*"]}]);
    for (setting, count) in [(PushRefresh::On, 1), (PushRefresh::Off, 0)] {
        let world = World::with(PlaneConfig { push_refresh: setting, ..World::config() });
        world.open_channel(ONE);
        get_messages(&world, TWO);
        let first = world.associate(&World::shell(&targets, &json!({"AssociationName": "first"})));
        let second = world.associate(&World::shell(&targets, &json!({"AssociationName": "second"})));
        let pushed = jobs(&world, ONE);
        assert_eq!(pushed.len(), count, "{setting:?}");
        assert_eq!(get_messages(&world, TWO).len(), count, "by long polling as well");
        for (_, job) in pushed {
            let payload: Value = serde_json::from_str(job["Content"].as_str().unwrap()).unwrap();
            assert_eq!(payload["DocumentName"], "AWS-RefreshAssociation");
            let mut ids = [first.to_string(), second.to_string()];
            ids.sort();
            assert_eq!(payload["Parameters"]["associationIds"], json!(ids));
            ack(&world, ONE, &job, "200");
            reply(&world, ONE, &job, &content("Success", None));
        }
        assert_eq!(
            world.post("ListCommands", &json!({})).unwrap(),
            json!({"Commands": []}),
            "no command of anybody's"
        );
        world.poll(ONE);
        let again = json!({"AssociationIds": [first]});
        world.post("StartAssociationsOnce", &again).unwrap();
        world.settle();
        assert_eq!(jobs(&world, ONE).len(), 0, "it was told to run and has not begun");
        let mut world = world;
        world.run(ONE, first, shared::status::AssociationStatus::Success);
        world.post("StartAssociationsOnce", &again).unwrap();
        world.settle();
        assert_eq!(jobs(&world, ONE).len(), count, "{setting:?}: out of turn as well");
    }
}

#[test]
fn a_node_that_could_not_read_a_command_says_why() {
    let world = World::new();
    world.open_channel(ONE);
    let id = send(&world, &json!({"InstanceIds": [ONE]}));
    let job = &jobs(&world, ONE)[0].1;
    ack(&world, ONE, job, "51408");
    assert_eq!(part(&world, &id, ONE), is("Failed", "Undeliverable", -1, ""));
    let mut why = content("Failed", None);
    why["documentTraceOutput"] = json!("Input contains invalid parameters [word]");
    reply(&world, ONE, job, &why);
    assert_eq!(part(&world, &id, ONE), is("Failed", "Failed", -1, ""));
    // It has ended with that.
    reply(&world, ONE, job, &content("Success", None));
    assert_eq!(part(&world, &id, ONE), is("Failed", "Failed", -1, ""));
}

#[test]
fn a_step_that_waits_for_a_reboot_is_in_progress() {
    let world = World::new();
    world.open_channel(ONE);
    let id = send(&world, &json!({"InstanceIds": [ONE]}));
    let job = &jobs(&world, ONE)[0].1;
    ack(&world, ONE, job, "200");
    reply(&world, ONE, job, &content("InProgress", Some(("run", "SuccessAndReboot", 194, "half"))));
    reply(&world, ONE, job, &content("SuccessAndReboot", Some(("run", "SuccessAndReboot", 194, "half"))));
    assert_eq!(part(&world, &id, ONE), is("InProgress", "InProgress", 194, "half"));
    reply(&world, ONE, job, &content("InProgress", Some(("run", "Success", 0, "whole"))));
    reply(&world, ONE, job, &content("Success", Some(("run", "Success", 0, "whole"))));
    assert_eq!(part(&world, &id, ONE), is("Success", "Success", 0, "whole"));
}
