//! Documents through the door: versions, formats, lists, deletion, calendars.

use serde_json::{Value, json};
use shared::error::ErrorCode::{self, *};
use shared::status::AssociationStatus::Success;

use crate::config::PlaneConfig;
use crate::service::Service;
use crate::testing::{ONE, TWO, World};

fn shell(text: &str) -> String {
    json!({"schemaVersion": "2.2", "description": text, "parameters": {"commands": {"type": "StringList"}},
        "mainSteps": [{"action": "aws:runShellScript", "name": "a", "inputs": {"runCommand": "{{ commands }}"}}]})
    .to_string()
}

fn with(mut body: Value, more: Value) -> Value {
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn code(reply: Result<Value, (ErrorCode, String)>) -> Option<ErrorCode> {
    reply.err().map(|(code, _)| code)
}

fn create(world: &World, name: &str, content: &str, more: Value) -> Result<Value, (ErrorCode, String)> {
    world.post("CreateDocument", &with(json!({"Name": name, "Content": content}), more))
}

fn update(world: &World, content: &str, more: Value) -> Result<Value, (ErrorCode, String)> {
    world.post("UpdateDocument", &with(json!({"Name": "Mine", "Content": content}), more))
}

fn get(world: &World, more: Value) -> Result<Value, (ErrorCode, String)> {
    world.post("GetDocument", &with(json!({"Name": "Mine"}), more))
}

#[test]
fn versions_have_numbers_and_names_and_one_is_the_default() {
    let world = World::new();
    create(&world, "Mine", &shell("1"), json!({"VersionName": "one"})).unwrap();
    let made =
        update(&world, &shell("2"), json!({"VersionName": "two", "DocumentVersion": "$LATEST"})).unwrap();
    let made = &made["DocumentDescription"];
    let numbers = [&made["DocumentVersion"], &made["LatestVersion"], &made["DefaultVersion"]];
    assert_eq!(numbers, ["2", "2", "1"]);

    let cases = [
        (json!({}), "1"),
        (json!({"DocumentVersion": "$DEFAULT"}), "1"),
        (json!({"DocumentVersion": "$LATEST"}), "2"),
        (json!({"DocumentVersion": "2"}), "2"),
        (json!({"VersionName": "two"}), "2"),
        (json!({"VersionName": "two", "DocumentVersion": "2"}), "2"),
    ];
    for (request, version) in cases {
        let reply = get(&world, request.clone()).unwrap();
        assert_eq!(reply["DocumentVersion"], version, "{request}");
        assert_eq!(reply["Content"].as_str(), Some(shell(version).as_str()), "{request}");
    }
    let wrong = [
        json!({"DocumentVersion": "3"}),
        json!({"VersionName": "three"}),
        json!({"VersionName": "two", "DocumentVersion": "1"}),
        json!({"DocumentVersion": "99999999999"}),
    ];
    for request in wrong {
        assert_eq!(code(get(&world, request.clone())), Some(InvalidDocumentVersion), "{request}");
        let describe = world.post("DescribeDocument", &with(json!({"Name": "Mine"}), request));
        assert_eq!(code(describe), Some(InvalidDocumentVersion));
    }

    let body = json!({"Name": "Mine", "DocumentVersion": "2"});
    let reply = world.post("UpdateDocumentDefaultVersion", &body).unwrap();
    let expected =
        json!({"Description": {"Name": "Mine", "DefaultVersion": "2", "DefaultVersionName": "two"}});
    assert_eq!(reply, expected);
    let described = world.post("DescribeDocument", &json!({"Name": "Mine"})).unwrap()["Document"].clone();
    assert_eq!((&described["DocumentVersion"], &described["DefaultVersion"]), (&json!("2"), &json!("2")));
    assert_eq!(described["Hash"].as_str().unwrap().len(), 64);

    let versions = |token: Value| {
        let body = json!({"Name": "Mine", "MaxResults": 1, "NextToken": token});
        world.post("ListDocumentVersions", &body).unwrap()
    };
    let first = versions(Value::Null);
    let newest = json!([{
        "Name": "Mine", "DocumentVersion": "2", "VersionName": "two", "CreatedDate": 1_741_608_000,
        "IsDefaultVersion": true, "DocumentFormat": "JSON", "Status": "Active",
    }]);
    assert_eq!(first["DocumentVersions"], newest);
    let second = versions(first["NextToken"].clone());
    assert_eq!(second["DocumentVersions"][0]["DocumentVersion"], "1");
    assert!(second["NextToken"].is_null());
}

#[test]
fn an_update_is_refused_by_name() {
    let world = World::with(PlaneConfig { document_version_limit: 3, ..World::config() });
    create(&world, "Mine", &shell("1"), json!({"VersionName": "one"})).unwrap();
    update(&world, &shell("2"), json!({})).unwrap();
    let large = shell(&"x".repeat(64 * 1024));
    let automation = json!({"schemaVersion": "0.3", "mainSteps": [{"action": "aws:sleep", "name": "a"}]});
    let cases = [
        (update(&world, &shell("1"), json!({})), DuplicateDocumentContent),
        (update(&world, &shell("3"), json!({"VersionName": "one"})), DuplicateDocumentVersionName),
        (update(&world, &shell("3"), json!({"DocumentVersion": "1"})), InvalidDocumentVersion),
        (update(&world, &shell("3"), json!({"DocumentVersion": "$DEFAULT"})), InvalidDocumentVersion),
        (update(&world, &shell("3"), json!({"DocumentVersion": "9"})), InvalidDocumentVersion),
        (update(&world, &large, json!({})), MaxDocumentSizeExceeded),
        (update(&world, "{", json!({})), InvalidDocumentContent),
        (update(&world, "x", json!({"DocumentFormat": "TEXT"})), InvalidDocumentContent),
        (update(&world, &automation.to_string(), json!({})), InvalidDocumentSchemaVersion),
        (update(&world, &shell("3"), json!({"VersionName": "!"})), ValidationException),
        (update(&world, &shell("3"), json!({"DisplayName": "!"})), ValidationException),
        (world.post("UpdateDocument", &json!({"Name": "None", "Content": "{}"})), InvalidDocument),
        (
            world.post("UpdateDocument", &json!({"Name": "AWS-RunShellScript", "Content": "{}"})),
            InvalidDocument,
        ),
    ];
    for (index, (reply, expected)) in cases.into_iter().enumerate() {
        assert_eq!(code(reply), Some(expected), "case {index}");
    }
    update(&world, &shell("3"), json!({"DocumentVersion": "2"})).unwrap();
    assert_eq!(code(update(&world, &shell("4"), json!({}))), Some(DocumentVersionLimitExceeded));
    let default = |name: &str, version: &str| {
        let body = json!({"Name": name, "DocumentVersion": version});
        code(world.post("UpdateDocumentDefaultVersion", &body))
    };
    assert_eq!(default("Mine", "4"), Some(InvalidDocumentVersion));
    assert_eq!(default("Mine", "$LATEST"), Some(ValidationException));
    assert_eq!(default("None", "1"), Some(InvalidDocument));
}

#[test]
fn yaml_comes_back_as_json_unless_asked_for() {
    let world = World::new();
    let yaml = "# a comment\nschemaVersion: '2.2'\nparameters:\n  list:\n    type: StringList\n    default: [a, b]\n\
                mainSteps:\n  - action: aws:runShellScript\n    name: a\n    inputs:\n      timeoutSeconds: 60\n      \
                runCommand:\n        - |\n          echo one\n          echo two\n";
    create(&world, "Mine", yaml, json!({"DocumentFormat": "YAML"})).unwrap();
    let copies: String =
        (1..9).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 9].join(", "))).collect();
    let bomb = format!("a0: &a0 [x, x, x]\n{copies}{yaml}");
    let grown = create(&world, "Bomb", &bomb, json!({"DocumentFormat": "YAML"}));
    assert_eq!(code(grown), Some(InvalidDocumentContent));
    let json = get(&world, json!({})).unwrap();
    assert_eq!(json["DocumentFormat"], "JSON");
    let content: Value = serde_json::from_str(json["Content"].as_str().unwrap()).unwrap();
    let expected = json!({
        "schemaVersion": "2.2", "parameters": {"list": {"type": "StringList", "default": ["a", "b"]}},
        "mainSteps": [{"action": "aws:runShellScript", "name": "a",
            "inputs": {"timeoutSeconds": 60, "runCommand": ["echo one\necho two\n"]}}],
    });
    assert_eq!(content, expected);
    let own = get(&world, json!({"DocumentFormat": "YAML"})).unwrap();
    assert_eq!((own["Content"].as_str(), &own["DocumentFormat"]), (Some(yaml), &json!("YAML")));
    assert_eq!(code(get(&world, json!({"DocumentFormat": "TEXT"}))), Some(ValidationException));

    let made = world.post("GetDocument", &json!({"Name": "Shell22", "DocumentFormat": "YAML"})).unwrap();
    let read: Value = serde_saphyr::from_str(made["Content"].as_str().unwrap()).unwrap();
    let given = world.post("GetDocument", &json!({"Name": "Shell22"})).unwrap();
    let given: Value = serde_json::from_str(given["Content"].as_str().unwrap()).unwrap();
    assert_eq!(read, given, "the same document, in YAML");
    assert!(made["Content"].as_str().unwrap().contains("schemaVersion:"));
}

