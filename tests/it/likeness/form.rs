//! Values that cannot be predicted, in the form that can.
//!
//! Ids of nodes, instants, addresses, hashes, keys and signatures differ from run
//! to run; their length, their digits, and what surrounds them do not. Everything
//! else stands for itself.

use sha2::{Digest, Sha256};

use super::frame::hexadecimal;
use super::json::Json;
use super::recording::Call;

/// A header's value, or its form where the value cannot be predicted.
pub(super) fn header_form(name: &str, value: &str, call: &Call) -> String {
    match name {
        "Host" => "<host>".to_owned(),
        "Content-Length" | "PayloadLength" => {
            let body = call.body.write();
            // What was taken out of a recording cannot be counted any more.
            let is_whole = !body.contains("<redacted");
            if !is_whole || value.parse() == Ok(body.len()) {
                "<the body's>".into()
            } else {
                value.to_owned()
            }
        }
        "Authorization" => authorization_form(value, call.header("X-Amz-Date").unwrap_or_default()),
        "X-Amz-Date" | "CreatedDate" => shape(value),
        "MessageId" if is_uuid(value) => "<UUID>".to_owned(),
        "PayloadDigest" if value == hexadecimal(&Sha256::digest(call.body.write())) => "<the body's>".into(),
        "X-Amz-Security-Token" | "Sec-WebSocket-Key" if !value.is_empty() => "<secret>".to_owned(),
        "X-Amz-Content-Sha256" => {
            format!("<{} hex digits>", value.chars().filter(char::is_ascii_hexdigit).count())
        }
        _ => value.to_owned(),
    }
}

/// Scheme, scope without key and without the day if it is that of the call, and the
/// names of what is signed.
fn authorization_form(value: &str, date: &str) -> String {
    let (scheme, rest) = value.split_once(" Credential=").unwrap_or((value, ""));
    let (credential, rest) = rest.split_once(", SignedHeaders=").unwrap_or((rest, ""));
    let (names, _) = rest.split_once(", Signature=").unwrap_or(("", rest));
    let mut scope: Vec<&str> = credential.split('/').skip(1).collect();
    if let Some(day) = scope.first_mut().filter(|day| !day.is_empty() && date.starts_with(**day)) {
        *day = "<day>";
    }
    format!("{scheme} Credential=<key>/{}, SignedHeaders={names}", scope.join("/"))
}

/// A text with `9` for each digit.
fn shape(value: &str) -> String {
    value.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect()
}

pub(super) fn is_instant(name: &str) -> bool {
    matches!(name, "ExecutionDate" | "ExecutionTime" | "Date")
}

/// A value, or its form where it cannot be predicted.
pub(super) fn form(name: &str, value: &Json, id: &str) -> String {
    match value {
        Json::Text(text) => text_form(name, &text.replace(id, "<node>")),
        _ if is_instant(name) => value.number().map_or_else(|| value.write(), instant_form),
        _ => value.write().replace(id, "<node>"),
    }
}

fn instant_form(seconds: f64) -> String {
    let milliseconds = seconds * 1000.0;
    let is_whole = (milliseconds - milliseconds.round()).abs() < 1e-2;
    if is_whole && seconds > 1e9 { "<instant in milliseconds>".into() } else { seconds.to_string() }
}

fn text_form(name: &str, text: &str) -> String {
    match name {
        "ComputerName" | "IPAddress" if !text.is_empty() => format!("<{name}>"),
        "ItemContentHash" | "ContentHash" if text.len() == 24 && text.ends_with("==") => "<MD5>".to_owned(),
        "CaptureTime" | "dateTime" | "startDateTime" | "endDateTime" => shape(text),
        "MessagesRequestId" | "RequestId" | "ReplyId" if is_uuid(text) => "<UUID>".to_owned(),
        "Fingerprint" | "PublicKey" | "ActivationCode" | "TokenValue" => {
            let redacted = text.strip_prefix("<redacted len=").and_then(|rest| rest.strip_suffix('>'));
            format!("<{} characters>", redacted.map_or_else(|| text.len().to_string(), str::to_owned))
        }
        _ => text.to_owned(),
    }
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<usize> = text.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12] && text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}
