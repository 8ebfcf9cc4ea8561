//! What nodes share: cohorts, which are read only, and what is interned.
//!
//! The catalogue is the same for all shards. A [`Library`] belongs to one
//! shard: it gives equal associations and documents one place in memory. That
//! shares bytes, not knowledge: a node learns only from its own answers.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::{Arc, OnceLock};

use regex::Regex;
use shared::document::{Document, DocumentError};
use shared::seed::{Draw, Seed};
use shared::status::PlatformType;
use shared::time::Period;

use crate::association::{Association, KnownStatus, Listed};
use crate::call::{Answer, Outcome};
use crate::channel::Channels;
use crate::credentials::{IdentitySettings, Session};
use crate::distribution::Distribution;
use crate::facts::host::HostFacts;
use crate::fault::{NodeFaults, Share};
use crate::mix::Mix;
use crate::tags::TagRule;

/// Everything that is the same for the whole fleet.
#[derive(Debug, Clone)]
pub struct Catalogue {
    /// The number that the run follows from.
    pub seed: Seed,
    /// The cohorts, in the order of the scenario.
    pub cohorts: Vec<Cohort>,
}

impl Catalogue {
    /// The number of what a node of this cohort and these draws calls itself, among
    /// those of [`Catalogue::agents`].
    pub fn agent(&self, cohort: u16, draw: Draw) -> usize {
        let (before, own) = self.cohorts.split_at(usize::from(cohort));
        let before: usize = before.iter().map(|cohort| cohort.agent_versions.values().len()).sum();
        before + own.first().map_or(0, |cohort| cohort.agent_version_place(draw))
    }

    /// The kinds of agents there are: each version of each cohort, on its platform.
    pub fn agents(&self) -> impl Iterator<Item = (Platform, &str)> {
        self.cohorts.iter().flat_map(|cohort| {
            cohort.agent_versions.values().map(|version| (cohort.platform, version.as_str()))
        })
    }
}

/// Nodes that are alike.
#[derive(Debug, Clone)]
pub struct Cohort {
    /// Its name, a part of each node's identity.
    pub name: String,
    /// What its nodes run.
    pub platform: Platform,
    /// The tags that its nodes carry, as EC2 tags would be: the operator sets them.
    pub tags: Vec<TagRule>,
    /// How its nodes show who they are.
    pub identity: IdentitySettings,
    /// The agent's versions, such as `3.3.0.0`.
    pub agent_versions: Mix<String>,
    /// When its nodes call.
    pub timing: Timing,
    /// How runs of documents go, by document and node; the first that fits counts.
    pub behaviours: Vec<Behaviour>,
    /// What is wrong with how many of its nodes.
    pub faults: NodeFaults,
    /// By which channels of messages its nodes can be reached.
    pub channels: Channels,
    /// What its nodes tell of themselves in place of the platform's template, if anything.
    pub host: Option<Arc<HostFacts>>,
}

/// An operating system, as a node tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Platform {
    /// The short name that scenarios use.
    pub name: &'static str,
    /// Its kind.
    pub kind: PlatformType,
    /// `PlatformName` of a heartbeat.
    pub platform_name: &'static str,
    /// `PlatformVersion` of a heartbeat.
    pub platform_version: &'static str,
    /// The system and machine in the agent's `User-Agent`.
    pub user_agent_system: &'static str,
}

