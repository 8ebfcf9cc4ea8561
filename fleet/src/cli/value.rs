//! How values on the command line are read.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use clap::ValueEnum;
use plane::config::list::Setting;
use plane::config::{self, PlaneConfig, list};

use crate::plan::MOST_NODES;
use crate::scenario::{self, ScenarioError};

/// A text that is no number of nodes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no number of nodes: expected 1 to 100m, such as 500, 10k, 1.5m or 20,000")]
pub struct InvalidSize(String);

/// A text that is no seed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no seed: expected a whole number from 0 to 18446744073709551615")]
pub struct InvalidSeed(String);

/// A text that is no number of shards.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no number of shards: expected 1 or more, such as 4")]
pub struct InvalidShards(String);

/// A text that is no time scale.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no time scale: expected 0.001 to 100,000, such as 60 for an hour in a minute")]
pub struct InvalidScale(String);

/// What becomes of a node id that the plane has never heard of
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum UnknownNodes {
    /// It is admitted
    Register,
    /// It gets InvalidInstanceId
    Refuse,
}

impl From<UnknownNodes> for config::UnknownNodes {
    fn from(choice: UnknownNodes) -> Self {
        match choice {
            UnknownNodes::Register => Self::Register,
            UnknownNodes::Refuse => Self::Refuse,
        }
    }
}

/// A channel of messages
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Channel {
    /// None: it hears of nothing but at its polls
    None,
    /// Long polling of ec2messages
    LongPoll,
    /// The control channel of ssmmessages, and long polling until that is open
    Websocket,
}

impl From<Channel> for scenario::Channel {
    fn from(channel: Channel) -> Self {
        match channel {
            Channel::None => Self::None,
            Channel::LongPoll => Self::LongPoll,
            Channel::Websocket => Self::Websocket,
        }
    }
}

/// What nodes tell of themselves
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Facts {
    /// What their platform's template has
    Template,
    /// What this machine tells of itself, where it is of their platform's kind
    Host,
}

impl From<Facts> for scenario::Facts {
    fn from(facts: Facts) -> Self {
        match facts {
            Facts::Template => Self::Template,
            Facts::Host => Self::Host,
        }
    }
}

/// A text that names no setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no setting: expected NAME=VALUE, such as late_node_policy=skip")]
pub struct InvalidSetting(String);

/// Reads `NAME=VALUE` as a line of a scenario's `plane:`.
pub fn setting(text: &str) -> Result<String, InvalidSetting> {
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let named = text.split_once('=').filter(|(name, value)| is_name(name) && !value.contains(['\n', '\r']));
    named
        .map(|(name, value)| format!("{name}: {value}"))
        .ok_or_else(|| InvalidSetting(text.chars().take(64).collect()))
}

/// The plane's settings of these lines; those that are not named keep their default.
pub fn settings(lines: &[String]) -> Result<PlaneConfig, ScenarioError> {
    let mut names = BTreeSet::new();
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap_or((line, ""));
        let Some(setting) = list::find(name) else {
            let nearest = list::nearest(name);
            return Err(ScenarioError::UnknownSetting { name: name.to_owned(), nearest });
        };
        if !names.insert(name) {
            return Err(ScenarioError::RepeatedSetting { name: name.to_owned() });
        }
        check_setting(setting, line, value)?;
    }
    if lines.is_empty() {
        return Ok(PlaneConfig::default());
    }
    let read = serde_saphyr::from_str(&lines.join("\n"));
    Ok(read.expect("each line can be read, and none is there twice"))
}

/// Whether a line of settings, alone, can be read.
fn check_setting(setting: &Setting, line: &str, value: &str) -> Result<(), ScenarioError> {
    let Err(_) = serde_saphyr::from_str::<PlaneConfig>(line) else { return Ok(()) };
    let Setting { name, default, values, .. } = setting;
    let most = if *values == "a number" { " from 0 to 4294967295" } else { "" };
    let expected = format!("{default}, or {values}{most}");
    Err(ScenarioError::Setting { name: (*name).to_owned(), value: value.to_owned(), expected })
}

/// Reads a number of shards.
pub fn shards(text: &str) -> Result<NonZeroUsize, InvalidShards> {
    text.parse().map_err(|_| InvalidShards(text.chars().take(64).collect()))
}

/// Reads a number of nodes: digits, grouped in threes by `,` or `_` if at all,
/// then `k` for thousands or `m` for millions, then with a fraction if need be.
pub fn nodes(text: &str) -> Result<u32, InvalidSize> {
    let count = size(text).filter(|count| (1..=MOST_NODES).contains(count));
    let wrong = || InvalidSize(text.chars().take(64).collect());
    count.and_then(|count| u32::try_from(count).ok()).ok_or_else(wrong)
}

/// Reads a seed.
pub fn seed(text: &str) -> Result<u64, InvalidSeed> {
    digits(text).ok_or_else(|| InvalidSeed(text.chars().take(64).collect()))
}

