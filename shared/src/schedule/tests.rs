//! The service's dialect, row by row.
//!
//! `vectors.json`: worked examples, computed apart from this code and checked
//! minute by minute. All instants are UTC.

mod every_minute;

use serde::Deserialize;

use super::timetable::Timetable;
use super::*;

#[derive(Deserialize)]
struct Vectors {
    cron: Vec<CronRow>,
    rate: Vec<RateRow>,
    schedule_offset: Vec<OffsetRow>,
    day_of_week: Vec<DayOfWeekRow>,
}

#[derive(Deserialize)]
struct CronRow {
    expression: String,
    after: String,
    runs: Vec<String>,
}

#[derive(Deserialize)]
struct RateRow {
    expression: String,
    created: String,
    runs: Vec<String>,
}

#[derive(Deserialize)]
struct OffsetRow {
    expression: String,
    offset: u8,
    created: String,
    runs: Vec<String>,
    bases: Vec<String>,
}

#[derive(Deserialize)]
struct DayOfWeekRow {
    expression: String,
    after: String,
    service_first_run: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("tests/vectors.json")).unwrap()
}

fn instant(text: &str) -> Timestamp {
    Timestamp::from_milliseconds(text.parse::<jiff::Timestamp>().expect(text).as_millisecond())
}

fn iso(instant: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(instant.milliseconds()).unwrap().to_string()
}

fn read(text: &str) -> Schedule {
    Schedule::parse(text, SHORTEST_INTERVAL).expect(text)
}

/// The first three runs, or fewer where there are no more.
fn runs(expression: &str, apply_only: bool, created: &str) -> Vec<String> {
    let timetable = Timetable::new(Some(read(expression)), apply_only, None).unwrap();
    timetable.runs(instant(created)).take(3).map(|due| iso(due.at)).collect()
}

#[test]
fn a_cron_expression_is_due_where_the_examples_have_it() {
    let rows = vectors().cron;
    assert_eq!(rows.len(), 40);
    for row in rows {
        assert_eq!(
            runs(&row.expression, true, &row.after),
            row.runs,
            "{} after {}",
            row.expression,
            row.after
        );
    }
}

#[test]
fn numbers_of_weekdays_are_the_services_own() {
    let rows = vectors().day_of_week;
    assert_eq!(rows.len(), 7);
    for row in rows {
        assert_eq!(runs(&row.expression, true, &row.after)[0], row.service_first_run, "{}", row.expression);
    }
}

#[test]
fn a_rate_runs_at_creation_and_counts_from_there() {
    let rows = vectors().rate;
    assert_eq!(rows.len(), 8);
    for row in rows {
        assert_eq!(runs(&row.expression, false, &row.created), row.runs, "{}", row.expression);
    }
}

#[test]
fn an_offset_puts_each_run_off_and_rescues_no_instant_that_is_past() {
    let rows = vectors().schedule_offset;
    assert_eq!(rows.len(), 10);
    for row in rows {
        let timetable = Timetable::new(Some(read(&row.expression)), true, Some(row.offset)).unwrap();
        let due: Vec<_> = timetable.runs(instant(&row.created)).take(3).collect();
        let bases: Vec<_> = due.iter().map(|due| iso(due.base)).collect();
        let runs: Vec<_> = due.iter().map(|due| iso(due.at)).collect();
        assert_eq!((bases, runs), (row.bases, row.runs), "{} {}", row.expression, row.created);
    }
}

