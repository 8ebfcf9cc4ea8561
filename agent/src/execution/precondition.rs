//! Whether a step's precondition holds on a node.
//!
//! As agent/framework/runpluginutil/runpluginutil.go: `evaluatePreconditions`.
//! Two forms are understood: `platformType` compared with a platform, and two
//! texts of which at least one holds a parameter of the document.

use serde_json::Value;
use shared::document::Precondition;
use shared::document::argument::Arguments;
use shared::status::PlatformType;

const PLATFORM: &str = "platformType";

/// What came of a precondition.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Judgement {
    /// Whether it holds, as far as it was understood.
    pub(super) holds: bool,
    /// What did not hold or was not understood, in the agent's words.
    pub(super) remarks: Vec<String>,
}

/// Judges all operators of a precondition.
pub(super) fn judge(
    precondition: &Precondition,
    platform: PlatformType,
    arguments: &Arguments<'_>,
) -> Judgement {
    let mut judgement = Judgement { holds: true, remarks: Vec::new() };
    for (operator, operands) in &precondition.operators {
        let finding = match (operator.as_str(), operands.as_slice()) {
            ("StringEquals", [left, right]) => compare(left, right, platform, arguments),
            ("StringEquals", _) => misuse("operator accepts exactly 2 arguments"),
            _ => Finding::Misused(format!("unrecognized operator: \"{operator}\"")),
        };
        match finding {
            Finding::Holds => (),
            Finding::Fails(remark) => {
                judgement.holds = false;
                judgement.remarks.push(remark);
            }
            Finding::Misused(remark) => judgement.remarks.push(remark),
        }
    }
    judgement
}

/// What came of one operator.
enum Finding {
    Holds,
    Fails(String),
    Misused(String),
}

fn misuse(remark: &str) -> Finding {
    Finding::Misused(format!("\"StringEquals\": {remark}"))
}

fn compare(left: &str, right: &str, platform: PlatformType, arguments: &Arguments<'_>) -> Finding {
    if left == right {
        // The agent keeps the user's texts out of its own, where it can.
        return if left == PLATFORM {
            misuse("[platformType platformType]")
        } else {
            misuse("operator's arguments can't be identical")
        };
    }
    let holds_either = |prefix| holds_reference(left, prefix) || holds_reference(right, prefix);
    if holds_either("ssm:") {
        return misuse("operator's arguments can't contain SSM parameters");
    }
    if holds_either("ssm-secure:") {
        return misuse("operator's arguments can't contain secure SSM parameters");
    }
    let fails = || Finding::Fails(format!("\"StringEquals\": [{left}, {right}]"));
    let (filled_left, filled_right) = (fill(left, arguments), fill(right, arguments));

    if left == PLATFORM || right == PLATFORM {
        let (named, filled) = if left == PLATFORM { (right, filled_right) } else { (left, filled_left) };
        return if !named.eq_ignore_ascii_case(&filled) {
            misuse("the second argument for the platformType variable can't contain document parameters")
        } else if named.eq_ignore_ascii_case(platform.as_str()) {
            Finding::Holds
        } else {
            fails()
        };
    }
    if left == filled_left && right == filled_right {
        misuse("at least one of operator's arguments must contain a valid document parameter")
    } else if filled_left == filled_right {
        Finding::Holds
    } else {
        fails()
    }
}

fn fill(text: &str, arguments: &Arguments<'_>) -> String {
    match arguments.fill_text(text) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// Whether a text holds a reference to the Parameter Store, `{{ssm:name}}`.
fn holds_reference(text: &str, prefix: &str) -> bool {
    let mut openings = text.match_indices("{{").map(|(at, _)| text[at + 2..].trim_start());
    openings.any(|inner| inner.strip_prefix(prefix).is_some_and(|name| name.contains("}}")))
}
