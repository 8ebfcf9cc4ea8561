//! `ssm-fleet plane`: the control plane alone.

use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use plane::config::list::{SETTINGS, Setting};
use plane::config::{AdminAccess, PlaneConfig};
use plane::service::Service;
use shared::id::NodeId;
use shared::seed::Seed;
use tracing::info;

use super::exit::Exit;
use super::failure::Failure;
use super::tls::Tls;
use super::value::{self, UnknownNodes};
use crate::clock::{Clock, wall_now};
use crate::embedded::Embedded;
use crate::guard::admit_listener;
use crate::scenario::load_world;
use crate::signal::Signals;

/// Run the control plane alone, until Ctrl-C is pressed
///
/// It answers the SSM API at the address it prints: to `ssm-fleet run
/// --endpoint`, to real agents' calls, to the AWS CLI and SDKs.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Plane {
    /// Address to listen at; port 0 takes any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4583")]
    listen: SocketAddr,
    #[command(flatten)]
    tls: Tls,
    /// Let the address be one that other machines can reach
    #[arg(long)]
    allow_remote: bool,
    /// Let other machines use the admin API as well, under /_fleet/
    #[arg(long)]
    allow_remote_admin: bool,
    /// Keep the state in this file, and go on from it if it is there; FILE.lock
    /// beside it keeps a second plane off
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// The number that all ids follow from
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    seed: u64,
    /// What becomes of a node id that was never heard of [default: register]
    #[arg(long, value_name = "CHOICE", value_enum)]
    unknown_nodes: Option<UnknownNodes>,
    /// A setting by its name, such as late_node_policy=skip; may be given again,
    /// and --settings tells all names
    #[arg(long, value_name = "NAME=VALUE", value_parser = value::setting)]
    set: Vec<String>,
    /// Tell all settings with their defaults and choices, and end
    #[arg(long)]
    settings: bool,
    /// What other services know at the start (alarms, resource groups, buckets,
    /// instances, …), as JSON or YAML; a state that is kept has its own
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
    /// Nodes that are terminated: their ids are refused
    #[arg(long, value_name = "ID,ID…", value_delimiter = ',')]
    terminated: Vec<NodeId>,
    /// Simulated seconds in a second, such as 60
    #[arg(long, value_name = "FACTOR", value_parser = value::time_scale, default_value_t = 1.0)]
    time_scale: f64,
}

impl Plane {
    /// Serves until somebody ends it.
    pub async fn run(self) -> Result<Exit, Failure> {
        if self.settings {
            return tell_settings();
        }
        admit_listener(self.listen, self.allow_remote)?;
        let tls = self.tls.prepare(self.allow_remote)?;
        let signals = Signals::listen().map_err(Failure::Runtime)?;
        let _lock = self.state.as_deref().map(lock).transpose()?;
        let service = self.service()?;
        // Time never runs back, not even where an earlier plane ran faster than the wall.
        let start = service.latest().max(wall_now());
        let clock = Clock::starting(start, self.time_scale);
        let mut plane = Embedded::serve(Arc::new(service), clock, Some(self.listen), tls, self.state)?;
        announce(&plane.url())?;
        if let Some(url) = plane.tls_url() {
            announce(&url)?;
        }
        tokio::select! {
            ended = plane.ended() => ended?,
            () = signals.stopped() => plane.stop().await?,
        }
        Ok(Exit::Passed)
    }

    /// A new plane, or one that goes on where its state file ends.
    fn service(&self) -> Result<Service, Failure> {
        let settings: PlaneConfig = value::settings(&self.set)?;
        let config = PlaneConfig {
            seed: Seed(self.seed),
            unknown_nodes: self.unknown_nodes.map_or(settings.unknown_nodes, Into::into),
            terminated: self.terminated.iter().copied().collect(),
            world: self.world.as_deref().map(load_world).transpose()?.unwrap_or_default(),
            admin_access: if self.allow_remote_admin { AdminAccess::Anyone } else { AdminAccess::Loopback },
            ..settings
        };
        match &self.state {
            None => Ok(Service::new(config)),
            Some(file) => restore(config, file),
        }
    }
}

