//! How near a simulated node comes to the recorded agent.
//!
//! For each given recording the same situation is played to a node through the
//! fleet's own client, over a socket, and what came out is compared with the
//! recording. Every difference is in the list of [`known`] ones with its reason; one
//! that is not listed, and one that is listed and gone, fails the test. So the list
//! can only become shorter unseen, never longer.
//!
//! `docs/fidelity.md` says it for people, and is compared too;
//! `SSM_FLEET_WRITE_FIDELITY=1` writes it anew.

mod compare;
mod contract;
mod edits;
mod form;
mod frame;
mod gaps;
mod instants;
mod json;
mod known;
mod page;
mod recording;
mod stage;

use std::collections::BTreeMap;

use compare::Comparison;
use known::{KNOWN, Known};

use crate::binary::root;

const MANY_ASSOCIATIONS: &str = include_str!("../traces/whole/many-associations.ndjson");
const ONE_ASSOCIATION: &str = include_str!("../traces/whole/one-association.ndjson");
const RETRIES_AND_THROTTLING: &str = include_str!("../traces/whole/retries-and-throttling.ndjson");
const LEGACY_FALLBACK: &str = include_str!("../traces/whole/legacy-fallback.ndjson");

/// A given recording.
#[derive(Debug, Clone, Copy)]
struct Recording {
    name: &'static str,
    text: &'static str,
}

const RECORDINGS: [Recording; 4] = [
    Recording { name: "one-association", text: ONE_ASSOCIATION },
    Recording { name: "many-associations", text: MANY_ASSOCIATIONS },
    Recording { name: "retries-and-throttling", text: RETRIES_AND_THROTTLING },
    Recording { name: "legacy-fallback", text: LEGACY_FALLBACK },
];

/// The differences of all recordings: for each operation and what differs of it, where and how often.
fn differences(
    played: &[(Recording, Comparison)],
) -> BTreeMap<(String, String), BTreeMap<&'static str, usize>> {
    let mut all: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for (recording, comparison) in played {
        for difference in &comparison.differences {
            let key = (difference.operation.clone(), difference.what.clone());
            *all.entry(key).or_default().entry(recording.name).or_default() += 1;
        }
    }
    all
}

#[test]
fn a_node_does_what_was_recorded_but_for_what_is_listed() {
    let played: Vec<(Recording, Comparison)> = RECORDINGS
        .into_iter()
        .map(|recording| {
            let recorded = recording::read(recording.text);
            let found = stage::play(&recorded, &recording::jobs(recording.text));
            (recording, compare::compare(&recorded, &found))
        })
        .collect();
    let differences = differences(&played);

    let mut unlisted = Vec::new();
    for (recording, comparison) in &played {
        for difference in
            comparison.differences.iter().filter(|difference| known::reason(difference).is_none())
        {
            let compare::Difference { operation, what, detail } = difference;
            unlisted.push(format!("{} {operation}: {what} ({detail:.300})", recording.name));
        }
    }
    assert!(unlisted.is_empty(), "these differ, and are not listed:\n{}", unlisted.join("\n"));
    let is_gone = |known: &&Known| !differences.keys().any(|(operation, what)| known.fits(operation, what));
    let gone: Vec<String> =
        KNOWN.iter().filter(is_gone).map(|known| format!("{}: {}", known.operation, known.what)).collect();
    assert!(gone.is_empty(), "these do not differ any more; take them off the list:\n{}", gone.join("\n"));

    let page = page::page(&played, &differences);
    let path = root().join("docs/fidelity.md");
    if std::env::var_os("SSM_FLEET_WRITE_FIDELITY").is_some() {
        std::fs::write(&path, &page).expect("the page can be written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/fidelity.md is out of date; SSM_FLEET_WRITE_FIDELITY=1 \
         cargo test -p ssm-fleet-tests --test it likeness writes it anew"
    );
}
