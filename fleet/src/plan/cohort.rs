//! What a scenario's cohort means, with every default filled.

use std::collections::BTreeSet;
use std::sync::Arc;

use agent::catalogue::{Behaviour, Cohort, PLATFORMS, Platform, Timing};
use agent::channel::Channels;
use agent::credentials::{IdentityKind, IdentitySettings};
use agent::facts::host::HostFacts;
use agent::fault::named::{Cause, Misfit};
use agent::fault::{NodeFaults, Share};
use agent::mix::Mix;
use agent::tags::TagRule;

use super::PlanError;
use super::make::Mistakes;
use crate::fault::identity_of;
use crate::machine;
use crate::scenario;

/// The agent's version where a cohort names none: that of the recorded traces.
const AGENT_VERSION: &str = "3.3.0.0";

/// A cohort as the catalogue holds it; its key pool and activations come later.
pub(super) fn cohort(
    written: &scenario::Cohort,
    facts: Option<scenario::Facts>,
    mistakes: &mut Mistakes,
) -> Cohort {
    let known = Platform::named(&written.platform).ok_or_else(|| PlanError::UnknownPlatform {
        cohort: written.name.clone(),
        platform: written.platform.clone(),
    });
    let known = mistakes.note(known);
    // Of a platform that is none nothing more is said.
    let host = known.and_then(|platform| mistakes.note(self::host(written, platform, facts)).flatten());
    let platform = known.unwrap_or(PLATFORMS[0]);
    let faults = faults(written, mistakes);
    let identity = mistakes.note(identity(written, &faults)).unwrap_or_default();
    let tags = mistakes.note(tags(written)).unwrap_or_default();
    let agent_versions = written.agent_version.clone().map(|versions| versions.0);
    let agent_versions = agent_versions.unwrap_or_else(|| Mix::of_one(AGENT_VERSION.to_owned()));
    if let Some(version) = agent_versions.values().find(|version| !is_agent_version(version)) {
        mistakes.add(PlanError::AgentVersion { cohort: written.name.clone(), version: version.clone() });
    }
    let timing = written.timing.meant();
    let timing = timing.map_err(|source| PlanError::Timing { cohort: written.name.clone(), source });
    let timing = mistakes.note(timing).unwrap_or_default();
    let behaviours = written.behaviours.iter();
    let behaviours =
        behaviours.filter_map(|behaviour| mistakes.note(self::behaviour(written, behaviour))).collect();
    Cohort {
        name: written.name.clone(),
        host,
        platform,
        tags,
        identity,
        agent_versions,
        timing: Timing {
            facts_change_every: written.facts_change.unwrap_or(timing.facts_change_every),
            ..timing
        },
        behaviours,
        faults,
        channels: match written.channel {
            scenario::Channel::None => Channels::None,
            scenario::Channel::LongPoll => Channels::LongPoll,
            scenario::Channel::Websocket => Channels::WebSocket,
        },
    }
}

/// What is wrong with shares of its nodes for as long as they live.
fn faults(cohort: &scenario::Cohort, mistakes: &mut Mistakes) -> NodeFaults {
    let mut faults = NodeFaults::default();
    let mut seen = BTreeSet::new();
    for fault in &cohort.faults {
        let (share, given, name) = match *fault {
            scenario::Fault::InvalidInstance(written) => {
                faults.deregistered_after = written.after.unwrap_or(faults.deregistered_after);
                let name = format!("invalid-instance of cause {}", written.cause.as_str());
                (faults.of_cause(written.cause), written.share, name)
            }
            scenario::Fault::UnsupportedPlatform(written) => {
                let share = match written.platform {
                    Misfit::Unknown => &mut faults.unknown_platform,
                    Misfit::Foreign => &mut faults.unsupported_platform,
                };
                (share, written.share, format!("unsupported-platform of form {}", written.platform.as_str()))
            }
            scenario::Fault::FingerprintMismatch(share) => {
                (&mut faults.fingerprint_mismatch, share, "fingerprint-mismatch".to_owned())
            }
        };
        *share = given;
        if let Some(fault) = seen.replace(name) {
            mistakes.add(PlanError::FaultTwice { cohort: cohort.name.clone(), fault });
        }
    }
    faults
}

