//! Signatures, good and bad, before a plane that checks them.

use std::collections::BTreeMap;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PSS_SHA256, RsaKeyPair};
use axum::http::HeaderValue;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::error::ErrorCode::{self, *};
use shared::seed::Seed;
use shared::signature::Scope;
use shared::signature::{ALGORITHM, Credentials};

use super::*;
use crate::config::PlaneConfig;
use crate::service::Service;

const NOW: Timestamp = Timestamp::from_seconds(1_741_608_000);
const TOKEN: &str = "RequestManagedInstanceRoleToken";
const HEARTBEAT: &str = "UpdateInstanceInformation";
const UUID: &str = "57c76b12-b73e-41bc-aaf9-3fffb51e7fbc";

/// A request of the real agent, recorded with its key's public half.
#[derive(Deserialize)]
struct Recorded {
    public_key_spki_b64: String,
    headers: BTreeMap<String, String>,
    body: String,
    canonical_request: String,
    string_to_sign: String,
    signature_b64: String,
}

fn recorded() -> Recorded {
    serde_json::from_str(include_str!("rsa-token-request-vector.json")).unwrap()
}

fn header_map<'a>(headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> HeaderMap {
    let pairs = headers.into_iter();
    pairs.map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap())).collect()
}

fn guard() -> Guard {
    Guard { signatures: Signatures::Check, skew: Period::minutes(5), vault: Arc::new(Vault::new(Seed(7))) }
}

