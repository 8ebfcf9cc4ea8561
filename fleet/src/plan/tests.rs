use agent::catalogue::Timing;
use agent::fault::NodeFault;
use agent::fault::named::Cause;
use agent::mix::Mix;
use shared::status::PlatformType;

use super::*;
use crate::scenario::Scenario;

fn first_look() -> Scenario {
    Scenario::load("first-look").unwrap()
}

fn plan(overrides: &Overrides) -> Plan {
    Plan::new(&first_look(), overrides, Timestamp::from_seconds(1_000)).unwrap()
}

fn faults(plan: &Plan) -> (usize, usize) {
    let stray = NodeFault::InvalidInstance(Cause::NeverRegistered);
    let fault = |number| plan.identity(number).cohort(&plan.catalogue).faults.of(plan.catalogue.seed, number);
    let all: Vec<_> = (0..plan.nodes()).filter_map(fault).collect();
    let invalid = all.iter().filter(|fault| **fault == stray).count();
    (invalid, all.len() - invalid)
}

#[test]
fn first_look_has_ten_of_each_failure() {
    assert_eq!(faults(&plan(&Overrides::default())), (10, 10));
    let share = |text: &str| Some(text.parse().unwrap());
    let overrides =
        Overrides { invalid_instance: share("2%"), unsupported_platform: share("5%"), ..Default::default() };
    assert_eq!(faults(&plan(&overrides)), (20, 50));
    let overrides = Overrides { nodes: Some(10_000), ..Default::default() };
    assert_eq!(faults(&plan(&overrides)), (100, 100));
}

#[test]
fn cohorts_scale_alike_and_add_up() {
    for nodes in [1, 3, 7, 10, 999, 10_001, 1_000_000] {
        assert_eq!(plan(&Overrides { nodes: Some(nodes), ..Default::default() }).nodes(), nodes);
    }
    let plan = plan(&Overrides { nodes: Some(10), ..Default::default() });
    assert_eq!(plan.sizes, [5, 3, 1, 1]);
    assert_eq!((plan.identity(7).cohort, plan.identity(7).index), (1, 2));
}

#[test]
fn nodes_arrive_evenly_over_the_ramp() {
    let plan = plan(&Overrides::default());
    let mut tenths = [0; 10];
    for number in 0..1000 {
        let since = plan.arrival(number).since(plan.start).as_milliseconds();
        tenths[(since * 10 / plan.ramp.as_milliseconds()) as usize] += 1;
    }
    assert!(tenths.iter().all(|&count| (98..=102).contains(&count)), "{tenths:?}");
}

#[test]
fn a_version_that_no_agent_has_is_refused() {
    let with = |version: &str| {
        let mut scenario = first_look();
        let versions = scenario::Versions(Mix::of_one(version.to_owned()));
        scenario.cohorts[1].agent_version = Some(versions);
        Plan::new(&scenario, &Overrides::default(), Timestamp::from_seconds(0))
    };
    for version in ["3.3.0.0", "2.3.12", "3.2.2303.0"] {
        let plan = with(version).unwrap();
        let versions = &plan.catalogue.cohorts[1].agent_versions;
        assert_eq!(versions, &Mix::of_one(version.to_owned()));
    }
    for version in ["", "3.3", "3.3.0.0.0", "3.3.0\n", "3..0", "3.3.0-b", "1234567.0.0"] {
        let error = with(version).unwrap_err().to_string();
        assert!(error.starts_with("cohort database: agent version"), "{error}");
    }
}

#[test]
fn a_cohort_calls_when_its_timing_says() {
    let with = |timing: &str| {
        let text = format!(
            "{{name: x, seed: 1, duration: 5m, cohorts: [{{name: a, platform: debian-12, nodes: 1, \
             facts_change: 1d, timing: {{{timing}}}}}, {{name: b, platform: debian-12, nodes: 1}}]}}"
        );
        let scenario = Scenario::parse("x", &text).expect("it is well written");
        Plan::new(&scenario, &Overrides::default(), Timestamp::from_seconds(0))
    };
    let plan = with("poll: 20m").unwrap();
    let [changed, standard] = [0, 1].map(|place: usize| plan.catalogue.cohorts[place].timing);
    let facts_change_every = Period::days(1);
    assert_eq!(changed, Timing { poll_every: Period::minutes(20), facts_change_every, ..standard });
    assert_eq!(standard, Timing::default());
    let error = with("health: 1m").unwrap_err().to_string();
    assert!(error.starts_with("cohort a: `timing`: `health` is 1m00s, and"), "{error}");
    assert!(with("health: 1m, unreal: true").is_ok());
}

