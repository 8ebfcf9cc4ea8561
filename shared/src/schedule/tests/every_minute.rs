//! Random cron expressions, against trying every minute of some months.
//!
//! The other reading shares nothing with the one it judges: it asks of each day
//! of jiff's calendar, and of each minute of a day, whether the text has it.

use jiff::ToSpan;
use jiff::civil::{Date, date};
use proptest::prelude::*;

use super::*;

const DAYS: i64 = 130;

/// A cron expression's text, and the same once more by its fields.
#[derive(Debug, Clone)]
struct Written {
    minute: String,
    hour: String,
    of_month: String,
    of_week: String,
    year: String,
}

impl Written {
    fn expression(&self) -> String {
        let Self { minute, hour, of_month, of_week, year } = self;
        format!("cron({minute} {hour} {of_month} * {of_week} {year})")
    }

    fn has_day(&self, day: Date) -> bool {
        let year = i64::from(day.year());
        has(&self.year, year, 1970, 2199)
            && if self.of_month == "?" { self.has_weekday(day) } else { self.has_day_of_month(day) }
    }

    fn has_day_of_month(&self, day: Date) -> bool {
        let last = day.last_of_month();
        match self.of_month.as_str() {
            "L" => day == last,
            "LW" => is_workday(day) && (1..31).all(|more| !is_in_month_and_workday(day, more)),
            text => match text.strip_suffix('W') {
                Some(number) => {
                    let number: i8 = number.parse().unwrap();
                    number <= last.day() && nearest_workday(day.with().day(number).build().unwrap()) == day
                }
                None => has(text, day.day().into(), 1, 31),
            },
        }
    }

    fn has_weekday(&self, day: Date) -> bool {
        let weekday = i64::from(day.weekday().to_sunday_one_offset());
        let text = self.of_week.as_str();
        if let Some((wanted, nth)) = text.split_once('#') {
            return has(wanted, weekday, 1, 7) && (day.day() - 1) / 7 + 1 == nth.parse::<i8>().unwrap();
        }
        match text.strip_suffix('L') {
            Some("") => weekday == 7,
            Some(wanted) => has(wanted, weekday, 1, 7) && day.days_in_month() - day.day() < 7,
            None => has(text, weekday, 1, 7),
        }
    }

    /// The instants of the days from `start`, by trying every minute.
    fn instants(&self, start: Date) -> Vec<Timestamp> {
        let minutes: Vec<i64> = (0..1440)
            .filter(|minute| has(&self.minute, minute % 60, 0, 59) && has(&self.hour, minute / 60, 0, 23))
            .collect();
        let mut instants = Vec::new();
        for day in (0..DAYS).map(|number| start.checked_add(number.days()).unwrap()) {
            if self.has_day(day) {
                let midnight = instant(&format!("{day}T00:00:00Z"));
                instants.extend(minutes.iter().map(|minute| midnight + Period::minutes(*minute as u64)));
            }
        }
        instants
    }
}

fn is_workday(day: Date) -> bool {
    (1..=5).contains(&day.weekday().to_monday_one_offset())
}

fn is_in_month_and_workday(day: Date, more: i64) -> bool {
    let later = day.checked_add(more.days()).unwrap();
    later.month() == day.month() && is_workday(later)
}

/// The workday of the month with the smallest distance; no two are equally near.
fn nearest_workday(day: Date) -> Date {
    let distances = [0, -1, 1, -2, 2];
    let mut days = distances.into_iter().map(|distance: i64| day.checked_add(distance.days()).unwrap());
    days.find(|other| other.month() == day.month() && is_workday(*other)).unwrap()
}

/// Whether a list has a value, part by part.
fn has(text: &str, value: i64, least: i64, most: i64) -> bool {
    let number = |text: &str| {
        let names = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
        let named = names.iter().position(|name| *name == text).map(|at| at as i64 + 1);
        named.unwrap_or_else(|| text.parse().unwrap())
    };
    text.split(',').any(|part| {
        let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (number(first), number(last)),
            None if range == "*" => (least, most),
            None => (number(range), if step.is_some() { most } else { number(range) }),
        };
        (first..=last).contains(&value) && (value - first) % step.map_or(1, number) == 0
    })
}

