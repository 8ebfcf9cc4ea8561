//! Who nodes are, and by what they show it: registration, tokens, keys, roles.

use std::cell::Cell;
use std::collections::BTreeMap;

use agent::call::{Answer, Request};
use agent::credentials::{Activations, Grant, IdentityKind, IdentitySettings, SignedBy, Signing};
use agent::fault::{NodeFaults, Share};
use agent::lane::LaneName;
use agent::lifecycle::Lifecycle;
use agent::node::Note;
use fleet::in_process::{Carry, InProcess};
use fleet::plan::Overrides;
use fleet::scenario::Scenario;
use fleet::shard::Caller;
use plane::service::Service;
use shared::error::{ApiError, ErrorCode};
use shared::id::NodeId;
use shared::time::{Period, Timestamp};
use shared::wire::{
    DeregisterManagedInstance, DescribeInstanceInformation, DescribeInstanceInformationReply,
    RequestManagedInstanceRoleTokenReply,
};
use ssm_fleet_tests::World;

use crate::bench::{Bench, Made, START, Shelf, TAKES, refused};

const REGISTER: &str = "RegisterManagedInstance";
const TOKEN: &str = "RequestManagedInstanceRoleToken";
const NEW_KEY: &str = "UpdateManagedInstancePublicKey";
const HEARTBEAT: &str = "UpdateInstanceInformation";
const DAY: Period = Period::days(1);

fn hybrid() -> IdentitySettings {
    let activations = Activations::of_nodes(8, 0.0);
    activations.put(0, Grant { id: "a".repeat(36), code: "c".repeat(20) });
    IdentitySettings { kind: IdentityKind::Hybrid, activations, ..IdentitySettings::default() }
}

fn bench(identity: IdentitySettings) -> Bench {
    Bench::with(7, Vec::new(), START, identity, NodeFaults::default())
}

/// Credentials for an hour.
fn token(made: &Made, update_key_pair: bool) -> Answer {
    Answer::Token(RequestManagedInstanceRoleTokenReply {
        access_key_id: format!("ASIA{}", made.at.milliseconds()),
        secret_access_key: "secret".into(),
        session_token: "token".into(),
        token_expiration_date: made.at + Period::hours(1),
        update_key_pair,
    })
}

/// A plane that takes every node.
fn kind(made: &Made) -> Answer {
    match &made.request {
        Request::Register(_) => Answer::Registered(NodeId::hybrid(0xabc)),
        Request::RequestToken(_) => token(made, false),
        _ => Shelf::default().answer(made),
    }
}

#[test]
fn a_hybrid_node_registers_gets_credentials_and_works_with_them() {
    let mut bench = bench(hybrid());
    bench.run_for(Period::seconds(2), &mut kind);
    assert_eq!(bench.operations(), [REGISTER, TOKEN, HEARTBEAT, HEARTBEAT]);
    let [register, asked, probe, full] = &bench.calls[..] else { panic!("four calls") };
    let (Request::Register(call), Request::RequestToken(of_token)) = (&register.request, &asked.request)
    else {
        panic!("a registration and a token's request")
    };
    assert_eq!((call.activation_id.as_deref(), call.public_key.len()), (Some("a".repeat(36).as_str()), 392));
    assert_eq!((call.fingerprint.len(), &of_token.fingerprint), (36, &call.fingerprint));
    assert_eq!(register.signing.by, SignedBy::Nobody);
    let key = register.signing.offers.expect("it gives its public key");
    assert_eq!(asked.signing.by, SignedBy::Key(NodeId::hybrid(0xabc), key));
    assert_eq!(
        probe.at.since(asked.at),
        TAKES + Period::seconds(1),
        "the worker starts with the credentials"
    );
    for call in [probe, full] {
        assert!(matches!(call.signing.by, SignedBy::Session(_)), "{:?}", call.signing);
        let Request::Heartbeat(heartbeat) = &call.request else { panic!("a heartbeat") };
        assert_eq!(heartbeat.instance_id, NodeId::hybrid(0xabc), "the id is the plane's to give");
    }
}

#[test]
fn a_machine_waits_for_its_activation() {
    let identity = IdentitySettings { activations: Activations::of_nodes(8, 0.0), ..hybrid() };
    let activations = identity.activations.clone();
    let mut bench = bench(identity);
    bench.run_for(Period::milliseconds(2_500), &mut kind);
    assert!(bench.calls.is_empty());
    activations.put(0, Grant { id: "a".repeat(36), code: "c".repeat(20) });
    bench.run_for(Period::seconds(1), &mut kind);
    assert_eq!(bench.calls[0].at.since(START), Period::seconds(3));
}