#[test]
fn nodes_tell_of_this_machine_where_that_is_wanted_and_of_their_kind() {
    let text = "{name: x, seed: 1, duration: 5m, cohorts: [\
         {name: linux, platform: debian-12, nodes: 1}, {name: windows, platform: windows-2022, nodes: 1}]}";
    let with = |text: &str, facts| {
        let scenario = Scenario::parse("x", text).expect("it is well written");
        let overrides = Overrides { facts, ..Overrides::default() };
        let plan = Plan::new(&scenario, &overrides, Timestamp::from_seconds(0))?;
        Ok::<_, PlanErrors>([0, 1].map(|place: usize| plan.catalogue.cohorts[place].host.is_some()))
    };
    let of_kind =
        [PlatformType::Linux, PlatformType::Windows].map(|kind| crate::machine::kind() == Some(kind));
    assert_eq!(with(text, None), Ok([false, false]));
    assert_eq!(with(text, Some(scenario::Facts::Host)), Ok(of_kind));
    // What is written of a cohort is meant, so a platform of another kind is a mistake.
    for (place, platform) in ["debian-12", "windows-2022"].into_iter().enumerate() {
        let written = text.replace(platform, &format!("{platform}, facts: host"));
        let mut expected = [false, false];
        expected[place] = true;
        match with(&written, None) {
            Ok(found) => assert_eq!((found, of_kind[place]), (expected, true)),
            Err(error) => {
                assert!(!of_kind[place] && error.to_string().contains("`facts: host`"), "{error}");
            }
        }
        assert_eq!(with(&written, Some(scenario::Facts::Template)), Ok([false, false]));
    }
}

#[test]
fn a_behaviour_for_a_node_that_is_not_there_is_refused() {
    let with = |nodes: &[u32]| {
        let mut scenario = first_look();
        scenario.cohorts[3].behaviours = vec![scenario::Behaviour {
            nodes: Some(nodes.iter().copied().collect()),
            fails: Share::ALL,
            ..scenario::Behaviour::default()
        }];
        // Fewer nodes than written are no mistake: some of those named are then not there.
        let fewer = Overrides { nodes: Some(100), ..Overrides::default() };
        Plan::new(&scenario, &fewer, Timestamp::from_seconds(0))
    };
    assert!(with(&[0, 49]).is_ok());
    let error = with(&[3, 50]).unwrap_err().to_string();
    assert_eq!(error, "cohort build: a behaviour names node 50; the 50 nodes count from 0");
}