#[test]
fn a_recorded_request_of_the_real_agent_is_signed_as_we_think() {
    let recorded = recorded();
    verify(&recorded.public_key_spki_b64, &recorded.string_to_sign, &recorded.signature_b64).unwrap();
    let authorization = Authorization::parse(&recorded.headers["Authorization"]).unwrap();
    assert_eq!(authorization.signature, recorded.signature_b64);
    let lower: BTreeMap<String, &str> =
        recorded.headers.iter().map(|(name, value)| (name.to_lowercase(), value.as_str())).collect();
    let headers: Vec<(&str, &str)> =
        authorization.signed_headers.split(';').map(|name| (name, lower[name])).collect();
    let body = recorded.body.as_bytes();
    let request = SignedRequest { method: "POST", path: "/", query: "", headers: &headers, body };
    assert_eq!(request.canonical(), recorded.canonical_request);
    let date = SigningTime::parse(lower["x-amz-date"]).unwrap();
    assert_eq!(string_to_sign(&date, &authorization.scope, &request.canonical()), recorded.string_to_sign);

    let map = header_map(recorded.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let node: NodeId = "mi-0123456789abcdef0".parse().unwrap();
    let caller = |now: Timestamp, key: &str, body: &[u8]| {
        let request = Signed { place: Place::API, headers: &map, body };
        guard().caller(now, request, |_| Some(key.into())).map_err(|error| error.code)
    };
    let (now, key) = (date.instant(), recorded.public_key_spki_b64.as_str());
    assert_eq!(caller(now, key, body), Ok(Caller::Key(node)));
    assert_eq!(caller(now, key, b"{}"), Err(InvalidSignatureException), "another body");
    assert_eq!(caller(now + Period::minutes(6), key, body), Err(InvalidSignatureException), "too late");
    let request = Signed { place: Place::API, headers: &map, body };
    let unknown = guard().caller(now, request, |_| None).map_err(|error| error.code);
    assert_eq!(unknown, Err(InvalidInstanceId));
}

/// A plane with one hybrid node and its key.
struct World {
    plane: Service,
    node: String,
    key: RsaKeyPair,
}

fn key_pair() -> (RsaKeyPair, String) {
    let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
    let text = STANDARD.encode(der.as_ref());
    (key, text)
}

impl World {
    fn new(config: PlaneConfig) -> Self {
        let plane = Service::new(PlaneConfig { seed: Seed(7), ..config });
        let activation = post(&plane, "CreateActivation", &json!({"IamRole": "Nodes"}));
        let (key, public_key) = key_pair();
        let call = json!({
            "ActivationId": activation["ActivationId"], "ActivationCode": activation["ActivationCode"],
            "Fingerprint": UUID, "PublicKey": public_key, "PublicKeyType": "Rsa",
        });
        let headers = [("x-amz-target", "AmazonSSM.RegisterManagedInstance")];
        let reply = plane.respond_signed(NOW, &header_map(headers), call.to_string().as_bytes());
        assert_eq!(reply.status, 200, "an activation needs no signature");
        let reply: Value = serde_json::from_slice(&reply.body).unwrap();
        Self { plane, node: reply["InstanceId"].as_str().unwrap().to_owned(), key }
    }

    /// A request's headers, signed by whoever `sign` is.
    fn headers(
        &self,
        now: Timestamp,
        operation: &str,
        body: &str,
        who: &str,
        token: Option<&str>,
        sign: impl Fn(&str, &Scope<'_>) -> String,
    ) -> HeaderMap {
        let time = SigningTime::new(now);
        let target = format!("AmazonSSM.{operation}");
        let mut headers = vec![
            ("content-type", "application/x-amz-json-1.1"),
            ("host", "plane"),
            ("x-amz-date", time.as_str()),
        ];
        headers.extend(token.map(|token| ("x-amz-security-token", token)));
        headers.push(("x-amz-target", &target));
        let request =
            SignedRequest { method: "POST", path: "/", query: "", headers: &headers, body: body.as_bytes() };
        let scope = Scope { date: time.date(), region: "us-east-1", service: "ssm" };
        let signature = sign(&string_to_sign(&time, &scope, &request.canonical()), &scope);
        let authorization = Authorization {
            access_key_id: who,
            scope,
            signed_headers: &request.signed_headers(),
            signature: &signature,
        };
        let authorization = authorization.to_string();
        headers.push(("authorization", &authorization));
        header_map(headers)
    }

    fn send(&self, now: Timestamp, headers: &HeaderMap, body: &str) -> Result<Value, ErrorCode> {
        let response = self.plane.respond_signed(now, headers, body.as_bytes());
        let reply: Value = serde_json::from_slice(&response.body).unwrap();
        if response.status == 200 { Ok(reply) } else { Err(reply["__type"].as_str().unwrap().into()) }
    }

    /// A call signed with the node's own key.
    fn by_key(&self, now: Timestamp, operation: &str, body: &Value) -> Result<Value, ErrorCode> {
        let body = body.to_string();
        let sign = |text: &str, _: &Scope<'_>| rsa(&self.key, text);
        let headers = self.headers(now, operation, &body, &self.node, None, sign);
        self.send(now, &headers, &body)
    }

    /// A call signed with credentials.
    fn by(
        &self,
        now: Timestamp,
        credentials: &Credentials,
        operation: &str,
        body: &Value,
    ) -> Result<Value, ErrorCode> {
        let body = body.to_string();
        let sign = |text: &str, scope: &Scope<'_>| {
            SigningKey::derive(&credentials.secret_access_key, scope).sign(text).as_str().to_owned()
        };
        let token = credentials.session_token.as_deref();
        let headers = self.headers(now, operation, &body, &credentials.access_key_id, token, sign);
        self.send(now, &headers, &body)
    }

    fn token(&self, now: Timestamp) -> Credentials {
        credentials(&self.by_key(now, TOKEN, &json!({"Fingerprint": UUID})).unwrap())
    }
}

fn rsa(key: &RsaKeyPair, text: &str) -> String {
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PSS_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
    STANDARD.encode(signature)
}

fn credentials(reply: &Value) -> Credentials {
    let text = |key: &str| reply[key].as_str().unwrap().to_owned();
    Credentials {
        access_key_id: text("AccessKeyId"),
        secret_access_key: text("SecretAccessKey"),
        session_token: Some(text("SessionToken")),
    }
}

fn post(plane: &Service, operation: &str, body: &Value) -> Value {
    let response = plane.respond(NOW, &format!("AmazonSSM.{operation}"), body.to_string().as_bytes());
    let reply = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(response.status, 200, "{reply}");
    reply
}

#[test]
fn issued_credentials_are_accepted_until_they_expire() {
    let world = World::new(PlaneConfig::default());
    let held = world.token(NOW);
    let heartbeat = json!({"InstanceId": world.node});
    let by = |now, credentials: &Credentials| world.by(now, credentials, HEARTBEAT, &heartbeat);
    assert_eq!(by(NOW, &held), Ok(json!({})));
    let last = NOW + Period::minutes(60) - Period::milliseconds(1);
    assert_eq!(by(last, &held), Ok(json!({})));
    assert_eq!(by(NOW + Period::hours(1), &held), Err(ExpiredTokenException));

    let without_token = Credentials { session_token: None, ..held.clone() };
    let others_token = Credentials { session_token: world.token(NOW).session_token, ..held.clone() };
    let wrong_secret = Credentials { secret_access_key: "guessed".into(), ..held.clone() };
    let foreign = Credentials { access_key_id: "AKIAIOSFODNN7EXAMPLE".into(), ..held.clone() };
    let cases = [
        (without_token, Err(UnrecognizedClientException)),
        (others_token, Err(UnrecognizedClientException)),
        (wrong_secret, Err(InvalidSignatureException)),
        (foreign, Ok(json!({}))),
    ];
    for (credentials, expected) in cases {
        assert_eq!(by(NOW, &credentials), expected, "{credentials:?}");
    }
    let restored = Service::restore(
        PlaneConfig { seed: Seed(8), ..PlaneConfig::default() },
        &world.plane.snapshot().unwrap(),
    );
    let world = World { plane: restored.unwrap(), ..world };
    assert_eq!(world.by(NOW, &held, HEARTBEAT, &heartbeat), Ok(json!({})), "a restart takes nothing away");
    assert_ne!(world.token(NOW).access_key_id, held.access_key_id, "and gives nothing twice");
}

#[test]
fn a_header_that_is_wrong_is_refused_by_its_name() {
    let world = World::new(PlaneConfig { signatures: Signatures::Require, ..PlaneConfig::default() });
    let held = world.token(NOW);
    let body = json!({"InstanceId": world.node}).to_string();
    let sign = |text: &str, scope: &Scope<'_>| {
        SigningKey::derive(&held.secret_access_key, scope).sign(text).as_str().to_owned()
    };
    let good = world.headers(NOW, HEARTBEAT, &body, &held.access_key_id, held.session_token.as_deref(), sign);
    assert_eq!(world.send(NOW, &good, &body), Ok(json!({})));
    let with = |name: &'static str, value: Option<&str>| {
        let mut headers = good.clone();
        headers.remove(name);
        if let Some(value) = value {
            headers.insert(name, HeaderValue::from_str(value).unwrap());
        }
        world.send(NOW, &headers, &body)
    };
    let signature = good["authorization"].to_str().unwrap();
    let cases = [
        ("authorization", None, MissingAuthenticationTokenException),
        ("authorization", Some("Basic abc"), IncompleteSignatureException),
        ("authorization", Some(ALGORITHM), IncompleteSignatureException),
        ("x-amz-date", None, IncompleteSignatureException),
        ("x-amz-date", Some("yesterday"), IncompleteSignatureException),
        ("x-amz-date", Some("20250310T120001Z"), InvalidSignatureException),
        ("x-amz-date", Some("20250310T115459Z"), InvalidSignatureException),
        ("x-amz-date", Some("20250311T000000Z"), InvalidSignatureException),
        ("content-type", None, IncompleteSignatureException),
        ("host", Some("elsewhere"), InvalidSignatureException),
        ("x-amz-security-token", Some("abc"), UnrecognizedClientException),
        ("x-amz-target", Some("AmazonSSM.GetDocument"), InvalidSignatureException),
    ];
    for (name, value, code) in cases {
        assert_eq!(with(name, value), Err(code), "{name} {value:?}");
    }
    let unsigned_host = signature.replace("host;", "");
    assert_eq!(with("authorization", Some(&unsigned_host)), Err(IncompleteSignatureException));
    let other_body = json!({"InstanceId": "i-0123456789abcdef0"}).to_string();
    assert_eq!(world.send(NOW, &good, &other_body), Err(InvalidSignatureException));
    for (seconds, is_good) in [(-300, true), (-301, false), (300, true), (302, false)] {
        let now = Timestamp::from_seconds(1_741_608_000 + seconds);
        assert_eq!(world.send(now, &good, &body).is_ok(), is_good, "{seconds}");
    }
}