/// The platforms that a scenario can name.
pub const PLATFORMS: [Platform; 9] = [
    Platform {
        name: "amazon-linux-2023",
        kind: PlatformType::Linux,
        platform_name: "Amazon Linux",
        platform_version: "2023",
        user_agent_system: "linux; amd64",
    },
    Platform {
        name: "amazon-linux-2",
        kind: PlatformType::Linux,
        platform_name: "Amazon Linux",
        platform_version: "2",
        user_agent_system: "linux; amd64",
    },
    Platform {
        name: "debian-12",
        kind: PlatformType::Linux,
        platform_name: "Debian GNU/Linux",
        platform_version: "12",
        user_agent_system: "linux; amd64",
    },
    Platform {
        name: "rhel-9",
        kind: PlatformType::Linux,
        platform_name: "Red Hat Enterprise Linux",
        platform_version: "9.4",
        user_agent_system: "linux; amd64",
    },
    Platform {
        name: "ubuntu-22.04",
        kind: PlatformType::Linux,
        platform_name: "Ubuntu",
        platform_version: "22.04",
        user_agent_system: "linux; amd64",
    },
    Platform {
        name: "windows-2016",
        kind: PlatformType::Windows,
        platform_name: "Microsoft Windows Server 2016 Datacenter",
        platform_version: "10.0.14393",
        user_agent_system: "windows; amd64",
    },
    Platform {
        name: "windows-2019",
        kind: PlatformType::Windows,
        platform_name: "Microsoft Windows Server 2019 Datacenter",
        platform_version: "10.0.17763",
        user_agent_system: "windows; amd64",
    },
    Platform {
        name: "windows-2022",
        kind: PlatformType::Windows,
        platform_name: "Microsoft Windows Server 2022 Datacenter",
        platform_version: "10.0.20348",
        user_agent_system: "windows; amd64",
    },
    Platform {
        name: "macos-14",
        kind: PlatformType::MacOS,
        platform_name: "macOS",
        platform_version: "14.5",
        user_agent_system: "darwin; arm64",
    },
];

impl Platform {
    /// The platform of this short name.
    pub fn named(name: &str) -> Option<Self> {
        PLATFORMS.into_iter().find(|platform| platform.name == name)
    }

    /// The platform that a node of this cohort runs when it is struck by
    /// `unsupported-platform`: Windows, or Linux where Windows was meant.
    pub fn foreign(self) -> Self {
        let name = if self.kind == PlatformType::Windows { "amazon-linux-2023" } else { "windows-2022" };
        Self::named(name).expect("both are in the table above")
    }
}

/// When nodes call. The defaults are the real agent's (section 8 of its settings).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Between heartbeats. `Ssm.HealthFrequencyMinutes`.
    pub health_every: Period,
    /// Between polls. `Ssm.AssociationFrequencyMinutes`.
    pub poll_every: Period,
    /// The longest wait before each poll; fixed in the agent, as all that follow but one.
    pub poll_jitter: Period,
    /// How long after an empty first answer the agent asks once more.
    pub empty_poll_wait: Period,
    /// Between looks at associations that are due and may not start.
    pub safety_tick: Period,
    /// After so long in progress a due association is given up (agent/association/schedulemanager).
    pub stuck_after: Period,
    /// Between the core agent's looks at its worker. `Agent.LongRunningWorkerMonitorIntervalSeconds`.
    pub worker_check_every: Period,
    /// The shortest wait before a control channel that could not be opened is
    /// tried again; the longest first wait is twice that.
    pub reconnect_wait: Period,
    /// The longest wait between such attempts, before its jitter.
    pub reconnect_longest: Period,
    /// Between the control channel's loss and the first attempt to open another: at most so long.
    pub reconnect_lost: Period,
    /// Between pings of a control channel that is open; what is not answered within
    /// ten ninths of it is lost. Over sockets only: virtual time has no pings.
    pub ping_every: Period,
    /// How long a question for messages is waited for. `Mds.StopTimeoutMillis`.
    pub message_wait: Period,
    /// Between the looks of an agent whose questions for messages failed too often.
    pub message_tick: Period,
    /// Between attempts to send replies that the service did not confirm.
    pub resend_every: Period,
    /// The longest that an inventory step waits before it uploads.
    pub inventory_wait: Period,
    /// Between the looks of an EC2 instance whether its role may call.
    pub role_check_every: Period,
    /// Between changes of a node's packages; never, if it is no time at all.
    pub facts_change_every: Period,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            health_every: Period::minutes(5),
            poll_every: Period::minutes(10),
            poll_jitter: Period::seconds(30),
            empty_poll_wait: Period::seconds(30),
            safety_tick: Period::seconds(300),
            stuck_after: Period::hours(2),
            worker_check_every: Period::seconds(60),
            reconnect_wait: Period::seconds(5),
            reconnect_longest: Period::minutes(40),
            reconnect_lost: Period::milliseconds(2_500),
            ping_every: Period::seconds(54),
            message_wait: Period::seconds(20),
            message_tick: Period::minutes(15),
            resend_every: Period::minutes(5),
            inventory_wait: Period::seconds(30),
            role_check_every: Period::minutes(30),
            facts_change_every: Period::days(7),
        }
    }
}

