//! The request as the real agent writes it, and what an answer means.
//!
//! AWS JSON 1.1: every call is a `POST /` whose target header names the operation;
//! a reply's status says whether the body is the result or a refusal. Here is the
//! spelling of both; moving the bytes is `transport`'s work.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE as CONTENT_TYPE_NAME,
    HOST, HeaderName, LOCATION, TRANSFER_ENCODING, USER_AGENT,
};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::StrDeserializer;
use shared::error::{ErrorBody, ErrorCode};

use super::CallError;
use super::endpoint::Endpoint;
use super::odd;
use super::sign::Signed;
use super::transport::{Answering, TransportError};
use crate::fault::passage::Stated;

/// What every request says its body is.
pub const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

/// The one packing that the agent takes.
pub(super) const GZIP: &str = "gzip";

const SSM_ASYMMETRIC: HeaderName = HeaderName::from_static("ssm-asymmetrickeyauthorization");
const X_AMZ_CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const X_AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
const X_AMZ_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
const X_AMZ_TARGET: HeaderName = HeaderName::from_static("x-amz-target");
const X_AMZN_ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// What is wrong with an answer that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// It is neither a reply nor a refusal: what it looks like.
    #[error("{0}")]
    Odd(String),
    /// The body is longer than the client takes.
    #[error("its body is longer than {limit} bytes")]
    TooLong {
        /// The most bytes that are taken.
        limit: usize,
    },
    /// It says that it is packed by gzip, and is not.
    #[error("its body is not the gzip that its Content-Encoding says")]
    Packed(#[source] io::Error),
    /// It is not HTTP.
    #[error("it is not HTTP/1.1")]
    Protocol(#[source] hyper::Error),
}

impl AnswerError {
    /// What the answer looks like that came under this status.
    pub fn look(&self, status: u16) -> String {
        match self {
            Self::Odd(look) => look.clone(),
            Self::Protocol(cause) => format!("something that is not HTTP/1.1: {cause}"),
            Self::TooLong { .. } | Self::Packed(_) => format!("HTTP {status}, but {self}"),
        }
    }
}

/// The request, its headers in the order of the real agent's (Go's).
pub(super) fn request(
    endpoint: &Endpoint,
    target: &'static str,
    user_agent: HeaderValue,
    body: Bytes,
    signed: Signed,
) -> Request<Full<Bytes>> {
    let mut headers = HeaderMap::with_capacity(11);
    headers.insert(HOST, endpoint.authority().clone());
    headers.insert(USER_AGENT, user_agent);
    // The agent's own signer loses the length on the way: the body goes in chunks.
    match signed.content_hash {
        Some(_) => headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked")),
        None => headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len())),
    };
    let content_type = HeaderValue::from_static(CONTENT_TYPE);
    let optional = [
        (AUTHORIZATION, signed.authorization),
        (CONTENT_TYPE_NAME, Some(content_type)),
        (SSM_ASYMMETRIC, signed.asymmetric),
        (X_AMZ_CONTENT_SHA256, signed.content_hash),
        (X_AMZ_DATE, signed.date),
        (X_AMZ_SECURITY_TOKEN, signed.token),
        (X_AMZ_TARGET, Some(HeaderValue::from_static(target))),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            headers.insert(name, value);
        }
    }
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(GZIP));
    let mut request = Request::new(Full::new(body)); // its URI is `/`
    *request.method_mut() = Method::POST;
    *request.headers_mut() = headers;
    request
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    status: StatusCode,
    /// `X-Amzn-ErrorType`, which names a refusal whose body does not.
    error_type: Option<HeaderValue>,
    /// Where it moves the caller on to; the agent does not follow.
    location: Option<HeaderValue>,
    body: Bytes,
}

impl From<&Stated> for Answer {
    /// An answer that is none of the plane's.
    fn from(stated: &Stated) -> Self {
        let status = StatusCode::from_u16(stated.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        Self { status, error_type: None, location: None, body: stated.body().into() }
    }
}

/// Reads an answer to its end, `limit` bytes of body at most. After an error the
/// connection stands somewhere inside of the answer and cannot be used again.
pub(super) async fn read(
    target: &'static str,
    response: Answering,
    limit: usize,
) -> Result<Answer, CallError> {
    let (mut head, body) = response.into_parts();
    let status = head.status;
    let error_type = head.headers.remove(X_AMZN_ERROR_TYPE);
    let location = head.headers.remove(LOCATION).filter(|_| status.is_redirection());
    let is_packed = is_packed(&head.headers);
    let unreadable = |source| CallError::Unreadable { target, status: status.as_u16(), source };
    let body = match Limited::new(body, limit).collect().await {
        Ok(body) => body.to_bytes(),
        Err(cause) if cause.is::<LengthLimitError>() => {
            return Err(unreadable(AnswerError::TooLong { limit }));
        }
        Err(cause) => return Err(CallError::Unreachable { target, source: TransportError::Broken(cause) }),
    };
    let body = if is_packed { unpack(&body, limit).map_err(unreadable)? } else { body };
    Ok(Answer { status, error_type, location, body })
}

/// Whether the headers say that the body is packed by gzip.
pub(super) fn is_packed(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_ENCODING)
        .is_some_and(|packing| packing.as_bytes().eq_ignore_ascii_case(GZIP.as_bytes()))
}

