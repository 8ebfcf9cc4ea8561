//! What an answer looks like that is not the one that was asked for, in a few words.
//!
//! Somebody's plane may be a web server with a page for all that it does not know,
//! a proxy that moves the caller on, or an address where something else listens.
//! A status, and how the body begins, tell which. Whoever tells of a call that
//! brought something unreadable, node or operator, tells it in these words.

use std::fmt::Write as _;

use serde::de::IgnoredAny;

/// So many characters of a body are told.
const TOLD: usize = 60;

/// What an answer looks like whose body is no reply and no refusal: its status,
/// where it moves the caller on to, how its body begins.
pub fn look(status: u16, location: Option<&str>, body: &[u8]) -> String {
    if let (300..400, Some(location)) = (status, location) {
        return format!("HTTP {status} to {}", excerpt(location.as_bytes()));
    }
    if body.iter().all(u8::is_ascii_whitespace) {
        return format!("HTTP {status} with an empty body");
    }
    let kind = match (is_json(body), status) {
        (false, _) => "a body that is no JSON",
        (true, 200..300) => "JSON that is not the reply",
        (true, _) => "JSON that is no refusal",
    };
    format!("HTTP {status} and {kind}: {}", excerpt(body))
}

/// What an answer of a good status looks like whose body is not the reply, as `error` says.
pub fn reply(body: &[u8], error: &serde_json::Error) -> String {
    if is_json(body) {
        format!("HTTP 200 and JSON that is not the reply: {error}")
    } else {
        look(200, None, body)
    }
}

fn is_json(body: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(body).is_ok()
}

/// How a text begins, on one line and without what a terminal would obey.
fn excerpt(text: &[u8]) -> String {
    // A character has four bytes at most.
    let text = &text[..text.len().min(8 * TOLD)];
    let text = String::from_utf8_lossy(text);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut told = String::new();
    for (place, character) in words.chars().enumerate() {
        if place == TOLD {
            told.push('…');
            break;
        }
        if character.is_control() {
            write!(told, "{}", character.escape_default()).expect("a text takes all that is written");
        } else {
            told.push(character);
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_none_is_told_by_its_status_and_how_it_begins() {
        let page =
            b"<html>\n  <head><title>busy</title></head>\n <body>come back later, all of you</body></html>";
        let cases: [(u16, Option<&str>, &[u8], &str); 9] = [
            (404, None, b"", "HTTP 404 with an empty body"),
            (500, None, b" \r\n", "HTTP 500 with an empty body"),
            (200, None, b"", "HTTP 200 with an empty body"),
            (301, Some("http://127.0.0.1:9/x"), b"moved", "HTTP 301 to http://127.0.0.1:9/x"),
            (304, None, b"", "HTTP 304 with an empty body"),
            (200, None, b"<html></html>", "HTTP 200 and a body that is no JSON: <html></html>"),
            (
                503,
                None,
                page,
                "HTTP 503 and a body that is no JSON: <html> <head><title>busy</title></head> <body>come back late…",
            ),
            (
                404,
                None,
                br#"{"detail":"Not Found"}"#,
                r#"HTTP 404 and JSON that is no refusal: {"detail":"Not Found"}"#,
            ),
            (200, None, b"\x1b[2J\xff", "HTTP 200 and a body that is no JSON: \\u{1b}[2J\u{fffd}"),
        ];
        for (status, location, body, expected) in cases {
            assert_eq!(look(status, location, body), expected);
        }
    }

    #[test]
    fn json_that_is_another_reply_is_told_by_what_it_lacks() {
        let told = |body: &[u8]| reply(body, &serde_json::from_slice::<u8>(body).unwrap_err());
        let lacks = told(br#""no number""#);
        assert!(
            lacks.starts_with("HTTP 200 and JSON that is not the reply: invalid type: string"),
            "{lacks}"
        );
        assert_eq!(told(b"<html>"), "HTTP 200 and a body that is no JSON: <html>");
    }
}
