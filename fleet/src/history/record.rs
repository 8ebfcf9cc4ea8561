//! One entry of the history, small enough to be made where calls are carried.
//!
//! How it is spelled is `line`'s business, on the thread that writes.

use agent::call::{Answer, Request};
use agent::channel::call::MessageRequest;
use agent::lane::LaneName;
use agent::node::Note;
use shared::error::ErrorCode;
use shared::id::{AssociationId, ExecutionId, NodeId};
use shared::status::AssociationStatus;
use shared::time::Timestamp;

/// Something that happened.
#[derive(Debug, Clone)]
pub struct Record {
    /// When: for a call's end, when the plane answered.
    pub at: Timestamp,
    /// Whose doing it was.
    pub by: By,
    /// What.
    pub event: Event,
}

/// Whose doing it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// That of the node of this number, in its so-many-eth life.
    Node {
        /// Its number in the fleet.
        number: u32,
        /// How often it was made anew.
        incarnation: u16,
    },
    /// The operator's.
    Operator,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A call set out.
    Invoke(Call),
    /// A call came to its end.
    End {
        /// The call.
        call: Call,
        /// When it set out.
        invoked: Timestamp,
        /// When the caller learnt of it, or gave up, where that is not at once and
        /// known beforehand.
        learnt: Option<Timestamp>,
        /// What came of it.
        heard: Heard,
    },
    /// A node decided something.
    Note(Note),
    /// Something was done to the world: an entry of the timeline, a fault.
    Act(Box<Act>),
}

/// A call.
#[derive(Debug, Clone)]
pub struct Call {
    /// The lane that calls; none of the operator's.
    pub lane: Option<LaneName>,
    /// Its number in the lane.
    pub number: u32,
    /// How often it was tried before.
    pub attempt: u8,
    /// The operation's name.
    pub operation: &'static str,
    /// What it is about.
    pub subject: Subject,
}

/// What a call is about, as far as it says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Subject {
    /// The association.
    pub association: Option<AssociationId>,
    /// How it stands, by this report.
    pub status: Option<AssociationStatus>,
    /// The document or package.
    pub document: Option<Box<str>>,
    /// The command, or the message that carries it.
    pub command: Option<Box<str>>,
    /// What only the operator's calls say.
    pub of_operator: Option<Box<OperatorSubject>>,
}

/// What only the operator's calls say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OperatorSubject {
    /// The association's name.
    pub name: Option<String>,
    /// The execution.
    pub execution: Option<ExecutionId>,
    /// The node.
    pub target: Option<String>,
}

/// What came of a call.
#[derive(Debug, Clone)]
pub enum Heard {
    /// The plane did it.
    Ok(Told),
    /// The plane refused it, with its words.
    Refused(ErrorCode, Box<str>),
    /// Nothing came back, for this reason if one is known: whether the plane did
    /// it is not.
    Unknown(Option<Box<str>>),
    /// Something came back that cannot be read, and looks so: nor is it then.
    Unreadable(Box<str>),
}

/// What a good answer said.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// The associations of a page of a list.
    pub associations: Option<Box<[AssociationId]>>,
    /// The id under which a node was registered.
    pub registered: Option<NodeId>,
    /// How many messages came.
    pub messages: u32,
    /// The association that the operator made, or the command.
    pub made: Option<Box<Made>>,
}

/// What the operator's call made.
#[derive(Debug, Clone, Default)]
pub struct Made {
    /// The association.
    pub association: Option<AssociationId>,
    /// The command.
    pub command: Option<String>,
}

/// Something that was done to the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// What was done, in kebab-case: `inject`, `lift`, `restart-plane`, `narrate`.
    pub act: &'static str,
    /// What it was done with: a fault's or an entry's name.
    pub name: Option<String>,
    /// In words.
    pub text: String,
}

