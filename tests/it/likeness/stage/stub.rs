//! The other side of the socket: it answers as the recorded stub did, and writes
//! down what comes in.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agent::client::Clock;
use shared::frame::Frame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

use super::super::json::Json;
use super::super::recording::Call;
use super::channel::{self, Jobs};
use super::clock::BenchClock;

/// Answers as the recorded stub did: to each operation in its order, and with a
/// document to whoever asks for it by its name.
pub(super) struct Stub {
    clock: BenchClock,
    answers: Mutex<BTreeMap<String, VecDeque<Call>>>,
    heard: watch::Sender<Vec<Call>>,
    /// Where the jobs go that the next control channel is to push.
    jobs: Mutex<mpsc::UnboundedSender<Frame>>,
}

/// What came in over a connection.
enum Asked {
    /// A call, and what it is answered.
    Call(u16, String),
    /// To make the connection a control channel.
    Channel(Call),
}

impl Stub {
    pub(super) fn of(recorded: &[Call], clock: BenchClock) -> Self {
        let mut answers: BTreeMap<String, VecDeque<Call>> = BTreeMap::new();
        for call in recorded {
            answers.entry(asked(&call.operation, &call.body)).or_default().push_back(call.clone());
        }
        let (jobs, _) = mpsc::unbounded_channel();
        Self { clock, answers: answers.into(), heard: watch::Sender::default(), jobs: jobs.into() }
    }

    pub(super) fn clock(&self) -> &BenchClock {
        &self.clock
    }

    /// Takes whatever connections come.
    pub(super) async fn serve(self: Arc<Self>, listener: TcpListener) {
        for number in 0.. {
            let (stream, _) = listener.accept().await.expect("a listener on this machine accepts");
            tokio::spawn(Arc::clone(&self).answer_all(stream, number));
        }
    }

    async fn answer_all(self: Arc<Self>, mut stream: TcpStream, connection: u64) {
        stream.set_nodelay(true).expect("a socket takes it");
        while let Some((head, body)) = request(&mut stream).await {
            let (status, text) = match self.answer(&head, &body, connection) {
                Asked::Call(status, text) => (status, text),
                Asked::Channel(opening) => {
                    let jobs = self.jobs();
                    return channel::serve(self, stream, opening, jobs).await;
                }
            };
            let length = text.len();
            let reply = format!("HTTP/1.1 {status} Said\r\nContent-Length: {length}\r\n\r\n{text}");
            if stream.write_all(reply.as_bytes()).await.is_err() {
                return;
            }
        }
    }

    /// Writes a call down, and says what it is answered.
    fn answer(&self, head: &str, body: &str, connection: u64) -> Asked {
        let lines = head.split("\r\n").skip(1).filter(|line| !line.is_empty());
        let headers: Vec<(String, String)> = lines
            .map(|line| line.split_once(": ").expect("a header has a name"))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let target =
            headers.iter().find(|(name, _)| name == "X-Amz-Target").map(|(_, target)| target.as_str());
        let operation = match target {
            Some(target) => target.rsplit('.').next().unwrap_or_default(),
            None if head.starts_with("GET ") => "OpenControlChannel",
            None => "CreateControlChannel",
        };
        let operation = operation.to_owned();
        let body = Json::parse(body);
        let answered = lock(&self.answers).get_mut(&asked(&operation, &body)).and_then(VecDeque::pop_front);
        let (status, error, reply, is_held) = match answered {
            Some(call) => (call.status, call.error, call.reply, call.is_held),
            None => (200, None, Json::Object(Vec::new()), false),
        };
        let text = match (&error, &reply) {
            (Some(code), _) => refusal(code, &body),
            (None, Json::Null) if operation == "CreateControlChannel" => channel::made(status).to_owned(),
            (None, Json::Null) => "{}".to_owned(),
            (None, reply) => reply.write(),
        };
        let at = self.clock.wall().as_secs_f64();
        let is_opening = operation == "OpenControlChannel";
        let call = Call { at, operation, headers, body, status, error, reply, is_held, connection };
        if is_opening {
            return Asked::Channel(call);
        }
        self.write_down(call);
        Asked::Call(status, text)
    }

    /// Writes down what came in.
    pub(super) fn write_down(&self, call: Call) {
        self.heard.send_modify(|heard| heard.push(call));
    }

    /// What was written down.
    pub(super) fn heard(&self) -> Vec<Call> {
        self.heard.borrow().clone()
    }

    /// How much was written down.
    pub(super) fn count(&self) -> usize {
        self.heard.borrow().len()
    }

    /// Waits until more than this is written down.
    pub(super) async fn hears_more_than(&self, count: usize) {
        let mut heard = self.heard.subscribe();
        heard.wait_for(|heard| heard.len() > count).await.expect("the stub is there");
    }

    /// Whether the recorded stub held back the answer that was given last.
    pub(super) fn holds(&self) -> bool {
        self.heard.borrow().last().is_some_and(|call| call.is_held)
    }

    /// Pushes a job over the control channel.
    pub(super) fn push(&self, job: Frame) {
        lock(&self.jobs).send(job).expect("a control channel is open");
    }

    /// From now on jobs go here.
    fn jobs(&self) -> Jobs {
        let (sender, jobs) = mpsc::unbounded_channel();
        *lock(&self.jobs) = sender;
        jobs
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The answers of which queue a call takes.
fn asked(operation: &str, body: &Json) -> String {
    match (operation, body.get("Name").and_then(Json::text)) {
        ("GetDocument", Some(name)) => format!("{operation} {name}"),
        _ => operation.to_owned(),
    }
}

/// A refusal as the recorded stub spelled it.
fn refusal(code: &str, body: &Json) -> String {
    let message = match (code, body.get("Name").and_then(Json::text)) {
        ("InvalidDocument", Some(name)) => format!("Document with name {name} does not exist."),
        _ => "refused".to_owned(),
    };
    let members = [("__type", code.to_owned()), ("message", message)];
    Json::Object(members.map(|(name, value)| (name.to_owned(), Json::Text(value))).to_vec()).write()
}

/// The next request's head and body; nothing once the other side has closed.
async fn request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).expect("a head is plain text");
    let value = |name: &str| {
        head.split("\r\n")
            .filter_map(|line| line.split_once(": "))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    };
    let body = match (value("Content-Length"), value("Transfer-Encoding")) {
        (Some(length), _) => {
            let mut body = vec![0; length.parse().expect("a length is a number")];
            stream.read_exact(&mut body).await.ok()?;
            body
        }
        (None, Some(_)) => chunks(stream).await?,
        (None, None) => Vec::new(),
    };
    Some((head.clone(), String::from_utf8(body).expect("a body is text")))
}

/// A body in chunks, to its last one.
async fn chunks(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.push(stream.read_u8().await.ok()?);
        }
        let length = std::str::from_utf8(&line).ok()?.trim();
        let length = usize::from_str_radix(length, 16).expect("a chunk begins with its length");
        let mut chunk = vec![0; length + 2];
        stream.read_exact(&mut chunk).await.ok()?;
        if length == 0 {
            return Some(body);
        }
        body.extend_from_slice(&chunk[..length]);
    }
}
