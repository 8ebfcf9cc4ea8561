//! `docs/fidelity.md`: what the comparison came to, for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Recording;
use super::compare::{Comparison, Counts};
use super::gaps::Gap;
use super::known::KNOWN;

const HEAD: &str = "\
# Likeness to the real agent

A test (`tests/it/likeness.rs`) plays the situation of each given recording of the unmodified `amazon-ssm-agent` 3.3.0 to a
simulated node, through the fleet's own client and over a socket, and lays the two recordings side by side, call by call. Compared
are order and target; names, order and values of the headers; the body's keys, their order, types and values; the length; whether
the connection was a new one; and the gaps before calls. What cannot be predicted (ids, instants, addresses, hashes, signatures)
is compared in its form; an instant that a call tells of itself must be its own. Of the control channel the upgrade and each frame
are compared likewise, what the binary head says among the headers. A call *matches* when nothing of it differs; it *differs* where something does; it is *missing* where
the node did not make it. Each difference is listed below with its reason; one that is not listed fails the test, and so does one
that is listed and gone. The comparer is tested in its turn: more than eighty edits of recordings, each of which it must report.

The node is hybrid, as the recorded agent was. It is one whose first poll falls within two seconds of the recorded one, and each of
whose heartbeats and attempts to open the control channel falls within ten, so that what differs is not its luck. Scripts take as
long on it as they did on the recorded machine, questions for messages are held as they were held, and the recorded job comes over
the control channel at its instant.
";

const UNPROVEN: &str = "
## What no recording shows

Nothing below is refuted; nobody has recorded it.

- the EC2 identity: registration by the instance's role, the bare heartbeat every half hour, default host management;
- registration and polls over TLS, where the real agent would take HTTP/2; here the control channel goes without TLS as well;
- Windows and macOS: what their agents say of themselves in heartbeats and in `User-Agent`;
- hibernation beyond its first pings, the stuck guard, and credentials that are renewed or refused;
- a control channel that is lost, replies that nobody confirms, commands that are cancelled or refused, sessions;
- packages, `aws:runDocument`, parameters of Parameter Store, and outputs to S3.
";

type Differences = BTreeMap<(String, String), BTreeMap<&'static str, usize>>;

/// The page.
pub(super) fn page(played: &[(Recording, Comparison)], differences: &Differences) -> String {
    let mut page = HEAD.to_owned();
    let mut total = Counts::default();
    for (_, comparison) in played {
        for counts in comparison.counts.values() {
            total.recorded += counts.recorded;
            total.matched += counts.matched;
            total.differing += counts.differing;
            total.missing += counts.missing;
            total.not_recorded += counts.not_recorded;
        }
    }
    let Counts { recorded, matched, differing, missing, not_recorded } = total;
    put(
        &mut page,
        format_args!(
            "\n**Of {recorded} recorded calls and frames {matched} match, {differing} differ and {missing} are missing; \
             {not_recorded} were made that are not recorded. Every difference has a reason.**\n"
        ),
    );
    for (recording, comparison) in played {
        calls(recording, comparison, &mut page);
    }
    gaps(played, &mut page);
    reasons(differences, &mut page);
    page.push_str(UNPROVEN);
    page
}

fn put(page: &mut String, text: std::fmt::Arguments<'_>) {
    page.write_fmt(text).expect("a text takes any text");
}

fn calls(recording: &Recording, comparison: &Comparison, page: &mut String) {
    put(page, format_args!("\n## {}\n\n", recording.name));
    page.push_str("| Operation | Recorded | Matched | Differing | Missing | Not recorded |\n|---|---:|---:|---:|---:|---:|\n");
    for (operation, counts) in &comparison.counts {
        let Counts { recorded, matched, differing, missing, not_recorded } = counts;
        put(
            page,
            format_args!(
                "| {operation} | {recorded} | {matched} | {differing} | {missing} | {not_recorded} |\n"
            ),
        );
    }
}

/// The gaps whose distribution is stated: how many, and between which ends they lie.
fn gaps(played: &[(Recording, Comparison)], page: &mut String) {
    // By the range in tenths of a second, so that longer waits come later.
    let mut rules: BTreeMap<(&str, [i64; 2]), [Vec<&Gap>; 2]> = BTreeMap::new();
    for (_, comparison) in played {
        for (side, gaps) in comparison.gaps.iter().enumerate() {
            for gap in gaps {
                let range = [gap.least, gap.most].map(|seconds| (seconds * 10.0).round() as i64);
                rules.entry((gap.rule, range)).or_default()[side].push(gap);
            }
        }
    }
    page.push_str(
        "\n## Gaps\n\nEach gap for which a distribution is stated, in seconds. A call's way may take 0.2 s beyond it.\n\n\
         | Gap | Stated | Recorded | Of the node |\n|---|---|---|---|\n",
    );
    for ((rule, range), [recorded, found]) in &rules {
        let [least, most] = range.map(|tenths| tenths as f64 / 10.0);
        let (recorded, found) = (span(recorded), span(found));
        put(page, format_args!("| {rule} | {least:.1} to {most:.1} | {recorded} | {found} |\n"));
    }
}

fn span(gaps: &[&Gap]) -> String {
    // What rounds to nothing has no sign.
    let seconds = || gaps.iter().map(|gap| (gap.seconds * 10.0).round() / 10.0 + 0.0);
    let (least, most) =
        (seconds().fold(f64::INFINITY, f64::min), seconds().fold(f64::NEG_INFINITY, f64::max));
    match gaps.len() {
        0 => "none".to_owned(),
        1 => format!("{least:.1}"),
        count => format!("{count}, from {least:.1} to {most:.1}"),
    }
}

fn reasons(differences: &Differences, page: &mut String) {
    page.push_str("\n## What differs, and why\n\n| Operation | What | Where | Why |\n|---|---|---|---|\n");
    for known in KNOWN {
        let Some((_, found)) = differences.iter().find(|((operation, what), _)| known.fits(operation, what))
        else {
            continue;
        };
        let places: Vec<String> = found.iter().map(|(name, count)| format!("{name} {count}")).collect();
        put(
            page,
            format_args!(
                "| {} | {} | {} | {} |\n",
                known.operation,
                known.what,
                places.join(", "),
                known.reason
            ),
        );
    }
}
