//! What came of an entry of the timeline, held against what was expected.

use serde_json::Value;
use shared::error::ErrorBody;
use shared::time::Timestamp;

use super::desk::DeskError;
use crate::plan::timeline::{Expected, SUCCESS};

/// So many occasions on which an entry came out otherwise are told one by one.
const TOLD: usize = 10;

/// What came of an entry, over all the times it happened.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Happened {
    /// How often it happened.
    pub times: u64,
    /// When first.
    pub first: Timestamp,
    /// How often it came out otherwise than expected.
    pub unmet: u64,
    /// The first of these occasions.
    pub told: Vec<Unmet>,
}

/// An occasion on which an entry came out otherwise than expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmet {
    /// When.
    pub at: Timestamp,
    /// What was expected.
    pub expected: String,
    /// What was seen.
    pub seen: String,
}

impl Happened {
    /// It happened once more.
    pub(super) fn count(&mut self, at: Timestamp, difference: Option<(String, String)>) {
        if self.times == 0 {
            self.first = at;
        }
        self.times += 1;
        let Some((expected, seen)) = difference else { return };
        self.unmet += 1;
        if self.told.len() < TOLD {
            self.told.push(Unmet { at, expected, seen });
        }
    }
}

/// What came of an entry that is several calls, one for each node. An expected
/// refusal is to come of one at least, and any other of none.
#[derive(Debug, Default)]
pub(super) struct Several {
    calls: u64,
    /// The first refusal that was expected.
    expected: Option<DeskError>,
    /// The first that was not, and how many there were.
    unexpected: Option<(DeskError, u64)>,
}

impl Several {
    /// Takes in what came of one more. Says whether the next is worth making: not
    /// where this one failed in passing for as long as one waits.
    pub(super) fn take(&mut self, expected: &Expected, seen: Result<Value, DeskError>) -> bool {
        self.calls += 1;
        let Err(error) = seen else { return true };
        if expected.is_met_by(&error) {
            self.expected.get_or_insert(error);
            return true;
        }
        let is_passing = error.is_passing();
        self.unexpected.get_or_insert((error, 0)).1 += 1;
        !is_passing
    }

    /// What came of all of them, as if they were one.
    pub(super) fn seen(self) -> Result<Value, DeskError> {
        match (self.unexpected, self.expected) {
            (Some((DeskError::Refused { operation, mut error }, count)), _) if self.calls > 1 => {
                error.message = format!("{} ({count} of {} nodes refused)", error.message, self.calls);
                Err(DeskError::Refused { operation, error })
            }
            (Some((error, _)), _) | (None, Some(error)) => Err(error),
            (None, None) => Ok(Value::Null),
        }
    }
}

/// What was expected and what was seen instead, if they differ.
pub(super) fn difference(expected: &Expected, seen: &Result<Value, DeskError>) -> Option<(String, String)> {
    let wanted = match &expected.error {
        Some(code) => code.to_string(),
        None => SUCCESS.to_owned(),
    };
    let reply = match (&expected.error, seen) {
        (None, Ok(reply)) => reply.clone(),
        (Some(code), Err(DeskError::Refused { error, .. })) if error.code == *code => {
            serde_json::to_value(ErrorBody::from(error)).expect("two texts can be written")
        }
        (Some(_), Ok(_)) => return Some((wanted, "not refused".to_owned())),
        (_, Err(error)) => return Some((wanted, error.to_string())),
    };
    let differing = expected.fields.iter().find(|(path, value)| member(&reply, path) != Some(value));
    differing.map(|(path, value)| {
        let seen = member(&reply, path).map_or_else(|| "nothing".to_owned(), Value::to_string);
        (format!("{path} {value}"), format!("{path} {seen}"))
    })
}

