//! What this machine allows a run, and what a run has cost it.
//!
//! Limits are known before the run: descriptors first, then the ports of one
//! source address, then memory bound how many connections there may be, and
//! memory bounds how many nodes. The arithmetic is pure; asking the machine is
//! beside it.
//!
//! Processor time and the memory that is free come from sysinfo, the most memory
//! that was resident from `/proc/self/status`, which sysinfo does not read;
//! elsewhere than on Linux the memory resident now stands in for it.

use std::sync::OnceLock;
use std::time::Duration;

use indicatif::HumanCount;
use shared::time::Timestamp;
use sysinfo::{MemoryRefreshKind, ProcessRefreshKind, ProcessesToUpdate, RefreshKind, System};

use crate::clock::Clock;
use crate::simulation::Spending;

/// Descriptors for all that is no connection to the plane: files, the runtime's
/// own, the operator's connections, somebody's AWS CLI.
const RESERVED_DESCRIPTORS: u64 = 64;

/// With fewer connections the generator would measure itself.
const FEWEST_CONNECTIONS: usize = 16;

/// What a connection takes where both of its ends are in this process, measured:
/// hyper at either end, and the kernel's share.
const BYTES_PER_CONNECTION: u64 = 37_000;

/// What a node takes at least: its row and its share of the agenda.
const BYTES_PER_NODE: u64 = 256;

/// What the embedded plane's record of a node takes at least.
const BYTES_PER_RECORD: u64 = 512;

/// Half of Linux's usual range, 32768 to 60999.
const USUAL_PORTS: u32 = 14_116;

/// More shards than this were never measured.
const MOST_SHARDS: usize = 8;

/// What the machine allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// File descriptors that are free.
    pub descriptors: u64,
    /// Ports that connections from one source address should take at most:
    /// beyond half of the range the kernel searches, and time goes into that.
    pub ports: u32,
    /// The most connections to the plane at once.
    pub connections: usize,
    /// The most nodes that can fit into memory.
    pub nodes: u64,
}

/// What the machine said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    /// File descriptors that are free, the soft limit being raised.
    pub free_descriptors: u64,
    /// Half of the local port range.
    pub ports: u32,
    /// Memory that can be had, in bytes; `None` if the machine does not say.
    pub free_memory: Option<u64>,
}

/// Why this machine cannot do a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Hardly a connection could be opened.
    #[error(
        "{free} file descriptors are free, and a run needs {needed}: \
         raise the limit, for example with `ulimit -n {suggested}`"
    )]
    TooFewDescriptors {
        /// How many are free.
        free: u64,
        /// How many are needed.
        needed: u64,
        /// A limit that suffices.
        suggested: u64,
    },
    /// The nodes do not fit into memory.
    #[error("{} nodes do not fit into the memory that is free; at most `--nodes {fit}` can", HumanCount((*wanted).into()))]
    TooManyNodes {
        /// How many were asked for.
        wanted: u32,
        /// How many can fit.
        fit: u64,
    },
    /// The connections that real agents would keep are more than the machine has.
    #[error(
        "{} nodes with connections as real agents keep them do not fit this machine; at most \
         `--nodes {fit}` do, or let all share theirs with `--connections pooled`",
        HumanCount((*wanted).into())
    )]
    TooManyOwners {
        /// How many nodes were asked for.
        wanted: u32,
        /// How many fit.
        fit: u64,
    },
}

impl Limits {
    /// What this machine allows, the soft limit of descriptors raised to the
    /// hard one. An embedded plane takes its half of everything.
    pub fn of_this_machine(is_embedded: bool) -> Result<Self, HostError> {
        Self::of(Machine::ask(), is_embedded)
    }

    /// What such a machine allows.
    pub fn of(machine: Machine, is_embedded: bool) -> Result<Self, HostError> {
        let ends = if is_embedded { 2 } else { 1 };
        let Machine { free_descriptors, ports, free_memory } = machine;
        let by_descriptors = free_descriptors.saturating_sub(RESERVED_DESCRIPTORS) / ends;
        let memory = free_memory.unwrap_or(u64::MAX);
        // A quarter: connections are beside the point, nodes are the point.
        let by_memory = memory / 4 / (BYTES_PER_CONNECTION * ends / 2);
        let connections = by_descriptors.min(u64::from(ports)).min(by_memory.max(FEWEST_CONNECTIONS as u64));
        if connections < FEWEST_CONNECTIONS as u64 {
            let needed = FEWEST_CONNECTIONS as u64 * ends + RESERVED_DESCRIPTORS;
            return Err(HostError::TooFewDescriptors { free: free_descriptors, needed, suggested: 4096 });
        }
        let per_node = BYTES_PER_NODE + if is_embedded { BYTES_PER_RECORD } else { 0 };
        Ok(Self {
            descriptors: free_descriptors,
            ports,
            connections: connections as usize,
            nodes: memory / per_node,
        })
    }

    /// Whether so many nodes may be tried.
    pub fn admit(&self, nodes: u32) -> Result<(), HostError> {
        if u64::from(nodes) <= self.nodes {
            return Ok(());
        }
        Err(HostError::TooManyNodes { wanted: nodes, fit: self.nodes })
    }
}

impl Machine {
    /// Asks, and raises the soft limit of descriptors to the hard one.
    pub fn ask() -> Self {
        // Where it cannot be raised, what is there must do.
        let limit = rlimit::increase_nofile_limit(u64::MAX)
            .or_else(|_| rlimit::increase_nofile_limit(0))
            .unwrap_or(256);
        let open = std::fs::read_dir("/proc/self/fd").map_or(16, |entries| entries.count() as u64);
        let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
        Self {
            free_descriptors: limit.saturating_sub(open),
            ports: range.ok().as_deref().and_then(half_of_range).unwrap_or(USUAL_PORTS),
            free_memory: free_memory(),
        }
    }
}