#[test]
fn a_registration_is_tried_again_only_where_that_may_help() {
    let cases = [
        // Each of six tries is four calls, or one where the SDK does not call again.
        (Answer::Unreachable, 24),
        (refused(ErrorCode::TooManyUpdates), 6),
        (refused(ErrorCode::InvalidActivation), 1),
        (refused(ErrorCode::ActivationExpired), 1),
        (refused(ErrorCode::ThrottlingException), 4),
    ];
    for (answer, calls) in cases {
        let mut bench = bench(hybrid());
        bench.run_for(DAY, &mut |_| answer.clone());
        assert_eq!(bench.calls_of(REGISTER).len(), calls, "{answer:?}");
        assert_eq!(bench.calls.len(), calls, "nothing follows");
        assert_eq!(bench.node.lifecycle, Lifecycle::Unregistered);
    }
}

#[test]
fn credentials_are_renewed_at_half_of_their_life() {
    let mut bench = bench(hybrid());
    bench.run_for(DAY, &mut kind);
    let tokens = bench.instants(TOKEN, START);
    assert_eq!(tokens.len(), 48, "{tokens:?}");
    // The reply takes its time, and half of what is left then is waited.
    let distance = Period::minutes(30) + TAKES.share(0.5);
    assert!(tokens.windows(2).all(|pair| pair[1] - pair[0] == distance), "{tokens:?}");
    let last = bench.calls_of(HEARTBEAT).pop().expect("it lives");
    let SignedBy::Session(session) = &last.signing.by else { panic!("{:?}", last.signing) };
    assert!(session.expires.since(last.at) >= Period::minutes(30) - TAKES);
}

#[test]
fn a_token_that_is_refused_is_asked_for_ever_later() {
    let with = |code: ErrorCode| {
        let mut bench = bench(hybrid());
        bench.run_for(Period::hours(12), &mut |made| match &made.request {
            Request::RequestToken(_) => refused(code.clone()),
            _ => kind(made),
        });
        assert_eq!(bench.calls_of(HEARTBEAT).len(), 0, "no worker without credentials");
        let instants = bench.instants(TOKEN, START);
        instants.windows(2).map(|pair| (pair[1] - pair[0] - TAKES).as_seconds()).collect::<Vec<_>>()
    };
    for (number, wait) in with(ErrorCode::InvalidInstanceId).into_iter().enumerate() {
        let base = f64::from(1u32 << number.min(16));
        let range = if base < 1024.0 { base + 10.0..=base * 1.2 + 21.0 } else { 1034.0..=1800.0 };
        assert!(range.contains(&wait), "wait {number} is {wait}, expected {range:?}");
    }
    for code in [ErrorCode::MachineFingerprintDoesNotMatch, ErrorCode::AccessDeniedException] {
        let waits = with(code.clone());
        assert!(waits.len() >= 23, "{code}: {waits:?}");
        assert!(waits.iter().all(|wait| (1500.0..=1800.0).contains(wait)), "{code}: {waits:?}");
    }
}

#[test]
fn silence_is_asked_again_at_once_five_times_and_then_later() {
    let mut bench = bench(hybrid());
    let lost = Cell::new(0);
    bench.run_for(Period::minutes(10), &mut |made| match &made.request {
        Request::RequestToken(_) if lost.get() < 28 => {
            lost.set(lost.get() + 1);
            Answer::Unreachable
        }
        _ => kind(made),
    });
    let tokens = bench.calls_of(TOKEN);
    let firsts: Vec<_> = tokens.iter().filter(|call| call.attempt == 0).collect();
    assert_eq!((tokens.len(), firsts.len()), (29, 8), "seven tries of four calls were lost");
    let lasts: Vec<_> = tokens.iter().filter(|call| call.attempt == 3).collect();
    let waits: Vec<u64> = lasts
        .iter()
        .zip(&firsts[1..])
        .map(|(last, next)| (next.at.since(last.at) - TAKES).as_milliseconds())
        .collect();
    assert_eq!(waits[..5], [100, 200, 400, 800, 1600]);
    assert!((1_000..=2_000).contains(&waits[5]), "{waits:?}");
    assert_eq!(waits[6], 100, "and the inner tries begin anew");
    assert!(matches!(bench.node.lifecycle, Lifecycle::Online { .. }));
}

