//! The program as its users have it: a child of its own, called by its words.
//!
//! [`ssm_fleet`] runs it to its end, [`Running`] is one that runs beside the
//! test. Both keep what it says, on stdout and stderr, line by line.
//!
//! Invariant: a child ends with its [`Running`], also when the test panics.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use fleet::clock::Clock;
use serde_json::Value;
use shared::time::Timestamp;

/// So long a test waits for anything the program does: far longer than it takes,
/// so that only a program that hangs is met by it.
const PATIENCE: Duration = Duration::from_secs(120);

/// Whose environment would change what the program or a client does.
const FOREIGN_VARIABLES: [&str; 9] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_SSM",
    "NO_COLOR",
];

/// The program: the one that `SSM_FLEET_PROGRAM` names, else the one of this
/// checkout, which is built if need be, once for all tests.
pub(crate) fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| match std::env::var_os("SSM_FLEET_PROGRAM") {
        Some(named) => named.into(),
        None => build(),
    })
}

/// Builds the program beside this test, so that both share what is compiled.
fn build() -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a file");
    // <target>/<profile>/deps/it-<hash>
    let directory = test.ancestors().nth(2).expect("a test is in the profile's `deps`");
    let target = directory.parent().expect("a profile is in the target directory");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--package", "ssm-fleet", "--bin", "ssm-fleet", "--target-dir"]);
    cargo.arg(target).current_dir(root());
    if directory.ends_with("release") {
        cargo.arg("--release");
    }
    let built = cargo.status().expect("cargo runs: it built this test");
    assert!(built.success(), "the program cannot be built: {built}");
    directory.join("ssm-fleet").with_extension(std::env::consts::EXE_EXTENSION)
}

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies in the workspace")
}

/// A command without what the caller's environment says to it.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for variable in FOREIGN_VARIABLES {
        command.env_remove(variable);
    }
    command.stdin(Stdio::null());
    command
}

/// A program that came to its end.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit code; `None` where a signal ended it.
    pub(crate) code: Option<i32>,
    /// What it wrote to stdout.
    pub(crate) stdout: String,
    /// What it wrote to stderr.
    pub(crate) stderr: String,
}

impl Ended {
    /// The last line of stderr: what it failed for.
    pub(crate) fn error(&self) -> &str {
        self.stderr.lines().last().unwrap_or_default()
    }
}

/// Runs the program to its end, in this directory.
pub(crate) fn ssm_fleet(directory: &Path, line: &str) -> Ended {
    Running::start(directory, line).end()
}

/// A program that runs beside the test.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    said: Arc<Said>,
    readers: Vec<JoinHandle<()>>,
    patience: Clock,
}

/// What a child said so far.
#[derive(Debug, Default)]
struct Said {
    texts: Mutex<Texts>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct Texts {
    stdout: String,
    stderr: String,
    /// How many of the two came to their end.
    ended: u8,
}

impl Running {
    /// Starts the program in this directory; `line` is what follows its name.
    pub(crate) fn start(directory: &Path, line: &str) -> Self {
        let mut command = command(program());
        command.args(line.split_whitespace()).current_dir(directory);
        Self::start_command(command)
    }

    /// Starts any program.
    pub(crate) fn start_command(mut command: Command) -> Self {
        let spawned = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
        let said = Arc::<Said>::default();
        let out = child.stdout.take().expect("stdout is piped");
        let err = child.stderr.take().expect("stderr is piped");
        let readers = vec![
            listen(out, said.clone(), |texts| &mut texts.stdout),
            listen(err, said.clone(), |texts| &mut texts.stderr),
        ];
        Self { child, said, readers, patience: Clock::starting(Timestamp::default(), 1.0) }
    }

    /// The first line with this in it, on stdout or stderr, once it is there.
    pub(crate) fn line_with(&self, wanted: &str) -> String {
        let mut texts = self.said.texts.lock().expect("a reader does not panic");
        loop {
            let mut lines = texts.stdout.lines().chain(texts.stderr.lines());
            if let Some(line) = lines.find(|line| line.contains(wanted)) {
                return line.to_owned();
            }
            let is_hopeless = texts.ended == 2 || self.patience.wall() > PATIENCE;
            assert!(!is_hopeless, "`{wanted}` was not said, but:\n{}\n{}", texts.stdout, texts.stderr);
            let waited = self.said.more.wait_timeout(texts, Duration::from_secs(1));
            texts = waited.expect("a reader does not panic").0;
        }
    }

    /// The address in the first line with this in it.
    pub(crate) fn url_after(&self, wanted: &str) -> String {
        let line = self.line_with(wanted);
        let (_, after) = line.split_once(wanted).expect("the line has it");
        after.split_whitespace().next().expect("an address follows").to_owned()
    }

    /// Ctrl-C.
    pub(crate) fn interrupt(&self) {
        self.signal("INT");
    }

    /// A signal by its name, such as `HUP`.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id();
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {id}")]).status();
        assert!(sent.expect("there is a shell").success(), "process {id} is gone");
    }

    /// The end that nobody is told of (SIGKILL).
    pub(crate) fn kill(mut self) -> Ended {
        self.child.kill().expect("the child runs");
        self.end()
    }

    /// Whether it has not ended yet.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("a child can be asked").is_none()
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        let began = self.patience.wall();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child can be asked") {
                break status;
            }
            let is_hopeless = self.patience.wall() - began > PATIENCE;
            assert!(!is_hopeless, "it does not end: {:?}", self.said.texts.lock());
            std::thread::sleep(Duration::from_millis(20));
        };
        for reader in std::mem::take(&mut self.readers) {
            reader.join().expect("a reader does not panic");
        }
        let mut texts = self.said.texts.lock().expect("a reader does not panic");
        let (stdout, stderr) = (std::mem::take(&mut texts.stdout), std::mem::take(&mut texts.stderr));
        Ended { code: status.code(), stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already, and was waited for, takes no harm from either.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Keeps what is said, line by line, on a thread of its own.
fn listen(
    from: impl Read + Send + 'static,
    said: Arc<Said>,
    text: fn(&mut Texts) -> &mut String,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        // A pipe that breaks has ended as well.
        while from.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            let mut texts = said.texts.lock().expect("nobody panics with the lock");
            text(&mut texts).push_str(&String::from_utf8_lossy(&line));
            line.clear();
            said.more.notify_all();
        }
        said.texts.lock().expect("nobody panics with the lock").ended += 1;
        said.more.notify_all();
    })
}

/// The `result.json` that a run left in this directory.
pub(crate) fn result_in(directory: &Path) -> Value {
    let file = directory.join("result.json");
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_str(&text).expect("a result is JSON")
}

/// An address of this machine at which nobody listens.
pub(crate) fn free_address() -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    listener.local_addr().expect("a listener has an address")
}
