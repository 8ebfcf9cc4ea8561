//! The transport without a network: a typed call into the plane, or the same
//! through bytes both ways, which must come to the same.

use agent::call::{Answer, Request};
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
    /// Carries one request, which reaches the plane now.
    fn carry(&self, service: &Service, now: Timestamp, caller: Caller, request: Request) -> Answer;
}

impl Carry for InProcess {
    fn carry(&self, service: &Service, now: Timestamp, _caller: Caller, request: Request) -> Answer {
        match self {
            Self::Typed => typed(service, now, request),
            Self::Bytes => through_bytes(service, now, &request),
        }
    }
}

fn typed(service: &Service, now: Timestamp, request: Request) -> Answer {
    fn done<T>(reply: Result<T, ApiError>, answer: impl FnOnce(T) -> Answer) -> Answer {
        match reply {
            Ok(reply) => answer(reply),
            Err(error) => refused(error),
        }
    }
    match request {
        Request::Register(call) => done(service.call(now, call), |_| Answer::Done),
        Request::Heartbeat(call) => done(service.call(now, call), |_| Answer::Done),
        Request::ListAssociations(call) => done(service.call(now, call), Answer::Associations),
        Request::ListLegacy(call) => done(service.call(now, call), Answer::Legacy),
        Request::DescribeLegacy(call) => {
            done(service.call(now, call), |reply| Answer::Described(Box::new(reply)))
        }
        Request::GetDocument(call) => done(service.call(now, call), Answer::Document),
        Request::ReportStatus(call) => done(service.call(now, call), |_| Answer::Done),
        Request::ReportLegacy(call) => done(service.call(now, call), |_| Answer::Done),
        Request::PutCompliance(call) => done(service.call(now, call), |_| Answer::Done),
        Request::GetManifest(call) => done(service.call(now, call), Answer::Manifest),
        Request::PutPackageResult(call) => done(service.call(now, call), |_| Answer::Done),
        // What the plane need not know is asked as anybody else would.
        Request::GetParameters(_) => through_bytes(service, now, &request),
    }
}

fn refused(error: ApiError) -> Answer {
    let status = error.code.http_status();
    Answer::Refused(error, status)
}

fn through_bytes(service: &Service, now: Timestamp, request: &Request) -> Answer {
    let response = service.respond(now, request.target(), &request.body());
    if response.status == 200 {
        return request.read(&response.body);
    }
    match serde_json::from_slice::<ErrorBody>(&response.body) {
        Ok(body) => Answer::Refused(body.into(), response.status),
        Err(_) => Answer::Unreadable(response.status),
    }
}