#[test]
fn a_key_is_changed_when_the_plane_says_so_or_it_is_old() {
    let rotating = IdentitySettings { key_rotation: Some(Period::hours(5)), ..hybrid() };
    for (identity, changes) in [(rotating, 4), (hybrid(), 1)] {
        let is_told = identity.key_rotation.is_none();
        let mut bench = bench(identity);
        let tokens = Cell::new(0);
        bench.run_for(DAY, &mut |made| match &made.request {
            Request::RequestToken(_) => {
                tokens.set(tokens.get() + 1);
                token(made, is_told && tokens.get() == 10)
            }
            _ => kind(made),
        });
        let made: Vec<_> =
            bench.calls.iter().filter(|call| [TOKEN, NEW_KEY].contains(&call.operation())).collect();
        let mut key = bench.calls[0].signing.offers.expect("it gave its key");
        for (before, call) in made.iter().zip(&made[1..]) {
            let id = NodeId::hybrid(0xabc);
            assert_eq!(call.signing.by, SignedBy::Key(id, key), "signed with the key that the plane holds");
            if let Some(offered) = call.signing.offers {
                assert_eq!(call.at.since(before.at), TAKES + Period::milliseconds(180));
                assert_ne!(offered, key);
                key = offered;
            }
        }
        assert_eq!(bench.calls_of(NEW_KEY).len(), changes);
        assert_eq!(bench.calls_of(TOKEN).len(), 48, "the rhythm of tokens stays");
    }
}

#[test]
fn a_change_that_failed_is_found_out_with_the_old_key_and_then_the_new_one() {
    for is_taken in [false, true] {
        let mut bench = bench(hybrid());
        let held = Cell::new(None);
        let asked = Cell::new(false);
        bench.run_for(Period::hours(2), &mut |made| match (&made.request, &made.signing.by) {
            (Request::Register(_), _) => {
                held.set(made.signing.offers);
                kind(made)
            }
            (Request::UpdateKey(_), _) => {
                if is_taken && made.attempt == 0 {
                    held.set(made.signing.offers);
                }
                Answer::Unreachable
            }
            (Request::RequestToken(_), SignedBy::Key(_, key)) if Some(*key) == held.get() => {
                token(made, !asked.replace(true))
            }
            (Request::RequestToken(_), _) => refused(ErrorCode::InvalidSignatureException),
            _ => kind(made),
        });
        let wrong = if is_taken { 1 } else { 0 };
        assert_eq!(bench.calls_of(NEW_KEY).len(), 4, "the SDK's retries");
        let after = bench.calls_of(NEW_KEY).pop().expect("four").at;
        let first = bench.calls_of(TOKEN).into_iter().filter(|call| call.at > after).take(wrong + 1);
        let keys: Vec<_> = first.map(|call| call.signing.by.clone()).collect();
        let id = NodeId::hybrid(0xabc);
        assert_eq!(keys.last(), held.get().map(|key| SignedBy::Key(id, key)).as_ref(), "{is_taken}");
        assert_eq!(keys.len(), wrong + 1);
        let tokens = bench.calls_of(TOKEN);
        let last = tokens.last().expect("it goes on");
        assert_eq!(Some(last.signing.by.clone()), held.get().map(|key| SignedBy::Key(id, key)));
        assert!(last.at.since(after) > Period::minutes(30));
    }
}

#[test]
fn an_instance_looks_every_half_hour_whether_its_role_may_call() {
    let mut bench = Bench::new();
    bench.run_for(DAY, &mut |made| Shelf::default().answer(made));
    let checks: Vec<_> = bench.calls.iter().filter(|call| call.lane == LaneName::Credentials).collect();
    assert_eq!((checks[0].operation(), checks.len()), (REGISTER, 1 + 48));
    assert!(checks.iter().all(|call| call.signing.by == SignedBy::Account));
    let instants: Vec<_> = checks[1..].iter().map(|call| call.at.since(START)).collect();
    assert!(instants.windows(2).all(|pair| pair[1] - pair[0] == Period::minutes(30) + TAKES));
    assert_eq!(bench.calls_of(TOKEN).len(), 0);
}

