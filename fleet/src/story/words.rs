//! The words for what a node asks, hears and decides.

use shared::id::AssociationId;
use shared::time::Period;

use crate::history::line::{Line, UNREADABLE};
use crate::report::words::{count, elapsed};

/// What a call of a node asks.
pub(super) fn asks(line: &Line<'_>, is_asleep: bool, name: &dyn Fn(AssociationId) -> String) -> String {
    let operation = line.operation.as_deref().unwrap_or_default();
    let association = || line.association.map(name).unwrap_or_else(|| "an association".to_owned());
    let document = line.document.as_deref().unwrap_or("a document");
    match operation {
        "RegisterManagedInstance" => "registers".to_owned(),
        "RequestManagedInstanceRoleToken" => "asks for credentials".to_owned(),
        "UpdateManagedInstancePublicKey" => "changes its key".to_owned(),
        "UpdateInstanceInformation" if is_asleep => "asks whether it is accepted now".to_owned(),
        "UpdateInstanceInformation" => "heartbeat".to_owned(),
        "ListInstanceAssociations" | "ListAssociations" => "polls".to_owned(),
        "GetDocument" => format!("fetches the document {document}"),
        "GetManifest" => format!("asks for the package {document}"),
        "PutConfigurePackageResult" => format!("reports on the package {document}"),
        "UpdateInstanceAssociationStatus" => {
            format!("reports {} {}", association(), line.status.as_deref().unwrap_or_default())
        }
        "UpdateAssociationStatus" => format!("reports on the document {document}"),
        "PutComplianceItems" => "reports its compliance".to_owned(),
        "PutInventory" => "uploads inventory".to_owned(),
        "CreateControlChannel" => "opens its control channel".to_owned(),
        "GetMessages" => "asks for messages".to_owned(),
        other => match &line.command {
            Some(command) => format!("{other} {command}"),
            None => other.to_owned(),
        },
    }
}

/// What the plane said instead of doing it.
pub(super) fn refusal(line: &Line<'_>) -> String {
    let error = line.error.as_deref().unwrap_or("without a reason");
    match line.reason.as_deref() {
        Some(reason) => format!(": refused, {error}: {reason}"),
        None => format!(": refused, {error}"),
    }
}

/// That nothing was heard.
pub(super) fn silence(line: &Line<'_>, waited: Option<Period>) -> String {
    const DOUBT: &str = "the plane may have done it all the same";
    let after = waited.map(|waited| format!(" after {}", elapsed(Some(waited)))).unwrap_or_default();
    match line.reason.as_deref() {
        Some(reason) if reason.starts_with(UNREADABLE) => format!(": {reason}; {DOUBT}"),
        Some(reason) => format!(": no answer{after}: {reason}; {DOUBT}"),
        None => format!(": no answer{after}; {DOUBT}"),
    }
}

/// What a node decided, and whether that is bad.
pub(super) fn decides(line: &Line<'_>, name: &dyn Fn(AssociationId) -> String) -> Option<(String, bool)> {
    let association = || line.association.map(name).unwrap_or_else(|| "an association".to_owned());
    let lane = line.lane.as_deref().unwrap_or_default();
    let turns = line.count.unwrap_or_default();
    let good = |text: String| Some((text, false));
    let bad = |text: String| Some((text, true));
    match line.note.as_deref()? {
        "online" => good("is accepted, and works from now on".to_owned()),
        "hibernating" => bad("goes to sleep: it was not accepted at its start".to_owned()),
        "id-not-accepted" => bad("the plane does not accept its id".to_owned()),
        "started" => good(format!("begins to run {}", association())),
        "rebooting" => good(format!("reboots: a step of {} asks for it", association())),
        "given-up" => bad(format!("gives {} up after too many reboots", association())),
        "inventory-gathered" => good(format!("{} has gathered inventory", association())),
        "ended" => Some(ended(line, &association())),
        "met-foreign-document" => bad("meets a document of which its platform can run nothing".to_owned()),
        "started-late" => good(format!("was busy when its {lane} were due: starts late")),
        "skipped" => {
            bad(format!("was busy for so long that {} of its {lane} fell out", times(turns.into(), "turn")))
        }
        "late-answer" => good("hears an answer to a call that is over".to_owned()),
        "worker-died" => bad(format!("its worker dies of {}", line.reason.as_deref().unwrap_or("an answer"))),
        "struck" => {
            let detail = line.reason.as_deref().map(|detail| format!(" ({detail})")).unwrap_or_default();
            bad(format!("is struck by {}{detail}", line.name.as_deref().unwrap_or("a fault")))
        }
        "lifted" => good(format!("is struck by {} no more", line.name.as_deref().unwrap_or("a fault"))),
        "platform-not-accepted" => bad("the plane does not accept its platform".to_owned()),
        "replaced" => good("ends for good; another node takes its place".to_owned()),
        "report-lost" => bad("a report on its runs is lost for good".to_owned()),
        other => good(other.to_owned()),
    }
}

fn ended(line: &Line<'_>, association: &str) -> (String, bool) {
    let status = line.status.as_deref().unwrap_or_default();
    let took = line.started.map(|started| format!(" after {}", elapsed(Some(line.at.0.since(started.0)))));
    let mut text = format!("{association} ended {status}{}", took.unwrap_or_default());
    if let Some(reason) = line.reason.as_deref() {
        text.push_str(&format!(": {reason}"));
    }
    let is_unreported = line.reported == Some(false);
    if is_unreported {
        text.push_str("; the plane did not take its last report");
    }
    (text, status != "Success" || is_unreported)
}

/// That the same came again, so much later: `again 5m00s and 15m00s later`.
pub(super) fn again(later: &[Period]) -> String {
    const LISTED: usize = 6;
    let last = later.last().expect("it came again");
    if later.len() > LISTED {
        return format!(
            "again {} times, the last time {} later",
            count(later.len() as u64),
            elapsed(Some(*last))
        );
    }
    let listed: Vec<String> = later.iter().map(|later| elapsed(Some(*later))).collect();
    match listed.split_last() {
        Some((last, [])) => format!("again {last} later"),
        Some((last, rest)) => format!("again {} and {last} later", rest.join(", ")),
        None => String::new(),
    }
}

/// `1 heartbeat`, `12 heartbeats`; of two words the first is counted.
pub(super) fn times(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    match thing.split_once(' ') {
        Some((head, rest)) => format!("{} {head}{plural} {rest}", count(number)),
        None => format!("{} {thing}{plural}", count(number)),
    }
}
