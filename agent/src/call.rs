//! A call of a node: what it asks, how that is spelled, and what came back.
//!
//! A [`Call`] says what is asked in few bytes; [`Request`] is its wire type,
//! built only to be sent; [`Answer`] is the wire's reply; [`Outcome`] is what
//! the node learns from it, with everything that can be shared interned.

pub mod spoiled;

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use shared::error::{ApiError, ErrorCode};
use shared::frame::{AGENT_JOB_ACK, AGENT_JOB_REPLY};
use shared::id::NodeId;
use shared::operation::Operation;
use shared::status::{AgentErrorCode, AssociationStatus};
use shared::time::{Period, Timestamp};
use shared::wire::{
    AcknowledgeMessage, DeregisterManagedInstance, DescribeAssociation, DescribeAssociationReply, Empty,
    FailMessage, GetDocument, GetDocumentReply, GetManifest, GetManifestReply, GetMessages, GetMessagesReply,
    GetParameters, GetParametersReply, ListAssociations, ListAssociationsReply, ListInstanceAssociations,
    ListInstanceAssociationsReply, Parameters, PutComplianceItems, PutConfigurePackageResult, PutInventory,
    RegisterManagedInstance, RegisterManagedInstanceReply, RequestManagedInstanceRoleToken,
    RequestManagedInstanceRoleTokenReply, SendReply, UpdateAssociationStatus,
    UpdateInstanceAssociationStatus, UpdateInstanceInformation, UpdateManagedInstancePublicKey,
};

use crate::association::{Association, KnownStatus, Listed};
use crate::catalogue::Fetched;
use crate::channel::call::{Incoming, MessageCall, MessageRequest, OPEN_CHANNEL};
use crate::client::odd;
use crate::client::pool::Module;
use crate::compliance::Item;
use crate::credentials::Session;
use crate::inventory::{Kinds, Taken};
use spoiled::Spoiled;

/// An operation of the public API that nodes call, whether or not our plane knows it.
const GET_PARAMETERS: &str = "GetParameters";
const GET_PARAMETERS_TARGET: &str = "AmazonSSM.GetParameters";

/// What a node asks.
#[derive(Debug, Clone)]
pub enum Call {
    /// To be known.
    Register,
    /// For credentials, signed with the key that it has after so many changes.
    RequestToken(u16),
    /// To take its next key.
    UpdateKey,
    /// Whether it is accepted: the bare heartbeat at start and in hibernation.
    Probe,
    /// The full heartbeat.
    Heartbeat,
    /// What is associated with it, from this token on.
    ListAssociations(Option<Arc<str>>),
    /// The same, in the way of old agents: one association at most.
    ListLegacy,
    /// What that association's parameters and state are.
    DescribeLegacy(Arc<Association>),
    /// An association's document.
    GetDocument(Arc<Association>),
    /// That a run stands so.
    ReportStatus(Arc<Report>),
    /// What it complies with.
    PutCompliance(Arc<[Item]>),
    /// Values of the Parameter Store, by these names.
    GetParameters(Arc<[String]>),
    /// A document that a step runs.
    GetNamedDocument(Arc<DocumentName>),
    /// What a package is made of.
    GetManifest(Arc<DocumentName>),
    /// How the work on a package went.
    PutPackageResult(Arc<PackageResult>),
    /// What the node is made of.
    PutInventory(Arc<InventoryUpload>),
    /// Something of messages.
    Message(MessageCall),
    /// To be known no more: somebody has the machine's node taken out.
    Deregister,
}

/// How the work on a package went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageResult {
    /// The package.
    pub name: String,
    /// Its version.
    pub version: String,
    /// `Install` or `Uninstall`.
    pub operation: String,
    /// The exit code.
    pub code: i32,
    /// How long it took.
    pub took: Period,
}

/// A document or package by its name, and perhaps its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentName {
    /// Its name or ARN.
    pub name: String,
    /// Its version, if one is meant.
    pub version: Option<String>,
}

/// What is told of a node: which types, at which edition of its facts, and what
/// of it the plane has taken before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InventoryUpload {
    /// The types.
    pub kinds: Kinds,
    /// How often the node's packages have changed.
    pub edition: u32,
    /// What the plane took last.
    pub taken: Taken,
    /// Whether all of it goes with its content.
    pub is_full: bool,
}

/// How a run stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Which association.
    pub association: Arc<Association>,
    /// How it stands.
    pub status: AssociationStatus,
    /// Why, if badly.
    pub error_code: Option<AgentErrorCode>,
    /// In words.
    pub summary: String,
    /// When the run began whose output is stored, where steps have run.
    pub output_of: Option<Timestamp>,
}

