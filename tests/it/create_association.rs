//! Every case of CreateAssociation that the reference lists (B.6), over HTTP.
//!
//! A case is a request, what was called before it, and what must come of it:
//! what is made is looked at in the answer, in the nodes that it reaches and the
//! instants at which it runs; what is refused in its name and reason. Each case
//! has the reference's world to itself. Rules (B.3) and pairs of the check order
//! (B.2) that no case has stand beside the cases, each under its number.
//!
//! Invariant: a request that is refused makes nothing.

mod made;
mod refused;
mod rules;

use std::collections::BTreeSet;

use plane::config::PlaneConfig;
use serde_json::{Value, json};
use shared::time::Timestamp;

use crate::served::{Answer, Served, and, fixture};

/// A request, and what must come of it.
#[derive(Debug)]
struct Case {
    /// The numbers of the reference's case and rules, with blanks between them.
    numbers: &'static str,
    config: PlaneConfig,
    /// Associations that are made before.
    before: Vec<Value>,
    operation: &'static str,
    body: Value,
    expected: Expected,
}

#[derive(Debug)]
enum Expected {
    Made(Made),
    /// The name, and what the reason says.
    Refused(&'static str, &'static str),
}

/// What is looked at where an association was made.
#[derive(Debug, Default)]
struct Made {
    /// Members of the description, as they must stand there.
    shows: Value,
    /// All members that it has.
    has_only: Vec<&'static str>,
    lacks: Vec<&'static str>,
    /// The targets of its newest execution.
    reaches: Option<Vec<&'static str>>,
    /// When it runs, and until when it is watched.
    runs: Option<(Vec<&'static str>, &'static str)>,
    /// The overview, once what follows at once was done.
    overview: Value,
    tags: Value,
}

fn case(numbers: &'static str, body: Value, expected: Expected) -> Case {
    let config = PlaneConfig::default();
    Case { numbers, config, before: Vec::new(), operation: "CreateAssociation", body, expected }
}

/// A request that is carried out.
fn made(numbers: &'static str, body: Value) -> Case {
    case(numbers, body, Expected::Made(Made::default()))
}

/// A request that is refused by this name, for a reason that says so.
fn refused(numbers: &'static str, body: Value, name: &'static str, reason: &'static str) -> Case {
    case(numbers, body, Expected::Refused(name, reason))
}

impl Case {
    fn after(self, before: Vec<Value>) -> Self {
        Self { before, ..self }
    }

    fn with(self, config: PlaneConfig) -> Self {
        Self { config, ..self }
    }

    fn to(self, operation: &'static str) -> Self {
        Self { operation, ..self }
    }

    fn look(mut self, look: impl FnOnce(&mut Made)) -> Self {
        let Expected::Made(made) = &mut self.expected else { panic!("{} is refused", self.numbers) };
        look(made);
        self
    }

    fn shows(self, shows: Value) -> Self {
        self.look(|made| made.shows = shows)
    }

