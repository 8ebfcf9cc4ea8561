//! A plane of raw bytes: it does what the test says, also what no server should.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(super) struct Plane {
    listener: TcpListener,
}

/// The plane's end of a connection.
pub(super) struct Wire<S = TcpStream> {
    stream: S,
}

impl Plane {
    pub(super) async fn new() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    pub(super) fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }

    pub(super) async fn accept(&self) -> Wire {
        Wire { stream: self.listener.accept().await.unwrap().0 }
    }
}

impl Wire {
    /// Whether not a byte has come.
    pub(super) fn is_silent(&self) -> bool {
        let read = self.stream.try_read(&mut [0]);
        read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
    }

    /// How many bytes come until the other side ends, and how it does.
    pub(super) async fn until_the_end(mut self) -> (usize, std::io::Result<()>) {
        let mut bytes = Vec::new();
        let end = self.stream.read_to_end(&mut bytes).await;
        (bytes.len(), end.map(|_| ()))
    }

    /// Ends the connection the hard way, without a farewell.
    pub(super) fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream }
    }

    pub(super) fn into_stream(self) -> S {
        self.stream
    }

    /// The head of the next request as it came, and its body, which comes in chunks.
    pub(super) async fn chunked_request(&mut self) -> (String, String) {
        let mut text = String::new();
        while !text.ends_with("0\r\n\r\n") {
            text.push(self.stream.read_u8().await.unwrap().into());
        }
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    /// The head of the next request as it came.
    pub(super) async fn head(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            head.push(self.stream.read_u8().await.unwrap().into());
        }
        head
    }

    /// The next request as it came, head and body.
    pub(super) async fn request(&mut self) -> (String, String) {
        let head = self.head().await;
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        self.stream.read_exact(&mut body).await.unwrap();
        (head, String::from_utf8(body).unwrap())
    }

    pub(super) async fn say(&mut self, text: &str) {
        self.write(text.as_bytes()).await;
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    pub(super) async fn answer(&mut self, status: &str, body: &str) {
        let length = body.len();
        self.say(&format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}")).await;
    }

    /// Takes a request and answers it with its own body.
    pub(super) async fn echo(&mut self) -> String {
        let (_, body) = self.request().await;
        self.answer("200 OK", &body).await;
        body
    }

    /// Waits until the other side has closed.
    pub(super) async fn closed(mut self) {
        let end = self.stream.read_u8().await;
        assert!(end.is_err(), "expected no further byte, got {end:?}");
    }
}