#[test]
fn each_type_has_its_schema_and_form() {
    let world = World::with(PlaneConfig { document_limit: 6, ..World::config() });
    let automation = json!({"schemaVersion": "0.3", "mainSteps": [{"action": "aws:sleep", "name": "a"}]});
    let automation = automation.to_string();
    let cases = [
        ("Automation", automation.as_str(), "JSON", None),
        ("Automation", &shell("a"), "JSON", Some(InvalidDocumentSchemaVersion)),
        ("Command", &automation, "JSON", Some(InvalidDocumentSchemaVersion)),
        ("Policy", &shell("a"), "JSON", Some(InvalidDocumentSchemaVersion)),
        ("Policy", &shell("a").replace("2.2", "2.0"), "JSON", None),
        ("Command", &shell("a"), "TEXT", Some(InvalidDocumentContent)),
        ("ChangeCalendar", &shell("a"), "JSON", Some(InvalidDocumentContent)),
        ("ChangeCalendar", &shell("a"), "TEXT", Some(InvalidDocumentContent)),
        ("ChangeCalendar", CALENDAR, "TEXT", None),
        ("Command", &shell("a"), "JSON", Some(DocumentLimitExceeded)),
    ];
    for (index, (kind, content, format, expected)) in cases.into_iter().enumerate() {
        let more = json!({"DocumentType": kind, "DocumentFormat": format});
        let made = create(&world, &format!("Doc{index}"), content, more);
        assert_eq!(code(made), expected, "case {index}");
    }
    let described = world.post("DescribeDocument", &json!({"Name": "Doc0"})).unwrap();
    assert_eq!(described["Document"]["SchemaVersion"], "0.3");
    let target = json!([{"Key": "InstanceIds", "Values": [ONE]}]);
    let associate = world.post("CreateAssociation", &json!({"Name": "Doc8", "Targets": target}));
    assert_eq!(code(associate), Some(InvalidDocument), "a calendar cannot be run");
}