/// How the steps of a document go on a node. What a behaviour leaves open, the
/// step's own commands say (`script`), else it takes half a second to two
/// seconds and succeeds.
#[derive(Debug, Clone, PartialEq)]
pub struct Behaviour {
    /// The document's name; `None` fits any.
    pub document: Option<String>,
    /// The nodes, by their index in the cohort; `None` fits any.
    pub nodes: Option<BTreeSet<u32>>,
    /// The step's name; `None` fits any.
    pub step: Option<String>,
    /// How long a step takes, whatever its commands say.
    pub takes: Option<Distribution>,
    /// The share of runs in which a step fails. Where no step is named, the
    /// first one that runs is the one that fails.
    pub fails: Share,
    /// Whether it is always the same nodes that fail, not any at each run.
    pub is_sticky: bool,
    /// The exit code of a step that fails.
    pub exit_code: i32,
    /// What a step writes to its standard output, whatever its commands say.
    pub output: Option<String>,
    /// What a step that fails writes to its standard error, whatever its commands say.
    pub error: Option<String>,
    /// How long the node is away when a step asks for a reboot.
    pub reboot: Period,
    /// Whether the place where output is stored cannot be reached.
    pub loses_output: bool,
}

/// The purpose for which a version is drawn.
const AGENT_VERSION: &str = "agent-version";

/// A minute until the reboot (agent/rebooter: `shutdown -r +1`) and half a minute to boot.
const REBOOT: Period = Period::seconds(90);

impl Default for Behaviour {
    /// All as the commands say.
    fn default() -> Self {
        Self {
            document: None,
            nodes: None,
            step: None,
            takes: None,
            fails: Share::NONE,
            is_sticky: false,
            exit_code: 1,
            output: None,
            error: None,
            reboot: REBOOT,
            loses_output: false,
        }
    }
}

impl Behaviour {
    /// Whether it is for this step of this document on the node of this index.
    pub(crate) fn fits(&self, document: &str, step: &str, index: u32) -> bool {
        self.document.as_deref().is_none_or(|name| name == document)
            && self.step.as_deref().is_none_or(|name| name == step)
            && self.nodes.as_ref().is_none_or(|nodes| nodes.contains(&index))
    }
}

impl Cohort {
    /// The agent's version on the node of these draws.
    pub fn agent_version(&self, draw: Draw) -> &str {
        self.agent_versions.of(draw, AGENT_VERSION)
    }

    /// The place of that version among the cohort's.
    pub fn agent_version_place(&self, draw: Draw) -> usize {
        self.agent_versions.place(draw, AGENT_VERSION)
    }

    /// How this step of runs of this document goes on the cohort's node of this
    /// index: as the first behaviour has it that fits all three.
    pub fn behaviour(&self, document: &str, step: &str, index: u32) -> Behaviour {
        let fitting = self.behaviours.iter().find(|behaviour| behaviour.fits(document, step, index));
        fitting.cloned().unwrap_or_default()
    }
}

/// A document's content, parsed once.
#[derive(Debug)]
pub struct Fetched {
    /// The document, or why it is none.
    pub document: Result<Document, DocumentError>,
    /// Whether its text refers to the Parameter Store.
    pub may_ask: bool,
    /// The patterns that its parameters must match, by their text.
    patterns: OnceLock<BTreeMap<String, Regex>>,
}

