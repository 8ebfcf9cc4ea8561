//! What a scenario has the operator make: documents, and associations that are
//! aimed at nodes.

use agent::fault::named::Cause;
use serde::Deserialize;
use shared::error::ErrorCode;
use shared::id::NodeId;
use shared::time::Period;
use shared::wire::Parameters;

/// A document to create.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Its name.
    pub name: String,
    /// Its content, which is sent as JSON.
    pub content: serde_json::Value,
}

/// An association to create.
#[derive(Debug, Clone, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Association {
    /// Its name, for the report and as `AssociationName`.
    pub name: String,
    /// When, from the start of the run; at its start if not said. In the timeline
    /// the entry says when.
    #[serde(default)]
    pub at: Period,
    /// The document's name.
    pub document: String,
    /// Values for the document's parameters.
    #[serde(default)]
    pub parameters: Option<Parameters>,
    /// The nodes; all of the targets must hold.
    pub targets: Vec<Target>,
    /// When to run again; once if not said.
    #[serde(default)]
    pub schedule: Option<String>,
    /// Whether it waits for its schedule, a cron expression, for its first run as
    /// well; false if not said, then it runs at once.
    #[serde(default)]
    pub apply_only_at_cron_interval: bool,
    /// How many nodes run at once: a number or a share such as `10%`.
    #[serde(default)]
    pub max_concurrency: Option<String>,
    /// After how many failures the rest is not begun: a number or a share.
    #[serde(default)]
    pub max_errors: Option<String>,
    /// The alarm of the plane's `world` that stops it.
    #[serde(default)]
    pub alarm: Option<String>,
    /// The change calendars that must all be open for it to run.
    #[serde(default)]
    pub calendars: Vec<String>,
    /// The bucket that takes what runs print.
    #[serde(default)]
    pub output_bucket: Option<String>,
    /// How many rounds the run waits for; 1 if not said.
    #[serde(default)]
    pub rounds: Option<u32>,
    /// The refusal that is expected. What a plane would refuse, and nobody expects, is a
    /// mistake before the run.
    #[serde(default)]
    pub refused: Option<Refusal>,
}

/// The name of a refusal.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Refusal(pub ErrorCode);

/// Nodes, as a scenario names them.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// Those with this tag.
    Tag(TagTarget),
    /// All.
    All,
    /// One sound node of this cohort, by its id.
    Node(String),
    /// A node that is declared terminated, by its id.
    TerminatedNode,
    /// An EC2 instance of the plane's `world`, by its id.
    Instance(NodeId),
    /// An EC2 instance of this fleet that is no valid one, for this cause, as long as
    /// it lives, by its id.
    InvalidInstance(Cause),
    /// The nodes of a resource group of the plane's `world`.
    ResourceGroup(String),
}

/// A tag and its values, any of which suffices.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TagTarget {
    /// The tag's key.
    pub key: String,
    /// Its values.
    pub values: Vec<String>,
}