/// A list of one to three parts over the values of a field.
fn list(least: u32, most: u32) -> impl Strategy<Value = String> {
    let value = move || least..=most;
    let part = prop_oneof![
        3 => value().prop_map(|value| value.to_string()),
        1 => Just("*".to_owned()),
        1 => (1..=most).prop_map(|step| format!("*/{step}")),
        2 => (value(), 1..=most + 3).prop_map(|(first, step)| format!("{first}/{step}")),
        2 => (value(), value()).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        1 => (value(), value(), 1..9u32).prop_map(|(a, b, step)| format!("{}-{}/{step}", a.min(b), a.max(b))),
    ];
    proptest::collection::vec(part, 1..=3).prop_map(|parts| parts.join(","))
}

fn days() -> impl Strategy<Value = (String, String)> {
    let names =
        || proptest::sample::select(vec!["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "1", "4", "7"]);
    let of_month = prop_oneof![
        4 => list(1, 31),
        1 => Just("L".to_owned()),
        1 => Just("LW".to_owned()),
        3 => (1..=31).prop_map(|day| format!("{day}W")),
    ];
    let of_week = prop_oneof![
        3 => list(1, 7),
        1 => Just("L".to_owned()),
        1 => names().prop_map(str::to_owned),
        2 => names().prop_map(|day| format!("{day}L")),
        2 => (names(), 1..=5).prop_map(|(day, nth)| format!("{day}#{nth}")),
        1 => Just("SUN-TUE,FRI".to_owned()),
    ];
    prop_oneof![
        of_month.prop_map(|of_month| (of_month, "?".to_owned())),
        of_week.prop_map(|of_week| ("?".to_owned(), of_week)),
    ]
}

fn written() -> impl Strategy<Value = Written> {
    let year = prop_oneof![
        4 => Just("*".to_owned()),
        1 => Just("2023-2026".to_owned()),
        1 => Just("2024/2".to_owned()),
        1 => Just("2020".to_owned()),
    ];
    (list(0, 59), list(0, 23), days(), year).prop_map(|(minute, hour, (of_month, of_week), year)| Written {
        minute,
        hour,
        of_month,
        of_week,
        year,
    })
}

proptest! {
    #[test]
    fn a_random_expression_is_due_at_each_minute_that_it_has_and_at_no_other(
        written in written(),
        start in 0..1500i64,
    ) {
        let start = date(2023, 6, 1).checked_add(start.days()).unwrap();
        let schedule = Schedule::parse(&written.expression(), Period::ZERO).unwrap();
        let end = instant(&format!("{start}T00:00:00Z")) + Period::days(DAYS as u64);
        let before = instant(&format!("{start}T00:00:00Z")) - Period::milliseconds(1);

        let next = |after: &Timestamp| schedule.next(Timestamp::default(), *after);
        let mut found = Vec::new();
        let mut after = before;
        while let Some(instant) = next(&after).filter(|instant| *instant < end) {
            prop_assert!(instant > after, "{} after {}", iso(instant), iso(after));
            found.push(instant);
            after = instant;
        }
        let expected = written.instants(start);
        prop_assert_eq!(&found, &expected, "{}", written.expression());

        // The shortest interval holds for any months, and is met somewhere.
        let interval = schedule.interval().unwrap();
        let closest = expected.windows(2).map(|pair| pair[1].since(pair[0])).min();
        prop_assert!(closest.is_none_or(|closest| closest >= interval));
    }

    #[test]
    fn the_shortest_interval_is_the_shortest_there_is((of_month, of_week) in days(), hour in list(0, 23)) {
        let text = format!("cron(7 {hour} {of_month} * {of_week} 2024-2027)");
        let schedule = Schedule::parse(&text, Period::ZERO).unwrap();
        let all: Vec<_> = std::iter::successors(
            schedule.next(Timestamp::default(), Timestamp::default()),
            |last| schedule.next(Timestamp::default(), *last),
        ).collect();
        let closest = all.windows(2).map(|pair| pair[1].since(pair[0])).min();
        prop_assert_eq!(schedule.interval(), closest, "{}", text);
    }

    #[test]
    fn no_text_brings_the_reader_down(text in "(cron|at|rate)\\([0-9A-Z*?/,LW# :-]{0,60}\\)?") {
        if let Ok(schedule) = Schedule::parse(&text, Period::ZERO) {
            let now = Timestamp::from_seconds(1_700_000_000);
            prop_assert!(schedule.next(now, now).is_none_or(|next| next > now));
        }
    }
}