/// Sees to it that no other plane keeps its state in this file, as long as the
/// lock is held. It is a file of its own: the state's is another one each time it
/// is written. It stays there, for whoever took it away could take it from a plane
/// that has just locked it.
fn lock(file: &Path) -> Result<File, Failure> {
    let mut name = file.as_os_str().to_owned();
    name.push(".lock");
    let beside = PathBuf::from(name);
    let failed = |source| Failure::LockState { file: beside.clone(), source };
    let handle = File::options().create(true).truncate(false).write(true).open(&beside).map_err(failed)?;
    match handle.try_lock() {
        Ok(()) => Ok(handle),
        Err(TryLockError::WouldBlock) => Err(Failure::StateInUse { file: file.to_owned() }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

fn restore(config: PlaneConfig, file: &Path) -> Result<Service, Failure> {
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Service::new(config)),
        Err(source) => return Err(Failure::State { file: file.to_owned(), source }),
    };
    let service = Service::restore(config, &bytes)
        .map_err(|source| Failure::Restore { file: file.to_owned(), source })?;
    info!(file = %file.display(), "going on from the state that was kept");
    Ok(service)
}

/// Tells the plane's settings, each with what it may be.
fn tell_settings() -> Result<Exit, Failure> {
    let mut stdout = io::stdout().lock();
    for Setting { name, default, values, meaning } in SETTINGS {
        writeln!(stdout, "{name}={default}  (or {values})\n    {meaning}").map_err(Failure::Output)?;
    }
    Ok(Exit::Passed)
}

/// Tells on stdout where the plane listens; whoever waits for it reads this line.
fn announce(url: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written = writeln!(stdout, "listening on {url}").and_then(|()| stdout.flush());
    written.map_err(Failure::Output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        plane: Plane,
    }

    #[test]
    fn two_planes_do_not_keep_their_state_in_one_file() {
        let directory = tempfile::tempdir().unwrap();
        let [file, other] = ["plane.json", "other.json"].map(|name| directory.path().join(name));
        let held = lock(&file).expect("nobody else has it");
        lock(&other).expect("another file is another plane's");
        let failure = lock(&file).unwrap_err();
        assert_eq!(failure.exit(), Exit::Failed);
        let text = failure.to_string();
        let expected = format!("another plane keeps its state in {}: ", file.display());
        assert!(text.starts_with(&expected), "{text}");
        drop(held);
        lock(&file).expect("the other plane has ended");
        let nowhere = lock(&directory.path().join("none/plane.json")).unwrap_err();
        assert!(nowhere.to_string().contains("none/plane.json.lock"), "{nowhere}");
    }

    #[test]
    fn a_plane_begins_with_the_world_of_its_file() {
        let directory = tempfile::tempdir().unwrap();
        let begin = |text: &str| {
            let file = directory.path().join("world.yaml");
            std::fs::write(&file, text).unwrap();
            let line = ["plane".into(), "--world".into(), file.into_os_string()];
            let plane = <Line as clap::Parser>::parse_from(line).plane;
            plane.service().map(|service| service.world()).map_err(|failure| failure.to_string())
        };
        let world = begin("alarms: { cpu: ALARM }\nbuckets: [logs]\n").unwrap();
        assert_eq!((world.alarms.len(), world.buckets.map(|buckets| buckets.len())), (1, Some(1)));
        assert_eq!(begin(r#"{"alarms": {"cpu": "OK"}}"#).unwrap().alarms.len(), 1, "JSON is YAML");
        let error = begin("buckets: []\nalarm: {}\n").unwrap_err();
        assert!(["world.yaml", "alarm", "line 2"].iter().all(|word| error.contains(word)), "{error}");
    }
}
