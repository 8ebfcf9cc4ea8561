//! The managed nodes, and what each has to do with each association.
//!
//! A node is admitted when it registers or sends its first heartbeat. Tags may
//! come before that: then the node is known by its tags only, is listed nowhere
//! and is nobody's target. What nodes share (agent and platform, tags' words)
//! is kept once.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use shared::id::NodeId;
use shared::status::{AssociationStatus, PingStatus, PlatformType};
use shared::time::{Period, Timestamp};
use shared::wire::{InstanceAssociationExecutionResult, OutputUrl};
use smallvec::SmallVec;

use super::association::AssociationNumber;
use super::compliance::{Finding, Uploads};
use super::execution::Detail;
use super::intern::Interner;
use super::tag::{TagIndex, Tags};

/// A node's place in the table: the order in which the plane first heard of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct NodeNumber(pub(crate) u32);

/// A managed node.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Node {
    pub(crate) id: NodeId,
    /// Whether it ever registered or sent a heartbeat; else only its tags are known.
    pub(crate) is_admitted: bool,
    /// Whether it registered in so many words.
    pub(crate) is_registered: bool,
    /// Its last heartbeat.
    pub(crate) last_ping: Option<Timestamp>,
    /// What it told about itself that others have in common with it.
    pub(crate) facts: Arc<Facts>,
    pub(crate) computer_name: Option<Box<str>>,
    pub(crate) ip_address: Option<Box<str>>,
    pub(crate) tags: Tags,
    /// Its part in associations, by association number. Only what was dispatched.
    pub(crate) records: SmallVec<[Record; 1]>,
    /// The end of its last run of any association: no finding of it is shown
    /// with an older date (C.5).
    pub(crate) findings_since: Timestamp,
    /// The digest of the agent's last upload of compliance, zero if there was
    /// none; it stands here because every node has one.
    pub(crate) association_hash: u64,
    /// The role of a hybrid node, where it was given another than at registration.
    pub(crate) iam_role: Option<Box<str>>,
    /// Compliance that was uploaded and belongs to no record.
    pub(crate) uploads: Option<Box<Uploads>>,
}

/// What nodes of one kind tell alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub(crate) struct Facts {
    pub(crate) agent_version: Option<Box<str>>,
    pub(crate) platform_type: Option<PlatformType>,
    pub(crate) platform_name: Option<Box<str>>,
    pub(crate) platform_version: Option<Box<str>>,
    /// The channel over which it waits for messages; empty while there is none.
    pub(crate) channel: Option<Box<str>>,
}

/// A node's part in an association.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) association: AssociationNumber,
    /// The execution that it is part of, and its row there.
    pub(crate) place: Place,
    /// A later execution that it runs in as soon as this one ends (E.2 item 8).
    pub(crate) owed: Option<Place>,
    pub(crate) status: AssociationStatus,
    /// Why it stands so.
    pub(crate) detail: Detail,
    /// Whether the node was told to run since the last dispatch: from then on
    /// nothing holds it back for sure.
    pub(crate) is_fetched: bool,
    /// The date of the last report that counted, on the node's clock.
    pub(crate) reported: Option<Timestamp>,
    /// Whether nothing was reported since the last dispatch.
    pub(crate) is_fresh: bool,
    /// When that report came, or when it was let in, on the plane's clock.
    pub(crate) heard: Timestamp,
    /// The date of its last good end.
    pub(crate) succeeded: Option<Timestamp>,
    /// Whether the node complies.
    pub(crate) finding: Option<Finding>,
    /// What the last report that counted said beside the state.
    pub(crate) told: Option<Arc<Told>>,
}

/// What a report says beside the state; most nodes say the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) summary: Box<str>,
    pub(crate) error_code: Option<Box<str>>,
    pub(crate) output_url: Option<OutputUrl>,
}

/// A node's place in an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The execution's running number in its association.
    pub(crate) execution: u32,
    /// The row in the execution.
    pub(crate) row: u32,
}

impl Node {
    fn new(id: NodeId, facts: Arc<Facts>) -> Self {
        Self {
            id,
            is_admitted: false,
            is_registered: false,
            last_ping: None,
            facts,
            computer_name: None,
            ip_address: None,
            tags: Tags::default(),
            records: SmallVec::new(),
            findings_since: Timestamp::default(),
            association_hash: 0,
            iam_role: None,
            uploads: None,
        }
    }

    /// Where the record of this association stands, or where it would.
    pub(crate) fn position(&self, association: AssociationNumber) -> Result<usize, usize> {
        self.records.binary_search_by_key(&association, |record| record.association)
    }

    /// The record of this association.
    pub(crate) fn record(&self, association: AssociationNumber) -> Option<&Record> {
        self.position(association).ok().map(|index| &self.records[index])
    }

    /// Puts a record in its place. Beyond a few, room is made by quarters: the
    /// records are the largest table there is, and doubling leaves half of it empty.
    pub(crate) fn insert_record(&mut self, index: usize, record: Record) {
        let held = self.records.len();
        if held == self.records.capacity() {
            self.records.reserve_exact(if held < 8 { held } else { held / 4 });
        }
        self.records.insert(index, record);
    }

    /// When this finding was last found to be so.
    pub(crate) fn found_at(&self, finding: Finding) -> Timestamp {
        finding.at.max(self.findings_since)
    }

