//! Handing out stored parameters, which agents put in place of `{{ssm:name}}`.
//!
//! What there is comes from the world; only the present version of a parameter
//! is kept. A secret one is handed out in clear only to who asks for that.

use shared::error::ApiError;
use shared::time::Timestamp;
use shared::wire::{GetParameters, GetParametersReply, ParameterValue};

use crate::state::State;
use crate::state::document::sha256;
use crate::state::parameter::{StoredKind, split_version};

/// Reads stored parameters.
pub(super) fn get_parameters(
    state: &mut State,
    _now: Timestamp,
    call: GetParameters,
) -> Result<GetParametersReply, ApiError> {
    let in_clear = call.with_decryption == Some(true);
    let mut reply = GetParametersReply::default();
    for asked in call.names {
        match find(state, &asked, in_clear) {
            Some(value) => reply.parameters.push(value),
            None => reply.invalid_parameters.push(asked),
        }
    }
    Ok(reply)
}

fn find(state: &State, asked: &str, in_clear: bool) -> Option<ParameterValue> {
    let (name, version) = split_version(asked);
    let known = state.world.parameters.get(name)?;
    let present = known.version.unwrap_or(1);
    if version.is_some_and(|version| version.parse() != Ok(present)) {
        return None;
    }
    let is_hidden = known.kind == StoredKind::SecureString && !in_clear;
    let (account, region) = (&state.config.account, &state.config.region);
    Some(ParameterValue {
        name: name.to_owned(),
        kind: Some(known.kind.as_str().to_owned()),
        value: Some(if is_hidden { sha256(known.value.as_bytes()) } else { known.value.clone() }),
        version: Some(present),
        selector: version.map(|version| format!(":{version}")),
        last_modified_date: None,
        arn: Some(format!("arn:aws:ssm:{region}:{account}:parameter/{}", name.trim_start_matches('/'))),
        data_type: Some("text".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use shared::error::ErrorCode;
    use shared::status::AssociationStatus::Success;

    use crate::config::PlaneConfig;
    use crate::service::{Service, WorldChange};
    use crate::state::parameter::StoredParameter;
    use crate::testing::{ONE, TWO, World};

    fn world() -> World {
        let parameters = json!({"parameters": {
            "/app/flag": {"value": "on"},
            "list": {"type": "StringList", "value": "a,b", "version": 3},
            "secret": {"type": "SecureString", "value": "hidden"},
        }});
        let world = serde_json::from_value(parameters).unwrap();
        World::with(PlaneConfig { world, ..World::config() })
    }

    fn set(world: &World, name: &str, value: &str) {
        let parameter = StoredParameter { value: value.to_owned(), ..StoredParameter::default() };
        let change = WorldChange::Parameter(name.to_owned(), Some(parameter));
        world.plane.change_world(world.now, change).unwrap();
        world.settle();
    }

    #[test]
    fn what_is_known_is_handed_out_and_the_rest_is_named() {
        let world = world();
        let names = ["/app/flag", "list:3", "list:2", "secret", "none"];
        let reply = world.post("GetParameters", &json!({"Names": names})).unwrap();
        let short = |one: &Value| (one["Name"].clone(), one["Version"].clone(), one["Selector"].clone());
        let found: Vec<_> = reply["Parameters"].as_array().unwrap().iter().map(short).collect();
        let expected = [
            (json!("/app/flag"), json!(1), Value::Null),
            (json!("list"), json!(3), json!(":3")),
            (json!("secret"), json!(1), Value::Null),
        ];
        assert_eq!(found, expected);
        assert_eq!(reply["InvalidParameters"], json!(["list:2", "none"]));
        assert_eq!(reply["Parameters"][0]["Value"], "on");
        assert_eq!(reply["Parameters"][0]["ARN"], "arn:aws:ssm:us-east-1:111122223333:parameter/app/flag");
        assert_ne!(reply["Parameters"][2]["Value"], "hidden");
        let clear = json!({"Names": ["secret"], "WithDecryption": true});
        assert_eq!(world.post("GetParameters", &clear).unwrap()["Parameters"][0]["Value"], "hidden");
        let eleven = json!({"Names": vec!["x"; 11]});
        assert_eq!(world.post("GetParameters", &eleven).unwrap_err().0, ErrorCode::ValidationException);
    }

    #[test]
    fn a_new_value_runs_what_refers_to_it_again_with_another_checksum_and_the_same_version() {
        let mut world = world();
        let all = json!([{"Key": "tag:Env", "Values": ["prod"]}]);
        let shell = |command: &str, more: &Value| {
            let mut body = World::shell(&all, more);
            body["Parameters"] = json!({"commands": ["id", command]});
            body
        };
        let refers = world.associate(&shell("echo {{ ssm:/app/flag }}", &json!({})));
        let waits = json!({"ScheduleExpression": "rate(1 day)"});
        let fixed = world.associate(&shell("echo {{ssm:/app/flag:1}}", &waits));
        let apply_only =
            json!({"ScheduleExpression": "cron(0 2 ? * SUN *)", "ApplyOnlyAtCronInterval": true});
        let later = world.associate(&shell("echo {{ssm:/app/flag}}", &apply_only));
        for (node, association) in [(ONE, refers), (TWO, refers), (ONE, fixed), (TWO, fixed)] {
            world.run(node, association, Success);
        }
        let before = world.poll(ONE);

        set(&world, "other", "x");
        assert_eq!(world.executions(refers).len(), 1);
        set(&world, "/app/flag", "off");
        assert_eq!(world.executions(refers).len(), 2);
        assert_eq!((world.executions(fixed).len(), world.executions(later).len()), (1, 0));
        let after = world.poll(ONE);
        assert_ne!(before[0].checksum, after[0].checksum);
        assert_eq!(before[1].checksum, after[1].checksum);
        assert_eq!(world.told(ONE), ["Pending", "Success"]);
        assert_eq!(world.describe(refers)["AssociationVersion"], "1");
        let reply = world.post("GetParameters", &json!({"Names": ["/app/flag"]})).unwrap();
        assert_eq!(
            (&reply["Parameters"][0]["Value"], &reply["Parameters"][0]["Version"]),
            (&json!("off"), &json!(2))
        );

        // The same value again is no change, and a snapshot keeps what is known.
        set(&world, "/app/flag", "off");
        world.plane = Service::restore(World::config(), &world.plane.snapshot().unwrap()).unwrap();
        assert_eq!(world.executions(refers).len(), 2);
        assert_eq!(world.post("GetParameters", &json!({"Names": ["/app/flag"]})).unwrap(), reply);
        world.plane.change_world(world.now, WorldChange::Parameter("/app/flag".to_owned(), None)).unwrap();
        world.settle();
        assert_eq!(world.executions(refers).len(), 3, "it is gone: what refers to it hears of that");
    }
}