#[test]
fn an_instance_whose_role_may_not_call_gets_credentials_of_its_own() {
    let without_role = IdentitySettings { has_role: false, ..IdentitySettings::default() };
    for (identity, checks) in [(IdentitySettings::default(), 48), (without_role, 0)] {
        let mut bench = bench(identity);
        bench.run_for(DAY, &mut |made| match &made.request {
            Request::Heartbeat(_) if made.lane == LaneName::Credentials => {
                refused(ErrorCode::AccessDeniedException)
            }
            _ => kind(made),
        });
        let of_lane = |operation: &str| {
            bench.calls_of(operation).into_iter().filter(|call| call.lane == LaneName::Credentials).count()
        };
        assert_eq!((of_lane(HEARTBEAT), of_lane(TOKEN)), (checks, 48));
        let asked = bench.calls_of(TOKEN)[0];
        let id = bench.node.id(bench.node.identity.draw(&bench.catalogue));
        let offered = bench.calls_of(REGISTER)[0].signing.offers.expect("its key");
        assert_eq!(asked.signing.by, SignedBy::Instance(id, offered));
        let Request::RequestToken(call) = &asked.request else { panic!("a token's request") };
        assert_eq!((call.fingerprint.as_str(), id.is_hybrid()), (id.as_str(), false));
        let heartbeat = bench.calls_of(HEARTBEAT).pop().expect("it lives");
        assert!(
            heartbeat.lane == LaneName::Credentials || matches!(heartbeat.signing.by, SignedBy::Session(_))
        );
    }
}

#[test]
fn an_instance_that_is_not_let_in_climbs_its_ladder() {
    let mut bench = Bench::new();
    bench.run_for(Period::hours(3), &mut |made| match &made.request {
        Request::Heartbeat(_) => refused(ErrorCode::InvalidInstanceId),
        _ => kind(made),
    });
    let instants = bench.instants(HEARTBEAT, START);
    let minutes: Vec<f64> =
        instants.windows(2).map(|pair| (pair[1] - pair[0] - TAKES).as_seconds() / 60.0).collect();
    for (wait, full) in minutes.iter().zip([5.0, 10.0, 10.0, 10.0, 20.0, 20.0, 20.0, 40.0]) {
        assert!((0.9 * full..=full).contains(wait), "{minutes:?}");
    }
    assert_eq!(bench.node.lifecycle, Lifecycle::Unregistered, "its worker was never started");
}

const EDGE: &str = r#"
name: edge
seed: 3
duration: 25h
cohorts:
  - { name: till, platform: ubuntu-22.04, nodes: 40, identity: hybrid, tags: { Site: north } }
documents:
  - name: say-hello
    content:
      schemaVersion: "2.2"
      mainSteps: [{ action: aws:runShellScript, name: only, inputs: { runCommand: ["true"] } }]
associations:
  - { name: hello, at: 1m, document: say-hello, targets: [tag: { key: Site, values: [north] }], rounds: 99 }
"#;

fn world(text: &str) -> World {
    World::new(&Scenario::parse("edge", text).expect("it is well written"), &Overrides::default())
}

fn listed(service: &Service, now: Timestamp) -> DescribeInstanceInformationReply {
    let call =
        DescribeInstanceInformation { max_results: Some(50), ..DescribeInstanceInformation::default() };
    service.call(now, call).expect("nodes can be listed")
}

#[test]
fn a_hybrid_cohort_lives_a_day_by_its_activation() {
    let outcome = world(EDGE).run();
    let measures = &outcome.finished.measures;
    let made: BTreeMap<&str, u64> = measures.calls.iter().map(|(name, calls)| (*name, calls.made)).collect();
    assert_eq!(made[REGISTER], 40);
    let tokens = made[TOKEN];
    assert!((40 * 49..=40 * 51).contains(&tokens), "two an hour for each node: {tokens}");
    assert!(measures.calls.values().all(|calls| calls.errors() == 0), "{:?}", measures.calls);
    assert_eq!(outcome.finished.operator.troubles.len(), 0, "{:?}", outcome.finished.operator.troubles);
    assert_eq!(outcome.finished.operator.tagged, 0, "the activation's tags suffice");
    let hello = measures.runs_of(outcome.finished.operator.made[0].id);
    assert_eq!(hello.len(), 40);
    let nodes = listed(&outcome.service, outcome.finished.ended).instance_information_list;
    assert_eq!(nodes.len(), 40);
    for node in nodes {
        assert!(node.instance_id.is_hybrid() && node.activation_id.is_some(), "{node:?}");
        assert_eq!(
            (node.name.as_deref(), node.iam_role.as_deref(), node.resource_type.as_deref()),
            (Some("till"), Some("SSMServiceRole"), Some("ManagedInstance"))
        );
    }
}

