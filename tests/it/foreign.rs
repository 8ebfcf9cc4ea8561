//! A plane that knows nothing of simulated time: what it is told, and what it tells.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use fleet::clock::wall_now;
use serde_json::{Value, json};
use shared::operation::Operation;
use shared::time::Timestamp;
use shared::wire::{
    GetDocument, ListInstanceAssociations, PutComplianceItems, UpdateInstanceAssociationStatus,
};
use tokio::net::TcpListener;

use crate::bench::ONE_STEP;
use crate::live::LiveFleet;

/// What came in, and the date of the last end that was reported.
#[derive(Debug, Default)]
struct Heard {
    dates: Vec<f64>,
    ends: Vec<f64>,
}

type Plane = Arc<Mutex<Heard>>;

async fn answer(State(plane): State<Plane>, headers: HeaderMap, body: Bytes) -> String {
    let call: Value = serde_json::from_slice(&body).expect("a body is JSON");
    let mut heard = plane.lock().expect("nobody panics with the lock");
    let target = headers["x-amz-target"].to_str().expect("a target is plain text");
    let reply = match target {
        ListInstanceAssociations::TARGET => json!({ "Associations": [{
            "AssociationId": "00000000-0000-4000-8000-000000000001", "InstanceId": call["InstanceId"],
            "Name": "Only", "DocumentVersion": "1", "Checksum": "a", "DetailedStatus": "Success",
            "ScheduleExpression": "rate(30 minutes)", "LastExecutionDate": heard.ends.last() }] }),
        GetDocument::TARGET => json!({ "Name": "Only", "Content": ONE_STEP }),
        UpdateInstanceAssociationStatus::TARGET => {
            let result = &call["ExecutionResult"];
            let date = result["ExecutionDate"].as_f64().expect("a date is a number");
            heard.dates.push(date);
            if result["Status"] == "Success" {
                heard.ends.push(date);
            }
            json!({})
        }
        PutComplianceItems::TARGET => {
            let date = &call["ExecutionSummary"]["ExecutionTime"];
            heard.dates.push(date.as_f64().expect("a date is a number"));
            json!({})
        }
        _ => json!({ "InstanceId": "i-0123456789abcdef0" }),
    };
    reply.to_string()
}

/// An hour and three quarters of the fleet's in two seconds of the wall's.
const A_NODE: &str = "{name: foreign, seed: 1, time: {scale: 3000}, duration: 105m, \
     cohorts: [{name: all, platform: ubuntu-22.04, nodes: 1}]}";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_plane_hears_the_walls_dates_while_a_scale_shortens_the_nodes_waits() {
    let plane = Plane::default();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
    let url = format!("http://{}", listener.local_addr().expect("a listener has an address"));
    let app = Router::new().fallback(answer).with_state(plane.clone());
    tokio::spawn(async move { axum::serve(listener, app).await });

    let began = wall_now();
    LiveFleet { scenario: A_NODE, endpoint: &url, connections: 16 }.run(std::future::pending()).await;
    let ended = wall_now();

    let heard = plane.lock().expect("nobody panics with the lock");
    let within = |date: &f64| (Timestamp::seconds(began)..=Timestamp::seconds(ended)).contains(date);
    assert!(heard.dates.iter().all(within), "{began:?} to {ended:?}: {heard:?}");
    assert!(heard.dates.is_sorted(), "{heard:?}");
    // At the first poll, and then half an hour of the node's after each end.
    assert!((3..=4).contains(&heard.ends.len()), "{heard:?}");
}