#[test]
fn the_first_run_is_at_creation_unless_the_schedule_alone_counts() {
    let at = "at(2025-03-11T15:55:00)";
    let cron = "cron(0 2 ? * SUN *)";
    let cases: [(&str, bool, &str, &[&str]); 8] = [
        (at, false, "2025-03-10T12:00:00Z", &["2025-03-10T12:00:00Z", "2025-03-11T15:55:00Z"]),
        (at, true, "2025-03-10T12:00:00Z", &["2025-03-11T15:55:00Z"]),
        (at, true, "2025-03-12T00:00:00Z", &["2025-03-12T00:00:00Z"]),
        (at, false, "2025-03-12T00:00:00Z", &["2025-03-12T00:00:00Z"]),
        (
            cron,
            false,
            "2025-03-16T01:59:58Z",
            &["2025-03-16T01:59:58Z", "2025-03-16T02:00:00Z", "2025-03-23T02:00:00Z"],
        ),
        (
            cron,
            true,
            "2025-03-16T02:00:00Z",
            &["2025-03-23T02:00:00Z", "2025-03-30T02:00:00Z", "2025-04-06T02:00:00Z"],
        ),
        ("cron(0 2 ? * SUN 2020)", true, "2025-03-16T02:00:00Z", &[]),
        ("cron(0 2 ? * SUN 2020)", false, "2025-03-16T02:00:00Z", &["2025-03-16T02:00:00Z"]),
    ];
    for (text, apply_only, created, expected) in cases {
        assert_eq!(runs(text, apply_only, created), expected, "{text} {apply_only} {created}");
    }
}

#[test]
fn the_calendar_begins_in_1970_and_ends_with_2199() {
    let cases = [
        ("cron(0 0 1 * ? *)", "1900-01-01T00:00:00Z", Some("1970-01-01T00:00:00Z")),
        ("cron(0 0 1 * ? *)", "2199-11-30T23:59:59Z", Some("2199-12-01T00:00:00Z")),
        ("cron(0 0 1 * ? *)", "2199-12-01T00:00:00Z", None),
        ("cron(30 23 31 * ? *)", "2199-12-31T23:29:59.999Z", Some("2199-12-31T23:30:00Z")),
        ("cron(30 23 31 * ? *)", "2199-12-31T23:30:00Z", None),
        ("cron(0 0 29 * ? 2096-2104)", "2096-02-29T00:00:00Z", Some("2096-03-29T00:00:00Z")),
        ("cron(0 0 L * ? 2100)", "2100-02-01T00:00:00Z", Some("2100-02-28T00:00:00Z")),
        ("cron(0 0 31W * ? *)", "2025-08-01T00:00:00Z", Some("2025-08-29T00:00:00Z")),
        ("cron(0 0 31W * ? *)", "2025-08-29T00:00:00Z", Some("2025-10-31T00:00:00Z")),
        ("cron(0 0 1W * ? *)", "2025-06-01T00:00:00Z", Some("2025-06-02T00:00:00Z")),
        ("cron(0 0 LW * ? *)", "2025-08-30T00:00:00Z", Some("2025-09-30T00:00:00Z")),
        ("cron(0 0 ? * MON/2 *)", "2025-03-10T00:00:00Z", Some("2025-03-12T00:00:00Z")),
        ("cron(0 0 ? * sun-tue,Fri *)", "2025-03-11T00:00:00Z", Some("2025-03-14T00:00:00Z")),
        ("cron(0 0 ? * 7L 2199)", "2025-03-11T00:00:00Z", Some("2199-01-26T00:00:00Z")),
        ("cron(0  0\t? * 1 2026/4)", "2025-03-11T00:00:00Z", Some("2026-01-04T00:00:00Z")),
    ];
    for (text, after, expected) in cases {
        let found = read(text).next(Timestamp::default(), instant(after)).map(iso);
        assert_eq!(found.as_deref(), expected, "{text} after {after}");
    }
    for after in [i64::MIN, i64::MAX] {
        let found = read("cron(0 0 1 * ? *)").next(Timestamp::default(), Timestamp::from_milliseconds(after));
        assert_eq!(found.is_some(), after < 0, "{after}");
    }
}