#[test]
fn a_large_cohort_has_an_activation_for_each_five_hundred() {
    let text = EDGE.replace("nodes: 40", "nodes: 2100").replace("25h", "3m");
    let outcome = world(&text).run();
    let call = shared::wire::DescribeActivations::default();
    let listed = outcome.service.call(outcome.finished.ended, call).expect("they can be listed");
    let mut counts: Vec<_> =
        listed.activation_list.iter().map(|one| (one.registration_limit, one.registrations_count)).collect();
    counts.sort_unstable();
    // With room for each node to register once more.
    let whole = (Some(1000), Some(500));
    assert_eq!(counts, [(Some(1000), Some(100)), whole, whole, whole, whole]);
    assert_eq!(outcome.finished.cohorts[0].online, 2100);
}

#[test]
fn hybrid_nodes_do_the_same_in_any_number_of_shards_and_through_bytes() {
    let text = EDGE.replace("25h", "2h").replace("platform:", "key_rotation: 40m, platform:");
    let alone = world(&text).run();
    let digest = |outcome: &ssm_fleet_tests::Outcome| outcome.finished.history.clone();
    assert!(alone.finished.measures.calls[NEW_KEY].made > 0);
    for shards in [2, 7] {
        assert_eq!(digest(&world(&text).in_shards(shards).run()), digest(&alone), "{shards}");
    }
    let bytes = World { transport: InProcess::Bytes, ..world(&text) };
    assert_eq!(digest(&bytes.run()), digest(&alone));
}

#[test]
fn a_cloned_machine_registers_and_gets_no_credentials() {
    let text = EDGE.replace("25h", "2h").replace("tags:", "faults: [fingerprint-mismatch: 10%], tags:");
    let outcome = world(&text).run();
    let tokens = &outcome.finished.measures.calls[TOKEN];
    // Four nodes, each at its start and then every 25 to 30 minutes.
    let refused = tokens.refused[&ErrorCode::MachineFingerprintDoesNotMatch];
    assert!((4 * 4..=4 * 5).contains(&refused), "{tokens:?}");
    let state = outcome.finished.cohorts[0];
    assert_eq!((state.online, state.starting), (36, 4));
}

#[test]
fn a_node_that_is_unknown_to_its_plane_gets_no_credentials() {
    let text = EDGE.replace("25h", "30m").replace("tags:", "faults: [invalid-instance: 10%], tags:");
    let outcome = world(&text).run();
    let calls = &outcome.finished.measures.calls;
    assert_eq!((calls[REGISTER].made, outcome.finished.measures.ids_not_accepted), (36, 4));
    assert!(calls[TOKEN].refused[&ErrorCode::InvalidInstanceId] >= 4 * 7, "{:?}", calls[TOKEN]);
    assert_eq!(outcome.finished.cohorts[0].online, 36);
}

/// A way to the plane on which no token comes through for a time.
struct NoTokens {
    from: Timestamp,
    until: Timestamp,
}

impl Carry for NoTokens {
    fn carry(
        &self,
        service: &Service,
        now: Timestamp,
        caller: Caller,
        signing: &Signing,
        request: Request,
    ) -> Answer {
        let is_token = matches!(request, Request::RequestToken(_));
        if is_token && now >= self.from && now < self.until {
            return Answer::Refused(ApiError::from(ErrorCode::InternalServerError), 500);
        }
        InProcess::Typed.carry(service, now, caller, signing, request)
    }
}

#[test]
fn credentials_that_cannot_be_renewed_run_out_and_the_node_comes_back_with_new_ones() {
    let world = world(&EDGE.replace("25h", "5h"));
    let start = world.plan.start;
    let carrier = NoTokens { from: start + Period::minutes(20), until: start + Period::minutes(150) };
    let outcome = world.run_through(&carrier);
    let heartbeats = &outcome.finished.measures.calls[HEARTBEAT];
    let expired = heartbeats.refused[&ErrorCode::ExpiredTokenException];
    // From the sixtieth minute to some minute after the 150th: every five minutes, four calls each.
    assert!((40 * 18 * 4..=40 * 25 * 4).contains(&expired), "{heartbeats:?}");
    assert_eq!(heartbeats.refused.len(), 1, "{heartbeats:?}");
    let now = outcome.finished.ended;
    let nodes = listed(&outcome.service, now).instance_information_list;
    let heard = |node: &&shared::wire::InstanceInformation| {
        node.last_ping_date_time.is_some_and(|ping| now.since(ping) <= Period::minutes(6))
    };
    assert_eq!(nodes.iter().filter(heard).count(), 40, "all are back");
}

