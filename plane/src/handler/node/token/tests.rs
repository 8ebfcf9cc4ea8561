//! Tokens and keys, by the name of who asks.

use shared::error::ErrorCode::{self, *};
use shared::id::NodeId;
use shared::time::Period;
use shared::wire::{
    RegisterManagedInstance, RequestManagedInstanceRoleToken, UpdateManagedInstancePublicKey,
};

use crate::auth::Caller;
use crate::config::PlaneConfig;
use crate::service::Service;
use crate::testing::World;

const UUID: &str = "57c76b12-b73e-41bc-aaf9-3fffb51e7fbc";

fn key(letter: &str) -> String {
    format!("MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA{}IDAQAB", letter.repeat(342))
}

fn registered(world: &World) -> NodeId {
    let call = RegisterManagedInstance {
        fingerprint: UUID.into(),
        public_key: key("B"),
        iam_role: Some("Nodes".into()),
        ..RegisterManagedInstance::default()
    };
    world.call(call).unwrap().instance_id
}

fn ask(world: &World, caller: Caller, fingerprint: &str) -> Result<(String, bool), ErrorCode> {
    let call = RequestManagedInstanceRoleToken { fingerprint: fingerprint.into() };
    let reply = world.plane.call_for(world.now, caller, call);
    reply.map(|reply| (reply.access_key_id, reply.update_key_pair)).map_err(|error| error.code)
}

fn change(world: &World, caller: Caller, key: String) -> Option<ErrorCode> {
    let call = UpdateManagedInstancePublicKey { new_public_key: key, new_public_key_type: "Rsa".into() };
    world.plane.call_for(world.now, caller, call).err().map(|error| error.code)
}

#[test]
fn credentials_go_to_who_signs_with_its_key_and_has_its_fingerprint() {
    let world = World::new();
    let node = registered(&world);
    let instance: NodeId = crate::testing::ONE.parse().unwrap();
    let stranger = NodeId::hybrid(1);
    let cases = [
        (Caller::Key(node), "another", Err(MachineFingerprintDoesNotMatch)),
        (Caller::Key(stranger), UUID, Err(InvalidInstanceId)),
        (Caller::Key(instance), instance.as_str(), Err(InvalidInstanceId)),
        (Caller::Session(node), UUID, Err(AccessDeniedException)),
        (Caller::Account, UUID, Err(AccessDeniedException)),
        (Caller::Nobody, UUID, Err(MissingAuthenticationTokenException)),
    ];
    for (caller, fingerprint, expected) in cases {
        assert_eq!(ask(&world, caller, fingerprint).map(|_| ()), expected, "{caller:?}");
    }
    let (first, asks_for_another) = ask(&world, Caller::Key(node), UUID).unwrap();
    let (second, _) = ask(&world, Caller::Key(node), UUID).unwrap();
    assert!(!asks_for_another && first != second, "{first} {second}");
}

#[test]
fn a_key_that_is_old_is_to_be_changed() {
    let mut world = World::with(PlaneConfig { key_lifetime: Some(Period::days(1)), ..World::config() });
    let node = Caller::Key(registered(&world));
    let is_asked = |world: &World| ask(world, node, UUID).unwrap().1;
    assert!(!is_asked(&world));
    world.pass(Period::days(1));
    let config = PlaneConfig { key_lifetime: Some(Period::days(1)), ..World::config() };
    world.plane = Service::restore(config, &world.plane.snapshot().unwrap()).unwrap();
    assert!(is_asked(&world), "a restart makes no key younger");
    let cases = [
        (node, key("B"), Some(PublicKeyAlreadyRegistered)),
        (node, "x".repeat(392), Some(InvalidPublicKey)),
        (Caller::Account, key("C"), Some(AccessDeniedException)),
        (Caller::Key(NodeId::hybrid(1)), key("C"), Some(InvalidInstanceId)),
        (node, key("C"), None),
        (node, key("B"), None),
    ];
    for (caller, key, expected) in cases {
        assert_eq!(change(&world, caller, key), expected);
    }
    assert!(!is_asked(&world));
}