#[test]
fn runs_closer_than_the_minimum_are_refused() {
    let cases = [
        ("cron(0/30 * * * ? *)", 30),
        ("cron(5,35 * * * ? *)", 30),
        ("cron(20 0/6 * * ? *)", 360),
        ("cron(0/29 * * * ? *)", 2),
        ("cron(0/45 * * * ? *)", 15),
        ("cron(0/20 * * * ? *)", 20),
        ("cron(10,50 * * * ? *)", 20),
        ("cron(0,20 5 * * ? *)", 20),
        ("cron(0/5 8-17 ? * MON-FRI *)", 5),
        ("cron(0,59 0,23 * * ? *)", 1),
        ("cron(0,59 0,23 */2 * ? *)", 1),
        ("cron(0 0,23 ? * MON *)", 23 * 60),
        ("cron(0 2 ? * SUN *)", 7 * 24 * 60),
        ("cron(0 2 ? * SUN,WED *)", 3 * 24 * 60),
        ("cron(0 2 ? * TUE#1 *)", 28 * 24 * 60),
        ("cron(0 2 31 * ? *)", 31 * 24 * 60),
        ("cron(0 2 L * ? *)", 28 * 24 * 60),
        ("cron(0 2 1 * ? 2020)", 29 * 24 * 60),
    ];
    for (text, minutes) in cases {
        let found = Schedule::parse(text, Period::ZERO).expect(text).interval();
        assert_eq!(found, Some(Period::minutes(minutes)), "{text}");
        let error = Schedule::parse(text, Period::minutes(minutes + 1)).expect_err(text).to_string();
        assert!(error.contains("is too often") && error.contains(text), "{error}");
        assert_eq!(Schedule::parse(text, SHORTEST_INTERVAL).is_ok(), minutes >= 30, "{text}");
    }
    assert_eq!(read("at(2025-03-11T15:55:00)").interval(), None);
}

#[test]
fn a_rate_is_a_number_and_a_unit_from_thirty_minutes_to_below_thirty_one_days() {
    let good = [
        ("rate(30 minutes)", Period::minutes(30)),
        ("rate(1 hour)", Period::hours(1)),
        ("rate(1day)", Period::days(1)),
        ("RATE(2 hours)", Period::hours(2)),
        ("rate(44639 minutes)", Period::minutes(44_639)),
        ("rate(743 hours)", Period::hours(743)),
        ("rate(30 days)", Period::days(30)),
    ];
    for (text, every) in good {
        assert_eq!(read(text), Schedule::Rate(every), "{text}");
    }
    assert!(Schedule::parse("rate(1 minute)", Period::minutes(1)).is_ok(), "the minimum is a setting");
}

#[test]
fn missed_instants_of_a_rate_do_not_pile_up() {
    let schedule = Schedule::Rate(Period::minutes(30));
    let start = Timestamp::from_seconds(1_000_000);
    let cases = [(0, 30), (1, 30), (29, 30), (30, 60), (95, 120)];
    for (after, next) in cases {
        let after = start + Period::minutes(after);
        assert_eq!(schedule.next(start, after), Some(start + Period::minutes(next)), "{after:?}");
    }
}