/// A call in its wire type.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "each variant is its wire type")]
pub enum Request {
    Register(RegisterManagedInstance),
    RequestToken(RequestManagedInstanceRoleToken),
    UpdateKey(UpdateManagedInstancePublicKey),
    Heartbeat(UpdateInstanceInformation),
    ListAssociations(ListInstanceAssociations),
    ListLegacy(ListAssociations),
    DescribeLegacy(DescribeAssociation),
    GetDocument(GetDocument),
    ReportStatus(UpdateInstanceAssociationStatus),
    ReportLegacy(UpdateAssociationStatus),
    PutCompliance(PutComplianceItems),
    GetParameters(GetParameters),
    GetManifest(GetManifest),
    PutPackageResult(PutConfigurePackageResult),
    PutInventory(PutInventory),
    Message(MessageRequest),
    Deregister(DeregisterManagedInstance),
    Spoiled(Arc<Spoiled>),
}

/// The names of all operations that a node calls, and of what it sends over its
/// control channel.
pub const OPERATIONS: [&str; 23] = [
    AcknowledgeMessage::NAME,
    OPEN_CHANNEL,
    DeregisterManagedInstance::NAME,
    DescribeAssociation::NAME,
    FailMessage::NAME,
    GetDocument::NAME,
    GetManifest::NAME,
    GetMessages::NAME,
    GET_PARAMETERS,
    ListAssociations::NAME,
    ListInstanceAssociations::NAME,
    PutComplianceItems::NAME,
    PutConfigurePackageResult::NAME,
    PutInventory::NAME,
    RegisterManagedInstance::NAME,
    RequestManagedInstanceRoleToken::NAME,
    SendReply::NAME,
    UpdateAssociationStatus::NAME,
    UpdateInstanceAssociationStatus::NAME,
    UpdateInstanceInformation::NAME,
    UpdateManagedInstancePublicKey::NAME,
    AGENT_JOB_ACK,
    AGENT_JOB_REPLY,
];

/// What came back, in its wire type.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Done, and nothing more to say.
    Done,
    /// Registered, under this id.
    Registered(NodeId),
    /// Credentials.
    Token(RequestManagedInstanceRoleTokenReply),
    /// What is associated.
    Associations(ListInstanceAssociationsReply),
    /// What is associated, in the way of old agents.
    Legacy(ListAssociationsReply),
    /// An association, in the way of old agents.
    Described(Box<DescribeAssociationReply>),
    /// A reply that lacks something which the real agent's worker dies without.
    Fatal(&'static str),
    /// What waits for the node.
    Messages(Vec<Incoming>),
    /// A document.
    Document(GetDocumentReply),
    /// Values of the Parameter Store.
    Parameters(GetParametersReply),
    /// What a package is made of.
    Manifest(GetManifestReply),
    /// No, with the HTTP status that carried it.
    Refused(ApiError, u16),
    /// Nothing came back; whether the plane did it is unknown.
    Unreachable,
    /// Something came back that is not the reply we know, under this HTTP status; it looks so.
    Unreadable(u16, Box<str>),
}

/// What a node learns.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Done, and nothing more to say.
    Done,
    /// Registered, under this id.
    Registered(NodeId),
    /// Credentials, and whether the key is to be changed.
    Token(Session, bool),
    /// A page of what is associated, and where the next one begins.
    Associations(Vec<Listed>, Option<Arc<str>>),
    /// The first association that old agents are told of.
    Legacy(Option<Arc<Association>>),
    /// That association's parameters and state.
    Described(Option<Arc<Parameters>>, KnownStatus),
    /// A reply that lacks something which the real agent's worker dies without.
    Fatal(&'static str),
    /// What waits for it.
    Messages(Vec<Incoming>),
    /// A document, parsed or found wanting.
    Document(Arc<Fetched>),
    /// Values of the Parameter Store.
    Parameters(Arc<GetParametersReply>),
    /// What a package is made of: the text.
    Manifest(Arc<str>),
    /// No, with the HTTP status that carried it.
    Refused(ApiError, u16),
    /// Nothing came back.
    Unreachable,
    /// Something came back that is not the reply we know, under this HTTP status.
    Unreadable(u16),
}

impl Outcome {
    /// The refusal's name, if this is one.
    pub fn refusal(&self) -> Option<&ErrorCode> {
        match self {
            Self::Refused(error, _) => Some(&error.code),
            _ => None,
        }
    }

    /// Whether the plane did what it was asked.
    pub fn is_done(&self) -> bool {
        !matches!(self, Self::Refused(..) | Self::Unreachable | Self::Unreadable(_))
    }
}

