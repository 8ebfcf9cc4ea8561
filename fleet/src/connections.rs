//! Whose connection a call takes.
//!
//! In the real agent each module has a client, and so connections, of its own, and
//! closes those that were idle for 90 seconds: most heartbeats and polls open a
//! new one. A fleet does so where its connections fit the machine; beyond that it
//! may share them among all nodes, which spares the plane most of the openings.
//!
//! Which of the two is chosen here, before the run; keeping connections is the
//! work of `agent::client::pool`.

use std::time::Duration;

use agent::call::Request;
use agent::client::pool::{Module, Owner};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use shared::time::Period;

use crate::clock::Clock;
use crate::host::{HostError, Limits};

/// How long an idle connection is kept (Go: `DefaultTransport.IdleConnTimeout`).
const IDLE_CLOSE: Period = Period::seconds(90);

/// How nodes use connections.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ValueEnum, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Connections {
    /// Each module of each node has its own, closed after 90 idle simulated seconds
    #[default]
    AsAgent,
    /// All nodes share them
    Pooled,
}

impl Connections {
    /// What was asked for, if the machine allows it; if nothing was, as the agent
    /// where that fits.
    pub fn choose(asked: Option<Self>, nodes: u32, limits: &Limits) -> Result<Self, HostError> {
        let fit = limits.connections / Module::COUNT;
        let fits = nodes as usize <= fit;
        match asked {
            Some(Self::AsAgent) if !fits => Err(HostError::TooManyOwners { wanted: nodes, fit: fit as u64 }),
            Some(asked) => Ok(asked),
            None if fits => Ok(Self::AsAgent),
            None => Ok(Self::Pooled),
        }
    }

    /// Its name, as a scenario has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AsAgent => "as-agent",
            Self::Pooled => "pooled",
        }
    }

    /// Whose connection a request of this node takes.
    pub fn owner(self, node: u32, request: &Request) -> Owner {
        match self {
            Self::AsAgent => Owner::module(node, request.module()),
            Self::Pooled => Owner::ANYONE,
        }
    }

    /// After how much wall time an idle connection is closed. Shared ones are not
    /// closed sooner because simulated time is fast.
    pub fn idle_close(self, clock: &Clock) -> Duration {
        match self {
            Self::AsAgent => clock.wall_time(IDLE_CLOSE),
            Self::Pooled => Duration::from_secs(90),
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::time::Timestamp;
    use shared::wire::{DescribeAssociation, ListInstanceAssociations};

    use super::*;
    use crate::host::Machine;

    #[test]
    fn connections_are_the_agents_where_they_fit() {
        let machine = Machine { free_descriptors: 1_064, ports: 14_116, free_memory: None };
        let limits = Limits::of(machine, false).unwrap();
        assert_eq!(limits.connections, 1_000);
        let (as_agent, pooled) = (Connections::AsAgent, Connections::Pooled);
        let too_many = HostError::TooManyOwners { wanted: 167, fit: 166 };
        let cases = [
            (None, 166, Ok(as_agent)),
            (None, 167, Ok(pooled)),
            (Some(as_agent), 166, Ok(as_agent)),
            (Some(as_agent), 167, Err(too_many.clone())),
            (Some(pooled), 1, Ok(pooled)),
            (Some(pooled), 1_000_000, Ok(pooled)),
        ];
        for (asked, nodes, expected) in cases {
            assert_eq!(Connections::choose(asked, nodes, &limits), expected, "{asked:?} {nodes}");
        }
        let told = too_many.to_string();
        assert!(told.contains("--nodes 166") && told.contains("connections pooled"), "{told}");
    }

    #[test]
    fn modules_share_connections_only_where_all_nodes_do() {
        let instance_id = "i-01234567".parse().unwrap();
        let poll = Request::ListAssociations(ListInstanceAssociations {
            instance_id,
            max_results: None,
            next_token: None,
        });
        let describe = Request::DescribeLegacy(DescribeAssociation::default());
        let items = serde_json::json!({ "ResourceId": "i-01234567", "ResourceType": "ManagedInstance",
            "ComplianceType": "Association", "ExecutionSummary": { "ExecutionTime": 1 }, "Items": [] });
        let upload = Request::PutCompliance(serde_json::from_value(items).unwrap());
        let owners = |connections: Connections| {
            [(0, &poll), (0, &describe), (0, &upload), (1, &poll)]
                .map(|(node, request)| connections.owner(node, request))
        };
        let [polls, describes, uploads, others] = owners(Connections::AsAgent);
        assert_eq!(polls, describes, "one module");
        assert!(polls != uploads && polls != others && uploads != others);
        assert_eq!(owners(Connections::Pooled), [Owner::ANYONE; 4]);

        let clock = Clock::starting(Timestamp::default(), 60.0);
        assert_eq!(Connections::AsAgent.idle_close(&clock), Duration::from_millis(1_500));
        assert_eq!(Connections::Pooled.idle_close(&clock), Duration::from_secs(90));
    }
}