#[test]
fn what_is_no_schedule_is_refused_and_the_message_says_what_would_be_right() {
    let bad = [
        ("cron(0 10 * * * *)", "day-of-month `*` and day-of-week `*`: expected ? in exactly one"),
        ("cron(0 10 ? * ? *)", "day-of-month `?` and day-of-week `?`: expected ? in exactly one"),
        ("cron(0 10 15 * MON *)", "day-of-month `15` and day-of-week `MON`: expected ? in exactly one"),
        ("cron(60 10 ? * * *)", "minute `60`: expected 0 to 59"),
        ("cron(0 24 ? * * *)", "hour `24`: expected 0 to 23"),
        ("cron(0 10 ? MAR * *)", "month `MAR`: expected *"),
        ("cron(0 10 1 JAN ? *)", "month `JAN`: expected *"),
        ("cron(0 10 1 ? * *)", "day-of-month `1` and day-of-week `*`"),
        ("cron(0 10 ? * 8 *)", "day-of-week `8`: expected 1 to 7 or SUN to SAT"),
        ("cron(0 10 ? * 0 *)", "day-of-week `0`: expected 1 to 7"),
        ("cron(0 10 ? * MON#6 *)", "day-of-week `MON#6`: expected"),
        ("cron(0 10 ? * MON#0 *)", "day-of-week `MON#0`: expected"),
        ("cron(0 10 ? * MON# *)", "day-of-week `MON#`: expected"),
        ("cron(0 10 ? * 8#1 *)", "day-of-week `8#1`: expected"),
        ("cron(0 10 ? * 8L *)", "day-of-week `8L`: expected"),
        ("cron(0 10 ? * 3#1,6#3 *)", "day-of-week `3#1` is part of a list: expected it alone"),
        ("cron(0 10 ? * MON,3L *)", "day-of-week `3L` is part of a list"),
        ("cron(0 10 1,L * ? *)", "day-of-month `L` is part of a list"),
        ("cron(0 10 15W,1 * ? *)", "day-of-month `15W` is part of a list"),
        ("cron(0 10 W * ? *)", "day-of-month `W`: expected 1 to 31"),
        ("cron(0 10 32W * ? *)", "day-of-month `32W`: expected 1 to 31"),
        ("cron(0 10 3L * ? *)", "day-of-month `3L`: expected 1 to 31"),
        ("cron(0 10 ?,1 * ? *)", "day-of-month `?`: expected 1 to 31"),
        ("cron(30 0 10 ? * * *)", "seconds `30`: expected 0"),
        ("cron(0 10 32 * ? *)", "day-of-month `32`: expected 1 to 31"),
        ("cron(0 10 0 * ? *)", "day-of-month `0`: expected 1 to 31"),
        (
            "cron(0 10 * * ?)",
            "expected 6 fields, minute hour day-of-month month day-of-week year, such as cron(0 2 ? * SUN *), found 5",
        ),
        (
            "cron(0 0 0 10 * * ? *)",
            "expected 6 fields, minute hour day-of-month month day-of-week year, such as cron(0 2 ? * SUN *), found 8",
        ),
        (
            "cron(0 21 ? * MON*)",
            "expected 6 fields, minute hour day-of-month month day-of-week year, such as cron(0 2 ? * SUN *), found 5",
        ),
        ("cron(0 21 ? * MON* *)", "day-of-week `MON*`: expected 1 to 7"),
        ("cron(0/0 * * * ? *)", "minute `0/0`: expected a step of 1 or more"),
        ("cron(0/x * * * ? *)", "minute `0/x`: expected 0 to 59"),
        ("cron(/5 * * * ? *)", "minute `/5`: expected 0 to 59"),
        ("cron(0, * * * ? *)", "minute ``: expected 0 to 59"),
        ("cron(-1 * * * ? *)", "minute `-1`: expected 0 to 59"),
        ("cron(99999999999 * * * ? *)", "minute `99999999999`: expected 0 to 59"),
        ("cron(? 10 * * ? *)", "minute `?`: expected 0 to 59"),
        ("cron(0 22-2 * * ? *)", "hour `22-2` runs backwards: expected 22-23,0-2"),
        ("cron(0 10 ? * FRI-MON *)", "day-of-week `FRI-MON` runs backwards: expected FRI-SAT,SUN-MON"),
        ("cron(0 10 1 * ? 1969)", "year `1969`: expected * or 1970 to 2199"),
        ("cron(0 10 1 * ? 2200)", "year `2200`: expected * or 1970 to 2199"),
        ("cron(0 10 ? * MON *)x", "expected cron("),
        ("cron 0 10 ? * MON *", "expected cron("),
        (
            "cron()",
            "expected 6 fields, minute hour day-of-month month day-of-week year, such as cron(0 2 ? * SUN *), found 0",
        ),
        (
            "cron(@daily)",
            "expected 6 fields, minute hour day-of-month month day-of-week year, such as cron(0 2 ? * SUN *), found 1",
        ),
        (
            "cron(bad)",
            "expected 6 fields, minute hour day-of-month month day-of-week year, such as cron(0 2 ? * SUN *), found 1",
        ),
        ("rate(0 minutes)", "expected a whole number"),
        ("rate(29 minutes)", "at least 30m00s"),
        ("rate(5 hour)", "rate(5 hours)"),
        ("rate(1 hours)", "rate(1 hour)"),
        ("rate( 45 minutes)", "expected a whole number"),
        ("rate(45 minutes )", "expected a whole number"),
        ("rate(45  minutes)", "expected a whole number"),
        ("rate(1.5 hours)", "expected a whole number"),
        ("rate(-1 hours)", "expected a whole number"),
        ("rate(030 minutes)", "expected a whole number"),
        ("rate(2 weeks)", "minutes, hour, hours"),
        ("rate(31 days)", "less than 31 days"),
        ("rate(744 hours)", "less than 31 days"),
        ("rate(44640 minutes)", "less than 31 days"),
        ("rate(99999999999999999999 days)", "less than 31 days"),
        ("rate()", "expected a whole number"),
        ("rate(30 minutes", "expected cron("),
        ("rate(30 minutes)x", "rate(30 minutes) or at("),
        ("at(2025-13-01T00:00:00)", "expected a date and a time to the second"),
        ("at(2025-02-29T00:00:00)", "expected a date"),
        ("at(2025-00-01T00:00:00)", "expected a date"),
        ("at(2025-01-00T00:00:00)", "expected a date"),
        ("at(2025-01-01T24:00:00)", "expected a date"),
        ("at(2025-01-01T00:60:00)", "expected a date"),
        ("at(2025-01-01T00:00:60)", "expected a date"),
        ("at(2025-01-01T00:00)", "expected a date"),
        ("at(2025-01-01T00:00:00Z)", "without a zone"),
        ("at(2025-01-01T00:00:00.5)", "expected a date"),
        ("at(2025-01-01 00:00:00)", "expected a date"),
        ("at(+025-01-01T00:00:00)", "expected a date"),
        ("at(12:00)", "such as at(2025-03-11T15:55:00)"),
        ("every hour", "expected cron("),
        ("", "expected cron("),
    ];
    for (text, hint) in bad {
        let error = Schedule::parse(text, SHORTEST_INTERVAL).expect_err(text).to_string();
        // Fields are told in capitals.
        assert!(error.to_uppercase().contains(&hint.to_uppercase()), "{text}: {error}");
        assert!(
            error.contains(text.split_once('(').map_or(text, |(_, inside)| inside.trim_end_matches(')'))),
            "{error}"
        );
    }
    let long = format!("cron({})", "0,".repeat(126));
    assert_eq!(Schedule::parse(&long, SHORTEST_INTERVAL), Err(ScheduleError::TooLong(258)));
}