    fn has_only(self, members: &[&'static str]) -> Self {
        self.look(|made| made.has_only = members.to_vec())
    }

    fn lacks(self, members: &[&'static str]) -> Self {
        self.look(|made| made.lacks = members.to_vec())
    }

    fn reaches(self, nodes: &[&'static str]) -> Self {
        self.look(|made| made.reaches = Some(nodes.to_vec()))
    }

    fn runs(self, instants: &[&'static str], until: &'static str) -> Self {
        self.look(|made| made.runs = Some((instants.to_vec(), until)))
    }

    fn overview(self, overview: Value) -> Self {
        self.look(|made| made.overview = overview)
    }

    fn tagged(self, tags: Value) -> Self {
        self.look(|made| made.tags = tags)
    }

    /// Carries it out in a world of its own; what is not as it must be.
    async fn check(&self) -> Vec<String> {
        let plane = fixture(self.config.clone()).await;
        let mut ids = Vec::new();
        for body in &self.before {
            let reply = plane.done("CreateAssociation", body).await;
            ids.push(reply["AssociationDescription"]["AssociationId"].clone());
        }
        let mut body = self.body.clone();
        if self.operation == "UpdateAssociation" {
            body["AssociationId"] = ids.last().expect("what is updated was made").clone();
        }
        let answer = plane.call(self.operation, &body).await;
        let mut wrong = Wrong { case: format!("{} {body}", self.numbers), found: Vec::new() };
        wrong.unless(answer.content_type == "application/x-amz-json-1.1", &answer.content_type);
        match &self.expected {
            Expected::Made(made) => made.check(&plane, &answer, &ids, &mut wrong).await,
            Expected::Refused(name, reason) => {
                check_refusal(&answer, name, reason, &mut wrong);
                plane.settle();
                wrong.unless(associations(&plane).await.len() == ids.len(), "something was made");
            }
        }
        plane.end().await;
        wrong.found
    }
}

/// What was found wrong with a case.
struct Wrong {
    case: String,
    found: Vec<String>,
}

impl Wrong {
    fn unless(&mut self, is_right: bool, what: impl std::fmt::Display) {
        if !is_right {
            self.found.push(format!("{}: {what}", self.case));
        }
    }
}

fn check_refusal(answer: &Answer, name: &str, reason: &str, wrong: &mut Wrong) {
    let is_so = answer.status == 400 && answer.error() == name && answer.message().contains(reason);
    wrong.unless(is_so, format!("{} instead of {name}: {reason}: {}", answer.status, answer.body));
    // The one refusal without a reason says no more than its name.
    let wanted: &[&str] =
        if name == "UnknownOperationException" { &["__type"] } else { &["Message", "__type"] };
    let members: Vec<&String> = answer.body.as_object().expect("an answer is an object").keys().collect();
    wrong.unless(members == wanted, format!("members {members:?}"));
}

impl Made {
    async fn check(&self, plane: &Served, answer: &Answer, before: &[Value], wrong: &mut Wrong) {
        let description = &answer.body["AssociationDescription"];
        if answer.status != 200 || !description.is_object() {
            return wrong.unless(false, format!("{} {}", answer.status, answer.body));
        }
        self.check_description(description, wrong);
        let id = &description["AssociationId"];
        wrong.unless(id.as_str().is_some_and(|id| id.len() == 36), format!("the id is {id}"));
        wrong.unless(!before.contains(id), "another association has this id");
        plane.settle();
        if let Some(nodes) = &self.reaches {
            let reached = targets(plane, id).await;
            wrong.unless(
                reached.iter().eq(&nodes.iter().map(|node| (*node).to_owned()).collect::<BTreeSet<_>>()),
                format!("reached {reached:?}"),
            );
        }
        let by_id = json!({"AssociationId": id});
        if !self.overview.is_null() {
            let shown = plane.done("DescribeAssociation", &by_id).await;
            let overview = &shown["AssociationDescription"]["Overview"];
            wrong.unless(*overview == self.overview, format!("the overview is {overview}"));
        }
        if !self.tags.is_null() {
            let body = json!({"ResourceType": "Association", "ResourceId": id});
            let tags = plane.done("ListTagsForResource", &body).await;
            wrong.unless(tags["TagList"] == self.tags, format!("the tags are {tags}"));
        }
        if let Some((instants, until)) = &self.runs {
            plane.pass_to(instant(until));
            let ran: Vec<Value> = executions(plane, id).await.into_iter().rev().collect();
            let ran: Vec<&Value> = ran.iter().map(|execution| &execution["CreatedTime"]).collect();
            let at: Vec<Value> = instants.iter().map(|at| json!(instant(at))).collect();
            wrong.unless(ran.into_iter().eq(at.iter()), format!("it ran otherwise than {instants:?}"));
        }
    }

    fn check_description(&self, description: &Value, wrong: &mut Wrong) {
        let overview = json!({"Status": "Pending", "DetailedStatus": "Creating"});
        wrong.unless(description["Overview"] == overview, format!("begins at {}", description["Overview"]));
        for (member, value) in self.shows.as_object().into_iter().flatten() {
            let shown = &description[member];
            wrong.unless(shown == value, format!("{member} is {shown}, not {value}"));
        }
        for member in &self.lacks {
            wrong.unless(description.get(member).is_none(), format!("{member} is there"));
        }
        if !self.has_only.is_empty() {
            let members: BTreeSet<&str> =
                description.as_object().expect("it is one").keys().map(String::as_str).collect();
            let wanted: BTreeSet<&str> = self.has_only.iter().copied().collect();
            wrong.unless(members == wanted, format!("members {members:?}"));
        }
    }
}

/// An instant as the reference writes it.
fn instant(text: &str) -> Timestamp {
    let instant: jiff::Timestamp = text.parse().expect("an instant of the table");
    Timestamp::from_milliseconds(instant.as_millisecond())
}

async fn associations(plane: &Served) -> Vec<Value> {
    let reply = plane.done("ListAssociations", &json!({})).await;
    reply["Associations"].as_array().expect("a list").clone()
}

/// The executions of an association, the newest first.
async fn executions(plane: &Served, id: &Value) -> Vec<Value> {
    let reply = plane.done("DescribeAssociationExecutions", &json!({"AssociationId": id})).await;
    reply["AssociationExecutions"].as_array().expect("a list").clone()
}

/// The targets of an association's newest execution; none where it has none.
async fn targets(plane: &Served, id: &Value) -> BTreeSet<String> {
    let Some(newest) = executions(plane, id).await.into_iter().next() else { return BTreeSet::new() };
    let body = json!({"AssociationId": id, "ExecutionId": newest["ExecutionId"]});
    let reply = plane.done("DescribeAssociationExecutionTargets", &body).await;
    let rows = reply["AssociationExecutionTargets"].as_array().expect("a list").iter();
    rows.map(|row| row["ResourceId"].as_str().expect("a target has an id").to_owned()).collect()
}

/// One target.
fn target(key: &str, values: &[&str]) -> Value {
    json!([{"Key": key, "Values": values}])
}

/// A shell command on these targets.
fn shell(targets: &Value) -> Value {
    json!({"Name": "Shell22", "Parameters": {"commands": ["id"]}, "Targets": targets})
}

/// A shell command on the first node, with more.
fn on_one(more: Value) -> Value {
    and(shell(&target("InstanceIds", &[crate::served::ONE])), more)
}

/// The old form, with more.
fn old(more: Value) -> Value {
    and(json!({"Name": "AWS-UpdateSSMAgent", "InstanceId": crate::served::ONE}), more)
}

/// A runbook on the nodes tagged `Env=prod`, with more.
fn runbook(more: Value) -> Value {
    and(json!({"Name": "Auto03", "Targets": target("tag:Env", &["prod"])}), more)
}

/// What stands in the reference: cases 1 to 58, the 54th in four parts, and its
/// rules but R29, for which there would have to be a second account.
fn numbers_of_the_reference() -> BTreeSet<String> {
    let cases = (1..=58).filter(|number| *number != 54).map(|number| number.to_string());
    let parts = ["54a", "54b", "54c", "54d"].map(str::to_owned);
    let rules = (1..=40).filter(|number| *number != 29).map(|number| format!("R{number}"));
    cases.chain(parts).chain(rules).collect()
}

#[tokio::test]
async fn every_case_of_the_reference_is_answered_as_it_says() {
    let cases: Vec<Case> = [made::cases(), refused::cases(), rules::cases()].into_iter().flatten().collect();
    let numbers = cases.iter().flat_map(|case| case.numbers.split(' ')).map(str::to_owned);
    let missing = &numbers_of_the_reference() - &numbers.collect();
    assert!(missing.is_empty(), "no row of the table is {missing:?}");

    let mut wrong = Vec::new();
    for case in &cases {
        wrong.extend(case.check().await);
    }
    assert!(
        wrong.is_empty(),
        "{} things are not as the reference has them:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
