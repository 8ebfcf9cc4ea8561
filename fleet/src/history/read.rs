//! Reading a history again, also one that breaks off.
//!
//! A run that was killed leaves a file whose last frame may be torn. What can be
//! read is read; a torn line at the end is left out, and that it was is said.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::line::{Header, Kind, Line, VERSION};

/// Why a history cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be opened.
    #[error("cannot read the history {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is no history.
    #[error("{} is no history: {reason}", path.display())]
    Odd {
        /// The file.
        path: PathBuf,
        /// What is wrong with its first line.
        reason: String,
    },
    /// Another version of the program wrote it.
    #[error(
        "{} is a history of version {version}; this program reads version {VERSION}",
        path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u64,
    },
}

/// How a history ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tail {
    /// With the line that says so.
    Whole,
    /// Without it: the run goes on, or was killed.
    Open,
    /// In the middle of a frame or a line, for this reason.
    Torn(String),
}

/// A history under way of being read.
pub struct Reading {
    /// Its first line.
    pub header: Header,
    lines: BufReader<zstd::stream::read::Decoder<'static, BufReader<File>>>,
}

impl Reading {
    /// Opens the history in this file.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let failed = |source| ReadError::Open { path: path.to_owned(), source };
        let odd = |reason: String| ReadError::Odd { path: path.to_owned(), reason };
        let file = File::open(path).map_err(failed)?;
        let decoder = zstd::stream::read::Decoder::new(file).map_err(failed)?;
        let mut lines = BufReader::with_capacity(1 << 20, decoder);
        let mut first = String::new();
        lines.read_line(&mut first).map_err(|error| odd(error.to_string()))?;
        let value: serde_json::Value =
            serde_json::from_str(&first).map_err(|_| odd("its first line is no JSON".to_owned()))?;
        match value["version"].as_u64() {
            Some(version) if version == u64::from(VERSION) => {}
            Some(version) => return Err(ReadError::Version { path: path.to_owned(), version }),
            None => return Err(odd("its first line does not say what run it is".to_owned())),
        }
        let header = serde_json::from_value(value).map_err(|error| odd(error.to_string()))?;
        Ok(Self { header, lines })
    }

    /// Hands each further line to `each`, in order, as it stands, and says how
    /// the history ends.
    pub fn scan(mut self, mut each: impl FnMut(&str)) -> Tail {
        let mut line = Vec::new();
        let mut is_whole = false;
        loop {
            line.clear();
            match self.lines.read_until(b'\n', &mut line) {
                Err(error) => return Tail::Torn(error.to_string()),
                Ok(0) if is_whole => return Tail::Whole,
                Ok(0) => return Tail::Open,
                Ok(_) if line.last() != Some(&b'\n') => {
                    return Tail::Torn("the last line has no end".to_owned());
                }
                Ok(_) => {}
            }
            let Ok(text) = std::str::from_utf8(&line) else {
                return Tail::Torn("a line is no UTF-8".to_owned());
            };
            is_whole = is_end(text);
            if !is_whole {
                each(text.trim_end());
            }
        }
    }
}

/// Whether a line is the one that says that nothing follows.
fn is_end(text: &str) -> bool {
    // Looked at before it is parsed: there are millions of others.
    text.contains(r#""kind":"end""#)
        && serde_json::from_str::<Line<'_>>(text).is_ok_and(|line| line.kind == Kind::End)
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reading").field("header", &self.header).finish_non_exhaustive()
    }
}