#[test]
fn what_the_documentation_leaves_open_is_a_choice_of_dialect() {
    let usual = Dialect::with_minimum(SHORTEST_INTERVAL);
    let five = Dialect { five_fields: true, ..usual };
    let strict = Dialect { documented_hours: true, ..usual };
    let cases = [
        ("cron(0 10 * * ?)", false, true, false),
        ("cron(0 10 * * ? *)", true, true, true),
        ("cron(0 0/6 * * ? *)", true, true, false),
        ("cron(0 6,18 ? * * *)", true, true, false),
        ("cron(0 9-17 ? * MON-FRI *)", true, true, false),
        ("cron(0 0/12 * * ? *)", true, true, true),
        ("cron(0 */8 * * ? *)", true, true, true),
        ("cron(0/30 * * * ? *)", true, true, true),
        ("cron(0 10 * ?)", false, false, false),
        ("rate(30 minutes)", true, true, true),
    ];
    for (text, by_usual, by_five, by_strict) in cases {
        let found = [usual, five, strict].map(|dialect| Schedule::parse_in(text, dialect).is_ok());
        assert_eq!(found, [by_usual, by_five, by_strict], "{text}");
    }
    assert_eq!(
        Schedule::parse_in("cron(0 10 * * ?)", five).unwrap(),
        Schedule::parse("cron(0 10 * * ? *)", SHORTEST_INTERVAL).unwrap()
    );
    assert!(Schedule::parse_in("cron(0 0/6 * * ?)", Dialect::WIDEST).is_ok());
}