#[test]
fn each_identity_has_its_own_settings() {
    let with = |cohort: &str, rest: &str| {
        let text = format!(
            "{{name: x, seed: 1, duration: 5m, {rest} cohorts: [{{name: a, platform: ubuntu-22.04, nodes: 2001, {cohort}}}]}}"
        );
        let scenario = Scenario::parse("x", &text).expect("it is well written");
        Plan::new(&scenario, &Overrides::default(), Timestamp::from_seconds(0))
    };
    let hybrid = with("identity: hybrid, key_rotation: 1d", "key_pool: 2,").unwrap();
    let settings = &hybrid.catalogue.cohorts[0].identity;
    assert_eq!((settings.activations.len(), hybrid.key_pool()), (5, 2));
    assert_eq!(settings.key_rotation, Some(Period::days(1)));
    let plain = with("instance_profile: false", "").unwrap();
    let settings = &plain.catalogue.cohorts[0].identity;
    assert_eq!((settings.activations.is_empty(), settings.has_role, plain.key_pool()), (true, false, 8));
    let to_node = "associations: [{name: b, at: 0s, document: d, targets: [node: a]}],";
    let cases = [
        ("key_rotation: 1d", "", "`key_rotation` is for nodes of identity hybrid"),
        ("faults: [fingerprint-mismatch: 1%]", "", "`fingerprint-mismatch` is for nodes of identity hybrid"),
        ("identity: hybrid, instance_profile: true", "", "`instance_profile` is for nodes of identity ec2"),
        ("identity: hybrid", to_node, "aim at a tag"),
        ("identity: hybrid", "key_pool: 1,", "key_pool 1 is not from 2 to 1,000"),
    ];
    for (cohort, rest, expected) in cases {
        let error = with(cohort, rest).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_slice_hosts_its_nodes_and_the_first_one_has_the_operator() {
    let slice = |text: &str| {
        let overrides = Overrides { slice: Some(text.parse().unwrap()), ..Overrides::default() };
        Plan::new(&first_look(), &overrides, Timestamp::from_seconds(1_000))
    };
    let [first, second] = ["1/2", "2/2"].map(|text| slice(text).unwrap());
    assert_eq!((first.hosted(), second.hosted()), (0..500, 500..1_000));
    assert_eq!((first.nodes(), second.nodes()), (1_000, 1_000));
    assert_eq!((first.associations.len(), first.timeline.len()), (4, 7), "three documents among them");
    assert_eq!((second.associations.len(), second.timeline.len()), (0, 0));
    let whole = plan(&Overrides::default());
    let who = |plan: &Plan, number| (plan.node_id(number), plan.arrival(number).milliseconds());
    assert_eq!(who(&second, 700).0, whole.node_id(700), "the same node wherever it is hosted");
    assert_eq!(second.shards(3).len(), 3);
    let error = slice("2000/2000").map(|plan| plan.hosted());
    assert_eq!(
        error,
        Err(PlanErrors(vec![PlanError::EmptySlice {
            slice: Slice { number: 2_000, of: 2_000 },
            nodes: 1_000
        }]))
    );
}

#[test]
fn a_cause_that_only_our_plane_can_be_told_of_is_named() {
    let with = |cohort: &str, faults: &str, timeline: &str| {
        let text = format!(
            "{{name: x, seed: 1, duration: 5m, cohorts: [{{name: a, platform: debian-12, nodes: 50, {cohort}}}], \
             faults: [{faults}], timeline: [{timeline}]}}"
        );
        let scenario = Scenario::parse("x", &text).expect(&text);
        Plan::new(&scenario, &Overrides::default(), Timestamp::from_seconds(0))
            .map(|plan| plan.told_to_the_plane())
    };
    let lifelong =
        |cause: &str| with(&format!("faults: [invalid-instance: {{share: 10%, cause: {cause}}}]"), "", "");
    let fault = |cause: &str| format!("{{fault: {{invalid-instance: {{cause: {cause}}}}}}}");
    let for_a_while = |cause: &str| with("", &fault(cause), "");
    let injected = |cause: &str| with("", "", &format!("{{at: 1m, do: {{inject: {}}}}}", fault(cause)));
    for cause in Cause::ALL.into_iter().filter(|cause| *cause != Cause::Deregistered) {
        let expected = Some(cause).filter(|cause| cause.is_told_to_the_plane());
        assert_eq!(lifelong(cause.as_str()).unwrap(), expected, "{cause:?}");
        assert_eq!(for_a_while(cause.as_str()).unwrap(), expected, "{cause:?}");
        assert_eq!(injected(cause.as_str()).unwrap(), expected, "{cause:?}");
    }
    let error = lifelong("deregistered").unwrap_err().to_string();
    assert!(error.contains("`deregistered` is for nodes of identity hybrid"), "{error}");
}

#[test]
fn an_association_may_name_an_invalid_instance_by_its_cause() {
    let aimed = |identity: &str, share: &str, cause: &str| {
        let text = format!(
            "{{name: x, seed: 1, duration: 5m, cohorts: [{{name: a, platform: debian-12, nodes: 50, identity: {identity}, \
             faults: [invalid-instance: {{share: {share}, cause: {cause}}}]}}], \
             associations: [{{name: b, document: c, targets: [invalid-instance: {cause}]}}]}}"
        );
        let scenario = Scenario::parse("x", &text).expect(&text);
        Plan::new(&scenario, &Overrides::default(), Timestamp::from_seconds(0))
    };
    for cause in Cause::ALL.into_iter().filter(|cause| *cause != Cause::Deregistered) {
        let plan = aimed("ec2", "10%", cause.as_str()).unwrap();
        let expected = Some(NodeFault::InvalidInstance(cause));
        let fault = |number: u32| plan.catalogue.cohorts[0].faults.of(plan.catalogue.seed, number);
        let first = (0..50).find(|number| fault(*number) == expected).expect("there is one");
        let id = plan.node_id(first);
        let targets = plan.associations[0].request.targets.as_ref().unwrap();
        assert_eq!(targets[0], shared::target::Target::new("InstanceIds", [id.as_str()]), "{cause:?}");
        assert_eq!(plan.associations[0].aim, format!("{id} ({})", cause.as_str()));
    }
    for (identity, share, cause) in [
        ("ec2", "0%", "terminated"),
        ("hybrid", "10%", "never-registered"),
        ("hybrid", "100%", "deregistered"),
    ] {
        let error = aimed(identity, share, cause).unwrap_err().to_string();
        let expected =
            format!("association b: no EC2 instance of this fleet is no valid one for the cause {cause}");
        assert!(error.contains(&expected), "{error}");
    }
}

#[test]
fn a_shorter_ramp_brings_the_associations_forward() {
    let plan = plan(&Overrides { ramp: Some(Period::minutes(2)), ..Default::default() });
    assert_eq!(plan.associations[0].at, Period::minutes(3));
}
