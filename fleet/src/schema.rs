//! The form of scenarios and results, as JSON Schema 2020-12, from the types that
//! read and write them. [`reference()`] tells the same to people.
//!
//! A schema tells an editor what may stand where. What depends on other keys, or on
//! the fleet, it cannot say: `ssm-fleet check` does.

mod reference;

use schemars::generate::SchemaSettings;
use schemars::{Schema, json_schema};
use serde_json::{Map, Value};

pub use self::reference::reference;
use crate::result::RunResult;
use crate::scenario::Scenario;

/// What the names of forms begin with that are parts of a scenario which extends another.
const PART: &str = "PartOf";

/// The form of a scenario file. One that extends another may leave out what that has.
pub fn scenario() -> Schema {
    let whole = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Scenario>();
    let mut whole = Value::from(whole);
    let defined = whole["$defs"].take();
    let mut forms = Map::new();
    if let Value::Object(defined) = defined {
        for (name, form) in defined {
            forms.insert(format!("{PART}{name}"), part(form.clone()));
            forms.insert(name, form);
        }
    }
    if let Value::Object(whole) = &mut whole {
        whole.remove("$defs");
        whole.remove("$schema");
        whole.remove("title");
    }
    forms.insert(format!("{PART}Scenario"), part(whole.clone()));
    forms.insert("Scenario".to_owned(), whole);
    json_schema!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A scenario of ssm-fleet",
        "if": { "required": ["extends"] },
        "then": { "$ref": format!("#/$defs/{PART}Scenario") },
        "else": { "$ref": "#/$defs/Scenario" },
        "$defs": forms,
    })
}

/// The form of a part: keys may be missing from it, but for the names by which
/// parts are laid over one another.
fn part(mut form: Value) -> Value {
    if let Some(Value::Array(required)) = form.get_mut("required") {
        required.retain(|key| key == "name");
    }
    refer_to_parts(&mut form);
    form
}

fn refer_to_parts(form: &mut Value) {
    match form {
        Value::Object(members) => {
            for (key, member) in members {
                match member {
                    Value::String(name) if key == "$ref" => {
                        *name = name.replace("#/$defs/", &format!("#/$defs/{PART}"));
                    }
                    member => refer_to_parts(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(refer_to_parts),
        _ => {}
    }
}

/// The form of `result.json`.
pub fn result() -> Schema {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<RunResult>();
    schema.insert("title".to_owned(), "The result of a run of ssm-fleet".into());
    schema
}
