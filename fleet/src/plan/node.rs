//! Who a node is, and when it arrives: functions of its number.

use agent::identity::{Identity, node_id};
use shared::id::NodeId;
use shared::time::{Period, Timestamp};
use shared::wire::Tag;

use super::{Plan, arrival};

impl Plan {
    /// Who the node of this number is.
    pub fn identity(&self, number: u32) -> Identity {
        let cohort = self.ends.partition_point(|end| *end <= number);
        let end = *self.ends.get(cohort).expect("it is a node of this fleet");
        let index = number - (end - self.sizes[cohort]);
        Identity { number, index, cohort: cohort as u16, incarnation: 0 }
    }

    /// When the node of this number arrives.
    pub fn arrival(&self, number: u32) -> Timestamp {
        let identity = self.identity(number);
        if identity.index >= self.at_first[usize::from(identity.cohort)].1 {
            // It comes when the cohort is scaled up.
            return Timestamp::NEVER;
        }
        let own = self.arrivals[usize::from(identity.cohort)];
        let after = own.map_or_else(
            || self.ramp.share(arrival::even_place(number)),
            |own| arrival::after(own, identity.index, identity.draw(&self.catalogue)),
        );
        self.start + after
    }

    /// The id of the node of this number. A hybrid one has none before it registers:
    /// what is told of it then is nobody's.
    pub fn node_id(&self, number: u32) -> NodeId {
        self.id_of(self.identity(number))
    }

    /// The same of a node that may have taken another one's place.
    pub fn id_of(&self, node: Identity) -> NodeId {
        let fault = node.cohort(&self.catalogue).faults.of(self.catalogue.seed, node.number);
        node_id(node.draw(&self.catalogue), fault)
    }

    /// The tags that the node of this number carries, and each that takes its place.
    pub fn tags(&self, number: u32) -> Vec<Tag> {
        let identity = self.identity(number);
        let draw = identity.draw(&self.catalogue);
        let rules = &identity.cohort(&self.catalogue).tags;
        rules.iter().map(|rule| rule.of(draw, identity.index)).collect()
    }
}

/// When something happens to the node of this number that happens to all within a time.
pub(crate) fn spread(number: u32, over: Period) -> Period {
    const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
    let place = u64::from(number).wrapping_mul(GOLDEN) as f64 / u64::MAX as f64;
    over.share(place)
}
