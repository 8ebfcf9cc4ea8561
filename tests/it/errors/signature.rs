//! Refusals of signatures: the names and reasons of F.3, for calls of nodes and of clients.

use agent::client::key::KeyPool;
use agent::credentials::{Session, SignedBy};
use plane::config::{PlaneConfig, Signatures};
use serde_json::{Value, json};
use shared::id::NodeId;
use shared::time::Period;

use super::rows::hybrid;
use super::{activate, check, config};
use crate::served::{Answer, Served, and};

const LIST: &str = "AmazonSSM.ListAssociations";

/// Registers a machine with the first key, which gets credentials for an hour.
async fn session(plane: &Served, keys: &KeyPool) -> (NodeId, Session) {
    let activation = activate(plane, json!({})).await;
    let key = keys.public_key(0).expect("there is one");
    let reply =
        plane.done("RegisterManagedInstance", &and(hybrid(&activation), json!({"PublicKey": key}))).await;
    let node: NodeId = reply["InstanceId"].as_str().expect("an id").parse().expect("it is one");
    let target = "AmazonSSM.RequestManagedInstanceRoleToken";
    let body = json!({"Fingerprint": "57c76b12-b73e-41bc-aaf9-3fffb51e7fbc"}).to_string().into_bytes();
    let by = SignedBy::Key(node, 0);
    let signature = plane.signature(&by, keys, target, &body, plane.now());
    let answer = plane.post_with(&signature, target, body.clone()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let text = |key: &str| answer.body[key].as_str().expect("a text").to_owned();
    let (id, secret, token) = (text("AccessKeyId"), text("SecretAccessKey"), text("SessionToken"));
    let expires = plane.now() + Period::hours(1);
    // The other key is not the node's.
    let signature = plane.signature(&SignedBy::Key(node, 1), keys, target, &body, plane.now());
    refuses("InvalidSignatureException", "does not match", &plane.post_with(&signature, target, body).await);
    (node, Session::new(&id, &secret, &token, expires))
}

fn refuses(name: &'static str, reason: &str, answer: &Answer) {
    check(&(name, "a signed call", Value::Null), answer, false);
    assert!(answer.message().contains(reason), "{name}: {}", answer.body);
}

#[tokio::test]
async fn a_signature_with_issued_credentials_is_checked_to_the_last_byte() {
    let plane = Served::new(PlaneConfig { signatures: Signatures::Check, ..config() }).await;
    let keys = KeyPool::generate(2).expect("keys can be made");
    let (node, session) = session(&plane, &keys).await;
    let other_secret = Session::new(session.access_key_id(), "another", session.token(), session.expires);
    let credentials = session.credentials();
    let other_token =
        Session::new(session.access_key_id(), &credentials.secret_access_key, "another", session.expires);
    let sign = |session: &Session, minutes: i64| {
        let apart = Period::minutes(minutes.unsigned_abs());
        let now = if minutes < 0 { plane.now() - apart } else { plane.now() + apart };
        let by = SignedBy::Session(session.clone());
        plane.signature(&by, &keys, "AmazonSSM.UpdateInstanceInformation", b"{}", now)
    };
    let (mismatch, unknown) = ("the signature you provided", "The security token included in the request is");
    let cases = [
        (sign(&other_secret, 0), "InvalidSignatureException", mismatch),
        (sign(&other_token, 0), "UnrecognizedClientException", unknown),
        (sign(&session, -6), "InvalidSignatureException", "Signature expired: "),
        (sign(&session, 6), "InvalidSignatureException", "Signature not yet current: "),
    ];
    let target = "AmazonSSM.UpdateInstanceInformation";
    for (signature, name, reason) in cases {
        refuses(name, reason, &plane.post_with(&signature, target, b"{}".to_vec()).await);
    }
    let good = sign(&session, 0);
    refuses("InvalidSignatureException", mismatch, &plane.post_with(&good, target, b"{ }".to_vec()).await);
    let undated: Vec<_> = good.iter().filter(|(name, _)| *name != "x-amz-date").cloned().collect();
    let answer = plane.post_with(&undated, target, b"{}".to_vec()).await;
    refuses("IncompleteSignatureException", "X-Amz-Date", &answer);
    let answer = plane.post_with(&good, target, b"{}".to_vec()).await;
    refuses("ValidationException", "", &answer);

    plane.pass_to(plane.now() + Period::hours(1));
    let answer = plane.post_with(&sign(&session, 0), target, b"{}".to_vec()).await;
    refuses("ExpiredTokenException", "The security token included in the request is expired", &answer);
    plane.done("DeregisterManagedInstance", &json!({"InstanceId": node})).await;
    let body = json!({"Fingerprint": "57c76b12-b73e-41bc-aaf9-3fffb51e7fbc"}).to_string().into_bytes();
    let target = "AmazonSSM.RequestManagedInstanceRoleToken";
    let signature = plane.signature(&SignedBy::Key(node, 0), &keys, target, &body, plane.now());
    refuses("InvalidInstanceId", node.as_str(), &plane.post_with(&signature, target, body).await);
    plane.end().await;
}

#[tokio::test]
async fn a_signature_that_is_missing_or_malformed_is_refused_by_name() {
    let plane = Served::new(PlaneConfig { signatures: Signatures::Require, ..config() }).await;
    assert_eq!(
        plane.call("ListAssociations", &json!({})).await.status,
        200,
        "signed by a key of the account"
    );
    let cases = [
        (None, "MissingAuthenticationTokenException", "Missing Authentication Token"),
        (Some("Basic abc"), "IncompleteSignatureException", "AWS4-HMAC-SHA256"),
        (Some("AWS4-HMAC-SHA256"), "IncompleteSignatureException", "AWS4-HMAC-SHA256"),
    ];
    for (authorization, name, reason) in cases {
        let headers: Vec<_> =
            authorization.map(|text| ("authorization", text.to_owned())).into_iter().collect();
        refuses(name, reason, &plane.post_with(&headers, LIST, b"{}".to_vec()).await);
    }
    plane.end().await;
}
