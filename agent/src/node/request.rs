//! What a node asks, in its wire types.
//!
//! A call that waits says in few bytes what it is about; here it becomes the body that
//! is sent: who the node is, what it runs, what it tells of its machine. The same
//! call gives the same body at each attempt, for everything follows from the node, the
//! catalogue and the instant that the call was stamped with.

use shared::id::{NodeId, uuid_text};
use shared::seed::Draw;
use shared::wire::{
    ConfigurePackageResultStep, DeregisterManagedInstance, GetDocument, GetManifest, GetParameters,
    InstanceAssociationExecutionResult, ListInstanceAssociations, PutConfigurePackageResult,
    RegisterManagedInstance, RequestManagedInstanceRoleToken, UpdateInstanceAssociationStatus,
    UpdateInstanceInformation, UpdateManagedInstancePublicKey,
};

use super::{Dispatch, Node};
use crate::call::{Call, PackageResult, Request};
use crate::catalogue::{Catalogue, Platform};
use crate::compliance;
use crate::credentials::IdentityKind;
use crate::facts::Facts;
use crate::facts::host::HostFacts;
use crate::fault::NodeFault;
use crate::identity;
use crate::inventory;
use crate::legacy;
use crate::output;

/// The page size that the real agent asks for.
const PAGE: i64 = 20;

impl Node {
    /// A call in its wire type, the same at each attempt.
    pub fn request(&self, catalogue: &Catalogue, draw: Draw, dispatch: &Dispatch) -> Request {
        self.spoil(dispatch, self.sound_request(catalogue, draw, dispatch))
    }

    fn sound_request(&self, catalogue: &Catalogue, draw: Draw, dispatch: &Dispatch) -> Request {
        let id = self.id(draw);
        let cohort = self.identity.cohort(catalogue);
        match &dispatch.call {
            Call::Deregister => {
                Request::Deregister(DeregisterManagedInstance { instance_id: id.to_string() })
            }
            Call::Register => {
                let offers = self.signing(catalogue, draw, dispatch).offers.unwrap_or_default();
                let public_key = identity::public_key(catalogue.seed, offers);
                Request::Register(self.registration(catalogue, draw, public_key))
            }
            Call::RequestToken(_) => Request::RequestToken(RequestManagedInstanceRoleToken {
                fingerprint: self.fingerprint(catalogue, draw, 1),
            }),
            Call::UpdateKey => {
                let offers = self.signing(catalogue, draw, dispatch).offers.unwrap_or_default();
                Request::UpdateKey(UpdateManagedInstancePublicKey {
                    new_public_key: identity::public_key(catalogue.seed, offers),
                    new_public_key_type: "Rsa".into(),
                })
            }
            Call::Probe => {
                Request::Heartbeat(probe(id, self.agent_version(cohort, draw), self.platform(catalogue)))
            }
            Call::Heartbeat => {
                let version = self.agent_version(cohort, draw);
                let (platform, host) = (self.platform(catalogue), self.host(catalogue));
                let heartbeat = heartbeat(
                    id,
                    version,
                    platform,
                    host,
                    (self.machine(draw), self.identity.place(catalogue)),
                );
                let word = Some(self.channel_word().to_owned());
                Request::Heartbeat(UpdateInstanceInformation { ssm_connection_channel: word, ..heartbeat })
            }
            Call::ListAssociations(token) => Request::ListAssociations(ListInstanceAssociations {
                instance_id: id,
                max_results: Some(PAGE),
                next_token: token.as_deref().map(str::to_owned),
            }),
            Call::ListLegacy => Request::ListLegacy(legacy::list(id)),
            Call::DescribeLegacy(association) => Request::DescribeLegacy(legacy::describe(id, association)),
            Call::GetDocument(association) => Request::GetDocument(GetDocument {
                name: association.name.to_string(),
                document_version: Some(association.document_version.to_string())
                    .filter(|version| !version.is_empty()),
                ..GetDocument::default()
            }),
            Call::GetNamedDocument(document) => Request::GetDocument(GetDocument {
                name: document.name.clone(),
                document_version: document.version.clone(),
                ..GetDocument::default()
            }),
            Call::GetParameters(names) => {
                Request::GetParameters(GetParameters { names: names.to_vec(), with_decryption: Some(false) })
            }
            Call::GetManifest(package) => Request::GetManifest(GetManifest {
                package_name: package.name.clone(),
                package_version: package.version.clone().unwrap_or_default(),
            }),
            Call::PutInventory(upload) => {
                let facts = Facts {
                    platform: self.platform(catalogue),
                    draw: self.machine(draw),
                    edition: upload.edition,
                    host: self.host(catalogue),
                };
                Request::PutInventory(inventory::upload(id, &facts, upload, dispatch.stamped))
            }
            Call::PutPackageResult(result) => {
                let (platform, host) = (self.platform(catalogue), self.host(catalogue));
                Request::PutPackageResult(package_result(
                    id,
                    platform,
                    host,
                    self.identity.place(catalogue),
                    result,
                ))
            }
            Call::ReportStatus(report) if report.association.is_legacy => Request::ReportLegacy(
                legacy::report(id, self.agent_version(cohort, draw), report, dispatch.stamped),
            ),
            Call::ReportStatus(report) => Request::ReportStatus(UpdateInstanceAssociationStatus {
                association_id: report.association.id,
                association_version: None,
                execution_result: InstanceAssociationExecutionResult {
                    error_code: Some(report.error_code.map_or(String::new(), |code| code.to_string())),
                    execution_date: dispatch.stamped,
                    execution_summary: report.summary.clone(),
                    output_url: report
                        .output_of
                        .and_then(|began| output::url(&report.association, id, began)),
                    status: report.status,
                },
                instance_id: id,
            }),
            Call::Message(call) => {
                let platform = self.platform(catalogue).kind.as_str().to_lowercase();
                let speaker = (self.agent_version(cohort, draw), platform.as_str());
                Request::Message(call.request(id, speaker, draw, dispatch.stamped))
            }
            Call::PutCompliance(items) => {
                Request::PutCompliance(compliance::upload(id, items, dispatch.stamped))
            }
        }
    }