impl Answer {
    /// About how many bytes its body has.
    pub fn size(&self) -> usize {
        match self {
            Self::Done => 2,
            Self::Registered(_) => 40,
            Self::Token(reply) => encode(reply).len(),
            Self::Associations(reply) => encode(reply).len(),
            Self::Legacy(reply) => encode(reply).len(),
            Self::Described(reply) => encode(reply).len(),
            Self::Document(reply) => encode(reply).len(),
            Self::Parameters(reply) => encode(reply).len(),
            Self::Manifest(reply) => encode(reply).len(),
            Self::Messages(messages) => messages.iter().map(|message| message.payload.len()).sum(),
            Self::Refused(error, _) => error.message.len() + error.code.as_str().len(),
            Self::Fatal(_) | Self::Unreachable | Self::Unreadable(..) => 0,
        }
    }

    /// The same with the instants that a node reads from it as `date` has them,
    /// the way back of [`Request::dated`].
    pub fn dated(
        mut self,
        date: impl Fn(Timestamp) -> Timestamp,
        expiry: impl Fn(Timestamp) -> Timestamp,
    ) -> Self {
        if let Self::Token(token) = &mut self {
            token.token_expiration_date = expiry(token.token_expiration_date);
        }
        if let Self::Associations(page) = &mut self {
            for association in &mut page.associations {
                association.last_execution_date = association.last_execution_date.map(&date);
            }
        }
        self
    }
}

impl Call {
    /// The operation's name.
    pub fn operation(&self) -> &'static str {
        match self {
            Self::Register => RegisterManagedInstance::NAME,
            Self::RequestToken(_) => RequestManagedInstanceRoleToken::NAME,
            Self::UpdateKey => UpdateManagedInstancePublicKey::NAME,
            Self::Probe | Self::Heartbeat => UpdateInstanceInformation::NAME,
            Self::ListAssociations(_) => ListInstanceAssociations::NAME,
            Self::ListLegacy => ListAssociations::NAME,
            Self::DescribeLegacy(_) => DescribeAssociation::NAME,
            Self::GetDocument(_) | Self::GetNamedDocument(_) => GetDocument::NAME,
            Self::ReportStatus(report) if report.association.is_legacy => UpdateAssociationStatus::NAME,
            Self::ReportStatus(_) => UpdateInstanceAssociationStatus::NAME,
            Self::PutCompliance(_) => PutComplianceItems::NAME,
            Self::GetParameters(_) => GET_PARAMETERS,
            Self::GetManifest(_) => GetManifest::NAME,
            Self::PutPackageResult(_) => PutConfigurePackageResult::NAME,
            Self::PutInventory(_) => PutInventory::NAME,
            Self::Message(call) => call.operation(),
            Self::Deregister => DeregisterManagedInstance::NAME,
        }
    }
}

