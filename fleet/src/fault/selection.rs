//! Which nodes of a fleet a selector means: a pure question of a node's identity.
//!
//! Cohort, tag and platform are asked of the cohorts once; what is left is a
//! stretch of indexes in each, or a list where nodes were named. A pick takes so
//! many of them by a seeded permutation of their ranks, so that it is exact, no
//! list of nodes is kept, and any machine can tell it of any node.

use std::collections::BTreeMap;

use agent::catalogue::{Cohort, PLATFORMS};
use agent::credentials::IdentityKind;
use agent::identity::{AVAILABILITY_ZONES, Identity, availability_zone};
use shared::seed::Draw;
use shared::status::PlatformType;

use super::FaultError;
use crate::plan::Plan;
use crate::scenario::selector::{IndexRange, NodeName, Pick, Selector};

/// The nodes that a selector means.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    among: Among,
    /// How many of how many, if not all.
    pick: Option<(u32, Permutation)>,
}

#[derive(Debug, Clone, PartialEq)]
enum Among {
    /// Of each cohort so many.
    Cohorts(Vec<Option<Stretch>>),
    /// Nodes by their numbers, in order.
    Listed(Vec<u32>),
}

/// Nodes of one cohort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch {
    from: u32,
    /// The last, which is one of them.
    to: u32,
    /// How many are meant of the cohorts before it.
    before: u32,
}

impl Selection {
    /// What a selector means in this fleet; `number` is that of the fault, which
    /// draws for itself.
    pub fn new(plan: &Plan, written: &Selector, number: u32) -> Result<Self, FaultError> {
        let (stretches, count) = stretches(plan, written)?;
        let (among, count) = match &written.nodes {
            None if differs(plan, written, &stretches) => {
                let listed = tagged(plan, written, &stretches);
                let count = listed.len() as u32;
                (Among::Listed(listed), count)
            }
            None => (Among::Cohorts(stretches), count),
            Some(names) => {
                let listed = listed(plan, written, names, &stretches)?;
                let count = listed.len() as u32;
                (Among::Listed(listed), count)
            }
        };
        if count == 0 {
            return Err(FaultError::Nobody);
        }
        let picked = match written.pick {
            Pick::All => count,
            Pick::One => 1,
            Pick::Fixed(picked) => picked.min(count),
            Pick::Percent(share) => {
                (share.part_of(u64::from(count)) as u32).max(u32::from(share.fraction() > 0.0))
            }
        };
        let draw = plan.catalogue.seed.draw("fault", u64::from(number));
        let pick = (picked < count).then_some((picked, Permutation { count, draw }));
        Ok(Self { among, pick })
    }

    /// Whether this node is meant.
    pub fn contains(&self, node: Identity) -> bool {
        let rank = match &self.among {
            Among::Cohorts(stretches) => stretches
                .get(usize::from(node.cohort))
                .copied()
                .flatten()
                .filter(|stretch| (stretch.from..=stretch.to).contains(&node.index))
                .map(|stretch| stretch.before + (node.index - stretch.from)),
            Among::Listed(numbers) => numbers.binary_search(&node.number).ok().map(|rank| rank as u32),
        };
        rank.is_some_and(|rank| {
            self.pick.is_none_or(|(picked, among)| rank < among.count && among.place(rank) < picked)
        })
    }
}

/// Which nodes of each cohort are meant, and how many that are.
fn stretches(plan: &Plan, written: &Selector) -> Result<(Vec<Option<Stretch>>, u32), FaultError> {
    let cohorts = &plan.catalogue.cohorts;
    if let Some(name) = &written.cohort
        && !cohorts.iter().any(|cohort| cohort.name == *name)
    {
        let names: Vec<_> = cohorts.iter().map(|cohort| &*cohort.name).collect();
        return Err(FaultError::UnknownCohort { name: name.clone(), cohorts: names.join(", ") });
    }
    if let Some(name) = &written.platform
        && kind(name).is_none()
        && !PLATFORMS.iter().any(|platform| platform.name == name)
    {
        return Err(FaultError::UnknownPlatform(name.clone()));
    }
    if let Some(name) = &written.zone
        && !AVAILABILITY_ZONES.contains(&name.as_str())
    {
        return Err(FaultError::UnknownZone(name.clone()));
    }
    let IndexRange { from, to } = written.index.unwrap_or(IndexRange { from: 0, to: None });
    let mut before = 0;
    let stretch = |(cohort, &size): (&Cohort, &u32)| {
        let last = to.unwrap_or(u32::MAX).min(size.checked_sub(1)?);
        if !fits(cohort, written) || from > last {
            return None;
        }
        // Nodes that join the cohort later are meant too.
        let stretch = Stretch { from, to: to.unwrap_or(u32::MAX), before };
        before += last - from + 1;
        Some(stretch)
    };
    let stretches = cohorts.iter().zip(&plan.sizes).map(stretch).collect();
    Ok((stretches, before))
}

