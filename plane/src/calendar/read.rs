//! Reading iCalendar text (RFC 5545, as far as calendars of the service go).

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use shared::time::{Period, Timestamp};

use super::event::{Event, Rule, Step, weekday};
use super::{Calendar, CalendarError};

/// Components that describe and change nothing.
const IDLE_COMPONENTS: &[&str] = &["VTODO", "VJOURNAL"];

/// Properties of an event that describe and change nothing.
const IDLE_PROPERTIES: &[&str] = &[
    "DTSTAMP",
    "UID",
    "SUMMARY",
    "DESCRIPTION",
    "COMMENT",
    "CREATED",
    "LAST-MODIFIED",
    "SEQUENCE",
    "STATUS",
    "TRANSP",
    "CLASS",
    "CATEGORIES",
    "LOCATION",
    "ORGANIZER",
    "PRIORITY",
    "URL",
];

/// Reads a calendar.
pub(super) fn read(text: &str) -> Result<Calendar, CalendarError> {
    let lines = unfold(text);
    let mut lines = lines.iter().map(|line| Line::read(line)).collect::<Result<Vec<_>, _>>()?.into_iter();
    if !lines.next().is_some_and(|first| first.is("BEGIN", "VCALENDAR")) {
        return Err(malformed("it does not begin with BEGIN:VCALENDAR"));
    }
    let mut default = None;
    let mut events = Vec::new();
    loop {
        let line = lines.next().ok_or_else(|| malformed("it does not end with END:VCALENDAR"))?;
        match (line.name.as_str(), line.value.as_str()) {
            ("END", "VCALENDAR") => break,
            ("BEGIN", "VEVENT") => events.push(read_event(&mut lines)?),
            ("BEGIN", component) if IDLE_COMPONENTS.contains(&component) => skip(&mut lines, component)?,
            ("BEGIN", component) => return Err(unsupported(component)),
            ("X-CALENDAR-TYPE", "DEFAULT_OPEN") => default = Some(true),
            ("X-CALENDAR-TYPE", "DEFAULT_CLOSED") => default = Some(false),
            ("X-CALENDAR-TYPE", other) => return Err(malformed(format!("there is no type {other}"))),
            _ => {}
        }
    }
    let is_open_by_default = default.ok_or_else(|| malformed("it has no X-CALENDAR-TYPE"))?;
    Ok(Calendar { is_open_by_default, events })
}

/// The lines, with those put together that were broken.
fn unfold(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(rest), Some(last)) => last.push_str(rest),
            _ if line.trim().is_empty() => {}
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}

/// A property: `NAME;PARAMETER=…:VALUE`.
struct Line {
    name: String,
    parameters: Vec<(String, String)>,
    value: String,
}

impl Line {
    fn read(text: &str) -> Result<Self, CalendarError> {
        let no_property = || malformed(format!("`{text}` is no property"));
        let (head, value) = text.split_once(':').ok_or_else(no_property)?;
        let mut parts = head.split(';');
        let name = parts.next().unwrap_or_default().trim().to_ascii_uppercase();
        let parameter = |part: &str| {
            let (key, value) = part.split_once('=').ok_or_else(no_property)?;
            Ok((key.to_ascii_uppercase(), value.to_owned()))
        };
        let parameters = parts.map(parameter).collect::<Result<_, _>>()?;
        Ok(Self { name, parameters, value: value.trim().to_owned() })
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.name == name && self.value == value
    }
}

fn skip(lines: &mut impl Iterator<Item = Line>, component: &str) -> Result<(), CalendarError> {
    lines
        .find(|line| line.is("END", component))
        .map(|_| ())
        .ok_or_else(|| malformed(format!("{component} does not end")))
}

fn read_event(lines: &mut impl Iterator<Item = Line>) -> Result<Event, CalendarError> {
    let (mut start, mut end, mut rule) = (None, None, None);
    loop {
        let line = lines.next().ok_or_else(|| malformed("VEVENT does not end"))?;
        match line.name.as_str() {
            "END" if line.value == "VEVENT" => break,
            "DTSTART" => start = Some(read_instant(&line)?),
            "DTEND" => end = Some(read_instant(&line)?),
            "RRULE" => rule = Some(line.value),
            "BEGIN" => return Err(unsupported(&line.value)),
            name if IDLE_PROPERTIES.contains(&name) || name.starts_with("X-") => {}
            name => return Err(unsupported(name)),
        }
    }
    let start = start.ok_or_else(|| malformed("VEVENT has no DTSTART"))?;
    let end = end.ok_or_else(|| malformed("VEVENT has no DTEND"))?;
    if end <= start {
        return Err(malformed("VEVENT does not end after it starts"));
    }
    let rule = rule.map(|rule| read_rule(&rule, start)).transpose()?;
    Ok(Event { start, length: end.since(start), rule })
}

