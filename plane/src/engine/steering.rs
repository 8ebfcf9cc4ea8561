//! What an agent may be handed to drive a schedule by itself (D.6).
//!
//! Agents read cron in a dialect of their own: numbers for days of the week
//! mean other days, and an expression without a next instant harms them. So
//! only plain cron and rate without rate control, calendars, alarms or other
//! options are handed out, days as names; all else stays with the service.

use crate::config::{DefaultConcurrency, PlaneConfig, Steering};
use crate::state::association::Definition;
use crate::state::rate::Share;

/// The names of the days, from the service's number 1 on.
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// The schedule that agents drive by themselves, if they may.
pub(crate) fn agents_own(config: &PlaneConfig, definition: &Definition) -> Option<String> {
    let text = definition.schedule_expression.as_deref()?;
    let all = |share: &Option<Box<str>>, default: bool| {
        share.as_deref().map_or(default, |text| Share::read(text) == Some(Share::ALL))
    };
    let is_plain = !definition.is_apply_only
        && definition.calendars.is_empty()
        && definition.alarm.is_none()
        && all(&definition.max_concurrency, config.default_max_concurrency == DefaultConcurrency::All)
        && all(&definition.max_errors, true);
    if config.steering != Steering::Agent || !is_plain {
        return None;
    }
    portable(text)
}

/// A schedule in words that mean the same to the service and to agents.
fn portable(text: &str) -> Option<String> {
    let (keyword, rest) = text.split_once('(')?;
    if keyword.eq_ignore_ascii_case("rate") {
        return Some(text.to_owned());
    }
    if !keyword.eq_ignore_ascii_case("cron") {
        return None;
    }
    let mut fields: Vec<String> = rest.strip_suffix(')')?.split_whitespace().map(str::to_owned).collect();
    // From the end: with or without seconds in front.
    let [.., days, year] = &mut fields[..] else { return None };
    // A list of years has an end, after which an agent would run without one.
    if year != "*" {
        return None;
    }
    *days = named(days)?;
    Some(format!("cron({})", fields.join(" ")))
}

/// A field of days of the week with names for numbers.
fn named(field: &str) -> Option<String> {
    if field.contains('/') {
        return None;
    }
    let terms: Option<Vec<String>> = field.split(',').map(|term| named_term(&term.to_uppercase())).collect();
    terms.map(|terms| terms.join(","))
}

fn named_term(term: &str) -> Option<String> {
    if term == "L" {
        return Some(DAYS[6].to_owned());
    }
    if let Some((day, week)) = term.split_once('#') {
        return Some(format!("{}#{week}", named_day(day)?));
    }
    if let Some((from, to)) = term.split_once('-') {
        return Some(format!("{}-{}", named_day(from)?, named_day(to)?));
    }
    match term.strip_suffix('L') {
        Some(day) => Some(format!("{}L", named_day(day)?)),
        None => named_day(term),
    }
}

fn named_day(day: &str) -> Option<String> {
    if matches!(day, "*" | "?") || DAYS.contains(&day) {
        return Some(day.to_owned());
    }
    let number: usize = day.parse().ok()?;
    DAYS.get(number.checked_sub(1)?).map(|name| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_means_the_same_to_agents_is_handed_out() {
        let cases = [
            ("rate(30 minutes)", Some("rate(30 minutes)")),
            ("cron(0 2 ? * SUN *)", Some("cron(0 2 ? * SUN *)")),
            ("cron(0 2 ? * 1 *)", Some("cron(0 2 ? * SUN *)")),
            ("cron(0 0 2 ? * 7 *)", Some("cron(0 0 2 ? * SAT *)")),
            ("cron(0 2 ? * 3L *)", Some("cron(0 2 ? * TUEL *)")),
            ("cron(0 2 ? * 2#1 *)", Some("cron(0 2 ? * MON#1 *)")),
            ("cron(0 2 ? * 2-6 *)", Some("cron(0 2 ? * MON-FRI *)")),
            ("cron(0 2 ? * mon,4 *)", Some("cron(0 2 ? * MON,WED *)")),
            ("cron(0 2 ? * L *)", Some("cron(0 2 ? * SAT *)")),
            ("cron(0/30 * * * ? *)", Some("cron(0/30 * * * ? *)")),
            ("cron(0 2 ? * 2/2 *)", None),
            ("cron(0 2 ? * SUN 2026)", None),
            ("at(2025-03-11T15:55:00)", None),
        ];
        for (text, expected) in cases {
            assert_eq!(portable(text).as_deref(), expected, "{text}");
        }
    }
}
