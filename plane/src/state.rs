//! All that the plane knows, behind one lock.
//!
//! The parts: nodes, associations with their executions, commands, automations, documents,
//! counts of compliance, what other services know, and the work that is due
//! later. Handlers read and change it
//! within one call; what would touch more than a page is put down as
//! work for the engine.
//!
//! Invariant: whatever can be counted over nodes is counted as it changes, and
//! every index agrees with what it indexes.

pub(crate) mod activation;
pub(crate) mod alarm;
pub(crate) mod association;
pub(crate) mod automation;
pub(crate) mod channel;
pub(crate) mod command;
pub(crate) mod compliance;
pub(crate) mod credential;
pub(crate) mod document;
pub(crate) mod execution;
pub(crate) mod intern;
pub(crate) mod inventory;
pub(crate) mod node;
pub mod parameter;
pub(crate) mod rate;
pub(crate) mod tag;
pub(crate) mod target;
pub(crate) mod timer;
pub mod world;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use shared::frame::MessageId;
use shared::id::{ActivationId, AssociationId, AutomationId, CommandId, ExecutionId, NodeId};
use shared::seed::Seed;
use shared::time::Timestamp;

use crate::config::PlaneConfig;
use activation::Activations;
use association::table::Associations;
use automation::Automations;
use channel::Channels;
use command::Commands;
use compliance::ComplianceCounts;
use credential::Vault;
use document::{DocumentEvents, Documents};
use inventory::Inventory;
use node::Nodes;
use timer::Timers;
use world::World;

/// All that the plane knows.
#[derive(Debug)]
pub struct State {
    pub(crate) config: PlaneConfig,
    pub(crate) nodes: Nodes,
    pub(crate) associations: Associations,
    pub(crate) documents: Documents,
    pub(crate) document_events: DocumentEvents,
    pub(crate) compliance: ComplianceCounts,
    pub(crate) inventory: Inventory,
    pub(crate) timers: Timers,
    pub(crate) numbers: Numbers,
    pub(crate) world: World,
    pub(crate) commands: Commands,
    pub(crate) automations: Automations,
    pub(crate) activations: Activations,
    pub(crate) vault: Arc<Vault>,
    /// Which nodes can be reached at once; of this process only.
    pub(crate) channels: Channels,
    /// The latest instant at which anything was done.
    pub(crate) latest: Timestamp,
}

impl State {
    /// A plane to which nothing has happened yet; it knows its own documents.
    pub fn new(config: PlaneConfig) -> Self {
        let world = config.world.clone();
        let vault = Arc::new(Vault::new(config.seed));
        let mut state = Self {
            documents: Documents::built_in(),
            document_events: DocumentEvents::default(),
            config,
            nodes: Nodes::default(),
            associations: Associations::default(),
            compliance: ComplianceCounts::default(),
            inventory: Inventory::default(),
            timers: Timers::default(),
            numbers: Numbers::default(),
            world: world.clone(),
            commands: Commands::default(),
            automations: Automations::default(),
            activations: Activations::default(),
            vault,
            channels: Channels::default(),
            latest: Timestamp::default(),
        };
        for (id, instance) in world.instances {
            state.declare(id, instance);
        }
        state.share_documents();
        state
    }

    /// A copy of what a snapshot keeps, to be written down while the state goes
    /// on: it takes a fiftieth of the time of that.
    pub(crate) fn copy(&self) -> Self {
        Self {
            config: self.config.clone(),
            activations: self.activations.clone(),
            vault: self.vault.clone(),
            nodes: self.nodes.without_indexes(),
            associations: self.associations.clone(),
            documents: self.documents.clone(),
            document_events: self.document_events.clone(),
            compliance: self.compliance.clone(),
            inventory: self.inventory.clone(),
            timers: self.timers.clone(),
            numbers: self.numbers,
            world: self.world.clone(),
            commands: self.commands.clone(),
            automations: self.automations.clone(),
            // Of this process only.
            channels: Channels::default(),
            latest: self.latest,
        }
    }

    /// A copy that can be worked with as the state itself.
    pub(crate) fn twin(&self) -> Self {
        let copy = self.copy();
        let nodes = Nodes::restore(copy.nodes.table().to_vec(), copy.nodes.unmatched.clone());
        Self { nodes, ..copy }
    }

    /// The next activation's id and code.
    pub(crate) fn draw_activation(&mut self) -> (ActivationId, String) {
        let number = self.numbers.activation;
        let id = ActivationId::from_bits(draw(self.config.seed, "activation", &mut self.numbers.activation));
        // 20 characters, as the service's have.
        let code = self.config.seed.draw("activation", number).wide_bits("code", 0);
        (id, format!("{:020x}", code & ((1 << 80) - 1)))
    }

    /// The id of the next hybrid node. One that somebody used unasked is passed over.
    pub(crate) fn draw_node_id(&mut self) -> NodeId {
        loop {
            let id = NodeId::hybrid(draw(self.config.seed, "hybrid-node", &mut self.numbers.node));
            if self.nodes.number(id).is_none() {
                return id;
            }
        }
    }

    /// The running number of the next credentials.
    pub(crate) fn next_credentials(&mut self) -> u64 {
        self.numbers.credentials += 1;
        self.numbers.credentials - 1
    }

    /// The next association's id.
    pub(crate) fn draw_association_id(&mut self) -> AssociationId {
        AssociationId::from_bits(draw(self.config.seed, "association", &mut self.numbers.association))
    }

    /// The next automation's id.
    pub(crate) fn draw_automation_id(&mut self) -> AutomationId {
        AutomationId::from_bits(draw(self.config.seed, "automation-id", &mut self.numbers.automation))
    }

    /// The next command's id.
    pub(crate) fn draw_command_id(&mut self) -> CommandId {
        CommandId::from_bits(draw(self.config.seed, "command", &mut self.numbers.command))
    }

    /// The next execution's id.
    pub(crate) fn draw_execution_id(&mut self) -> ExecutionId {
        ExecutionId::from_bits(draw(self.config.seed, "execution", &mut self.numbers.execution))
    }

    /// The next frame's id.
    pub(crate) fn draw_frame_id(&mut self) -> MessageId {
        MessageId::from_bits(draw(self.config.seed, "frame", &mut self.numbers.frame))
    }

    /// The id of the next order to look after associations.
    pub(crate) fn draw_refresh_id(&mut self) -> CommandId {
        CommandId::from_bits(draw(self.config.seed, "refresh", &mut self.numbers.refresh))
    }

    /// The next control channel's token.
    pub(crate) fn draw_token(&mut self) -> String {
        let bits = draw(self.config.seed, "channel-token", &mut self.numbers.token);
        format!("{bits:032x}")
    }

    /// The next request's id, a UUID.
    pub(crate) fn draw_request_id(&mut self) -> String {
        let bits = draw(self.config.seed, "request", &mut self.numbers.request);
        uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid().hyphenated().to_string()
    }
}

/// The running numbers that ids are drawn with.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Numbers {
    #[serde(default)]
    activation: u64,
    #[serde(default)]
    node: u64,
    #[serde(default)]
    credentials: u64,
    association: u64,
    automation: u64,
    command: u64,
    execution: u64,
    request: u64,
    #[serde(default)]
    frame: u64,
    #[serde(default)]
    refresh: u64,
    #[serde(default)]
    token: u64,
}

fn draw(seed: Seed, kind: &str, number: &mut u64) -> u128 {
    let bits = seed.draw(kind, *number).wide_bits("id", 0);
    *number += 1;
    bits
}