    fn registration(&self, catalogue: &Catalogue, draw: Draw, public_key: String) -> RegisterManagedInstance {
        let cohort = self.identity.cohort(catalogue);
        let grant = cohort.identity.activations.of(self.identity.index);
        let (activation_id, activation_code) = grant.map(|grant| (grant.id, grant.code)).unzip();
        RegisterManagedInstance {
            activation_code,
            activation_id,
            fingerprint: self.fingerprint(catalogue, draw, 0),
            public_key,
            public_key_type: Some("Rsa".into()),
            ..RegisterManagedInstance::default()
        }
    }

    /// What tells this machine from others; it is another for the `time`-th use
    /// on a machine that became another one meanwhile.
    fn fingerprint(&self, catalogue: &Catalogue, draw: Draw, time: u64) -> String {
        if self.identity.cohort(catalogue).identity.kind == IdentityKind::Ec2 {
            return self.id(draw).to_string();
        }
        let is_changed = self.fault == Some(NodeFault::FingerprintMismatch);
        let draw = self.fingerprint_draw(catalogue, draw);
        uuid_text(draw.wide_bits("fingerprint", if is_changed { time } else { 0 }))
    }

    /// What this node tells of itself in its platform's place; nothing if that is another one.
    fn host<'a>(&self, catalogue: &'a Catalogue) -> Option<&'a HostFacts> {
        let cohort = self.identity.cohort(catalogue);
        cohort.host.as_deref().filter(|_| self.misfit().is_none())
    }
}

fn probe(id: NodeId, agent_version: &str, platform: Platform) -> UpdateInstanceInformation {
    UpdateInstanceInformation {
        agent_name: Some("amazon-ssm-agent".into()),
        agent_status: None,
        agent_version: Some(agent_version.to_owned()),
        availability_zone: None,
        availability_zone_id: None,
        computer_name: None,
        ip_address: None,
        instance_id: id,
        platform_name: None,
        platform_type: Some(platform.kind),
        platform_version: None,
        ssm_connection_channel: None,
    }
}

fn heartbeat(
    id: NodeId,
    agent_version: &str,
    platform: Platform,
    host: Option<&HostFacts>,
    (draw, place): (Draw, Draw),
) -> UpdateInstanceInformation {
    let [a, b, c, d] = identity::ip_address(draw);
    let computer = host.and_then(|host| host.computer_name.clone());
    let address = host.and_then(|host| host.ip_address().map(str::to_owned));
    let (name, version) = platform_words(platform, host);
    // Only EC2 says in which zone a node is; the keys are there all the same.
    let (zone, zone_id) =
        if id.is_hybrid() { Default::default() } else { identity::availability_zone(place) };
    UpdateInstanceInformation {
        agent_status: Some("Active".into()),
        availability_zone: Some(zone),
        availability_zone_id: Some(zone_id),
        computer_name: Some(computer.unwrap_or_else(|| format!("ip-{a}-{b}-{c}-{d}.ec2.internal"))),
        ip_address: Some(address.unwrap_or_else(|| format!("{a}.{b}.{c}.{d}"))),
        platform_name: Some(name.to_owned()),
        platform_version: Some(version.to_owned()),
        // Empty until a channel of messages is known.
        ssm_connection_channel: Some(String::new()),
        ..probe(id, agent_version, platform)
    }
}

/// What a platform is called, and its version.
fn platform_words(platform: Platform, host: Option<&HostFacts>) -> (&str, &str) {
    let name = host.and_then(|host| host.platform_name.as_deref());
    let version = host.and_then(|host| host.platform_version.as_deref());
    (name.unwrap_or(platform.platform_name), version.unwrap_or(platform.platform_version))
}

/// What is told of the work on a package. Of its steps only the two that everyone takes.
fn package_result(
    id: NodeId,
    platform: Platform,
    host: Option<&HostFacts>,
    place: Draw,
    result: &PackageResult,
) -> PutConfigurePackageResult {
    let (name, version) = platform_words(platform, host);
    let (zone, _) = if id.is_hybrid() { Default::default() } else { identity::availability_zone(place) };
    let architecture = if platform.user_agent_system.ends_with("arm64") { "arm64" } else { "x86_64" };
    let attributes = [
        ("architecture", architecture),
        ("availabilityZone", &zone),
        ("instanceID", id.as_str()),
        ("instanceType", if id.is_hybrid() { "" } else { "m5.large" }),
        ("platformName", name),
        ("platformVersion", version),
        ("region", "us-east-1"),
    ];
    let took = i64::try_from(result.took.as_milliseconds()).unwrap_or(i64::MAX);
    let step = |action: String, result, timing| ConfigurePackageResultStep { action, result, timing };
    PutConfigurePackageResult {
        attributes: attributes.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        operation: result.operation.clone(),
        overall_timing: took,
        package_name: result.name.clone(),
        package_version: result.version.clone(),
        previous_package_version: None,
        result: i64::from(result.code),
        steps: vec![
            step("download manifest".to_owned(), 0, 0),
            step(format!("prepare {}", result.operation), i64::from(result.code), took),
        ],
    }
}
