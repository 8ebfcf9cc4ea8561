use AssociationStatus::{Failed, Success};

use super::*;

fn second(count: i64) -> Timestamp {
    Timestamp::from_seconds(count)
}

fn ran(node: u32, started: i64, ended: i64, status: AssociationStatus) -> Ran {
    let (started, ended) = (second(started), second(ended));
    Ran { ended, node, incarnation: 0, started, status, is_reported: true, is_foreign: false }
}

fn known(dispatched: &[i64], looked_at: i64) -> KnownAssociation {
    let dispatched = dispatched.iter().map(|at| second(*at)).collect();
    KnownAssociation { name: "a".to_owned(), dispatched, looked_at: second(looked_at) + STALE }
}

#[test]
fn a_run_is_folded_once_its_node_runs_for_a_newer_round() {
    let id = AssociationId::from_bits(1);
    let known = [(id, known(&[100, 200], 300))].into();
    let mut measures = Measures::default();
    let runs = vec![
        ran(1, 210, 220, Success),
        ran(1, 110, 115, Failed),
        // The last run of the node in the round counts.
        ran(1, 120, 130, Success),
        ran(2, 140, 150, Failed),
        ran(3, 110, 120, Failed),
        ran(3, 205, 299, Success),
        // It ended after the operator looked.
        ran(4, 110, 120, Success),
        ran(4, 250, 300, Success),
    ];
    measures.runs.insert(id, runs);
    assert_eq!(measures.kept_runs(), 8);
    measures.fold(&known, second(300));
    let kept = [ran(4, 110, 120, Success), ran(2, 140, 150, Failed), ran(1, 210, 220, Success)];
    let kept = [kept.as_slice(), &[ran(3, 205, 299, Success), ran(4, 250, 300, Success)]].concat();
    assert_eq!(measures.runs_of(id), kept);
    let folded = measures.folded_of(id);
    assert_eq!(folded.rounds.len(), 1);
    let round = &folded.rounds[&second(100)];
    assert_eq!((&round.runs, round.ends.count()), (&[(Success, 1), (Failed, 1)].into(), 2));
    assert_eq!((folded.to_start.count(), folded.to_success.count()), (2, 1));
    let again = measures.clone();
    measures.fold(&known, second(300));
    assert_eq!(measures.folded_of(id), again.folded_of(id), "nothing is folded twice");
}

#[test]
fn what_is_kept_grows_with_the_nodes_and_not_with_the_rounds() {
    let id = AssociationId::from_bits(1);
    let mut measures = Measures::default();
    let mut sizes = Vec::new();
    for round in 1..=50_i64 {
        for node in 0..40_u32 {
            let started = round * 1_000 + 3 + i64::from(node) * 7;
            let ran = ran(node, started, started + 11, Success);
            measures.runs.entry(id).or_default().push(ran);
        }
        let dispatched: Vec<i64> = (1..=round).map(|round| round * 1_000).collect();
        let known = [(id, known(&dispatched, round * 1_000 + 900))].into();
        measures.fold(&known, second(round * 1_000 + 900));
        sizes.push(measures.kept_runs());
    }
    assert!(sizes.iter().all(|kept| *kept == 40), "{sizes:?}");
    let folded = measures.folded_of(id);
    assert_eq!(folded.rounds.len(), 49);
    assert_eq!(folded.to_success.count(), 49 * 40);
    let cells = folded.rounds.values().map(|round| round.ends.cells.len()).max();
    assert!(cells <= Some(40), "{cells:?}");
}

#[test]
fn shards_fold_apart_to_the_same() {
    let id = AssociationId::from_bits(1);
    let known: Rounds = [(id, known(&[100, 1_000, 2_000], 9_000))].into();
    let runs: Vec<Ran> = (0..60_u32)
        .map(|place| {
            let started = i64::from(place % 3) * 1_000 + 105 + i64::from(place);
            ran(place / 3, started, started + 20, if place % 7 == 0 { Failed } else { Success })
        })
        .collect();
    let folded = |shards: u32| {
        let mut sum = Measures::default();
        for shard in 0..shards {
            let mut measures = Measures::default();
            let of_shard = runs.iter().filter(|ran| ran.node % shards == shard).copied();
            measures.runs.insert(id, of_shard.collect());
            measures.fold(&known, second(9_000));
            sum.merge(measures);
        }
        (sum.runs_of(id), sum.folded_of(id))
    };
    assert_eq!(folded(1), folded(3));
    assert_eq!(folded(1).1.to_start.count(), 40);
}

#[test]
fn runs_of_associations_that_nobody_made_are_forgotten() {
    let id = AssociationId::from_bits(1);
    let mut measures = Measures::default();
    measures.runs.insert(id, vec![ran(1, 0, 10, Success), ran(1, 1_000, 1_100, Success)]);
    measures.fold(&Rounds::new(), second(1_200));
    assert_eq!(measures.runs_of(id), [ran(1, 1_000, 1_100, Success)]);
}

#[test]
fn a_folded_duration_is_told_too_long_by_less_than_a_hundredth() {
    let mut folded = Durations::default();
    let mut exact = Durations::default();
    for place in 0..2_000_u64 {
        let period = Period::milliseconds(place * place * 3 + place);
        folded.fold(period);
        exact.add(period);
    }
    assert!(folded.cells.len() < 1_800 && folded.cells.len() < exact.cells.len());
    assert_eq!((folded.count(), folded.mean()), (exact.count(), exact.mean()));
    for rank in 1..=2_000 {
        let [told, is] = [&folded, &exact].map(|all| all.of_rank(rank).unwrap().as_milliseconds());
        assert!(told >= is && (told - is) * 100 <= is, "{rank}: {told} for {is}");
    }
    assert_eq!(folded.of_rank(1), exact.of_rank(1));
    assert_eq!(folded.of_rank(2_000), exact.of_rank(2_000));
    assert_eq!((folded.of_rank(0), folded.of_rank(2_001)), (None, None));
}

#[test]
fn it_is_time_to_fold_when_what_is_left_has_doubled() {
    let mut folding = Folding::default();
    assert!(!folding.is_due(FEW));
    assert!(folding.is_due(FEW + 1));
    // So many are left.
    assert!(!folding.is_due(FEW / 2));
    assert!(folding.is_due(FEW + 1));
    assert!(!folding.is_due(FEW), "twice as many may be kept now");
    assert!(!folding.is_due(2 * FEW));
    assert!(folding.is_due(2 * FEW + 1));
}