impl Fetched {
    /// A document's content, parsed.
    pub fn new(content: &str) -> Self {
        Self {
            document: Document::parse_for_node(content),
            may_ask: content.contains("ssm:"),
            patterns: OnceLock::new(),
        }
    }

    /// A pattern of one of its parameters; `None` if it is none.
    pub fn pattern(&self, pattern: &str) -> Option<&Regex> {
        let patterns = self.patterns.get_or_init(|| {
            let parameters = self.document.iter().flat_map(|document| document.parameters.values());
            let written = parameters.filter_map(|parameter| parameter.allowed_pattern.clone());
            written.filter_map(|pattern| Regex::new(&pattern).ok().map(|regex| (pattern, regex))).collect()
        });
        patterns.get(pattern)
    }
}

/// What a shard's nodes share in memory. Entries that no node holds any more
/// are dropped whenever the table has doubled.
#[derive(Debug, Default)]
pub struct Library {
    associations: Interned<Association>,
    documents: HashMap<Arc<str>, Arc<Fetched>>,
    documents_sweep_at: usize,
    texts: Interned<str>,
}

#[derive(Debug)]
struct Interned<T: ?Sized> {
    held: HashMap<Arc<T>, ()>,
    sweep_at: usize,
}

impl<T: ?Sized> Default for Interned<T> {
    fn default() -> Self {
        Self { held: HashMap::new(), sweep_at: 0 }
    }
}

/// Below this, sweeping is not worth the walk.
const SMALL: usize = 64;

impl<T: ?Sized + Eq + Hash> Interned<T> {
    fn one(&mut self, value: impl Into<Arc<T>> + std::borrow::Borrow<T>) -> Arc<T> {
        if let Some((found, ())) = self.held.get_key_value(value.borrow()) {
            return found.clone();
        }
        if self.held.len() >= self.sweep_at.max(SMALL) {
            self.held.retain(|held, ()| Arc::strong_count(held) > 1);
            self.sweep_at = self.held.len() * 2;
        }
        let held: Arc<T> = value.into();
        self.held.insert(held.clone(), ());
        held
    }
}

impl Library {
    /// What a node learns from an answer.
    pub fn outcome(&mut self, answer: Answer) -> Outcome {
        match answer {
            Answer::Done => Outcome::Done,
            Answer::Registered(id) => Outcome::Registered(id),
            Answer::Token(reply) => {
                let (id, secret) = (&reply.access_key_id, &reply.secret_access_key);
                let session = Session::new(id, secret, &reply.session_token, reply.token_expiration_date);
                Outcome::Token(session, reply.update_key_pair)
            }
            Answer::Associations(page) => {
                let listed = page.associations.iter().map(|summary| Listed {
                    association: self.associations.one(Association::from_summary(summary)),
                    status: summary
                        .detailed_status
                        .as_deref()
                        .map_or(KnownStatus::Done, KnownStatus::from_text),
                    last_execution: summary.last_execution_date,
                });
                let listed = listed.collect();
                let next = page.next_token.filter(|token| !token.is_empty());
                Outcome::Associations(listed, next.map(|token| self.texts.one(token)))
            }
            Answer::Legacy(reply) => {
                let first = reply.associations.into_iter().next();
                let first = first.map(|found| {
                    let name = found.name.unwrap_or_default();
                    self.associations.one(Association::legacy(&name, found.association_id))
                });
                Outcome::Legacy(first)
            }
            Answer::Described(reply) => {
                let described = reply.association_description;
                // The agent reads the state's name without asking whether there is one.
                let Some(status) = described.status else { return Outcome::Fatal("Status") };
                Outcome::Described(described.parameters.map(Arc::new), KnownStatus::from_text(&status.name))
            }
            Answer::Fatal(key) => Outcome::Fatal(key),
            Answer::Document(reply) => Outcome::Document(self.document(&reply.content)),
            Answer::Parameters(reply) => Outcome::Parameters(Arc::new(reply)),
            Answer::Manifest(reply) => Outcome::Manifest(self.texts.one(reply.manifest)),
            Answer::Messages(messages) => Outcome::Messages(messages),
            Answer::Refused(error, status) => Outcome::Refused(error, status),
            Answer::Unreachable => Outcome::Unreachable,
            Answer::Unreadable(status, _) => Outcome::Unreadable(status),
        }
    }