    /// Whether the plane has heard from it of late (C.6).
    pub(crate) fn ping_status(&self, now: Timestamp, connection_lost_after: Period) -> PingStatus {
        match self.last_ping {
            Some(ping) if now.since(ping) < connection_lost_after => PingStatus::Online,
            _ => PingStatus::ConnectionLost,
        }
    }

    /// How many of its associations stand at each state.
    pub(crate) fn counts(&self) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::new();
        for record in &self.records {
            *counts.entry(record.status.as_str()).or_default() += 1;
        }
        counts
    }

    /// Pending, Success or Failed over all its associations; nothing if there is none (C.1).
    pub(crate) fn association_status(&self) -> Option<AssociationStatus> {
        use AssociationStatus::{Failed, Pending, Success, TimedOut};
        if self.records.is_empty() {
            None
        } else if self.records.iter().any(|record| matches!(record.status, Failed | TimedOut)) {
            Some(Failed)
        } else if self.records.iter().any(|record| !record.status.is_terminal()) {
            Some(Pending)
        } else {
            Some(Success)
        }
    }
}

/// All nodes.
#[derive(Debug, Default)]
pub(crate) struct Nodes {
    table: Vec<Node>,
    by_id: BTreeMap<NodeId, NodeNumber>,
    pub(crate) tags: TagIndex,
    /// The nodes that are to be matched with the associations, and the tags by
    /// which they were the last time; none where they were not yet admitted.
    pub(crate) unmatched: BTreeMap<NodeNumber, Option<Tags>>,
    pub(crate) texts: Interner<str>,
    facts: Interner<Facts>,
    told: Interner<Told>,
}

impl Nodes {
    /// The node of this id, admitted or not.
    pub(crate) fn number(&self, id: NodeId) -> Option<NodeNumber> {
        self.by_id.get(&id).copied()
    }

    /// The admitted node of this id.
    pub(crate) fn admitted(&self, id: NodeId) -> Option<NodeNumber> {
        self.number(id).filter(|number| self.get(*number).is_admitted)
    }

    /// The node at this place.
    pub(crate) fn get(&self, number: NodeNumber) -> &Node {
        &self.table[number.0 as usize]
    }

    /// The node at this place, to be changed. Its tags go through [`Self::set_tags`].
    pub(crate) fn get_mut(&mut self, number: NodeNumber) -> &mut Node {
        &mut self.table[number.0 as usize]
    }

    /// The node of this id, made if it is not there.
    pub(crate) fn ensure(&mut self, id: NodeId) -> NodeNumber {
        if let Some(number) = self.number(id) {
            return number;
        }
        let number = NodeNumber(u32::try_from(self.table.len()).expect("fewer than four billion nodes"));
        let node = Node::new(id, self.facts.share(Facts::default()));
        self.table.push(node);
        self.by_id.insert(id, number);
        number
    }

    /// Gives a node other tags.
    pub(crate) fn set_tags(&mut self, number: NodeNumber, tags: Tags) {
        let node = &mut self.table[number.0 as usize];
        self.tags.remove(node.id, &node.tags);
        node.tags = tags;
        self.tags.add(node.id, &node.tags);
    }

    /// Notes what a node told about itself.
    pub(crate) fn set_facts(&mut self, number: NodeNumber, facts: Facts) {
        let node = &mut self.table[number.0 as usize];
        if *node.facts != facts {
            node.facts = self.facts.share(facts);
        }
    }

    /// The one copy of what a report says beside the state.
    pub(crate) fn share_told(&mut self, result: &InstanceAssociationExecutionResult) -> Arc<Told> {
        self.told.share(Told {
            summary: result.execution_summary.as_str().into(),
            error_code: result.error_code.as_deref().filter(|code| !code.is_empty()).map(Into::into),
            output_url: result.output_url.clone(),
        })
    }

    /// All nodes in the order of their ids, from behind this one.
    pub(crate) fn after(&self, id: Option<NodeId>) -> impl Iterator<Item = NodeNumber> {
        let from = id.map_or(Bound::Unbounded, Bound::Excluded);
        self.by_id.range((from, Bound::Unbounded)).map(|(_, number)| *number)
    }

    /// The nodes as they are kept, for a snapshot.
    pub(crate) fn table(&self) -> &[Node] {
        &self.table
    }

    /// A copy for a snapshot, in which no node is found.
    pub(crate) fn without_indexes(&self) -> Self {
        Self { table: self.table.clone(), unmatched: self.unmatched.clone(), ..Self::default() }
    }

    /// The nodes of a snapshot, with their indexes.
    pub(crate) fn restore(table: Vec<Node>, unmatched: BTreeMap<NodeNumber, Option<Tags>>) -> Self {
        let mut nodes = Self { unmatched, ..Self::default() };
        for mut node in table {
            node.facts = nodes.facts.share(node.facts);
            node.tags = node.tags.shared(&mut nodes.texts);
            node.records.shrink_to_fit();
            for told in node.records.iter_mut().filter_map(|record| record.told.as_mut()) {
                *told = nodes.told.share(Arc::clone(told));
            }
            let number = NodeNumber(u32::try_from(nodes.table.len()).expect("as many as were kept"));
            nodes.by_id.insert(node.id, number);
            nodes.tags.add(node.id, &node.tags);
            nodes.table.push(node);
        }
        nodes
    }
}