/// What its nodes tell of themselves in place of the platform's template. What is
/// written of a cohort is meant; `facts` is for all that it fits.
fn host(
    written: &scenario::Cohort,
    platform: Platform,
    facts: Option<scenario::Facts>,
) -> Result<Option<Arc<HostFacts>>, PlanError> {
    let is_of_its_kind = machine::kind() == Some(platform.kind);
    if facts.is_none() && written.facts == scenario::Facts::Host && !is_of_its_kind {
        return Err(PlanError::FactsOfAnother { cohort: written.name.clone(), platform: platform.name });
    }
    let is_host = facts.unwrap_or(written.facts) == scenario::Facts::Host && is_of_its_kind;
    Ok(is_host.then(|| Arc::new(machine::facts())))
}

/// The tags of its nodes. Hybrid nodes have theirs from their activation, which
/// is the same for a thousand of them.
fn tags(written: &scenario::Cohort) -> Result<Vec<TagRule>, PlanError> {
    let rules = written.tags.iter();
    let rules: Vec<_> =
        rules.map(|(key, value)| TagRule { key: key.clone(), value: value.0.clone() }).collect();
    match rules.iter().find(|rule| !rule.is_fixed()) {
        Some(rule) if written.identity == scenario::Identity::Hybrid => {
            Err(PlanError::TagOfHybrid { cohort: written.name.clone(), key: rule.key.clone() })
        }
        _ => Ok(rules),
    }
}

/// How its nodes show who they are; their activations come later.
fn identity(written: &scenario::Cohort, faults: &NodeFaults) -> Result<IdentitySettings, PlanError> {
    let not_of = |setting, identity| {
        Err(PlanError::NotOfThisIdentity { cohort: written.name.clone(), setting, identity })
    };
    let settings = IdentitySettings {
        has_role: written.instance_profile.unwrap_or(true),
        key_rotation: written.key_rotation,
        ..IdentitySettings::default()
    };
    let kind = match written.identity {
        scenario::Identity::Ec2 => IdentityKind::Ec2,
        scenario::Identity::Hybrid => IdentityKind::Hybrid,
    };
    for (cause, share) in Cause::ALL.iter().skip(1).zip(faults.other_causes) {
        let Some(identity) = identity_of(*cause).filter(|_| share != Share::NONE) else { continue };
        if identity != kind {
            return not_of(cause.as_str(), if identity == IdentityKind::Ec2 { "ec2" } else { "hybrid" });
        }
    }
    match written.identity {
        scenario::Identity::Ec2 if written.key_rotation.is_some() => not_of("key_rotation", "hybrid"),
        scenario::Identity::Ec2 if faults.fingerprint_mismatch != Share::NONE => {
            not_of("fingerprint-mismatch", "hybrid")
        }
        scenario::Identity::Hybrid if written.instance_profile.is_some() => not_of("instance_profile", "ec2"),
        scenario::Identity::Ec2 => Ok(settings),
        scenario::Identity::Hybrid => Ok(IdentitySettings { kind: IdentityKind::Hybrid, ..settings }),
    }
}

/// Three or four numbers of at most six digits (botocore, ssm: `Version` of an agent).
pub(crate) fn is_agent_version(text: &str) -> bool {
    let is_number = |part: &str| (1..=6).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    (3..=4).contains(&text.split('.').count()) && text.split('.').all(is_number)
}

fn behaviour(cohort: &scenario::Cohort, written: &scenario::Behaviour) -> Result<Behaviour, PlanError> {
    let standard = Behaviour::default();
    // Where the size is a share, nobody knows it from reading the file.
    let size = cohort.nodes.unwrap_or(u32::MAX);
    if let Some(&node) = written.nodes.iter().flatten().find(|node| **node >= size) {
        let (cohort, nodes) = (cohort.name.clone(), size);
        return Err(PlanError::NoSuchNode { cohort, node, nodes });
    }
    let takes = written.takes.map(|takes| takes.0.check()).transpose();
    let takes = takes.map_err(|source| PlanError::Takes { cohort: cohort.name.clone(), source })?;
    Ok(Behaviour {
        document: written.document.clone(),
        nodes: written.nodes.clone(),
        step: written.step.clone(),
        takes,
        fails: written.fails,
        is_sticky: written.sticky,
        exit_code: written.exit_code.unwrap_or(standard.exit_code),
        output: written.output.clone(),
        error: written.error.clone(),
        reboot: written.reboot.unwrap_or(standard.reboot),
        loses_output: written.loses_output,
    })
}