/// How many shards a fleet has if nobody says: one per core, within reason.
pub fn default_shards() -> usize {
    cores().min(MOST_SHARDS)
}

/// How many threads can work at once.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// From here on wall time is counted; the first call counts.
pub fn begin() {
    began();
}

/// What this process has cost since [`begin`].
pub fn spending() -> Spending {
    let wall = began().wall();
    let (cpu, resident) = cpu_and_memory().unwrap_or_default();
    let status = std::fs::read_to_string("/proc/self/status");
    let most = status.ok().as_deref().and_then(most_resident).unwrap_or(resident);
    Spending { wall, cpu, memory: most }
}

/// This process's processor time, and its memory that is resident now.
fn cpu_and_memory() -> Option<(Duration, u64)> {
    let id = sysinfo::get_current_pid().ok()?;
    let mut system = System::new().ok()?;
    let kind = ProcessRefreshKind::nothing().with_cpu().with_memory();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[id]), false, kind);
    let process = system.process(id)?;
    Some((Duration::from_millis(process.accumulated_cpu_time()), process.memory()))
}

fn began() -> &'static Clock {
    static BEGAN: OnceLock<Clock> = OnceLock::new();
    BEGAN.get_or_init(|| Clock::starting(Timestamp::default(), 1.0))
}

/// The memory that can be had: the machine's, or the control group's where that is less.
fn free_memory() -> Option<u64> {
    let kind = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(kind).ok()?;
    let machine = Some(system.available_memory()).filter(|bytes| *bytes > 0);
    let group = system.cgroup_limits().map(|limits| limits.free_memory).filter(|bytes| *bytes > 0);
    machine.into_iter().chain(group).min()
}

/// Half of a range as `/proc/sys/net/ipv4/ip_local_port_range` has it: the first and the last port.
fn half_of_range(text: &str) -> Option<u32> {
    let mut ends = text.split_whitespace().map(|end| end.parse::<u32>().ok());
    let (first, last) = (ends.next()??, ends.next()??);
    Some(last.checked_sub(first)?.div_ceil(2))
}

/// The most memory that was resident, in bytes, from the text of `/proc/self/status`.
fn most_resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn limits(free_descriptors: u64, ports: u32, free_memory: Option<u64>, is_embedded: bool) -> Limits {
        Limits::of(Machine { free_descriptors, ports, free_memory }, is_embedded).unwrap()
    }

    #[test]
    fn what_is_scarcest_bounds_the_connections() {
        let cases = [
            // descriptors, ports, memory, embedded: connections
            (19_990, 14_116, Some(24 * GIB), true, 9_963, "half of the descriptors that are left"),
            (19_990, 14_116, Some(24 * GIB), false, 14_116, "half of the port range"),
            (1_000_000, 14_116, None, true, 14_116, "half of the port range"),
            (1_000, 14_116, Some(24 * GIB), false, 936, "the descriptors that are left"),
            (19_990, 14_116, Some(GIB), true, 7_255, "a quarter of the memory"),
            (19_990, 14_116, Some(GIB), false, 14_116, "the other end's memory is the other machine's"),
            (19_990, 14_116, Some(1), true, 16, "memory alone forbids no run"),
        ];
        for (descriptors, ports, memory, is_embedded, expected, why) in cases {
            assert_eq!(limits(descriptors, ports, memory, is_embedded).connections, expected, "{why}");
        }
    }

    #[test]
    fn too_few_descriptors_are_told_with_the_command_that_mends_it() {
        let machine = Machine { free_descriptors: 90, ports: 14_116, free_memory: None };
        let error = Limits::of(machine, true).unwrap_err();
        assert_eq!(error, HostError::TooFewDescriptors { free: 90, needed: 96, suggested: 4096 });
        assert!(error.to_string().contains("ulimit -n 4096"), "{error}");
        assert_eq!(Limits::of(machine, false).unwrap().connections, 26);
    }

    #[test]
    fn nodes_that_do_not_fit_are_refused_with_the_number_that_does() {
        let embedded = limits(20_000, 14_116, Some(768 * 1_000_000), true);
        assert_eq!(embedded.admit(1_000_000), Ok(()));
        assert_eq!(
            embedded.admit(1_000_001),
            Err(HostError::TooManyNodes { wanted: 1_000_001, fit: 1_000_000 })
        );
        let foreign = limits(20_000, 14_116, Some(768 * 1_000_000), false);
        assert_eq!(foreign.admit(3_000_000), Ok(()));
    }

    #[test]
    fn what_the_kernel_writes_is_read() {
        assert_eq!(half_of_range("32768\t60999\n"), Some(14_116));
        assert_eq!(half_of_range("60999 32768"), None);
        assert_eq!(half_of_range(""), None);
        assert_eq!(most_resident("VmPeak:\t  900 kB\nVmHWM:\t    58000 kB\n"), Some(59_392_000));
        assert_eq!(most_resident("Name: x\n"), None);
    }

    #[test]
    fn this_machine_can_be_asked() {
        let machine = Machine::ask();
        assert!(machine.free_descriptors > 0 && machine.ports > 0, "{machine:?}");
        let before = spending();
        let sum: u64 = (0..20_000_000u64).map(std::hint::black_box).sum();
        let after = spending();
        assert!(sum > 0 && after.memory > 0 && after.wall > before.wall, "{before:?} {after:?}");
        assert!(after.cpu >= before.cpu, "{before:?} {after:?}");
    }
}
