//! Channels of messages over real sockets: with the requests and frames that the
//! real agent was recorded to send.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use shared::frame::{AGENT_JOB, AGENT_JOB_ACK, AGENT_JOB_REPLY, AGENT_JOB_REPLY_ACK, Frame, MessageId};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::*;

const NODE: &str = "i-0123456789abcdef0";

type Socket = WebSocketStream<tokio::net::TcpStream>;

/// A plane that knows the node of the recordings.
async fn plane() -> (Server, Arc<Service>) {
    let service = Arc::new(Service::new(PlaneConfig { max_body: 100_000, ..PlaneConfig::default() }));
    let node: shared::id::NodeId = NODE.parse().unwrap();
    let heartbeat = json!({"InstanceId": node, "AgentName": "amazon-ssm-agent", "AgentVersion": "3.3.0.0", "PlatformType": "Linux"});
    let body = serde_json::to_vec(&heartbeat).unwrap();
    assert_eq!(service.respond(Still.now(), "AmazonSSM.UpdateInstanceInformation", &body).status, 200);
    (start(Arc::clone(&service), None).await, service)
}

fn create(node: &str) -> String {
    let body = r#"{"MessageSchemaVersion":"1.0","RequestId":"08cfba13-3e98-4df1-81e5-9d6c3d4d01f4"}"#;
    format!(
        "POST /v1/control-channel/{node} HTTP/1.1\r\nHost: plane\r\nUser-Agent: Go-http-client/1.1\r\nContent-Length: {}\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// Makes a control channel and opens it as the agent does.
async fn connect(address: SocketAddr) -> Socket {
    let answer = exchange(address, &create(NODE)).await;
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    let token = answer.split_once("<TokenValue>").unwrap().1.split_once("</TokenValue>").unwrap().0;
    let mut socket = upgrade(address).await;
    let open = json!({
        "Cookie": null, "MessageSchemaVersion": "1.0", "RequestId": "5eda97b6-e4ef-4375-a313-84c2e272d557",
        "TokenValue": token, "AgentVersion": "3.3.0.0", "PlatformType": "linux",
    });
    socket.send(Message::text(open.to_string())).await.unwrap();
    socket
}

async fn upgrade(address: SocketAddr) -> Socket {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let url = format!("ws://{address}/v1/control-channel/{NODE}?role=subscribe&stream=input");
    client_async(url, stream).await.unwrap().0
}

async fn call(address: SocketAddr, target: &str, body: &Value) -> Value {
    let answer = exchange(address, &post(target, &body.to_string())).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

async fn send_command(address: SocketAddr) -> String {
    let body = json!({"DocumentName": "AWS-RunShellScript", "InstanceIds": [NODE], "Parameters": {"commands": ["id"]}});
    let reply = call(address, "AmazonSSM.SendCommand", &body).await;
    reply["Command"]["CommandId"].as_str().unwrap().to_owned()
}

async fn next_frame(socket: &mut Socket) -> Frame {
    match socket.next().await.unwrap().unwrap() {
        Message::Binary(bytes) => Frame::decode(&bytes).unwrap(),
        other => panic!("{other:?} is no frame"),
    }
}

#[tokio::test]
async fn a_control_channel_carries_a_command_and_its_replies() {
    let (server, _) = plane().await;
    let mut socket = connect(server.address).await;
    socket.send(Message::Ping("keepalive".into())).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::Pong("keepalive".into()));
    let status = call(server.address, "AmazonSSM.GetConnectionStatus", &json!({"Target": NODE})).await;
    assert_eq!(status["Status"], "connected");

    let id = send_command(server.address).await;
    let job = next_frame(&mut socket).await;
    assert_eq!((job.message_type.as_str(), job.created), (AGENT_JOB, Still.now()));
    let payload: Value = serde_json::from_slice(&job.payload).unwrap();
    let job_id = format!("aws.ssm.{id}.{NODE}");
    assert_eq!(payload["JobId"], job_id);

    let ack = json!({
        "jobId": job_id, "acknowledgedMessageId": job.id, "createdDate": "2025-03-10T12:00:00.000Z",
        "statusCode": "200", "errorMessage": "Successful",
    });
    let reply = json!({"schemaVersion": 1, "jobId": job_id, "topic": "aws.ssm.sendCommand", "content": json!({
        "additionalInfo": {"agent": {"lang": "en-US", "name": "amazon-ssm-agent", "os": "linux", "osver": "1", "ver": "3.3.0.0"},
            "dateTime": "2026-11-23T04:26:29.971Z", "runId": "", "runtimeStatusCounts": null},
        "documentStatus": "Success", "documentTraceOutput": "", "runtimeStatus": {"aws:runShellScript": {
            "status": "Success", "code": 0, "name": "aws:runShellScript", "output": "hi\n",
            "startDateTime": "2026-11-23T04:26:29.991Z", "endDateTime": "2026-11-23T04:26:30.009Z",
            "outputS3BucketName": "", "outputS3KeyPrefix": "", "stepName": "", "standardOutput": "hi\n", "standardError": "",
        }},
    }).to_string()});
    for (message_type, payload) in [(AGENT_JOB_ACK, ack), (AGENT_JOB_REPLY, reply)] {
        let frame =
            Frame::new(message_type, Still.now(), MessageId::from_bits(5), payload.to_string().into());
        socket.send(Message::binary(frame.encode())).await.unwrap();
    }
    let ack = next_frame(&mut socket).await;
    assert_eq!(ack.message_type, AGENT_JOB_REPLY_ACK);
    let payload: Value = serde_json::from_slice(&ack.payload).unwrap();
    assert_eq!(payload, json!({"jobId": job_id, "acknowledgedMessageId": MessageId::from_bits(5)}));
    let body = json!({"CommandId": id, "InstanceId": NODE});
    let part = call(server.address, "AmazonSSM.GetCommandInvocation", &body).await;
    assert_eq!((&part["Status"], &part["StandardOutputContent"]), (&json!("Success"), &json!("hi\n")));

    server.stop.send(()).unwrap();
    assert!(matches!(socket.next().await, Some(Ok(Message::Close(_)))), "the plane says that it ends");
    server.served.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_channel_that_shows_no_token_or_speaks_nonsense_is_closed() {
    let (server, service) = plane().await;
    for first in [Message::text("{}"), Message::binary("{}")] {
        let mut socket = upgrade(server.address).await;
        socket.send(first).await.unwrap();
        assert!(matches!(socket.next().await, Some(Ok(Message::Close(Some(_))))));
    }
    let mut socket = connect(server.address).await;
    socket.send(Message::binary("nonsense")).await.unwrap();
    let closed = socket.next().await.unwrap().unwrap();
    assert!(matches!(&closed, Message::Close(Some(frame)) if frame.reason.contains("shorter")), "{closed:?}");
    while socket.next().await.is_some_and(|frame| frame.is_ok()) {}
    let is_open = || service.state().channels.is_open(NODE.parse().unwrap());
    while is_open() {
        tokio::task::yield_now().await;
    }
    let cases = [
        (create("i-0ddddddddddddddd1"), "400", "<InvalidInstanceId>"),
        (create("nonsense"), "400", "<ValidationException>"),
        (create(NODE).replace("RequestId", "RequestIx"), "400", "RequestId"),
        (create(NODE).replace("POST", "GET"), "400", "WebSocket"),
        (create(NODE).replace("POST", "PUT"), "405", "POST"),
    ];
    for (request, status, fragment) in cases {
        let answer = exchange(server.address, &request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
        assert!(answer.contains(fragment), "{request}: {answer}");
    }
    server.stop.send(()).unwrap();
    server.served.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_question_for_messages_is_held_until_there_is_one_or_the_plane_ends() {
    let (server, service) = plane().await;
    let question = json!({
        "Destination": NODE, "MessagesRequestId": "831391d8-4ed9-4072-a060-5d554c17d691", "VisibilityTimeoutInSeconds": 10,
    });
    let target = "EC2WindowsMessageDeliveryService.GetMessages";
    let ask = || {
        tokio::spawn({
            let (address, question) = (server.address, question.clone());
            async move { call(address, target, &question).await }
        })
    };
    let reaches = || service.state().channels.reaches(NODE.parse().unwrap(), Still.now());
    let held = ask();
    while !reaches() {
        tokio::task::yield_now().await;
    }
    let id = send_command(server.address).await;
    let answer = held.await.unwrap();
    assert_eq!(answer["Messages"][0]["MessageId"], format!("aws.ssm.{id}.{NODE}"));
    let held = ask();
    tokio::task::yield_now().await;
    server.stop.send(()).unwrap();
    let answer = held.await;
    if let Ok(answer) = answer {
        assert_eq!(answer["Messages"], json!([]), "the end lets it go");
    }
    server.served.await.unwrap().unwrap();
}

#[tokio::test]
async fn the_same_is_served_under_tls() {
    let service = Arc::new(Service::new(config()));
    let certificate = tls::Certificate::generate("127.0.0.1".parse().unwrap()).unwrap();
    let (plain, secure) =
        (TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let (address, plain_address) = (secure.local_addr().unwrap(), plain.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let end = async move { _ = stopped.await };
    let roots = {
        use rustls::pki_types::pem::PemObject;
        let mut roots = rustls::RootCertStore::empty();
        let der = rustls::pki_types::CertificateDer::from_pem_slice(certificate.pem().as_bytes()).unwrap();
        roots.add(der).unwrap();
        roots
    };
    let served = tokio::spawn(serve(plain, Some((secure, certificate)), service, Still, None, end));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    // A handshake that never comes keeps nobody waiting.
    let silent = tokio::net::TcpStream::connect(address).await.unwrap();
    for host in ["localhost", "127.0.0.1"] {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let name = rustls::pki_types::ServerName::try_from(host).unwrap();
        let mut stream = connector.connect(name, stream).await.unwrap();
        stream.write_all(post("AmazonSSM.ListAssociations", "{}").as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8(answer).unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(r#"{"Associations":[]}"#),
            "{answer}"
        );
    }
    let answer = exchange(plain_address, &post("AmazonSSM.ListAssociations", "{}")).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    drop(silent);
    stop.send(()).unwrap();
    served.await.unwrap().unwrap();
}
