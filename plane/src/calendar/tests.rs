//! Calendars as texts: when they are open, and which are refused.

use super::*;

fn at(text: &str) -> Timestamp {
    let instant: jiff::Timestamp = text.parse().unwrap();
    Timestamp::from_milliseconds(instant.as_millisecond())
}

fn text_of(kind: &str, events: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nPRODID:-//AWS//Change Calendar 1.0//EN\r\nVERSION:2.0\r\nX-CALENDAR-TYPE:{kind}\r\n{events}END:VCALENDAR\r\n"
    )
}

fn event(lines: &str) -> String {
    let lines: String = lines.split('|').map(|line| format!("{line}\r\n")).collect();
    format!("BEGIN:VEVENT\r\nUID:1\r\nSUMMARY:Quiet: please\r\n{lines}END:VEVENT\r\n")
}

fn calendar(kind: &str, lines: &[&str]) -> Calendar {
    let events: String = lines.iter().map(|lines| event(lines)).collect();
    Calendar::parse(&text_of(kind, &events)).unwrap()
}

#[test]
fn events_turn_the_default_round_and_transitions_are_found() {
    let once = &["DTSTART:20250310T120000Z|DTEND:20250310T140000Z"][..];
    let daily = &["DTSTART:20250310T220000Z|DTEND:20250311T020000Z|RRULE:FREQ=DAILY"][..];
    let other = &["DTSTART:20250310T100000Z|DTEND:20250310T110000Z|RRULE:FREQ=DAILY;INTERVAL=2;COUNT=2"][..];
    let weekend =
        &["DTSTART;VALUE=DATE:20250308|DTEND;VALUE=DATE:20250309|RRULE:FREQ=WEEKLY;BYDAY=SU,SA"][..];
    let until =
        &["DTSTART;TZID=UTC:20250310T100000|DTEND;TZID=UTC:20250310T110000|RRULE:FREQ=WEEKLY;UNTIL=20250317"]
            [..];
    let fortnight =
        &["DTSTART:20250312T100000Z|DTEND:20250312T110000Z|RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;COUNT=3"]
            [..];
    let touching = &[
        "DTSTART:20250310T120000Z|DTEND:20250310T130000Z",
        "DTSTART:20250310T130000Z|DTEND:20250310T150000Z",
    ][..];
    // Calendar, instant, whether an event is going on, when that becomes otherwise.
    let cases: &[(&[&str], &str, bool, Option<&str>)] = &[
        (once, "2025-03-10T11:59:59Z", false, Some("2025-03-10T12:00:00Z")),
        (once, "2025-03-10T12:00:00Z", true, Some("2025-03-10T14:00:00Z")),
        (once, "2025-03-10T14:00:00Z", false, None),
        (daily, "2025-03-10T12:00:00Z", false, Some("2025-03-10T22:00:00Z")),
        (daily, "2031-07-01T01:00:00Z", true, Some("2031-07-01T02:00:00Z")),
        (daily, "2031-07-01T02:00:00Z", false, Some("2031-07-01T22:00:00Z")),
        (other, "2025-03-11T10:30:00Z", false, Some("2025-03-12T10:00:00Z")),
        (other, "2025-03-12T10:30:00Z", true, Some("2025-03-12T11:00:00Z")),
        (other, "2025-03-14T10:30:00Z", false, None),
        (weekend, "2025-03-14T12:00:00Z", false, Some("2025-03-15T00:00:00Z")),
        (weekend, "2025-03-15T12:00:00Z", true, Some("2025-03-17T00:00:00Z")),
        (until, "2025-03-17T10:30:00Z", true, Some("2025-03-17T11:00:00Z")),
        (until, "2025-03-24T10:30:00Z", false, None),
        // Wednesday the 12th, then Monday the 24th and Wednesday the 26th.
        (fortnight, "2025-03-12T10:30:00Z", true, Some("2025-03-12T11:00:00Z")),
        (fortnight, "2025-03-17T10:30:00Z", false, Some("2025-03-24T10:00:00Z")),
        (fortnight, "2025-03-26T10:30:00Z", true, Some("2025-03-26T11:00:00Z")),
        (fortnight, "2025-04-07T10:30:00Z", false, None),
        (touching, "2025-03-10T12:30:00Z", true, Some("2025-03-10T15:00:00Z")),
        (&[], "2025-03-10T12:30:00Z", false, None),
    ];
    for (events, instant, is_going_on, next) in cases {
        let (open, closed) = (calendar("DEFAULT_OPEN", events), calendar("DEFAULT_CLOSED", events));
        assert_eq!(open.is_open(at(instant)), !is_going_on, "{events:?} {instant}");
        assert_eq!(closed.is_open(at(instant)), *is_going_on, "{events:?} {instant}");
        assert_eq!(open.next_transition(at(instant)), next.map(at), "{events:?} {instant}");
    }
    let always =
        calendar("DEFAULT_OPEN", &["DTSTART:20250310T000000Z|DTEND:20250311T000000Z|RRULE:FREQ=DAILY"]);
    assert_eq!(always.next_transition(at("2025-03-10T12:00:00Z")), None);
}