#[test]
fn an_hour_without_tokens_is_borne_by_asking_ever_later() {
    let world = world(&EDGE.replace("25h", "5h"));
    let start = world.plan.start;
    let carrier = NoTokens { from: start + Period::minutes(20), until: start + Period::minutes(80) };
    let outcome = world.run_through(&carrier);
    let calls = &outcome.finished.measures.calls;
    // From the renewal after half an hour on: twelve tries of four calls each, for the
    // waits are 2^n s and a fifth, ten to twenty more, and what the tries take: 2,400 to
    // 2,800 s up to the twelfth try, and half an hour after it.
    assert_eq!(
        calls[TOKEN].refused,
        [(ErrorCode::InternalServerError, 40 * 12 * 4)].into(),
        "{:?}",
        calls[TOKEN]
    );
    // Credentials run out after an hour; heartbeats find that until the next try, 35 to 50 minutes later.
    let expired = calls[HEARTBEAT].refused[&ErrorCode::ExpiredTokenException];
    assert!((40 * 6 * 4..=40 * 11 * 4).contains(&expired), "{:?}", calls[HEARTBEAT]);
    // Once at the start, twelve in vain, and from the one that succeeds on every half hour.
    let granted = calls[TOKEN].made - 40 * 12 * 4;
    assert!((40 * 7..=40 * 9).contains(&granted), "{:?}", calls[TOKEN]);
    let now = outcome.finished.ended;
    let nodes = listed(&outcome.service, now).instance_information_list;
    let heard = |node: &&shared::wire::InstanceInformation| {
        node.last_ping_date_time.is_some_and(|ping| now.since(ping) <= Period::minutes(6))
    };
    assert_eq!(nodes.iter().filter(heard).count(), 40, "all are back");
}

/// A way to the plane on which somebody takes the first node out after an hour.
struct Deregistering(Cell<bool>, Timestamp);

impl Carry for Deregistering {
    fn carry(
        &self,
        service: &Service,
        now: Timestamp,
        caller: Caller,
        signing: &Signing,
        request: Request,
    ) -> Answer {
        if now >= self.1 && !self.0.replace(true) {
            let instance_id = listed(service, now).instance_information_list[0].instance_id.to_string();
            service.call(now, DeregisterManagedInstance { instance_id }).expect("it is there");
        }
        InProcess::Typed.carry(service, now, caller, signing, request)
    }
}

#[test]
fn a_deregistered_node_is_refused_at_every_turn() {
    let world = world(&EDGE.replace("25h", "3h"));
    let carrier = Deregistering(Cell::new(false), world.plan.start + Period::hours(1));
    let outcome = world.run_through(&carrier);
    let calls = &outcome.finished.measures.calls;
    let refused = |operation: &str, code| calls[operation].refused.get(&code).copied().unwrap_or_default();
    // As long as its credentials are good it is a stranger; then they are old, which is tried four times.
    let as_stranger = refused(HEARTBEAT, ErrorCode::InvalidInstanceId);
    let with_old_credentials = refused(HEARTBEAT, ErrorCode::ExpiredTokenException);
    assert!((5..=13).contains(&as_stranger), "{:?}", calls[HEARTBEAT]);
    assert!((23..=25).contains(&(as_stranger + with_old_credentials / 4)), "{:?}", calls[HEARTBEAT]);
    assert!(refused(TOKEN, ErrorCode::InvalidInstanceId) >= 8, "{:?}", calls[TOKEN]);
    assert_eq!(listed(&outcome.service, outcome.finished.ended).instance_information_list.len(), 39);
}

#[test]
fn a_note_of_registration_comes_once() {
    let mut bench = bench(hybrid());
    bench.run_for(DAY, &mut kind);
    assert_eq!(bench.notes.iter().filter(|(_, note)| *note == Note::Registered).count(), 1);
    let faults = NodeFaults { fingerprint_mismatch: Share::ALL, ..NodeFaults::default() };
    let mut cloned = Bench::with(7, Vec::new(), START, hybrid(), faults);
    cloned.run_for(Period::seconds(1), &mut kind);
    let (Request::Register(register), Request::RequestToken(asked)) =
        (&cloned.calls[0].request, &cloned.calls[1].request)
    else {
        panic!("a registration and a token's request")
    };
    assert_ne!(register.fingerprint, asked.fingerprint);
}