impl Request {
    /// The operation's name.
    pub fn operation(&self) -> &'static str {
        match self {
            Self::Register(_) => RegisterManagedInstance::NAME,
            Self::RequestToken(_) => RequestManagedInstanceRoleToken::NAME,
            Self::UpdateKey(_) => UpdateManagedInstancePublicKey::NAME,
            Self::Heartbeat(_) => UpdateInstanceInformation::NAME,
            Self::ListAssociations(_) => ListInstanceAssociations::NAME,
            Self::ListLegacy(_) => ListAssociations::NAME,
            Self::DescribeLegacy(_) => DescribeAssociation::NAME,
            Self::GetDocument(_) => GetDocument::NAME,
            Self::ReportStatus(_) => UpdateInstanceAssociationStatus::NAME,
            Self::ReportLegacy(_) => UpdateAssociationStatus::NAME,
            Self::PutCompliance(_) => PutComplianceItems::NAME,
            Self::GetParameters(_) => GET_PARAMETERS,
            Self::GetManifest(_) => GetManifest::NAME,
            Self::PutPackageResult(_) => PutConfigurePackageResult::NAME,
            Self::PutInventory(_) => PutInventory::NAME,
            Self::Message(request) => request.operation(),
            Self::Deregister(_) => DeregisterManagedInstance::NAME,
            Self::Spoiled(spoiled) => spoiled.request.operation(),
        }
    }

    /// The value of `X-Amz-Target`.
    pub fn target(&self) -> &'static str {
        match self {
            Self::Register(_) => RegisterManagedInstance::TARGET,
            Self::RequestToken(_) => RequestManagedInstanceRoleToken::TARGET,
            Self::UpdateKey(_) => UpdateManagedInstancePublicKey::TARGET,
            Self::Heartbeat(_) => UpdateInstanceInformation::TARGET,
            Self::ListAssociations(_) => ListInstanceAssociations::TARGET,
            Self::ListLegacy(_) => ListAssociations::TARGET,
            Self::DescribeLegacy(_) => DescribeAssociation::TARGET,
            Self::GetDocument(_) => GetDocument::TARGET,
            Self::ReportStatus(_) => UpdateInstanceAssociationStatus::TARGET,
            Self::ReportLegacy(_) => UpdateAssociationStatus::TARGET,
            Self::PutCompliance(_) => PutComplianceItems::TARGET,
            Self::GetParameters(_) => GET_PARAMETERS_TARGET,
            Self::GetManifest(_) => GetManifest::TARGET,
            Self::PutPackageResult(_) => PutConfigurePackageResult::TARGET,
            Self::PutInventory(_) => PutInventory::TARGET,
            Self::Message(request) => request.target(),
            Self::Deregister(_) => DeregisterManagedInstance::TARGET,
            Self::Spoiled(spoiled) => spoiled.request.target(),
        }
    }

    /// The part of the agent that sends it, over connections of its own.
    pub fn module(&self) -> Module {
        match self {
            Self::Register(request) if request.activation_id.is_some() => Module::Setup,
            Self::Register(_) | Self::RequestToken(_) | Self::UpdateKey(_) => Module::Credentials,
            Self::Heartbeat(_) => Module::Health,
            Self::ListAssociations(_)
            | Self::ListLegacy(_)
            | Self::DescribeLegacy(_)
            | Self::GetDocument(_)
            | Self::ReportStatus(_)
            | Self::ReportLegacy(_) => Module::Associations,
            Self::PutCompliance(_) => Module::Compliance,
            Self::GetParameters(_)
            | Self::GetManifest(_)
            | Self::PutPackageResult(_)
            | Self::PutInventory(_) => Module::Document,
            Self::Message(request) => request.module(),
            Self::Deregister(_) => Module::Setup,
            Self::Spoiled(spoiled) => spoiled.request.module(),
        }
    }

    /// The body, as AWS JSON 1.1.
    pub fn body(&self) -> Vec<u8> {
        match self {
            Self::Register(request) => encode(request),
            Self::RequestToken(request) => encode(request),
            Self::UpdateKey(request) => encode(request),
            Self::Heartbeat(request) => encode(request),
            Self::ListAssociations(request) => encode(request),
            Self::GetDocument(request) => encode(request),
            Self::ListLegacy(request) => encode(request),
            Self::DescribeLegacy(request) => encode(request),
            Self::ReportStatus(request) => encode(request),
            Self::ReportLegacy(request) => encode(request),
            Self::PutCompliance(request) => encode(request),
            Self::GetParameters(request) => encode(request),
            Self::GetManifest(request) => encode(request),
            Self::PutPackageResult(request) => encode(request),
            Self::PutInventory(request) => encode(request),
            Self::Message(request) => request.body(),
            Self::Deregister(request) => encode(request),
            Self::Spoiled(spoiled) => spoiled.body(),
        }
    }

    /// The same with its instants as `date` has them: a node's clock need not be
    /// the plane's. The hash of a compliance upload stays that of the node's clock.
    pub fn dated(mut self, date: impl Fn(Timestamp) -> Timestamp) -> Self {
        match &mut self {
            Self::ReportStatus(call) => {
                call.execution_result.execution_date = date(call.execution_result.execution_date);
            }
            Self::ReportLegacy(call) => call.association_status.date = date(call.association_status.date),
            Self::PutCompliance(call) => {
                call.execution_summary.execution_time = date(call.execution_summary.execution_time);
            }
            Self::Register(_)
            | Self::RequestToken(_)
            | Self::UpdateKey(_)
            | Self::Heartbeat(_)
            | Self::ListAssociations(_)
            | Self::ListLegacy(_)
            | Self::DescribeLegacy(_)
            | Self::GetDocument(_)
            | Self::GetParameters(_)
            | Self::GetManifest(_)
            | Self::PutPackageResult(_)
            | Self::PutInventory(_)
            | Self::Deregister(_) => {}
            Self::Spoiled(spoiled) => {
                let request = spoiled.request.clone().dated(date);
                *spoiled = Arc::new(Spoiled { request, how: spoiled.how });
            }
            Self::Message(MessageRequest::Frame(outbound)) => {
                outbound.frame.created = date(outbound.frame.created);
            }
            Self::Message(_) => {}
        }
        self
    }

    /// The same with this public key in the place of the one that stands for it.
    pub fn offering(mut self, public_key: &str) -> Self {
        match &mut self {
            Self::Register(call) => call.public_key = public_key.to_owned(),
            Self::UpdateKey(call) => call.new_public_key = public_key.to_owned(),
            _ => {}
        }
        self
    }

    /// Reads the body of a reply to this request.
    pub fn read(&self, body: &[u8]) -> Answer {
        match self {
            Self::Register(_) => {
                decode::<RegisterManagedInstanceReply>(body, |reply| Answer::Registered(reply.instance_id))
            }
            Self::RequestToken(_) => decode(body, Answer::Token),
            Self::UpdateKey(_)
            | Self::Heartbeat(_)
            | Self::ReportStatus(_)
            | Self::ReportLegacy(_)
            | Self::PutCompliance(_)
            | Self::PutPackageResult(_)
            | Self::PutInventory(_)
            | Self::Deregister(_) => decode::<Empty>(body, |_| Answer::Done),
            Self::Spoiled(spoiled) => spoiled.request.read(body),
            Self::ListAssociations(_) => decode_list(body),
            Self::ListLegacy(_) => decode(body, Answer::Legacy),
            Self::DescribeLegacy(_) => decode(body, |reply| Answer::Described(Box::new(reply))),
            Self::GetDocument(_) => decode(body, Answer::Document),
            Self::GetParameters(_) => decode(body, Answer::Parameters),
            Self::GetManifest(_) => decode(body, Answer::Manifest),
            Self::Message(MessageRequest::Get(_)) => decode(body, |reply: GetMessagesReply| {
                Answer::Messages(reply.messages.into_iter().map(Incoming::of_message).collect())
            }),
            Self::Message(_) => decode::<Empty>(body, |_| Answer::Done),
        }
    }
}