#[test]
fn several_calendars_are_open_while_each_is() {
    let morning = calendar("DEFAULT_OPEN", &["DTSTART:20250310T080000Z|DTEND:20250310T120000Z"]);
    let noon = calendar("DEFAULT_OPEN", &["DTSTART:20250310T110000Z|DTEND:20250310T130000Z"]);
    let both = [&morning, &noon];
    assert!(!all_open(&both, at("2025-03-10T10:00:00Z")));
    assert_eq!(next_transition(&both, at("2025-03-10T10:00:00Z")), Some(at("2025-03-10T13:00:00Z")));
    assert!(all_open(&both, at("2025-03-10T13:00:00Z")));
}

#[test]
fn what_is_not_carried_out_is_refused_by_name() {
    let one = "DTSTART:20250310T120000Z|DTEND:20250310T140000Z";
    let rule = |rule: &str| text_of("DEFAULT_OPEN", &event(&format!("{one}|RRULE:{rule}")));
    let cases = [
        (rule("FREQ=MONTHLY"), "RRULE FREQ=MONTHLY"),
        (rule("FREQ=WEEKLY;BYDAY=1MO"), "RRULE BYDAY=1MO"),
        (rule("FREQ=DAILY;BYDAY=MO"), "RRULE FREQ=DAILY with BYDAY"),
        (rule("FREQ=DAILY;BYHOUR=3"), "RRULE BYHOUR=3"),
        (text_of("DEFAULT_OPEN", &event(&format!("{one}|EXDATE:20250311T120000Z"))), "EXDATE"),
        (
            text_of(
                "DEFAULT_OPEN",
                &event("DTSTART;TZID=Europe/Berlin:20250310T120000|DTEND:20250310T140000Z"),
            ),
            "TZID=Europe/Berlin",
        ),
        (
            text_of("DEFAULT_OPEN", &event("DTSTART:20250310T120000|DTEND:20250310T140000Z")),
            "a time without a time zone",
        ),
        (text_of("DEFAULT_OPEN", "BEGIN:VTIMEZONE\r\nEND:VTIMEZONE\r\n"), "VTIMEZONE"),
        (text_of("DEFAULT_OPEN", &event(&format!("{one}|BEGIN:VALARM|END:VALARM"))), "VALARM"),
    ];
    for (text, feature) in cases {
        assert_eq!(Calendar::parse(&text), Err(CalendarError::Unsupported { feature: feature.to_owned() }));
    }
    let broken = [
        String::new(),
        "Lunch at noon".to_owned(),
        "BEGIN:VCALENDAR\r\nX-CALENDAR-TYPE:DEFAULT_OPEN\r\n".to_owned(),
        "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n".to_owned(),
        text_of("SOMETIMES", ""),
        text_of("DEFAULT_OPEN", &event("DTSTART:20250310T120000Z")),
        text_of("DEFAULT_OPEN", &event("DTSTART:20250310T120000Z|DTEND:20250310T120000Z")),
        text_of("DEFAULT_OPEN", &event("DTSTART:20251310T120000Z|DTEND:20251310T120000Z")),
        rule("COUNT=2"),
        rule("FREQ=DAILY;COUNT=0"),
    ];
    for text in broken {
        assert!(matches!(Calendar::parse(&text), Err(CalendarError::Malformed { .. })), "{text}");
    }
    let described = text_of("DEFAULT_OPEN", "BEGIN:VTODO\r\nSUMMARY:Add events\r\n to this\r\nEND:VTODO\r\n");
    assert!(Calendar::parse(&described).unwrap().is_open(at("2025-03-10T12:00:00Z")));
}
