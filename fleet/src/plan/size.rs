//! How many nodes each cohort has.
//!
//! A scenario names them by count or by share of the whole; another whole scales
//! all cohorts alike.

use super::PlanError;
use crate::scenario::Scenario;

/// More nodes than this are a slip of the finger: their rows alone take 25 GB.
pub(crate) const MOST_NODES: u64 = 100_000_000;

/// More cohorts than this have no number: a node's row has 16 bits for it.
pub(super) const MOST_COHORTS: usize = 65_535;

/// The cohorts' sizes, scaled to `nodes` by largest remainder.
pub(super) fn sizes(scenario: &Scenario, nodes: Option<u32>) -> Result<Vec<u32>, PlanError> {
    let written = written(scenario, nodes)?;
    let total: u64 = written.iter().sum();
    let wanted = nodes.map_or(total, u64::from);
    if total == 0 || wanted == 0 {
        return Err(PlanError::NoNodes(scenario.name.clone()));
    }
    admit(wanted, "cohorts")?;
    let mut sizes: Vec<u32> = written.iter().map(|size| (size * wanted / total) as u32).collect();
    let mut rest: Vec<usize> = (0..sizes.len()).collect();
    // Of equal remainders the smaller cohort's goes first, so that few nodes still show every cohort.
    rest.sort_by_key(|&index| (std::cmp::Reverse(written[index] * wanted % total), written[index], index));
    let missing = wanted - sizes.iter().map(|&size| u64::from(size)).sum::<u64>();
    for &index in rest.iter().take(missing as usize) {
        sizes[index] += 1;
    }
    Ok(sizes)
}

/// Refuses more nodes than there may be; `key` is what of the scenario makes them so many.
pub(super) fn admit(nodes: u64, key: &'static str) -> Result<(), PlanError> {
    if nodes > MOST_NODES { Err(PlanError::TooManyNodes { nodes, key }) } else { Ok(()) }
}

/// The sizes as they were written. Shares are of the scenario's `nodes`, or of those asked for.
pub(super) fn written(scenario: &Scenario, nodes: Option<u32>) -> Result<Vec<u64>, PlanError> {
    let whole = scenario.nodes.or(nodes);
    let mut sizes = Vec::new();
    for cohort in &scenario.cohorts {
        sizes.push(match (cohort.nodes, cohort.share, whole) {
            (Some(nodes), None, _) => u64::from(nodes),
            (None, Some(share), Some(whole)) => share.part_of(u64::from(whole)),
            (None, Some(_), None) => return Err(PlanError::ShareOfNothing(cohort.name.clone())),
            (None, None, _) | (Some(_), Some(_), _) => {
                return Err(PlanError::NodesOrShare(cohort.name.clone()));
            }
        });
    }
    let shares = scenario.cohorts.iter().map(|cohort| cohort.share);
    if let Some(shares) = shares.collect::<Option<Vec<_>>>().filter(|shares| !shares.is_empty()) {
        let percent: f64 = shares.iter().map(|share| share.fraction() * 100.0).sum();
        if (percent - 100.0).abs() > 0.001 {
            return Err(PlanError::Shares(percent));
        }
        // What rounding down left over goes to the first, so that the whole is met.
        let missing = u64::from(whole.unwrap_or_default()) - sizes.iter().sum::<u64>();
        sizes[0] += missing;
    }
    Ok(sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes_of(nodes: Option<u32>, cohorts: &[&str], wanted: Option<u32>) -> Result<Vec<u32>, String> {
        let nodes = nodes.map(|nodes| format!("nodes: {nodes}, ")).unwrap_or_default();
        let cohorts = cohorts.iter().enumerate();
        let cohorts: Vec<_> =
            cohorts.map(|(at, size)| format!("{{name: c{at}, platform: debian-12, {size}}}")).collect();
        let text = format!("{{name: x, seed: 1, duration: 5m, {nodes}cohorts: [{}]}}", cohorts.join(", "));
        let scenario = Scenario::parse("x", &text).expect("it is well written");
        sizes(&scenario, wanted).map_err(|error| error.to_string())
    }

    #[test]
    fn cohorts_have_their_count_or_their_share() {
        type Case<'a> = (Option<u32>, &'a [&'a str], Option<u32>, &'a [u32]);
        let cases: [Case<'_>; 6] = [
            (None, &["nodes: 3", "nodes: 7"], None, &[3, 7]),
            (Some(1_000), &["share: 30%", "share: 70%"], None, &[300, 700]),
            (Some(10), &["share: 33%", "share: 67%"], None, &[4, 6]),
            (Some(1_000), &["share: 10%", "nodes: 50"], None, &[100, 50]),
            (Some(1_000), &["share: 30%", "share: 70%"], Some(10), &[3, 7]),
            (None, &["share: 30%", "share: 70%"], Some(10), &[3, 7]),
        ];
        for (nodes, cohorts, wanted, expected) in cases {
            assert_eq!(sizes_of(nodes, cohorts, wanted).unwrap(), expected, "{cohorts:?}");
        }
    }

    #[test]
    fn a_cohort_without_a_size_is_refused() {
        let cases: [(Option<u32>, &[&str], &str); 7] = [
            (None, &["share: 100%"], "say how many nodes there are"),
            (Some(5), &["share: 10%, nodes: 5"], "either `nodes` or `share`"),
            (Some(5), &["tags: {}"], "either `nodes` or `share`"),
            (Some(5), &["share: 10%", "share: 80%"], "add up to 90%"),
            (None, &["nodes: 0"], "has no nodes"),
            (None, &["nodes: 4000000000"], "4000000000 nodes are too many: expected at most 100,000,000"),
            (None, &["nodes: 60000000", "nodes: 40000001"], "100000001 nodes are too many"),
        ];
        for (nodes, cohorts, expected) in cases {
            let error = sizes_of(nodes, cohorts, None).unwrap_err();
            assert!(error.contains(expected), "{cohorts:?}: {error}");
        }
    }
}
