//! Documents that are run by a step of another, `aws:runDocument`.
//!
//! The worker fetches the document, takes it in as any other and works it off;
//! nobody hears of its steps but by the result of the one that runs it. A
//! document may run one that runs one, and no deeper (agent/plugins/rundocument).
//! A document at a path of the machine is nobody's to read: such a step goes as
//! any other.

use std::sync::Arc;

use serde_json::{Map, Value};
use shared::document::Document;

use crate::call::{Call, DocumentName, Outcome};
use crate::catalogue::Fetched;
use crate::execution::{self, StepResult, StepStatus};
use crate::plugin::Work;
use crate::poll::why;

use super::asking::Asking;
use super::pass::Pass;
use super::{DocumentWorker, Progress, Site};

const DEEPEST: usize = 3;

/// A document that does nothing, and is not fetched.
const NOTHING: &str = "AWS-Noop";

impl DocumentWorker {
    /// A document came that the step under way had asked for.
    pub(super) fn named_document_came(&mut self, outcome: &Outcome, site: &mut Site<'_>) -> Progress {
        match self.work() {
            Work::Package => self.package_document_came(outcome, site),
            _ => self.document_to_run_came(outcome, site),
        }
    }

    fn document_to_run_came(&mut self, outcome: &Outcome, site: &mut Site<'_>) -> Progress {
        let Outcome::Document(fetched) = outcome else {
            return self.step_refused(why(outcome), site);
        };
        match self.enter_nested(fetched, site) {
            Ok(()) => self.ask(site),
            Err(reason) => self.cannot_prepare(&reason, site),
        }
    }

    /// The document was fetched and cannot be run.
    pub(super) fn cannot_prepare(&mut self, reason: &str, site: &mut Site<'_>) -> Progress {
        self.step_refused(format!("There was an error while preparing documents - {reason}"), site)
    }

    /// The plugin of the step itself failed.
    pub(super) fn step_refused(&mut self, reason: String, site: &mut Site<'_>) -> Progress {
        let fetched = self.pass().document.clone();
        let Ok(document) = &fetched.document else { return Progress::Waits };
        let result = self.close(document, StepStatus::Failed, String::new(), reason, site);
        self.pass().ran += 1;
        self.step_came_to_end(result, site.now);
        self.begin_steps(site)
    }

    /// Begins a step that runs another document: whether that is to be fetched,
    /// or the step's result where its inputs are wrong.
    pub(super) fn begin_nested(&mut self, document: &Document, site: &Site<'_>) -> Result<bool, StepResult> {
        let inputs = self.inputs(document, site);
        let inputs = inputs.into_iter().next().unwrap_or_default();
        let wanted = wanted(&inputs, self.passes.len());
        let wanted =
            wanted.map_err(|reason| self.close(document, StepStatus::Failed, String::new(), reason, site))?;
        let is_fetched = wanted.is_some();
        self.call = wanted.map(|name| Call::GetNamedDocument(Arc::new(name)));
        Ok(is_fetched)
    }

    fn enter_nested(&mut self, fetched: &Arc<Fetched>, site: &Site<'_>) -> Result<(), String> {
        let outer = self.pass().document.clone();
        let Ok(document) = &outer.document else { return Ok(()) };
        let inputs = self.inputs(document, site).into_iter().next().unwrap_or_default();
        let given = parameters(member(&inputs, "documentParameters"))?;
        if let Err(error) = &fetched.document {
            return Err(error.agent_text());
        }
        let name = text(&inputs, "documentPath");
        self.passes.push(Pass::new(name_of(&name).name.into(), fetched.clone(), Some(given)));
        self.asking = Some(Box::<Asking>::default());
        Ok(())
    }

    /// All steps of the inner document have a result: together they are that of
    /// the step that runs it.
    pub(super) fn leave_nested(&mut self, site: &Site<'_>) {
        let Some(inner) = self.passes.pop() else { return };
        let joined = |text: fn(&StepResult) -> &String| {
            let texts: Vec<_> = inner.results.iter().map(text).filter(|text| !text.is_empty()).collect();
            texts.into_iter().map(String::as_str).collect::<Vec<_>>().join("\n")
        };
        let status = inner.results.iter().map(|result| result.status).max().unwrap_or(StepStatus::Success);
        let (output, error) = (joined(|result| &result.output), joined(|result| &result.error));
        let fetched = self.pass().document.clone();
        let Ok(document) = &fetched.document else { return };
        let result = self.close(document, status, output, error, site);
        self.pass().ran += 1;
        self.step_came_to_end(result, site.now);
    }

    /// The result of a step whose plugin says itself what it came to.
    pub(super) fn close(
        &self,
        document: &Document,
        status: StepStatus,
        output: String,
        error: String,
        site: &Site<'_>,
    ) -> StepResult {
        let index = self.passes.last().map_or(0, |pass| pass.results.len());
        execution::close(document, index, &self.context(site), status, output, error)
    }
}