/// `20250310T120000Z`, or a date, which is its midnight. All in UTC.
fn read_instant(line: &Line) -> Result<Timestamp, CalendarError> {
    for (key, value) in &line.parameters {
        match (key.as_str(), value.as_str()) {
            ("TZID", "UTC" | "Etc/UTC" | "GMT") | ("VALUE", "DATE" | "DATE-TIME") => {}
            _ => return Err(unsupported(&format!("{key}={value}"))),
        }
    }
    let is_utc = line.value.ends_with('Z') || line.parameters.iter().any(|(key, _)| key == "TZID");
    if !is_utc && line.value.contains('T') {
        return Err(unsupported("a time without a time zone"));
    }
    parse_instant(&line.value)
}

fn parse_instant(text: &str) -> Result<Timestamp, CalendarError> {
    let bare = text.strip_suffix('Z').unwrap_or(text);
    let full = if bare.contains('T') { bare.to_owned() } else { format!("{bare}T000000") };
    DateTime::strptime("%Y%m%dT%H%M%S", &full)
        .ok()
        .and_then(|civil| civil.to_zoned(TimeZone::UTC).ok())
        .map(|zoned| Timestamp::from_milliseconds(zoned.timestamp().as_millisecond()))
        .ok_or_else(|| malformed(format!("`{text}` is no date")))
}

/// `FREQ=WEEKLY;BYDAY=SA,SU;UNTIL=…`.
fn read_rule(text: &str, start: Timestamp) -> Result<Rule, CalendarError> {
    let mut rule = Rule { step: Step::Days, interval: 1, count: None, until: None };
    let mut frequency = None;
    let mut days = Vec::new();
    for part in text.split(';').filter(|part| !part.is_empty()) {
        let (key, value) = part.split_once('=').ok_or_else(|| malformed(format!("`{part}` is no rule")))?;
        match (key.to_ascii_uppercase().as_str(), value) {
            ("FREQ", "DAILY" | "WEEKLY") => frequency = Some(value),
            ("INTERVAL", value) => rule.interval = read_count(value)?,
            ("COUNT", value) => rule.count = Some(read_count(value)?),
            ("UNTIL", value) => rule.until = Some(read_until(value)?),
            ("BYDAY", value) => days = value.split(',').map(read_day).collect::<Result<_, _>>()?,
            ("WKST", "MO") => {}
            (key, value) => return Err(unsupported(&format!("RRULE {key}={value}"))),
        }
    }
    match frequency {
        Some("DAILY") if days.is_empty() => {}
        Some("DAILY") => return Err(unsupported("RRULE FREQ=DAILY with BYDAY")),
        Some(_) => {
            if days.is_empty() {
                days.push(weekday(start));
            }
            days.sort_unstable();
            days.dedup();
            rule.step = Step::Weeks(days);
        }
        None => return Err(malformed("RRULE has no FREQ")),
    }
    Ok(rule)
}

/// The last instant meant: a date means its whole day.
fn read_until(text: &str) -> Result<Timestamp, CalendarError> {
    let instant = parse_instant(text)?;
    let is_date = !text.contains('T');
    Ok(if is_date { instant + Period::milliseconds(86_399_999) } else { instant })
}

fn read_count(text: &str) -> Result<u32, CalendarError> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| malformed(format!("`{text}` is no count")))
}

fn read_day(text: &str) -> Result<u8, CalendarError> {
    let days = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
    let day = days.iter().position(|day| *day == text);
    day.map(|day| day as u8).ok_or_else(|| unsupported(&format!("RRULE BYDAY={text}")))
}

fn malformed(reason: impl Into<String>) -> CalendarError {
    CalendarError::Malformed { reason: reason.into() }
}

fn unsupported(feature: &str) -> CalendarError {
    CalendarError::Unsupported { feature: feature.to_owned() }
}