/// Unpacks a body, `limit` bytes at most: a small one may be made to grow without end.
pub(super) fn unpack(body: &[u8], limit: usize) -> Result<Bytes, AnswerError> {
    let mut unpacked = Vec::new();
    let most = limit as u64 + 1;
    MultiGzDecoder::new(body).take(most).read_to_end(&mut unpacked).map_err(AnswerError::Packed)?;
    if unpacked.len() > limit { Err(AnswerError::TooLong { limit }) } else { Ok(unpacked.into()) }
}

/// What an exchange that brought no answer was: garbage, or nothing.
pub(super) fn broken(target: &'static str, cause: hyper::Error) -> CallError {
    if cause.is_parse() {
        return CallError::Unreadable { target, status: 0, source: AnswerError::Protocol(cause) };
    }
    CallError::Unreachable { target, source: TransportError::Broken(cause.into()) }
}

/// What an answer means: its body is the result, or says why there is none.
pub(super) fn judge(target: &'static str, answer: Answer) -> Result<Bytes, CallError> {
    if answer.status.is_success() {
        return Ok(answer.body);
    }
    let status = answer.status.as_u16();
    let told_apart = answer.error_type.as_ref().and_then(code_of);
    match (serde_json::from_slice::<ErrorBody>(&answer.body), told_apart) {
        (Ok(ErrorBody { code, message }), _) => Err(CallError::Refused { target, code, status, message }),
        (Err(_), Some(code)) => {
            Err(CallError::Refused { target, code, status, message: message_of(&answer.body) })
        }
        (Err(_), None) => {
            let location = answer.location.as_ref().and_then(|location| location.to_str().ok());
            let look = odd::look(status, location, &answer.body);
            Err(CallError::Unreadable { target, status, source: AnswerError::Odd(look) })
        }
    }
}

fn code_of(header: &HeaderValue) -> Option<ErrorCode> {
    let name: StrDeserializer<'_, serde::de::value::Error> = header.to_str().ok()?.into_deserializer();
    ErrorCode::deserialize(name).ok()
}

fn message_of(body: &[u8]) -> String {
    #[derive(Default, Deserialize)]
    struct Reason {
        #[serde(rename = "Message", alias = "message", default)]
        message: String,
    }
    serde_json::from_slice(body).unwrap_or_else(|_| Reason::default()).message
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: &str = "AmazonSSM.GetDocument";

    fn judged(status: u16, error_type: Option<&'static str>, body: &'static str) -> Result<Bytes, CallError> {
        let status = StatusCode::from_u16(status).unwrap();
        let error_type = error_type.map(HeaderValue::from_static);
        judge(
            TARGET,
            Answer { status, error_type, location: None, body: Bytes::from_static(body.as_bytes()) },
        )
    }

    #[test]
    fn a_good_status_brings_the_body_whatever_it_is() {
        assert_eq!(judged(200, None, "{}").unwrap(), "{}");
        assert_eq!(
            judged(200, None, "<html>").unwrap(),
            "<html>",
            "whether it is JSON, its reader finds out"
        );
    }

    #[test]
    fn a_refusal_has_a_name_and_words() {
        let cases = [
            (400, None, r#"{"__type":"InvalidInstanceId","message":"no"}"#, "InvalidInstanceId", "no"),
            (400, None, r#"{"__type":"a.b#ThrottlingException"}"#, "ThrottlingException", ""),
            (
                400,
                Some("ExpiredTokenException:http://x/"),
                r#"{"Message":"old"}"#,
                "ExpiredTokenException",
                "old",
            ),
            (400, Some("InvalidDocument"), "", "InvalidDocument", ""),
            (400, Some("Second"), r#"{"__type":"First"}"#, "First", ""),
            (500, None, r#"{"__type":"InternalServerError"}"#, "InternalServerError", ""),
            (501, None, r#"{"__type":"Whatever"}"#, "Whatever", ""),
            (429, None, r#"{"__type":"Whatever"}"#, "Whatever", ""),
        ];
        for (given, error_type, body, name, words) in cases {
            let error = judged(given, error_type, body).unwrap_err();
            assert_eq!(error.to_string(), format!("{TARGET} refused: {name}"));
            let CallError::Refused { target, code, status, message } = error else { panic!("{error:?}") };
            let told = (target, code.as_str(), status, message.as_str());
            assert_eq!(told, (TARGET, name, given, words));
        }
    }

    #[test]
    fn an_error_page_is_unreadable_and_its_status_is_kept() {
        for given in [503, 502, 404, 301] {
            let error = judged(given, None, "<html>busy</html>").unwrap_err();
            let CallError::Unreadable { status, source, .. } = error else { panic!("{error:?}") };
            let look = format!("HTTP {given} and a body that is no JSON: <html>busy</html>");
            assert_eq!((status, source.look(status)), (given, look));
        }
    }
}