/// What each association of a list must have: the real agent takes it unseen
/// (agent/association/service), and its worker dies where it is not there.
const DEREFERENCED: [&str; 5] = ["AssociationId", "InstanceId", "Name", "DocumentVersion", "Checksum"];

/// The first of those keys that an association of a list lacks.
fn lacking(body: &[u8]) -> Option<&'static str> {
    let list: Value = serde_json::from_slice(body).ok()?;
    let associations = list["Associations"].as_array()?;
    let is_lacking = |key: &&str| associations.iter().any(|association| association[*key].is_null());
    DEREFERENCED.into_iter().find(is_lacking)
}

fn decode_list(body: &[u8]) -> Answer {
    match serde_json::from_slice(body) {
        Ok(reply) => Answer::Associations(reply),
        Err(error) => lacking(body).map_or_else(|| unreadable(body, &error), Answer::Fatal),
    }
}

fn encode(request: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(request).expect("a wire type has string keys and finite numbers")
}

fn decode<T: DeserializeOwned>(body: &[u8], answer: impl FnOnce(T) -> Answer) -> Answer {
    serde_json::from_slice(body).map_or_else(|error| unreadable(body, &error), answer)
}

fn unreadable(body: &[u8], error: &serde_json::Error) -> Answer {
    Answer::Unreadable(200, odd::reply(body, error).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_without_what_the_agent_takes_unseen_is_fatal() {
        let request = Request::ListAssociations(ListInstanceAssociations {
            instance_id: "i-01234567".parse().unwrap(),
            max_results: None,
            next_token: None,
        });
        let whole = serde_json::json!({
            "AssociationId": "00000000-0000-4000-8000-000000000001", "InstanceId": "i-01234567",
            "Name": "Echo", "DocumentVersion": "1", "Checksum": "a",
        });
        let read = |association: &Value| {
            request.read(serde_json::json!({ "Associations": [association] }).to_string().as_bytes())
        };
        assert!(matches!(read(&whole), Answer::Associations(_)));
        for key in DEREFERENCED {
            let mut lacks = whole.clone();
            lacks.as_object_mut().unwrap().remove(key);
            assert_eq!(read(&lacks), Answer::Fatal(key));
            lacks[key] = Value::Null;
            assert_eq!(read(&lacks), Answer::Fatal(key));
        }
        let mut odd = whole.clone();
        odd["AssociationId"] = "no id".into();
        let Answer::Unreadable(200, look) = read(&odd) else { panic!("{odd}") };
        assert!(look.starts_with("HTTP 200 and JSON that is not the reply: "), "{look}");
        let nonsense = "HTTP 200 and a body that is no JSON: nonsense";
        assert_eq!(request.read(b"nonsense"), Answer::Unreadable(200, nonsense.into()));
    }
}
