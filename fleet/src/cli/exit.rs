//! The codes that the program ends with.
//!
//! 101 is not among them: it stays Rust's own for a panic, which is a bug of ours.

use std::process::ExitCode;

/// How the program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// It came out as it should.
    Passed = 0,
    /// It could not start or go on, or did not come out as the scenario says.
    Failed = 1,
    /// The command line or the scenario is wrong.
    Usage = 2,
    /// Nothing went wrong, but not everything that was asked could be measured.
    Unknown = 4,
    /// A threshold failed.
    ThresholdFailed = 99,
    /// Somebody ended it.
    CutShort = 105,
}

impl Exit {
    /// How a run came out that ends with it, in a few words.
    pub const fn of_run(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed | Self::Usage => "FAILED, exit code 1: not as the scenario says",
            Self::Unknown => "UNDECIDED, exit code 4: a threshold could not be evaluated",
            Self::ThresholdFailed => "FAILED, exit code 99: a threshold failed",
            Self::CutShort => "CUT SHORT, exit code 105",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
