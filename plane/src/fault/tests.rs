//! Which calls a fault strikes, as tables.

use super::*;

const NODE: &str = "i-0aaaaaaaaaaaaaaa1";
const OTHER: &str = "i-0aaaaaaaaaaaaaaa2";

fn injection(text: &str) -> Injection {
    serde_json::from_str(text).unwrap()
}

fn faults(text: &str) -> Faults {
    let mut faults = Faults::default();
    faults.inject("it".to_owned(), injection(text)).unwrap();
    faults
}

fn second(count: i64) -> Timestamp {
    Timestamp::from_seconds(1_000 + count)
}

fn is_refused(verdict: &Verdict, code: &ErrorCode) -> bool {
    matches!(verdict, Verdict::Refuse(error) if error.code == *code)
}

#[test]
fn a_bucket_lets_a_burst_through_and_then_its_rate() {
    let mut faults = faults(r#"{"fault": {"throttling": {"rate": 0.5, "burst": 3}}}"#);
    // instant, operation, whether it goes through
    let cases = [
        (0, "GetDocument", true),
        (0, "GetDocument", true),
        (0, "GetDocument", true),
        (0, "GetDocument", false),
        (0, "PutInventory", true),
        (1, "GetDocument", false),
        (2, "GetDocument", true),
        (2, "GetDocument", false),
        (4, "GetDocument", true),
        (400, "GetDocument", true),
        (400, "GetDocument", true),
        (400, "GetDocument", true),
        (400, "GetDocument", false),
    ];
    for (place, (at, operation, goes)) in cases.into_iter().enumerate() {
        let verdict = faults.judge(Seed(1), second(at), operation, None);
        assert_eq!(verdict == Verdict::Proceed, goes, "call {place}");
        assert!(goes || is_refused(&verdict, &ErrorCode::ThrottlingException), "call {place}");
    }
}

#[test]
fn a_share_of_the_calls_meets_an_error_and_the_seed_says_which() {
    let struck = |seed: u64| -> Vec<usize> {
        let mut faults =
            faults(r#"{"fault": {"server-error": {"share": "20%", "error": "service-unavailable"}}}"#);
        let verdicts = (0..1_000).map(|_| faults.judge(Seed(seed), second(0), "GetDocument", None));
        let is_struck = |verdict: &Verdict| is_refused(verdict, &ErrorCode::ServiceUnavailable);
        verdicts.enumerate().filter(|(_, verdict)| is_struck(verdict)).map(|(place, _)| place).collect()
    };
    assert!((150..250).contains(&struck(1).len()), "{}", struck(1).len());
    assert_eq!(struck(1), struck(1));
    assert_ne!(struck(1), struck(2));
}

#[test]
fn a_fault_strikes_its_operations_and_its_nodes_only() {
    let by_name = r#"{"fault": {"server-error": {"operations": ["GetDocument"]}}}"#;
    let of_node = &format!(r#"{{"fault": {{"server-error": {{}}}}, "nodes": ["{NODE}"]}}"#);
    let stale = r#"{"fault": {"stale-reads": {"by": "30s"}}}"#;
    let dropped = r#"{"fault": {"dropped-writes": {}}}"#;
    let late = r#"{"fault": {"plane-latency": {"delay": "1s"}}}"#;
    // the fault, operation, who calls, whether it strikes
    let cases = [
        (by_name, "GetDocument", None, true),
        (by_name, "PutInventory", None, false),
        (of_node, "GetDocument", Some(NODE), true),
        (of_node, "GetDocument", Some(OTHER), false),
        (of_node, "GetDocument", None, false),
        (stale, "ListInstanceAssociations", None, true),
        (stale, "CreateAssociation", None, false),
        (dropped, "UpdateInstanceAssociationStatus", None, true),
        (dropped, "GetDocument", None, false),
        (dropped, "RegisterManagedInstance", None, false),
        (late, "GetDocument", None, false),
    ];
    for (fault, operation, node, strikes) in cases {
        let node = node.map(|id| id.parse().unwrap());
        let verdict = faults(fault).judge(Seed(1), second(0), operation, node);
        assert_eq!(verdict != Verdict::Proceed, strikes, "{fault} {operation}");
    }
}

#[test]
fn answers_are_late_by_the_delay_and_its_jitter() {
    let mut late = faults(r#"{"fault": {"plane-latency": {"delay": "200ms", "jitter": "50ms"}}}"#);
    let delays: Vec<u64> =
        (0..1_000).map(|_| late.delay(Seed(3), "GetDocument", None).as_milliseconds()).collect();
    let (least, most) = (delays.iter().min().unwrap(), delays.iter().max().unwrap());
    assert!((150..160).contains(least) && (240..=250).contains(most), "{least} to {most}");
    assert!(late.lift("it") && !late.lift("it"));
    assert_eq!(late.delay(Seed(3), "GetDocument", None), Period::ZERO);
}

#[test]
fn what_cannot_stand_is_refused_with_the_reason() {
    let cases = [
        (r#"{"throttling": {"rate": -1}}"#, "no rate"),
        (r#"{"throttling": {"rate": 1, "operation": ["GetDocument"]}}"#, "unknown field `operation`"),
        (r#"{"throttling": {"rate": 1, "operations": ["GetDocuments"]}}"#, "the nearest is `GetDocument`"),
        (r#"{"throttling": {"rate": 1, "operations": []}}"#, "leave `operations` out"),
        (r#"{"server-error": {"share": "110%"}}"#, "no share"),
        (r#"{"server-error": {"error": "teapot"}}"#, "teapot"),
        (r#"{"plane-latency": {"delay": "1s", "jitter": "2s"}}"#, "no more jitter than delay"),
        (r#"{"stale-reads": {"by": "0s"}}"#, "stale-reads by 0s"),
        (
            r#"{"stale-reads": {"by": "1m", "operations": ["CreateDocument"]}}"#,
            "CreateDocument does not only read",
        ),
        (r#"{"dropped-writes": {"operations": ["GetDocument"]}}"#, "GetDocument writes nothing"),
        (r#"{"gremlins": {}}"#, "gremlins"),
    ];
    for (text, expected) in cases {
        let error = match serde_json::from_str::<PlaneFault>(text) {
            Ok(fault) => fault.check().unwrap_err().to_string(),
            Err(error) => error.to_string(),
        };
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn a_fault_is_shown_as_it_is_written() {
    for text in [
        r#"{"fault":{"throttling":{"operations":["GetDocument"],"rate":0.5,"burst":3}}}"#,
        r#"{"fault":{"throttling":{"rate":50}}}"#,
        r#"{"fault":{"server-error":{"share":"2.5%","error":"service-unavailable"}},"nodes":["i-0aaaaaaaaaaaaaaa1"]}"#,
        r#"{"fault":{"dropped-writes":{"share":"100%"}}}"#,
    ] {
        assert_eq!(serde_json::to_string(&injection(text)).unwrap(), text);
    }
}
