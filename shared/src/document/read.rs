//! How a document is read from its text.
//!
//! Lenient where the agent is: unknown keys are passed over, `null` is as good as
//! absent, a step may lack all but its place in the list. A member of the wrong
//! type is an error, as it is in Go.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Document, DocumentError, Inputs, Parameter, Precondition, SchemaVersion, Step};

impl Document {
    /// Reads a document of any known schema from JSON text.
    pub fn parse(content: &str) -> Result<Self, DocumentError> {
        let written: WrittenDocument = serde_json::from_str(content).map_err(malformed)?;
        let schema_version = SchemaVersion::from_text(&written.schema_version)
            .ok_or(DocumentError::UnsupportedVersion { version: written.schema_version })?;

        let steps: Vec<Step> = if schema_version.has_runtime_config() {
            let plugins = written.runtime_config.into_iter().flatten();
            plugins.map(|(name, plugin)| plugin.into_step(name)).collect::<Result<_, _>>()?
        } else {
            let steps = written.main_steps.into_iter().flatten();
            steps.map(WrittenStep::into_step).collect::<Result<_, _>>()?
        };
        if steps.is_empty() {
            return Err(DocumentError::NoSteps { version: schema_version.as_str() });
        }
        let parameters = written.parameters.into_iter().flatten();
        Ok(Self {
            schema_version,
            description: written.description,
            parameters: parameters.map(|(name, parameter)| (name, parameter.into())).collect(),
            steps,
        })
    }

    /// Reads a document as the agent does: Automation is not for nodes.
    pub fn parse_for_node(content: &str) -> Result<Self, DocumentError> {
        let document = Self::parse(content)?;
        if document.schema_version.runs_on_nodes() {
            return Ok(document);
        }
        Err(DocumentError::UnsupportedVersion { version: document.schema_version.as_str().to_owned() })
    }
}

fn malformed(error: serde_json::Error) -> DocumentError {
    DocumentError::Malformed { reason: error.to_string() }
}

/// A document as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "keys and values such as `schemaVersion`")]
struct WrittenDocument {
    #[serde(default)]
    schema_version: String,
    description: Option<String>,
    parameters: Option<BTreeMap<String, WrittenParameter>>,
    main_steps: Option<Vec<WrittenStep>>,
    runtime_config: Option<BTreeMap<String, WrittenPlugin>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenParameter {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    default: Value,
    description: Option<String>,
    allowed_values: Option<Vec<Value>>,
    allowed_pattern: Option<String>,
    #[serde(default)]
    min_chars: Value,
    #[serde(default)]
    max_chars: Value,
    #[serde(default)]
    min_items: Value,
    #[serde(default)]
    max_items: Value,
}

#[derive(Deserialize)]
struct WrittenStep {
    #[serde(default)]
    action: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    inputs: Value,
    settings: Option<Value>,
    precondition: Option<BTreeMap<String, Vec<String>>>,
}

#[derive(Deserialize)]
struct WrittenPlugin {
    settings: Option<Value>,
    #[serde(default)]
    properties: Value,
}

impl From<WrittenParameter> for Parameter {
    fn from(written: WrittenParameter) -> Self {
        Self {
            kind: written.kind.as_str().into(),
            default: written.default,
            description: written.description,
            allowed_values: written.allowed_values.unwrap_or_default(),
            allowed_pattern: written.allowed_pattern,
            min_chars: bound(&written.min_chars),
            max_chars: bound(&written.max_chars),
            min_items: bound(&written.min_items),
            max_items: bound(&written.max_items),
        }
    }
}

/// A bound is written as a number or as a text; one that is neither is none.
fn bound(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

impl WrittenStep {
    fn into_step(self) -> Result<Step, DocumentError> {
        let precondition = self.precondition.filter(|operators| !operators.is_empty());
        Ok(Step {
            inputs: read_inputs(&self.name, self.inputs)?,
            name: self.name,
            action: self.action,
            settings: self.settings,
            precondition: precondition.map(|operators| Precondition { operators }),
        })
    }
}

impl WrittenPlugin {
    fn into_step(self, plugin: String) -> Result<Step, DocumentError> {
        let inputs = read_inputs(&plugin, self.properties)?;
        let settings = self.settings;
        Ok(Step { name: plugin.clone(), action: plugin, inputs, settings, precondition: None })
    }
}

fn read_inputs(step: &str, inputs: Value) -> Result<Inputs, DocumentError> {
    let wrong = || DocumentError::Malformed { reason: format!("inputs of step `{step}` are no object") };
    let object = |value| match value {
        Value::Object(object) => Ok(object),
        Value::Null => Ok(Map::new()),
        _ => Err(wrong()),
    };
    match inputs {
        Value::Array(list) => list.into_iter().map(object).collect::<Result<_, _>>().map(Inputs::Many),
        single => object(single).map(Inputs::One),
    }
}