    fn document(&mut self, content: &Arc<str>) -> Arc<Fetched> {
        if let Some(found) = self.documents.get(content) {
            return found.clone();
        }
        if self.documents.len() >= self.documents_sweep_at.max(SMALL) {
            self.documents.retain(|_, fetched| Arc::strong_count(fetched) > 1);
            self.documents_sweep_at = self.documents.len() * 2;
        }
        let fetched = Arc::new(Fetched::new(content));
        self.documents.insert(content.clone(), fetched.clone());
        fetched
    }

    /// How many associations and documents are held.
    pub fn counts(&self) -> (usize, usize) {
        (self.associations.held.len(), self.documents.len())
    }
}

#[cfg(test)]
mod tests {
    use shared::error::{ApiError, ErrorCode};
    use shared::wire::GetDocumentReply;

    use super::*;

    fn document(content: &str) -> Answer {
        Answer::Document(GetDocumentReply {
            name: "any".into(),
            created_date: None,
            display_name: None,
            version_name: None,
            document_version: None,
            status: None,
            content: content.into(),
            document_type: None,
            document_format: None,
            requires: None,
            attachments_content: None,
        })
    }

    #[test]
    fn equal_documents_share_a_place_and_unused_ones_are_freed() {
        let mut library = Library::default();
        let Outcome::Document(first) = library.outcome(document("{}")) else { panic!("a document") };
        let Outcome::Document(second) = library.outcome(document("{}")) else { panic!("a document") };
        assert!(Arc::ptr_eq(&first, &second));
        for number in 0..10_000 {
            library.outcome(document(&format!("{{\"description\":\"{number}\"}}")));
        }
        assert!(library.counts().1 <= 2 * SMALL, "{:?}", library.counts());
        let Outcome::Document(third) = library.outcome(document("{}")) else { panic!("a document") };
        assert!(Arc::ptr_eq(&first, &third), "still held, so still shared");
    }

    #[test]
    fn the_first_behaviour_that_fits_document_step_and_node_counts() {
        let behaviour =
            |document: Option<&str>, step: Option<&str>, nodes: Option<&[u32]>, exit_code| Behaviour {
                document: document.map(str::to_owned),
                step: step.map(str::to_owned),
                nodes: nodes.map(|nodes| nodes.iter().copied().collect()),
                exit_code,
                ..Behaviour::default()
            };
        let cohort = Cohort {
            host: None,
            name: "web".into(),
            platform: PLATFORMS[0],
            tags: Vec::new(),
            identity: IdentitySettings::default(),
            agent_versions: Mix::of_one("3.3.0.0".into()),
            timing: Timing::default(),
            behaviours: vec![
                behaviour(Some("a"), None, Some(&[2, 5]), 10),
                behaviour(Some("a"), Some("second"), None, 13),
                behaviour(Some("a"), None, None, 11),
                behaviour(None, None, Some(&[2]), 12),
            ],
            channels: Channels::None,
            faults: NodeFaults::default(),
        };
        let cases = [
            ("a", "first", 2, 10),
            ("a", "second", 5, 10),
            ("a", "first", 3, 11),
            ("a", "second", 3, 13),
            ("b", "second", 2, 12),
            ("b", "first", 5, 1),
        ];
        for (document, step, index, exit_code) in cases {
            let behaviour = cohort.behaviour(document, step, index);
            assert_eq!(behaviour.exit_code, exit_code, "{step} of {document} on {index}");
        }
    }

    #[test]
    fn a_refusal_passes_through() {
        let outcome =
            Library::default().outcome(Answer::Refused(ApiError::from(ErrorCode::InvalidInstanceId), 400));
        assert_eq!(outcome.refusal(), Some(&ErrorCode::InvalidInstanceId));
    }
}
