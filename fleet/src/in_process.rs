//! The transport without a network: a typed call into the plane, or the same
//! through bytes both ways, which must come to the same.

use agent::call::{Answer, Request};
use agent::credentials::{SignedBy, Signing};
use plane::auth::Caller as By;
use plane::service::Service;
use shared::error::{ApiError, ErrorBody};
use shared::time::Timestamp;

use crate::shard::Caller;

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
        let by = match by(service, now, &signing.by) {
            Ok(by) => by,
            Err(error) => return refused(error),
        };
        match self {
            Self::Typed => typed(service, now, by, request),
            Self::Bytes => through_bytes(service, now, by, &request),
        }
    }
}

/// In whose name the call is, as the plane would find from its signature: no
/// byte is signed here, but credentials have to be good.
fn by(service: &Service, now: Timestamp, signed_by: &SignedBy) -> Result<By, ApiError> {
    Ok(match signed_by {
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
    }
}

fn refused(error: ApiError) -> Answer {
    let status = error.code.http_status();
    Answer::Refused(error, status)
}

fn through_bytes(service: &Service, now: Timestamp, by: By, request: &Request) -> Answer {
    let response = service.respond_for(now, by, request.target(), &request.body());
    if response.status == 200 {
        return request.read(&response.body);
    }
    match serde_json::from_slice::<ErrorBody>(&response.body) {
        Ok(body) => Answer::Refused(body.into(), response.status),
        Err(_) => Answer::Unreadable(response.status),
    }
}