#[test]
fn without_a_signature_little_can_be_had() {
    let unsigned = |world: &World, operation: &str, body: &Value| {
        let target = format!("AmazonSSM.{operation}");
        world.send(NOW, &header_map([("x-amz-target", target.as_str())]), &body.to_string()).err()
    };
    let (_, public_key) = key_pair();
    let instance = json!({"Fingerprint": "i-0123456789abcdef0", "PublicKey": public_key});
    let checks = World::new(PlaneConfig::default());
    let requires = World::new(PlaneConfig { signatures: Signatures::Require, ..PlaneConfig::default() });
    let heartbeat = json!({"InstanceId": checks.node});
    assert_eq!(checks.node, requires.node, "ids follow from the seed");
    assert_eq!(unsigned(&checks, HEARTBEAT, &heartbeat), None);
    assert_eq!(unsigned(&requires, HEARTBEAT, &heartbeat), Some(MissingAuthenticationTokenException));
    for world in [checks, requires] {
        for (operation, body) in
            [(TOKEN, json!({"Fingerprint": UUID})), ("RegisterManagedInstance", instance.clone())]
        {
            assert_eq!(
                unsigned(&world, operation, &body),
                Some(MissingAuthenticationTokenException),
                "{operation}"
            );
        }
    }
}

#[test]
fn who_does_not_check_takes_the_caller_at_its_word() {
    let world = World::new(PlaneConfig { signatures: Signatures::Ignore, ..PlaneConfig::default() });
    let headers = |authorization: Option<&str>, operation: &str| {
        let target = format!("AmazonSSM.{operation}");
        let pairs = [("x-amz-target", target.as_str())];
        header_map(pairs.into_iter().chain(authorization.map(|value| ("authorization", value))))
    };
    let heartbeat = json!({"InstanceId": world.node}).to_string();
    for authorization in [
        None,
        Some("Basic abc"),
        Some("AWS4-HMAC-SHA256 Credential=A/d/r/ssm/aws4_request, SignedHeaders=host, Signature=0"),
    ] {
        assert_eq!(world.send(NOW, &headers(authorization, HEARTBEAT), &heartbeat), Ok(json!({})));
    }
    let scope = "20250310/us-east-1/ssm/aws4_request";
    let own = format!("AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders=host, Signature=0", world.node);
    let asked = json!({"Fingerprint": UUID}).to_string();
    let reply = world.send(NOW, &headers(Some(&own), TOKEN), &asked).unwrap();
    let held = credentials(&reply);
    assert_eq!(
        world.plane.session(
            NOW + Period::hours(2),
            &held.access_key_id,
            held.session_token.as_deref().unwrap()
        ),
        Ok(Caller::Session(world.node.parse().unwrap()))
    );
}

