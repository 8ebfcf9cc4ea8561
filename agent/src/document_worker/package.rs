//! Packages that a step installs or removes, `aws:configurePackage`.
//!
//! The worker asks the plane what the package is made of, does its work, which
//! here only takes time, and tells how it went. What is no package of the
//! service is looked for among the documents; of such nobody is told
//! (agent/plugins/configurepackage). No file is fetched, and a node does not
//! remember what it has installed: each time is the first.

use std::sync::Arc;

use serde_json::{Map, Value};
use shared::document::Document;
use shared::time::Timestamp;

use crate::call::{Call, DocumentName, Outcome, PackageResult};
use crate::execution::{StepResult, StepStatus};
use crate::poll::why;

use super::nested::{name_of, text};
use super::{DocumentWorker, Progress, Site};

const LATEST: &str = "latest";

/// What the service says of a name that is none of its packages.
const NOT_FOUND: &str = "ResourceNotFoundException";

/// The work on a package, while its step is under way.
#[derive(Debug)]
pub(super) struct Package {
    name: String,
    version: String,
    operation: String,
    began: Timestamp,
    /// What the step came to, once only the plane is to be told.
    result: Option<StepResult>,
}

impl DocumentWorker {
    pub(super) fn manifest_came(&mut self, outcome: &Outcome, site: &mut Site<'_>) -> Progress {
        match outcome {
            Outcome::Manifest(manifest) => match version_in(manifest) {
                Some(version) => {
                    if let Some(package) = &mut self.package {
                        package.version = version;
                    }
                    self.work_on_package(site)
                }
                None => self.package_refused("failed to download manifest - it has no version".into(), site),
            },
            // It may be a document then.
            Outcome::Refused(error, _) if error.code.as_str() == NOT_FOUND => {
                let Some(package) = self.package.take() else { return Progress::Waits };
                let version = Some(package.version).filter(|version| version != LATEST);
                self.call =
                    Some(Call::GetNamedDocument(Arc::new(DocumentName { name: package.name, version })));
                Progress::Waits
            }
            other => self.package_refused(why(other), site),
        }
    }

    /// The document of a package came.
    pub(super) fn package_document_came(&mut self, outcome: &Outcome, site: &mut Site<'_>) -> Progress {
        match outcome {
            Outcome::Document(_) => self.work_on_package(site),
            other => {
                let reason = why(other);
                self.package_refused(
                    format!("failed to download manifest - failed to retrieve package document: {reason}"),
                    site,
                )
            }
        }
    }

    fn package_refused(&mut self, reason: String, site: &mut Site<'_>) -> Progress {
        self.package = None;
        self.step_refused(reason, site)
    }

    /// The plane was told how it went; what it says to that fails no step.
    pub(super) fn package_result_told(&mut self, outcome: &Outcome, site: &mut Site<'_>) -> Progress {
        let Some(mut result) = self.package.take().and_then(|package| package.result) else {
            return Progress::Waits;
        };
        if !outcome.is_done() {
            let reason = why(outcome);
            result.error.push_str(&format!("Error reporting results: failed to report results: {reason}"));
        }
        self.pass().ran += 1;
        self.step_came_to_end(result, site.now);
        self.begin_steps(site)
    }

    /// Begins the work on a package: asks what it is made of.
    pub(super) fn begin_package(&mut self, document: &Document, site: &Site<'_>) -> Result<(), StepResult> {
        let inputs = self.inputs(document, site).into_iter().next().unwrap_or_default();
        let wanted = wanted(&inputs)
            .map_err(|reason| self.close(document, StepStatus::Failed, String::new(), reason, site))?;
        let operation = text(&inputs, "action");
        let call = match wanted {
            Wanted::Document(name) => Call::GetNamedDocument(Arc::new(name)),
            Wanted::Package(name) => {
                let version = name.version.clone().unwrap_or_default();
                self.package = Some(Box::new(Package {
                    name: name.name.clone(),
                    version,
                    operation,
                    began: site.now,
                    result: None,
                }));
                Call::GetManifest(Arc::new(name))
            }
        };
        self.call = Some(call);
        Ok(())
    }

    /// What is told of the work on a package that has come to this.
    pub(super) fn tell_of_package(&mut self, result: StepResult, now: Timestamp) {
        let Some(package) = &mut self.package else { return };
        let told = PackageResult {
            name: package.name.clone(),
            version: package.version.clone(),
            operation: package.operation.clone(),
            code: result.code,
            took: now.since(package.began),
        };
        package.result = Some(result);
        self.call = Some(Call::PutPackageResult(Arc::new(told)));
    }
}

/// What these inputs name.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Package(DocumentName),
    Document(DocumentName),
}

fn wanted(inputs: &Map<String, Value>) -> Result<Wanted, String> {
    let (name, version) = (text(inputs, "name"), text(inputs, "version"));
    if !text(inputs, "source").is_empty() {
        return Err("invalid input: source parameter is not supported in this version".to_owned());
    }
    if name.is_empty() {
        return Err("invalid input: empty name field".to_owned());
    }
    match text(inputs, "action").as_str() {
        "Install" | "Uninstall" => {}
        other => return Err(format!("unsupported action: {other}")),
    }
    let is_arn_of_document = name.starts_with("arn:") && name.contains(":document/");
    let is_of_service = version.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
    if is_arn_of_document || !is_of_service {
        let version = Some(version).filter(|version| !version.is_empty());
        return Ok(Wanted::Document(DocumentName { version, ..name_of(&name) }));
    }
    let version = if version.is_empty() { LATEST.to_owned() } else { version };
    Ok(Wanted::Package(DocumentName { name, version: Some(version) }))
}

fn version_in(manifest: &str) -> Option<String> {
    let manifest: Value = serde_json::from_str(manifest).ok()?;
    manifest["version"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_step_names_a_package_or_its_document() {
        let named = |name: &str, version: Option<&str>| DocumentName {
            name: name.into(),
            version: version.map(Into::into),
        };
        let arn = "arn:aws:ssm:us-east-1:123456789012:document/Mine";
        let cases = [
            (json!({"action": "Install", "name": "P"}), Ok(Wanted::Package(named("P", Some("latest"))))),
            (
                json!({"Action": "Uninstall", "name": "P", "version": "1.2"}),
                Ok(Wanted::Package(named("P", Some("1.2")))),
            ),
            (
                json!({"action": "Install", "name": "P", "version": "my-first"}),
                Ok(Wanted::Document(named("P", Some("my-first")))),
            ),
            (json!({"action": "Install", "name": arn}), Ok(Wanted::Document(named(arn, None)))),
            (json!({"action": "Install"}), Err("invalid input: empty name field".to_owned())),
            (json!({"action": "Mend", "name": "P"}), Err("unsupported action: Mend".to_owned())),
            (
                json!({"action": "Install", "name": "P", "source": "s3"}),
                Err("invalid input: source parameter is not supported in this version".to_owned()),
            ),
        ];
        for (inputs, expected) in cases {
            assert_eq!(wanted(inputs.as_object().unwrap()), expected, "{inputs}");
        }
    }
}
