//! The plane behind a socket: `POST /`, AWS JSON 1.1; beside it the control
//! channels of `ssmmessages`. The same is served in the clear and, where asked
//! for, under TLS.
//!
//! A request's headers and bytes go to [`Service::respond_signed`] as they are, those under
//! `/_fleet` to the admin API if the caller may use it. Beside the
//! connections run the plane's own timers, and, where a file is named, the
//! keeping of its state. All of it ends when `shutdown` does: what is under
//! way is let finish within a grace period, then the state is written once more.

mod channel;
mod keep;
mod message;
pub mod tls;

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use axum::serve::{IncomingStream, Listener};
use shared::error::{ApiError, ErrorCode};
use shared::time::{Period, Timestamp};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::error;

use crate::admin;
use crate::auth;
use crate::config::AdminAccess;
use crate::service::{self, Service};
use tls::{Certificate, TlsListener};

/// How long connections may take to finish once the end was announced.
const GRACE: Duration = Duration::from_secs(5);

/// A body that is too large is read on up to this size, and thrown away, so that who
/// writes it hears that it is.
const READ_ON: u64 = 64 << 20;

/// What tells the plane the time, and lets it wait.
pub trait Clock: Clone + Send + Sync + 'static {
    /// The instant, simulated or not, that it is.
    fn now(&self) -> Timestamp;

    /// Waits for an instant of that clock.
    fn sleep_until(&self, at: Timestamp) -> impl Future<Output = ()> + Send;

    /// Waits for so long by the clock on the wall.
    fn sleep_wall(&self, wall: Duration) -> impl Future<Output = ()> + Send;
}