#[test]
fn an_instance_without_a_role_proves_its_key_over_its_signature() {
    let world = World::new(PlaneConfig::default());
    let id = "i-0123456789abcdef0";
    let (key, public_key) = key_pair();
    post(&world.plane, "RegisterManagedInstance", &json!({"Fingerprint": id, "PublicKey": public_key}));
    let body = json!({"Fingerprint": id}).to_string();
    let sign = |_: &str, _: &Scope<'_>| "0".repeat(64);
    let mut headers = world.headers(NOW, TOKEN, &body, "ASIAINSTANCEIDENTITY", Some("role"), sign);
    assert_eq!(world.send(NOW, &headers, &body), Err(AccessDeniedException), "the role alone will not do");
    let over = |text: &str| format!("Signature={}", rsa(&key, text));
    let authorization = headers["authorization"].to_str().unwrap().to_owned();
    headers.insert(ASYMMETRIC, HeaderValue::from_str(&over(&authorization)).unwrap());
    let held = credentials(&world.send(NOW, &headers, &body).unwrap());
    assert_eq!(world.by(NOW, &held, HEARTBEAT, &json!({"InstanceId": id})), Ok(json!({})));
    for (proof, code) in [
        (over("something else"), InvalidSignatureException),
        ("Signature=???".to_owned(), InvalidSignatureException),
        (rsa(&key, &authorization), IncompleteSignatureException),
    ] {
        headers.insert(ASYMMETRIC, HeaderValue::from_str(&proof).unwrap());
        assert_eq!(world.send(NOW, &headers, &body), Err(code), "{proof}");
    }
}

