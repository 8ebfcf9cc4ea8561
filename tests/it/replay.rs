//! The program, asked for the same run again, writes the same result.

use serde_json::Value;

use crate::binary::{result_in, ssm_fleet};

/// The result of a run in virtual time without what it cost, as text.
fn result_of(flags: &str) -> String {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let ended = ssm_fleet(directory.path(), &format!("run --virtual --seed 7 -q --out out {flags}"));
    assert_eq!(ended.code, Some(0), "{flags}: {}", ended.stderr);
    let mut result = result_in(&directory.path().join("out"));
    let spent = result.as_object_mut().and_then(|result| result.remove("spent"));
    assert!(spent.is_some_and(|spent| spent["wall_seconds"].as_f64() > Some(0.0)), "{flags}");
    let text = serde_json::to_string_pretty(&result).expect("it was JSON");
    // Only what was compared is worth something: it must be a run's whole result.
    let is_whole = |result: &Value| {
        result["nodes"]["online"] == 990
            && result["history"].is_object()
            && result["associations"].as_array().is_some_and(|made| made.len() == 2)
    };
    assert!(is_whole(&result), "{flags}: {text}");
    text
}

#[test]
fn the_same_seed_gives_the_same_result_again_and_in_any_number_of_shards() {
    let first = result_of("");
    for flags in ["", "--shards 1", "--shards 2", "--shards 3", "--shards 7"] {
        let other = result_of(flags);
        let difference = first.lines().zip(other.lines()).find(|(first, other)| first != other);
        assert_eq!(difference, None, "{flags}");
        assert_eq!(first, other, "{flags}");
    }
}