fn names(world: &World, body: &Value) -> Result<Vec<String>, ErrorCode> {
    let reply = world.post("ListDocuments", body).map_err(|(code, _)| code)?;
    let rows = reply["DocumentIdentifiers"].as_array().unwrap().iter();
    Ok(rows.map(|row| row["Name"].as_str().unwrap().to_owned()).collect())
}

#[test]
fn documents_are_listed_by_filter_and_page() {
    let world = World::new();
    let tags = json!({"Tags": [{"Key": "Team", "Value": "edge"}], "TargetType": "/AWS::EC2::Instance"});
    create(&world, "Mine", &shell("1"), tags).unwrap();
    let newer =
        |key: &str, values: &[&str]| names(&world, &json!({"Filters": [{"Key": key, "Values": values}]}));
    let older = |key: &str, value: &str| {
        names(&world, &json!({"DocumentFilterList": [{"key": key, "value": value}]}))
    };
    let own = |names: &[&str]| Ok(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    let mine = own(&["Mine", "Old12", "Shell22", "Win22"]);
    assert_eq!(newer("Owner", &["Self"]), mine);
    assert_eq!(older("Owner", "Private"), mine);
    assert_eq!(newer("Owner", &["ThirdParty"]), own(&[]));
    assert_eq!(newer("Owner", &["Amazon"]).unwrap().len(), 7);
    assert_eq!(newer("Name", &["Sh", "Wi"]), own(&["Shell22", "Win22"]));
    assert_eq!(older("Name", "Sh"), own(&[]));
    assert_eq!(older("Name", "Shell22"), own(&["Shell22"]));
    assert_eq!(newer("tag:Team", &["edge"]), own(&["Mine"]));
    assert_eq!(newer("TargetType", &["/AWS::EC2::Instance"]), own(&["Mine"]));
    assert_eq!(newer("DocumentType", &["Policy"]), own(&[]));
    let windows = json!({"Filters": [{"Key": "Owner", "Values": ["Self"]}, {"Key": "PlatformTypes", "Values": ["Windows"]}]});
    assert_eq!(names(&world, &windows), own(&["Win22"]));
    assert_eq!(newer("Colour", &["red"]), Err(InvalidFilterKey));
    assert_eq!(newer("Owner", &["Me"]), Err(ValidationException));
    assert_eq!(older("TargetType", "x"), Err(ValidationException));

    let mut seen = Vec::new();
    let mut token = Value::Null;
    loop {
        let reply = world.post("ListDocuments", &json!({"MaxResults": 4, "NextToken": token})).unwrap();
        let rows = reply["DocumentIdentifiers"].as_array().unwrap();
        seen.extend(rows.iter().map(|row| row["Name"].as_str().unwrap().to_owned()));
        token = reply["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(Ok(seen), names(&world, &json!({})));
    assert_eq!(names(&world, &json!({"NextToken": "bm90aGluZw.0123"})), Err(InvalidNextToken));
}

#[test]
fn what_is_used_goes_by_force_only() {
    let world = World::new();
    create(&world, "Mine", &shell("1"), json!({})).unwrap();
    for text in ["2", "3"] {
        update(&world, &shell(text), json!({})).unwrap();
    }
    let target = json!([{"Key": "InstanceIds", "Values": [ONE]}]);
    let bind = json!({"Name": "Mine", "DocumentVersion": "2"});
    world.associate(&World::shell(&target, &bind));
    let delete = |more: Value| code(world.post("DeleteDocument", &with(json!({"Name": "Mine"}), more)));
    assert_eq!(delete(json!({"DocumentVersion": "1"})), Some(InvalidDocumentOperation), "the default stays");
    assert_eq!(delete(json!({"DocumentVersion": "9"})), Some(InvalidDocumentVersion));
    assert_eq!(delete(json!({"DocumentVersion": "2"})), Some(AssociatedInstances));
    assert_eq!(delete(json!({})), Some(AssociatedInstances));
    assert_eq!(delete(json!({"DocumentVersion": "3"})), None);
    assert_eq!(code(get(&world, json!({"DocumentVersion": "3"}))), Some(InvalidDocumentVersion));
    let next = update(&world, &shell("4"), json!({})).unwrap();
    assert_eq!(next["DocumentDescription"]["DocumentVersion"], "4", "a number is given once");
    assert_eq!(delete(json!({"Force": true})), None);
    assert_eq!(delete(json!({})), Some(InvalidDocument));
    assert_eq!(
        code(world.post("DeleteDocument", &json!({"Name": "AWS-RunShellScript"}))),
        Some(InvalidDocument)
    );
    create(&world, "Mine", &shell("1"), json!({})).unwrap();
}

/// Checksum and state of the associations of a node, in their order.
fn rows(world: &World, node: &str) -> Vec<(String, String)> {
    let rows = world.poll(node).into_iter();
    rows.map(|row| (row.checksum.to_string(), row.status.unwrap().to_string())).collect()
}

#[test]
fn a_changed_document_runs_again_what_is_bound_to_it() {
    let mut world = World::new();
    create(&world, "Mine", &shell("1"), json!({})).unwrap();
    let target = json!([{"Key": "InstanceIds", "Values": [ONE, TWO]}]);
    let mut ids = Vec::new();
    for version in ["$DEFAULT", "$LATEST", "1"] {
        let bind = json!({"Name": "Mine", "DocumentVersion": version, "ScheduleExpression": "rate(1 hour)"});
        ids.push(world.associate(&World::shell(&target, &bind)));
    }
    ids.push(world.associate(&World::shell(&target, &json!({}))));
    for id in &ids {
        world.run(ONE, *id, Success);
        world.run(TWO, *id, Success);
    }
    // Which rows changed, and which are to run.
    let changed = |world: &World, before: &[(String, String)]| -> (Vec<bool>, Vec<bool>) {
        let now = rows(world, ONE);
        assert_eq!(
            now.iter().map(|row| &row.1).collect::<Vec<_>>(),
            rows(world, TWO).iter().map(|row| &row.1).collect::<Vec<_>>()
        );
        (
            now.iter().zip(before).map(|(now, before)| now.0 != before.0).collect(),
            now.iter().map(|row| row.1 == "Pending").collect(),
        )
    };
    let before = rows(&world, ONE);
    update(&world, &shell("2"), json!({})).unwrap();
    world.settle();
    let second = vec![false, true, false, false];
    assert_eq!(changed(&world, &before), (second.clone(), second));
    world.run(ONE, ids[1], Success);
    world.run(TWO, ids[1], Success);

    let before = rows(&world, ONE);
    // Between the change and the engine's work lies a restart.
    let body = json!({"Name": "Mine", "DocumentVersion": "2"});
    world.post("UpdateDocumentDefaultVersion", &body).unwrap();
    world.plane = Service::restore(World::config(), &world.plane.snapshot().unwrap()).unwrap();
    assert_eq!(get(&world, json!({})).unwrap()["Content"].as_str(), Some(shell("2").as_str()));
    world.settle();
    let first = vec![true, false, false, false];
    assert_eq!(changed(&world, &before), (first.clone(), first));
    world.post("UpdateDocumentDefaultVersion", &body).unwrap();
    world.run(ONE, ids[0], Success);
    world.run(TWO, ids[0], Success);
    world.settle();
    assert_eq!(world.executions(ids[0]).len(), 2, "the same default again changes nothing");

    let before = rows(&world, ONE);
    world.post("DeleteDocument", &json!({"Name": "Mine", "Force": true})).unwrap();
    world.settle();
    let bound = vec![true, true, true, false];
    assert_eq!(changed(&world, &before), (bound.clone(), bound));
    assert_eq!(world.executions(ids[3]).len(), 1);

    // The schedule goes on as it was: one run an hour each.
    let counts: Vec<usize> = ids.iter().map(|id| world.executions(*id).len()).collect();
    world.pass(shared::time::Period::minutes(61));
    let after: Vec<usize> = ids.iter().map(|id| world.executions(*id).len()).collect();
    assert_eq!(after, [counts[0] + 1, counts[1] + 1, counts[2] + 1, counts[3]]);
}

#[test]
fn a_change_reaches_associations_beyond_the_first_thousand() {
    let world = World::new();
    create(&world, "Mine", &shell("1"), json!({})).unwrap();
    let target = json!([{"Key": "InstanceIds", "Values": [ONE]}]);
    let body = World::shell(&target, &json!({"Name": "Mine", "DocumentVersion": "$LATEST"}));
    let made = (0..1_010).map(|_| world.post("CreateAssociation", &body).unwrap());
    let ids: Vec<String> = made
        .map(|reply| reply["AssociationDescription"]["AssociationId"].as_str().unwrap().to_owned())
        .collect();
    world.settle();
    update(&world, &shell("2"), json!({})).unwrap();
    world.settle();
    for index in [0, 999, 1_000, 1_009] {
        let id = ids[index].parse().unwrap();
        assert_eq!(world.executions(id).len(), 2, "association {index}");
    }
}

const CALENDAR: &str = "BEGIN:VCALENDAR\r\nPRODID:-//AWS//Change Calendar 1.0//EN\r\nVERSION:2.0\r\nX-CALENDAR-TYPE:DEFAULT_OPEN\r\n\
    BEGIN:VEVENT\r\nDTSTAMP:20250301T000000Z\r\nUID:1\r\nDTSTART:20250310T110000Z\r\nDTEND:20250310T130000Z\r\nRRULE:FREQ=DAILY\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

#[test]
fn calendars_tell_whether_they_are_open() {
    let world = World::new();
    let kind = json!({"DocumentType": "ChangeCalendar", "DocumentFormat": "TEXT"});
    create(&world, "Cal1", CALENDAR, kind.clone()).unwrap();
    create(
        &world,
        "Evening",
        &CALENDAR.replace("T110000Z", "T180000Z").replace("T130000Z", "T190000Z"),
        kind.clone(),
    )
    .unwrap();
    create(&world, "Odd", &CALENDAR.replace("DAILY", "YEARLY"), kind).unwrap();
    let text = world.post("GetDocument", &json!({"Name": "Cal1"})).unwrap();
    assert_eq!((text["Content"].as_str(), &text["DocumentFormat"]), (Some(CALENDAR), &json!("TEXT")));
    let ask = |names: &[&str], at: Value| {
        world.post("GetCalendarState", &json!({"CalendarNames": names, "AtTime": at}))
    };
    let said = |state: &str, at: &str, next: &str| {
        Ok(json!({"State": state, "AtTime": at, "NextTransitionTime": next}))
    };
    assert_eq!(ask(&["Cal1"], Value::Null), said("CLOSED", "2025-03-10T12:00:00Z", "2025-03-10T13:00:00Z"));
    let arn = "arn:aws:ssm:us-east-1:111122223333:document/Cal1";
    assert_eq!(
        ask(&[arn, "Evening"], json!("2025-03-10T15:30:00+02:00")),
        said("OPEN", "2025-03-10T13:30:00Z", "2025-03-10T18:00:00Z")
    );
    let foreign = arn.replace("111122223333", "999999999999");
    assert_eq!(code(ask(&[&foreign], Value::Null)), Some(InvalidDocument));
    assert_eq!(code(ask(&["None"], Value::Null)), Some(InvalidDocument));
    assert_eq!(code(ask(&["Shell22"], Value::Null)), Some(InvalidDocumentType));
    let (refusal, message) = ask(&["Odd"], Value::Null).unwrap_err();
    assert_eq!(refusal, UnsupportedCalendarException);
    assert!(message.contains("FREQ=YEARLY"), "{message}");
    assert_eq!(code(ask(&["Cal1"], json!("noon"))), Some(ValidationException));
}

#[test]
fn what_a_document_needs_and_its_files_are_kept_and_shown() {
    let mut world = World::new();
    let content = |word: &str| {
        json!({"schemaVersion": "2.2", "description": word,
            "mainSteps": [{"action": "aws:runShellScript", "name": "a", "inputs": {"runCommand": ["id"]}}]})
        .to_string()
    };
    let requires =
        json!([{"Name": "Shell22", "Version": "$LATEST", "RequireType": "Base", "VersionName": "one"}]);
    let attachments = json!([
        {"Key": "S3FileUrl", "Values": ["https://bucket.s3.amazonaws.com/a/tool.zip"]},
        {"Key": "SourceUrl", "Values": ["https://bucket.s3.amazonaws.com/b/"], "Name": "other.zip"},
    ]);
    let body = json!({
        "Name": "Needy", "Content": content("one"), "DocumentType": "Command",
        "Requires": requires, "Attachments": attachments,
    });
    let made = world.post("CreateDocument", &body).unwrap()["DocumentDescription"].clone();
    assert_eq!(made["Requires"], requires);
    assert_eq!(made["AttachmentsInformation"], json!([{"Name": "tool.zip"}, {"Name": "other.zip"}]));
    world.plane = Service::restore(World::config(), &world.plane.snapshot().unwrap()).unwrap();
    let got = world.post("GetDocument", &json!({"Name": "Needy"})).unwrap();
    assert_eq!(got["Requires"], requires);
    let files = json!([
        {"Name": "tool.zip", "Url": "https://bucket.s3.amazonaws.com/a/tool.zip"},
        {"Name": "other.zip", "Url": "https://bucket.s3.amazonaws.com/b/other.zip"},
    ]);
    assert_eq!(got["AttachmentsContent"], files);
    let listed =
        world.post("ListDocuments", &json!({"Filters": [{"Key": "Name", "Values": ["Needy"]}]})).unwrap();
    assert_eq!(listed["DocumentIdentifiers"][0]["Requires"], requires);

    let update = json!({"Name": "Needy", "Content": content("two")});
    let updated = world.post("UpdateDocument", &update).unwrap()["DocumentDescription"].clone();
    assert_eq!(updated["Requires"], requires, "an update cannot say it, so it stays");
    assert!(updated.get("AttachmentsInformation").is_none(), "its files are those that it names");
    let plain = world.post("DescribeDocument", &json!({"Name": "Shell22"})).unwrap();
    assert!(plain["Document"].get("Requires").is_none());
}