#[test]
fn a_deregistered_node_gets_no_more_credentials() {
    let world = World::new(PlaneConfig::default());
    let held = world.token(NOW);
    post(&world.plane, "DeregisterManagedInstance", &json!({"InstanceId": world.node}));
    let token = world.by_key(NOW, TOKEN, &json!({"Fingerprint": UUID}));
    assert_eq!(token, Err(InvalidInstanceId));
    let heartbeat = world.by(NOW, &held, HEARTBEAT, &json!({"InstanceId": world.node}));
    assert_eq!(heartbeat, Err(InvalidInstanceId), "what it still holds helps it no more");
}

#[test]
fn a_control_channel_is_signed_by_its_method_path_and_query() {
    let world = World::new(PlaneConfig { signatures: Signatures::Require, ..PlaneConfig::default() });
    let held = world.token(NOW);
    let path = format!("/v1/control-channel/{}", world.node);
    let opening = Place { method: "GET", path: &path, query: "role=subscribe&stream=input" };
    let time = SigningTime::new(NOW);
    let token = held.session_token.as_deref().unwrap();
    let headers = [("host", "plane"), ("x-amz-date", time.as_str()), ("x-amz-security-token", token)];
    let Place { method, path, query } = opening;
    let request = SignedRequest { method, path, query, headers: &headers, body: b"" };
    let scope = Scope { date: time.date(), region: "us-east-1", service: "ssmmessages" };
    let key = SigningKey::derive(&held.secret_access_key, &scope);
    let signature = key.sign(&string_to_sign(&time, &scope, &request.canonical()));
    let authorization = Authorization {
        access_key_id: &held.access_key_id,
        scope,
        signed_headers: &request.signed_headers(),
        signature: signature.as_str(),
    };
    let authorization = authorization.to_string();
    let signed = header_map(headers.into_iter().chain([("authorization", authorization.as_str())]));
    let unsigned = header_map(headers);
    let caller = |place, headers: &HeaderMap| {
        world.plane.caller_of(NOW, Signed { place, headers, body: b"" }).map_err(|refusal| refusal.code)
    };
    assert_eq!(caller(opening, &signed), Ok(Caller::Session(world.node.parse().unwrap())));
    assert_eq!(caller(opening, &unsigned), Err(MissingAuthenticationTokenException));
    for elsewhere in [
        Place { method: "POST", ..opening },
        Place { path: "/v1/control-channel/i-01234567", ..opening },
        Place { query: "", ..opening },
        Place::API,
    ] {
        assert_eq!(caller(elsewhere, &signed), Err(InvalidSignatureException), "{elsewhere:?}");
    }
}