impl Subject {
    /// What a node's call is about.
    pub fn of(request: &Request) -> Self {
        if let Request::Spoiled(spoiled) = request {
            return Self::of(&spoiled.request);
        }
        let document = |name: &str| Self { document: Some(name.into()), ..Self::default() };
        let command = |message: &str| Self { command: Some(message.into()), ..Self::default() };
        match request {
            Request::GetDocument(call) => document(&call.name),
            Request::GetManifest(call) => document(&call.package_name),
            Request::PutPackageResult(call) => document(&call.package_name),
            Request::ReportStatus(call) => Self {
                association: Some(call.association_id),
                status: Some(call.execution_result.status),
                ..Self::default()
            },
            Request::ReportLegacy(call) => document(&call.name),
            Request::DescribeLegacy(call) => Self { association: call.association_id, ..Self::default() },
            Request::PutCompliance(call) => {
                // What is told of several associations is about none of them alone.
                let [item] = &call.items[..] else { return Self::default() };
                Self { association: item.id.as_deref().and_then(|id| id.parse().ok()), ..Self::default() }
            }
            Request::Message(MessageRequest::Acknowledge(call)) => command(&call.message_id),
            Request::Message(MessageRequest::Fail(call)) => command(&call.message_id),
            Request::Message(MessageRequest::Reply(call)) => command(&call.message_id),
            Request::Register(_)
            | Request::RequestToken(_)
            | Request::UpdateKey(_)
            | Request::Heartbeat(_)
            | Request::ListAssociations(_)
            | Request::ListLegacy(_)
            | Request::GetParameters(_)
            | Request::PutInventory(_)
            | Request::Deregister(_)
            | Request::Spoiled(_)
            | Request::Message(MessageRequest::Open(_) | MessageRequest::Get(_) | MessageRequest::Frame(_)) => {
                Self::default()
            }
        }
    }
}

impl From<&Answer> for Heard {
    fn from(answer: &Answer) -> Self {
        match answer {
            Answer::Refused(error, _) => Self::Refused(error.code.clone(), error.message.as_str().into()),
            Answer::Unreachable => Self::Unknown(None),
            // A reply that a real agent dies of is none that it can read.
            Answer::Unreadable(_, look) => Self::Unreadable(look.clone()),
            Answer::Fatal(lacking) => Self::Unreadable(format!("it lacks {lacking}").into()),
            Answer::Associations(page) => {
                let ids = page.associations.iter().map(|association| association.association_id);
                Self::Ok(Told { associations: Some(ids.collect()), ..Told::default() })
            }
            Answer::Registered(id) => Self::Ok(Told { registered: Some(*id), ..Told::default() }),
            Answer::Messages(messages) => {
                Self::Ok(Told { messages: messages.len() as u32, ..Told::default() })
            }
            Answer::Done
            | Answer::Token(_)
            | Answer::Legacy(_)
            | Answer::Described(_)
            | Answer::Document(_)
            | Answer::Parameters(_)
            | Answer::Manifest(_) => Self::Ok(Told::default()),
        }
    }
}

impl Heard {
    /// The same, with what was in the way where nothing came back.
    pub fn because(self, obstacle: Option<String>) -> Self {
        match self {
            Self::Unknown(None) => Self::Unknown(obstacle.map(Into::into)),
            heard => heard,
        }
    }
}

/// Whether what a node decided is none that a healthy one would.
pub(super) fn is_bad(note: &Note) -> bool {
    match note {
        Note::Hibernating
        | Note::IdNotAccepted
        | Note::GivenUp(_)
        | Note::MetForeignDocument
        | Note::Skipped(..)
        | Note::LateAnswer
        | Note::WorkerDied(_)
        | Note::ReportLost
        | Note::Struck(..)
        | Note::PlatformNotAccepted => true,
        Note::Ended(ended) => ended.status != AssociationStatus::Success || !ended.is_reported,
        Note::Registered
        | Note::Online
        | Note::Replaced
        | Note::Started(_)
        | Note::Rebooting(_)
        | Note::InventoryGathered(_)
        | Note::StartedLate(_)
        | Note::Lifted(_) => false,
    }
}