fn size(text: &str) -> Option<u64> {
    let (number, unit) = match text.as_bytes().last()? {
        b'k' | b'K' => (&text[..text.len() - 1], 1_000),
        b'm' | b'M' => (&text[..text.len() - 1], 1_000_000),
        _ => (text, 1),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let whole = digits(&ungrouped(whole)?)?.checked_mul(unit)?;
    let part = digits(fraction)?.checked_mul(unit)?;
    let parts = 10u64.checked_pow(fraction.len() as u32)?;
    part.is_multiple_of(parts).then(|| whole.checked_add(part / parts))?
}

/// The digits without what groups them in threes.
fn ungrouped(text: &str) -> Option<String> {
    let mut groups = text.split([',', '_']);
    let mut digits = groups.next()?.to_owned();
    let may_be_grouped = (1..=3).contains(&digits.len());
    for group in groups {
        if !may_be_grouped || group.len() != 3 {
            return None;
        }
        digits.push_str(group);
    }
    Some(digits)
}

fn digits(text: &str) -> Option<u64> {
    // `parse` alone would take a sign.
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Reads how many simulated seconds pass in a second.
pub fn time_scale(text: &str) -> Result<f64, InvalidScale> {
    let scale = text.parse().ok().filter(|scale| (0.001..=100_000.0).contains(scale));
    scale.ok_or_else(|| InvalidScale(text.chars().take(64).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_by_name() {
        let lines =
            |settings: &[&str]| settings.iter().map(|text| setting(text).unwrap()).collect::<Vec<_>>();
        let some = lines(&["late_node_policy=skip", "delivery_timeout=5m", "min_schedule_interval=1m"]);
        let config = settings(&some).unwrap();
        assert_eq!(config.late_node_policy, config::LateNodes::Skip);
        assert_eq!(config.delivery_timeout, Some(shared::time::Period::minutes(5)));
        assert_eq!(config.min_schedule_interval, shared::time::Period::minutes(1));
        assert_eq!(settings(&[]).unwrap(), PlaneConfig::default());
        for wrong in ["late_node_policy=never", "seed=7", "no_such_setting=1", "association_limit=many"] {
            assert!(settings(&lines(&[wrong])).is_err(), "{wrong}");
        }
        let slip = settings(&lines(&["late_nodes=skip"])).unwrap_err().to_string();
        assert!(slip.contains("`late_nodes`") && slip.contains("`late_node_policy`"), "{slip}");
        let refusal = |wrong: &[&str]| settings(&lines(wrong)).unwrap_err().to_string();
        let cases: [(&[&str], &[&str]); 6] = [
            (
                &["association_limit=99999999999"],
                &["`association_limit`", "`99999999999`", "0 to 4294967295"],
            ),
            (&["region="], &["`region`", "us-east-1"]),
            (&["max_body=0"], &["`max_body`", "at least 1024"]),
            (&["region=eu-west-1", "region=eu-west-1"], &["`region`", "twice"]),
            (&["late_node_policy=never"], &["`never`", "skip"]),
            (&["x=1"], &["`x`; ssm-fleet plane --settings"]),
        ];
        for (wrong, expected) in cases {
            let text = refusal(wrong);
            assert!(expected.iter().all(|part| text.contains(part)), "{text}");
            assert!(!text.contains("Option") && !text.contains("u32"), "{text}");
        }
        for wrong in ["late_node_policy", "=1", "Late=1", "a=1\nb: 2"] {
            assert!(setting(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let cases = [
            ("1", 1),
            ("500", 500),
            ("1000", 1_000),
            ("1_000", 1_000),
            ("20,000", 20_000),
            ("1,000,000", 1_000_000),
            ("10k", 10_000),
            ("10K", 10_000),
            ("1.5k", 1_500),
            ("1m", 1_000_000),
            ("2.25m", 2_250_000),
            ("1,500k", 1_500_000),
            ("100m", 100_000_000),
        ];
        for (text, expected) in cases {
            assert_eq!(nodes(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused_by_its_text() {
        for text in [
            "",
            "k",
            "0",
            "0k",
            "-1",
            "+1",
            "1.5",
            "1.0005k",
            "1g",
            "ten",
            "1,00",
            "1000,000",
            ",100",
            "1,",
            "1__000",
            "101m",
            "1e3",
            " 1",
            "1 k",
            "1.k",
            ".5k",
            "99999999999999999999",
            "1.00000000000000000000k",
            "1é",
        ] {
            assert!(nodes(text).unwrap_err().to_string().contains(&format!("`{text}`")), "{text}");
        }
    }

    #[test]
    fn a_seed_is_any_whole_number_of_64_bits() {
        for (text, expected) in [("0", 0), ("7", 7), ("18446744073709551615", u64::MAX)] {
            assert_eq!(seed(text), Ok(expected));
        }
        for text in ["", "-1", "+1", "18446744073709551616", "seven", "1.5"] {
            let error = seed(text).unwrap_err().to_string();
            assert!(error.ends_with("from 0 to 18446744073709551615"), "{error}");
        }
    }

    #[test]
    fn shards_are_one_or_more() {
        assert_eq!(shards("4").map(NonZeroUsize::get), Ok(4));
        for text in ["0", "-1", "many", ""] {
            assert!(shards(text).unwrap_err().to_string().ends_with("such as 4"), "{text}");
        }
    }

    #[test]
    fn a_time_scale_is_a_number_within_reason() {
        for (text, expected) in [("1", 1.0), ("60", 60.0), ("0.5", 0.5), ("100000", 100_000.0)] {
            assert_eq!(time_scale(text), Ok(expected));
        }
        for text in ["0", "-1", "NaN", "inf", "1e9", "fast", ""] {
            assert!(time_scale(text).is_err(), "{text}");
        }
    }
}