/// Why the plane could not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The listener failed.
    #[error("connections cannot be accepted")]
    Accept(#[source] io::Error),
    /// The state cannot be written.
    #[error("state of the plane cannot be written to {}", file.display())]
    Keep {
        /// Where to.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Whether the state can be kept in this file: better said before a plane
/// serves than when it ends.
pub fn check_state_file(file: &Path) -> Result<(), ServeError> {
    keep::check(file).map_err(|source| ServeError::Keep { file: file.to_owned(), source })
}

/// Serves until `shutdown` completes. With a `state_file` the state is written
/// there every ten seconds of wall time if it changed, after each association or
/// document that is made, and at the end.
pub async fn serve<C: Clock>(
    listener: TcpListener,
    tls: Option<(TcpListener, Certificate)>,
    service: Arc<Service>,
    clock: C,
    state_file: Option<PathBuf>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let (stop, stopped) = watch::channel(false);
    let mut tasks = JoinSet::new();
    tasks.spawn(run_timers(Arc::clone(&service), clock.clone(), stopped.clone()));
    if let Some(file) = state_file.clone() {
        tasks.spawn(keep::keep(Arc::clone(&service), clock.clone(), file, stopped.clone()));
    }

    let max_body = service.max_body();
    let door =
        Door { service: Arc::clone(&service), clock: clock.clone(), max_body, stopped: stopped.clone() };
    let app = Router::new().fallback(answer::<C>).with_state(door);
    let app = app.into_make_service_with_connect_info::<Peer>();
    let plain =
        axum::serve(PlainListener(listener), app.clone()).with_graceful_shutdown(told(stopped.clone()));
    let secure = async {
        match tls {
            Some((listener, certificate)) => {
                let listener = TlsListener::new(listener, &certificate);
                axum::serve(listener, app).with_graceful_shutdown(told(stopped)).await
            }
            None => Ok(()),
        }
    };
    let server = async { tokio::try_join!(plain.into_future(), secure).map(|_| ()) };
    let mut server = std::pin::pin!(server);

    let outcome = tokio::select! {
        outcome = &mut server => outcome,
        () = shutdown => {
            stop.send_replace(true);
            tokio::select! {
                outcome = &mut server => outcome,
                () = clock.sleep_wall(GRACE) => Ok(()),
            }
        }
    };
    stop.send_replace(true);
    while tasks.join_next().await.is_some() {}
    if let Some(file) = state_file {
        let written = keep::write(Arc::clone(&service), file.clone()).await;
        written.map_err(|source| ServeError::Keep { file, source })?;
    }
    outcome.map_err(ServeError::Accept)
}

async fn told(mut stopped: watch::Receiver<bool>) {
    // If the sender is gone, everything is over as well.
    _ = stopped.wait_for(|is_stopped| *is_stopped).await;
}

/// Does the plane's own work when it is due.
async fn run_timers<C: Clock>(service: Arc<Service>, clock: C, stopped: watch::Receiver<bool>) {
    let mut end = std::pin::pin!(told(stopped.clone()));
    loop {
        // Piece by piece, so that calls come in between.
        while !*stopped.borrow() && run_timer(&service, clock.now()) {
            tokio::task::yield_now().await;
        }
        let due = service.next_timer();
        let wait = async {
            match due {
                Some(at) => clock.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = wait => (),
            () = service.earlier_timer() => (),
            () = &mut end => return,
        }
    }
}

/// Does one piece of the plane's own work. One that panics is lost, as a call
/// is, and the work after it goes on.
fn run_timer(service: &Service, now: Timestamp) -> bool {
    catch_unwind(AssertUnwindSafe(|| service.run_timer(now))).unwrap_or_else(|_| {
        error!("a piece of the plane's own work panicked");
        true
    })
}

/// What a connection needs.
#[derive(Clone)]
struct Door<C> {
    service: Arc<Service>,
    clock: C,
    max_body: usize,
    stopped: watch::Receiver<bool>,
}

/// Who calls.
#[derive(Debug, Clone, Copy)]
struct Peer(SocketAddr);

impl Connected<IncomingStream<'_, PlainListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, PlainListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

impl Connected<IncomingStream<'_, TlsListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// A listener whose connections send what they have at once: replies are small
/// and awaited, and must not wait for more to send.
struct PlainListener(TcpListener);

impl Listener for PlainListener {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        let (stream, peer) = Listener::accept(&mut self.0).await;
        _ = stream.set_nodelay(true);
        (stream, peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

async fn answer<C: Clock>(
    State(door): State<Door<C>>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    if admin::is_at(head.uri.path()) {
        return administer(&door, peer, &head, body).await;
    }
    let path = head.uri.path().to_owned();
    if let Some(node) = channel::node_at(&path) {
        return channel::answer(door.service, door.clock, door.stopped, node, head, body).await;
    }
    if path != "/" {
        return refuse(
            &door.service,
            StatusCode::NOT_FOUND,
            ErrorCode::UnknownOperationException,
            "the API is POST /",
        );
    }
    if head.method != Method::POST {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        let mut response =
            refuse(&door.service, status, ErrorCode::UnknownOperationException, "the API is POST /");
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        return response;
    }
    let Some(body) = take_in(&head, body, door.max_body).await else {
        let reason = format!("the body is larger than {} bytes", door.max_body);
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        return refuse(&door.service, status, ErrorCode::ValidationException, &reason);
    };
    let is_struck = !auth::is_attendant(&head.headers);
    let delay = if is_struck { door.service.delay(operation_of(&head), || &body) } else { Period::ZERO };
    let answered = if message::is_held(&head.headers) {
        let Door { service, clock, stopped, .. } = door.clone();
        message::hold(service, clock, stopped, &head.headers, &body).await
    } else {
        door.service.respond_signed(door.clock.now(), &head.headers, &body)
    };
    if delay > Period::ZERO {
        // It is done; only the answer is late.
        door.clock.sleep_until(door.clock.now() + delay).await;
    }
    respond(answered)
}

/// A request's body, unless it is larger than that.
async fn take_in(head: &Parts, mut body: Body, max_body: usize) -> Option<Bytes> {
    let length = head.headers.get(header::CONTENT_LENGTH);
    let said: Option<u64> = length.and_then(|length| length.to_str().ok()?.parse().ok());
    match said {
        Some(said) if said > max_body as u64 => {
            if said <= READ_ON {
                // A connection that is closed with bytes unread is reset, and the answer lost with it.
                while let Some(Ok(_)) = poll_fn(|task| Pin::new(&mut body).poll_frame(task)).await {}
            }
            None
        }
        // Without a length the body is read up to the bound, and not on.
        _ => to_bytes(body, max_body).await.ok(),
    }
}

/// The operation that a request's target names.
fn operation_of(head: &Parts) -> &str {
    let target = head.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    target.and_then(|target| Some(target.split_once('.')?.1)).unwrap_or_default()
}

/// Whether this caller may use the admin API.
fn may_administer(peer: SocketAddr, access: AdminAccess) -> bool {
    access == AdminAccess::Anyone || peer.ip().to_canonical().is_loopback()
}

/// Answers a request to the admin API. Web pages may not ask: a browser says
/// where a page comes from, and lets it send to this machine.
async fn administer<C: Clock>(door: &Door<C>, peer: SocketAddr, head: &Parts, body: Body) -> Response {
    let answer = if !may_administer(peer, door.service.admin_access()) {
        admin::Answer::error(403, "the admin API answers this machine only")
    } else if head.headers.contains_key(header::ORIGIN) {
        admin::Answer::error(403, "the admin API does not answer web pages")
    } else if let Ok(body) = to_bytes(body, door.max_body).await {
        admin::answer(&door.service, door.clock.now(), head.method.as_str(), head.uri.path(), &body)
    } else {
        admin::Answer::error(413, format!("the body is larger than {} bytes", door.max_body))
    };
    let request_id = door.service.draw_request_id();
    let mut response = write(answer.status, answer.body.to_string(), "application/json", &request_id);
    if let Some(allow) = answer.allow {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
    }
    response
}

fn refuse(service: &Service, status: StatusCode, code: ErrorCode, reason: &str) -> Response {
    let mut response = respond(service.refuse(&ApiError::new(code, reason)));
    *response.status_mut() = status;
    response
}

fn respond(answer: service::Response) -> Response {
    write(answer.status, answer.body, "application/x-amz-json-1.1", &answer.request_id)
}

/// An answer as it goes out: whatever it says, it has the id of its request.
fn write(status: u16, body: impl Into<Body>, kind: &'static str, request_id: &str) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).expect("200, or a refusal's");
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    let request_id = HeaderValue::from_str(request_id).expect("a UUID is plain text");
    headers.insert("x-amzn-requestid", request_id);
    response
}

#[cfg(test)]
mod tests;