/// Whether all holds of a cohort that is asked of cohorts.
fn fits(cohort: &Cohort, written: &Selector) -> bool {
    let has_tag = written.tag.as_ref().is_none_or(|wanted| {
        cohort
            .tags
            .iter()
            .any(|tag| tag.key == wanted.key && wanted.values.iter().any(|value| tag.may_be(value)))
    });
    let has_platform = written.platform.as_ref().is_none_or(|name| {
        cohort.platform.name == name || kind(name).is_some_and(|kind| cohort.platform.kind == kind)
    });
    written.cohort.as_ref().is_none_or(|name| cohort.name == *name) && has_tag && has_platform
}

fn kind(name: &str) -> Option<PlatformType> {
    PlatformType::ALL.iter().copied().find(|kind| kind.as_str().to_lowercase() == name)
}

/// The numbers of the nodes that were named, as far as all else holds of them.
fn listed(
    plan: &Plan,
    written: &Selector,
    names: &[NodeName],
    stretches: &[Option<Stretch>],
) -> Result<Vec<u32>, FaultError> {
    let unknown = |name: &NodeName| FaultError::UnknownNode { name: name.to_string(), nodes: plan.nodes() };
    let mut numbers = Vec::with_capacity(names.len());
    let mut ids = BTreeMap::new();
    for name in names {
        match name {
            NodeName::Number(number) if *number < plan.nodes() => numbers.push(*number),
            NodeName::Number(_) => return Err(unknown(name)),
            NodeName::Id(id) => _ = ids.insert(*id, name),
        }
    }
    // One look at each node, however many are named.
    let mut all = 0..plan.nodes();
    while !ids.is_empty() {
        let Some(number) = all.next() else { break };
        if ids.remove(&plan.node_id(number)).is_some() {
            numbers.push(number);
        }
    }
    if let Some(name) = ids.into_values().next() {
        return Err(unknown(name));
    }
    numbers.sort_unstable();
    numbers.dedup();
    let all = Selection { among: Among::Cohorts(stretches.to_vec()), pick: None };
    numbers.retain(|number| {
        all.contains(plan.identity(*number))
            && has_tag(plan, written, *number)
            && is_in_zone(plan, written, *number)
    });
    Ok(numbers)
}

/// Whether what is asked for differs from node to node of a cohort: the zone, or a tag.
fn differs(plan: &Plan, written: &Selector, stretches: &[Option<Stretch>]) -> bool {
    if written.zone.is_some() {
        return true;
    }
    let Some(wanted) = &written.tag else { return false };
    let cohorts = plan.catalogue.cohorts.iter().zip(stretches).filter(|(_, stretch)| stretch.is_some());
    cohorts.flat_map(|(cohort, _)| &cohort.tags).any(|tag| tag.key == wanted.key && !tag.is_fixed())
}

/// The numbers of the nodes that have the tag and are in the zone, as far as all else holds of them.
fn tagged(plan: &Plan, written: &Selector, stretches: &[Option<Stretch>]) -> Vec<u32> {
    let all = Selection { among: Among::Cohorts(stretches.to_vec()), pick: None };
    let is_meant = |number: &u32| {
        all.contains(plan.identity(*number))
            && has_tag(plan, written, *number)
            && is_in_zone(plan, written, *number)
    };
    (0..plan.nodes()).filter(is_meant).collect()
}

/// Whether the node of this number has the tag that is asked for, if one is.
fn has_tag(plan: &Plan, written: &Selector, number: u32) -> bool {
    written.tag.as_ref().is_none_or(|wanted| {
        plan.tags(number).iter().any(|tag| tag.key == wanted.key && wanted.values.contains(&tag.value))
    })
}