/// The document that these inputs name, if it is to be fetched.
fn wanted(inputs: &Map<String, Value>, depth: usize) -> Result<Option<DocumentName>, String> {
    let (kind, path) = (text(inputs, "documentType"), text(inputs, "documentPath"));
    let wrong = |what: &str| Err(format!("invalid input: {what}"));
    match kind.as_str() {
        "" => return wrong("Document Type must be specified to either by SSMDocument or LocalPath."),
        "SSMDocument" | "LocalPath" => {}
        _ => return wrong("Document type specified in invalid"),
    }
    if path.is_empty() {
        return wrong("Document Path must be provided");
    }
    if depth > DEEPEST {
        return Err(format!(
            "Maximum depth for document execution exceeded. Maximum depth permitted - {DEEPEST} and current depth - {depth}"
        ));
    }
    Ok((kind == "SSMDocument" && path != NOTHING).then(|| name_of(&path)))
}

/// The name and the version behind its colon. Of an ARN only the last part has one.
/// As agent/framework/docparser: `ParseDocumentNameAndVersion`.
pub(super) fn name_of(path: &str) -> DocumentName {
    let last = path.rsplit('/').next().unwrap_or(path);
    let version = last.split(':').nth(1).filter(|version| !version.is_empty());
    let name = version.and_then(|version| path.strip_suffix(version)?.strip_suffix(':')).unwrap_or(path);
    DocumentName { name: name.to_owned(), version: version.map(str::to_owned) }
}

/// The parameters for the inner document: an object, or a text that is one.
fn parameters(written: Option<&Value>) -> Result<Map<String, Value>, String> {
    match written {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(members)) => Ok(members.clone()),
        Some(Value::String(text)) => serde_json::from_str(text).map_err(|error| {
            format!(
                "Unmarshalling document parameters failed. Please make sure the parameters are specified \
                 in the right format: JSON format error - {error}"
            )
        }),
        Some(_) => Err("parameter type specified to run document is unknown".to_owned()),
    }
}

/// Go reads the members of inputs whatever their case.
fn member<'a>(inputs: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    inputs.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

pub(super) fn text(inputs: &Map<String, Value>, name: &str) -> String {
    member(inputs, name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_step_names_the_document_that_it_runs() {
        let named = |name: &str, version: Option<&str>| {
            Ok(Some(DocumentName { name: name.into(), version: version.map(Into::into) }))
        };
        let error = |text: &str| Err(text.to_owned());
        let arn = "arn:aws:ssm:us-east-1:123456789012:document/Inner";
        let cases = [
            (json!({"documentType": "SSMDocument", "documentPath": "Inner"}), 1, named("Inner", None)),
            (json!({"DocumentType": "SSMDocument", "documentpath": "Inner:3"}), 3, named("Inner", Some("3"))),
            (json!({"documentType": "SSMDocument", "documentPath": arn}), 1, named(arn, None)),
            (
                json!({"documentType": "SSMDocument", "documentPath": format!("{arn}:$LATEST")}),
                1,
                named(arn, Some("$LATEST")),
            ),
            (json!({"documentType": "SSMDocument", "documentPath": "AWS-Noop"}), 1, Ok(None)),
            (json!({"documentType": "LocalPath", "documentPath": "inner.yaml"}), 1, Ok(None)),
            (
                json!({"documentPath": "Inner"}),
                1,
                error(
                    "invalid input: Document Type must be specified to either by SSMDocument or LocalPath.",
                ),
            ),
            (
                json!({"documentType": "S3", "documentPath": "Inner"}),
                1,
                error("invalid input: Document type specified in invalid"),
            ),
            (
                json!({"documentType": "SSMDocument"}),
                1,
                error("invalid input: Document Path must be provided"),
            ),
            (
                json!({"documentType": "SSMDocument", "documentPath": "Inner"}),
                4,
                error(
                    "Maximum depth for document execution exceeded. Maximum depth permitted - 3 and current depth - 4",
                ),
            ),
        ];
        for (inputs, depth, expected) in cases {
            assert_eq!(wanted(inputs.as_object().unwrap(), depth), expected, "{inputs}");
        }
    }

    #[test]
    fn parameters_are_an_object_or_a_text_that_is_one() {
        let object = json!({"a": "1", "b": ["2"]});
        let expected = object.as_object().unwrap().clone();
        assert_eq!(parameters(Some(&object)), Ok(expected.clone()));
        assert_eq!(parameters(Some(&Value::from(object.to_string()))), Ok(expected));
        assert_eq!(parameters(None), Ok(Map::new()));
        let unknown = "parameter type specified to run document is unknown".to_owned();
        assert_eq!(parameters(Some(&json!(["a"]))), Err(unknown));
        assert!(
            parameters(Some(&json!("{")))
                .unwrap_err()
                .starts_with("Unmarshalling document parameters failed.")
        );
    }
}
