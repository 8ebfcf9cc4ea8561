//! The instants that a call tells of itself: they are those of the call.
//!
//! A signature, a frame and a reply carry the date at which they were made. It
//! cannot be predicted from another recording, but follows from the call's own
//! place: all of one side are as far from the beginning of its process.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::json::Json;
use super::recording::Call;

/// How far a told instant may be from the call's, in seconds: some tell whole ones.
const NEAR: f64 = 1.5;

/// An instant that is not that of its call.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stray {
    /// The call, by its place in the recording.
    pub(super) call: usize,
    /// Where it is told.
    pub(super) name: &'static str,
    /// How far off it is, in seconds.
    pub(super) by: f64,
}

/// All told instants that are not those of their calls.
pub(super) fn strays(calls: &[Call]) -> Vec<Stray> {
    let of_call = |(place, call): (usize, &Call)| {
        let told = told(call).into_iter();
        let beginnings = told.filter_map(|(name, instant)| Some((place, name, instant? - call.at)));
        beginnings.collect::<Vec<_>>()
    };
    let told: Vec<(usize, &str, f64)> = calls.iter().enumerate().flat_map(of_call).collect();
    let mut beginnings: Vec<f64> = told.iter().map(|(.., beginning)| *beginning).collect();
    beginnings.sort_by(f64::total_cmp);
    let Some(beginning) = beginnings.get(beginnings.len() / 2) else { return Vec::new() };
    let strays = told.iter().map(|(call, name, told)| Stray { call: *call, name, by: told - beginning });
    strays.filter(|stray| stray.by.abs() >= NEAR).collect()
}

/// What a call tells, in seconds since 1970.
fn told(call: &Call) -> [(&'static str, Option<f64>); 3] {
    let signed = call.header("X-Amz-Date").and_then(compact);
    let made = call.header("CreatedDate").and_then(|date| Some(date.parse::<f64>().ok()? / 1000.0));
    let inner = ["Payload", "content"].into_iter().find_map(|key| call.body.get(key)?.inner());
    let said = inner.as_ref().and_then(|content| content.get("additionalInfo")?.get("dateTime")?.text());
    let said = said.and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let seconds = |instant: jiff::Timestamp| instant.as_millisecond() as f64 / 1000.0;
    [("X-Amz-Date", signed), ("CreatedDate", made), ("dateTime", said.map(seconds))]
}

/// A date as signatures have it.
fn compact(text: &str) -> Option<f64> {
    let date = DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second() as f64)
}

#[test]
fn what_is_told_of_instants_is_found() {
    assert_eq!(compact("20261123T042420Z"), Some(1_795_407_860.0));
    let calls = super::recording::read(super::RETRIES_AND_THROTTLING);
    let count =
        |name| calls.iter().flat_map(told).filter(|(key, told)| *key == name && told.is_some()).count();
    let signed = calls.iter().filter(|call| call.header("X-Amz-Date").is_some()).count();
    assert_eq!((count("X-Amz-Date"), count("dateTime")), (signed, 3));
    let frames = super::recording::read(super::ONE_ASSOCIATION);
    let replies = |call: &&Call| call.body.get("content").and_then(Json::inner).is_some();
    assert_eq!(frames.iter().filter(replies).count(), 3);
    assert_eq!(
        frames.iter().flat_map(told).filter(|(key, told)| *key == "CreatedDate" && told.is_some()).count(),
        4
    );
}
