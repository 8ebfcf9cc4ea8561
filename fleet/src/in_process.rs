//! The transport without a network: a typed call into the plane, or the same
//! through bytes both ways, which must come to the same.

use agent::call::{Answer, Request};
use agent::channel::call::{Incoming, MessageRequest, OpenChannel};
use agent::client::odd;
use agent::credentials::{SignedBy, Signing};
use plane::auth::Caller as By;
use plane::service::Service;
use shared::error::{ApiError, ErrorBody, ErrorCode};
use shared::time::Timestamp;
use shared::wire::Empty;

use crate::shard::Caller;

/// The HTTP status of a body that is larger than the plane reads.
const TOO_LARGE: u16 = 413;

/// How a call reaches the plane inside one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InProcess {
    /// As values.
    #[default]
    Typed,
    /// Written as JSON and read again, request and reply.
    Bytes,
}

/// Who brings a node's request to the plane and the answer back.
pub trait Carry {
    /// Carries one request, which reaches the plane now, in the name that its signing says.
    fn carry(
        &self,
        service: &Service,
        now: Timestamp,
        caller: Caller,
        signing: &Signing,
        request: Request,
    ) -> Answer;
}

impl Carry for InProcess {
    fn carry(
        &self,
        service: &Service,
        now: Timestamp,
        _caller: Caller,
        signing: &Signing,
        request: Request,
    ) -> Answer {
        let by = match by(service, now, signing) {
            Ok(by) => by,
            Err(error) => return refused(error),
        };
        match self {
            Self::Typed if matches!(request, Request::Spoiled(_)) => {
                through_bytes(service, now, by, &request)
            }
            Self::Typed => typed(service, now, by, request),
            Self::Bytes => through_bytes(service, now, by, &request),
        }
    }
}

/// In whose name the call is, as the plane would find from its signature: no
/// byte is signed here, but credentials have to be good.
fn by(service: &Service, now: Timestamp, signing: &Signing) -> Result<By, ApiError> {
    let is_checked = matches!(signing.by, SignedBy::Session(_) | SignedBy::Key(..));
    if is_checked && !signing.clock.is_none() {
        service.check_signing_date(now, signing.clock.of(now))?;
    }
    Ok(match &signing.by {
        SignedBy::Account => By::Account,
        SignedBy::Nobody => By::Nobody,
        SignedBy::Session(session) => service.session(now, session.access_key_id(), session.token())?,
        SignedBy::Key(node, _) | SignedBy::Instance(node, _) => By::Key(*node),
    })
}

fn typed(service: &Service, now: Timestamp, by: By, request: Request) -> Answer {
    fn done<T>(reply: Result<T, ApiError>, answer: impl FnOnce(T) -> Answer) -> Answer {
        match reply {
            Ok(reply) => answer(reply),
            Err(error) => refused(error),
        }
    }
    match request {
        Request::Register(call) => {
            done(service.call_for(now, by, call), |reply| Answer::Registered(reply.instance_id))
        }
        Request::RequestToken(call) => done(service.call_for(now, by, call), Answer::Token),
        Request::UpdateKey(call) => done(service.call_for(now, by, call), |_| Answer::Done),
        Request::Heartbeat(call) => done(service.call_for(now, by, call), |_| Answer::Done),
        Request::ListAssociations(call) => done(service.call_for(now, by, call), Answer::Associations),
        Request::ListLegacy(call) => done(service.call_for(now, by, call), Answer::Legacy),
        Request::DescribeLegacy(call) => {
            done(service.call_for(now, by, call), |reply| Answer::Described(Box::new(reply)))
        }
        Request::GetDocument(call) => done(service.call_for(now, by, call), Answer::Document),
        Request::ReportStatus(call) => done(service.call_for(now, by, call), |_| Answer::Done),
        Request::ReportLegacy(call) => done(service.call_for(now, by, call), |_| Answer::Done),
        Request::PutCompliance(call) => done(service.call_for(now, by, call), |_| Answer::Done),
        Request::GetManifest(call) => done(service.call_for(now, by, call), Answer::Manifest),
        Request::GetParameters(call) => done(service.call_for(now, by, call), Answer::Parameters),
        Request::PutInventory(call) => done(service.call_for(now, by, call), |_| Answer::Done),
        Request::PutPackageResult(call) => done(service.call_for(now, by, call), |_| Answer::Done),
        Request::Deregister(call) => done(service.call_for(now, by, call), |_| Answer::Done),
        Request::Message(call) => message(service, now, by, call),
        Request::Spoiled(_) => through_bytes(service, now, by, &request),
    }
}

/// Carries what is said of messages. A question is answered with what waits now.
fn message(service: &Service, now: Timestamp, by: By, request: MessageRequest) -> Answer {
    fn done(reply: Result<Empty, ApiError>) -> Answer {
        reply.map_or_else(refused, |_| Answer::Done)
    }
    match request {
        MessageRequest::Open(open) => open_channel(service, &open),
        MessageRequest::Get(call) => match service.call_for(now, by, call) {
            Ok(reply) => Answer::Messages(reply.messages.into_iter().map(Incoming::of_message).collect()),
            Err(error) => refused(error),
        },
        MessageRequest::Acknowledge(call) => done(service.call_for(now, by, call)),
        MessageRequest::Fail(call) => done(service.call_for(now, by, call)),
        MessageRequest::Reply(call) => done(service.call_for(now, by, call)),
        MessageRequest::Frame(outbound) => {
            let is_answered = service.receive(now, outbound.node, &outbound.frame).is_some();
            if is_answered || !outbound.is_awaited { Answer::Done } else { Answer::Unreachable }
        }
    }
}

fn open_channel(service: &Service, open: &OpenChannel) -> Answer {
    let token = match service.create_control_channel(open.node.as_str()) {
        Ok(token) => token,
        Err(error) => return refused(error),
    };
    service
        .open_control_channel(open.node, &open.first_frame(token))
        .map_or(Answer::Unreachable, |_| Answer::Done)
}

fn refused(error: ApiError) -> Answer {
    let status = error.code.http_status();
    Answer::Refused(error, status)
}

fn through_bytes(service: &Service, now: Timestamp, by: By, request: &Request) -> Answer {
    if let Request::Message(message @ (MessageRequest::Open(_) | MessageRequest::Frame(_))) = request {
        return self::message(service, now, by, message.clone());
    }
    let body = request.body();
    if body.len() > service.max_body() {
        let reason = format!("the body is larger than {} bytes", service.max_body());
        return Answer::Refused(ApiError::new(ErrorCode::ValidationException, reason), TOO_LARGE);
    }
    let response = service.respond_for(now, by, request.target(), &body);
    if response.status == 200 {
        return request.read(&response.body);
    }
    match serde_json::from_slice::<ErrorBody>(&response.body) {
        Ok(body) => Answer::Refused(body.into(), response.status),
        Err(_) => {
            let look = odd::look(response.status, None, &response.body);
            Answer::Unreadable(response.status, look.into())
        }
    }
}