/// The member at a path such as `AssociationDescription.Targets.0.Key`.
fn member<'a>(reply: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(reply, |value, step| match value {
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        _ => value.get(step),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::error::{ApiError, ErrorCode};

    use super::*;

    #[test]
    fn an_expectation_is_held_against_what_came() {
        let refused = |code: ErrorCode| {
            let error = ApiError::new(code, "no such thing");
            Err(DeskError::Refused { operation: "StartAssociationsOnce", error })
        };
        let ok = Ok(json!({"A": {"B": [{"C": 5}]}, "D": "x"}));
        let expect = |error: Option<ErrorCode>, fields: &[(&str, Value)]| Expected {
            error,
            fields: fields.iter().map(|(path, value)| ((*path).to_owned(), value.clone())).collect(),
        };
        let none = expect(None, &[]);
        let invalid = expect(Some(ErrorCode::InvalidTarget), &[]);
        let worded = expect(Some(ErrorCode::InvalidDocument), &[("Message", json!("no such thing"))]);
        let fields = expect(None, &[("A.B.0.C", json!(5)), ("D", json!("x"))]);
        let other = expect(None, &[("A.B.0.C", json!(6))]);
        let absent = expect(None, &[("A.E", json!("y"))]);
        // expected, seen, what was expected, what was seen
        let cases = [
            (&none, ok.clone(), None),
            (&fields, ok.clone(), None),
            (&invalid, refused(ErrorCode::InvalidTarget), None),
            (&worded, refused(ErrorCode::InvalidDocument), None),
            (&other, ok.clone(), Some(("A.B.0.C 6", "A.B.0.C 5"))),
            (&absent, ok.clone(), Some(("A.E \"y\"", "A.E nothing"))),
            (&invalid, ok, Some(("InvalidTarget", "not refused"))),
            (
                &none,
                refused(ErrorCode::InvalidTarget),
                Some(("success", "StartAssociationsOnce refused: InvalidTarget: no such thing")),
            ),
            (
                &invalid,
                refused(ErrorCode::InvalidDocument),
                Some(("InvalidTarget", "StartAssociationsOnce refused: InvalidDocument: no such thing")),
            ),
        ];
        for (expected, seen, found) in cases {
            let found = found.map(|(expected, seen): (&str, &str)| (expected.to_owned(), seen.to_owned()));
            assert_eq!(difference(expected, &seen), found, "{expected:?} {seen:?}");
        }
    }

    #[test]
    fn of_several_calls_one_at_least_is_refused_as_expected_and_none_otherwise() {
        let refused = |code: ErrorCode| {
            Err(DeskError::Refused { operation: "AddTagsToResource", error: ApiError::new(code, "none") })
        };
        let (ok, invalid) = (Ok(Value::Null), refused(ErrorCode::InvalidResourceId));
        let throttled = refused(ErrorCode::ThrottlingException);
        let expect = |error| Expected { error, ..Expected::default() };
        let (none, code) = (expect(None), expect(Some(ErrorCode::InvalidResourceId)));
        let told = "AddTagsToResource refused: InvalidResourceId: none";
        // expected, what comes, how many calls are made, what was seen instead
        let cases = [
            (&none, vec![&ok, &ok], 2, None),
            (&none, vec![], 0, None),
            (&none, vec![&invalid], 1, Some(told.to_owned())),
            (&none, vec![&ok, &invalid, &ok, &invalid], 4, Some(format!("{told} (2 of 4 nodes refused)"))),
            (&code, vec![&ok, &invalid, &ok], 3, None),
            (&code, vec![&ok, &ok], 2, Some("not refused".to_owned())),
            (
                &code,
                vec![&invalid, &throttled, &ok],
                2,
                Some(
                    "AddTagsToResource refused: ThrottlingException: none (1 of 2 nodes refused)".to_owned(),
                ),
            ),
        ];
        for (expected, outcomes, calls, differs) in cases {
            let mut all = Several::default();
            for outcome in &outcomes {
                if !all.take(expected, (*outcome).clone()) {
                    break;
                }
            }
            assert_eq!(all.calls, calls, "{outcomes:?}");
            let found = difference(expected, &all.seen()).map(|(_, seen)| seen);
            assert_eq!(found, differs, "{expected:?} {outcomes:?}");
        }
    }

    #[test]
    fn what_happens_often_is_told_in_part_and_counted_in_full() {
        let mut happened = Happened::default();
        for second in 0..100 {
            let difference = (second % 2 == 1).then(|| ("a".to_owned(), "b".to_owned()));
            happened.count(Timestamp::from_seconds(second), difference);
        }
        assert_eq!((happened.times, happened.unmet, happened.told.len()), (100, 50, TOLD));
        assert_eq!((happened.first, happened.told[0].at.seconds()), (Timestamp::from_seconds(0), 1.0));
    }
}