/// Whether the node of this number is in the zone that is asked for, if one is.
fn is_in_zone(plan: &Plan, written: &Selector, number: u32) -> bool {
    let Some(wanted) = &written.zone else { return true };
    let node = plan.identity(number);
    let is_instance = node.cohort(&plan.catalogue).identity.kind == IdentityKind::Ec2;
    is_instance && availability_zone(node.place(&plan.catalogue)).0 == *wanted
}

/// A seeded order of so many things: each has a place, and each place a thing.
///
/// A Feistel network over the next power of four, walked until it comes out
/// below `count`: a place costs a few hashes and no memory.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Permutation {
    count: u32,
    draw: Draw,
}

impl Permutation {
    const ROUNDS: u64 = 4;

    /// The place of the thing of this number.
    fn place(self, number: u32) -> u32 {
        let half = (u32::BITS - (self.count - 1).leading_zeros()).div_ceil(2).max(1);
        let mask = (1u64 << half) - 1;
        let mut place = u64::from(number);
        loop {
            let (mut left, mut right) = (place >> half, place & mask);
            for round in 0..Self::ROUNDS {
                let mixed = self.draw.bits("pick", round << 32 | right) & mask;
                (left, right) = (right, left ^ mixed);
            }
            place = left << half | right;
            if place < u64::from(self.count) {
                return place as u32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use shared::time::Timestamp;

    use super::*;
    use crate::plan::Overrides;
    use crate::scenario::Scenario;

    const FLEET: &str = r"
name: x
seed: 5
duration: 1h
cohorts:
  - { name: web, platform: ubuntu-22.04, nodes: 60, tags: { Env: prod } }
  - { name: desk, platform: windows-2022, nodes: 30, tags: { Env: test } }
  - { name: far, platform: debian-12, nodes: 10, tags: { Env: prod }, identity: hybrid }
";

    #[test]
    fn tags_that_differ_from_node_to_node_are_asked_of_each() {
        let text = "{name: x, seed: 5, duration: 1h, cohorts: [{name: a, platform: debian-12, nodes: 9, \
                    tags: {Ring: [one, two, three], Env: prod}}, {name: b, platform: debian-12, nodes: 3, \
                    tags: {Ring: two}}]}";
        let scenario = Scenario::parse("x", text).unwrap();
        let plan = Plan::new(&scenario, &Overrides::default(), Timestamp::from_seconds(0)).unwrap();
        let cases: [(&str, &[u32]); 5] = [
            ("{ tag: { key: Ring, values: [two] } }", &[1, 4, 7, 9, 10, 11]),
            ("{ tag: { key: Ring, values: [one, three] }, index: { to: 3 } }", &[0, 2, 3]),
            ("{ tag: { key: Env, values: [prod] } }", &[0, 1, 2, 3, 4, 5, 6, 7, 8]),
            ("{ tag: { key: Ring, values: [two] }, nodes: [0, 1, 11] }", &[1, 11]),
            ("{ tag: { key: Ring, values: [two] }, cohort: b }", &[9, 10, 11]),
        ];
        for (written, expected) in cases {
            assert_eq!(select(&plan, written, 0).expect(written), expected, "{written}");
        }
    }

    fn plan() -> Plan {
        let scenario = Scenario::parse("x", FLEET).unwrap();
        Plan::new(&scenario, &Overrides::default(), Timestamp::from_seconds(0)).unwrap()
    }

    fn select(plan: &Plan, written: &str, number: u32) -> Result<Vec<u32>, FaultError> {
        let written: Selector = serde_saphyr::from_str(written).expect(written);
        let selection = Selection::new(plan, &written, number)?;
        Ok((0..plan.nodes()).filter(|&node| selection.contains(plan.identity(node))).collect())
    }

    #[test]
    fn each_instance_is_in_one_of_three_zones() {
        let plan = plan();
        let zone = |zone| select(&plan, &format!("{{ zone: us-east-1{zone} }}"), 0).expect("some are there");
        let zones = ["a", "b", "c"].map(zone);
        assert!(zones.iter().all(|nodes| (20..40).contains(&nodes.len())), "{zones:?}");
        let mut all = zones.concat();
        all.sort_unstable();
        assert_eq!(all, (0..90).collect::<Vec<_>>(), "hybrid nodes are in none");
        let part = select(&plan, "{ zone: us-east-1b, cohort: desk, pick: { fixed: 3 } }", 0).unwrap();
        assert!(
            part.len() == 3 && part.iter().all(|node| (60..90).contains(node) && zones[1].contains(node))
        );
    }

    #[test]
    fn all_that_is_given_must_hold() {
        let plan = plan();
        let cases: [(&str, Vec<u32>); 13] = [
            ("{}", (0..100).collect()),
            ("{ cohort: desk }", (60..90).collect()),
            ("{ platform: windows }", (60..90).collect()),
            ("{ platform: linux }", (0..60).chain(90..100).collect()),
            ("{ platform: debian-12 }", (90..100).collect()),
            ("{ tag: { key: Env, values: [prod] } }", (0..60).chain(90..100).collect()),
            ("{ tag: { key: Env, values: [test, other] }, platform: windows }", (60..90).collect()),
            ("{ index: { from: 8 }, cohort: far }", vec![98, 99]),
            ("{ index: { to: 1 } }", vec![0, 1, 60, 61, 90, 91]),
            ("{ index: { from: 58, to: 1000 } }", vec![58, 59]),
            ("{ nodes: [99, 3, 61, 3] }", vec![3, 61, 99]),
            ("{ nodes: [99, 3, 61], cohort: web }", vec![3]),
            ("{ cohort: far, pick: { fixed: 11 } }", (90..100).collect()),
        ];
        for (written, expected) in cases {
            assert_eq!(select(&plan, written, 0).expect(written), expected, "{written}");
        }
        let id = plan.node_id(61);
        assert_eq!(select(&plan, &format!("{{ nodes: [{id}] }}"), 0).unwrap(), [61]);
    }

    #[test]
    fn what_means_nobody_is_told() {
        let plan = plan();
        let cases = [
            ("{ cohort: wep }", "no cohort `wep`; there are web, desk, far"),
            ("{ platform: beos }", "no platform `beos`; there are linux, windows, macos, amazon-linux-2023"),
            ("{ nodes: [100] }", "no node 100; the 100 nodes count from 0"),
            ("{ nodes: [i-0123456789abcdef0] }", "no node i-0123456789abcdef0; "),
            ("{ platform: macos }", "no node is meant"),
            ("{ zone: eu-west-1a }", "no availability zone `eu-west-1a`; there are us-east-1a, us-east-1b,"),
            ("{ zone: us-east-1a, cohort: far }", "no node is meant"),
            ("{ cohort: far, index: { from: 10 } }", "no node is meant"),
            ("{ cohort: far, nodes: [1] }", "no node is meant"),
        ];
        for (written, expected) in cases {
            let error = select(&plan, written, 0).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn a_pick_is_exact_and_drawn_from_the_seed() {
        let plan = plan();
        let cases = [("one", 1), ("{ fixed: 7 }", 7), ("{ percent: 10% }", 10), ("{ percent: 0.1% }", 1)];
        for (pick, expected) in cases {
            let mut seen = BTreeSet::new();
            for fault in 0..20 {
                let picked = select(&plan, &format!("{{ pick: {pick} }}"), fault).unwrap();
                assert_eq!(picked.len(), expected, "{pick}");
                assert_eq!(picked, select(&plan, &format!("{{ pick: {pick} }}"), fault).unwrap());
                seen.extend(picked);
            }
            assert!(seen.len() > 10 * expected.min(8) / 2, "{pick}: each fault draws for itself: {seen:?}");
        }
        let picked =
            select(&plan, "{ nodes: [1, 2, 3, 4, 5, 60], cohort: web, pick: { fixed: 3 } }", 1).unwrap();
        assert!(picked.len() == 3 && picked.iter().all(|node| (1..=5).contains(node)), "{picked:?}");
    }

    #[test]
    fn a_permutation_gives_each_its_own_place() {
        for count in [1, 2, 3, 16, 17, 100, 1_000, 4_097] {
            let permutation = Permutation { count, draw: shared::seed::Seed(9).draw("x", 0) };
            let places: BTreeSet<u32> = (0..count).map(|number| permutation.place(number)).collect();
            assert_eq!(places, (0..count).collect(), "{count}");
        }
    }
}
