//! A file in frames of zstd, each of which can be read without the others.
//!
//! A frame is closed when it has `FRAME_BYTES` or is `FRAME_AGE` old, and
//! goes to the file at once: a run that is killed leaves all but its last seconds.

use std::fs::File;
use std::io::{self, Write};
use std::time::Duration;

use zstd::bulk::Compressor;
use zstd::zstd_safe::CParameter;

use crate::clock::{Clock, wall_now};

/// How much text a frame holds; so much of it is memory, too.
const FRAME_BYTES: usize = 4 << 20;

/// How old a frame becomes, in wall time. What is put in it waited up to a
/// second before, and up to one more passes until somebody looks: 5 s at most.
const FRAME_AGE: Duration = Duration::from_secs(3);

/// The quickest that still makes a twentieth of it.
const LEVEL: i32 = 1;

/// A file in frames.
pub struct Frames {
    file: File,
    compressor: Compressor<'static>,
    clock: Clock,
    text: Vec<u8>,
    begun: Option<Duration>,
    bytes: u64,
}

impl std::fmt::Debug for Frames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frames").field("text", &self.text.len()).field("bytes", &self.bytes).finish()
    }
}

impl Frames {
    /// A file without a frame yet.
    pub fn new(file: File) -> io::Result<Self> {
        let mut compressor = Compressor::new(LEVEL)?;
        compressor.set_parameter(CParameter::ChecksumFlag(true))?;
        let clock = Clock::starting(wall_now(), 1.0);
        Ok(Self { file, compressor, clock, text: Vec::new(), begun: None, bytes: 0 })
    }

    /// The open frame's text, to be appended to.
    pub fn text(&mut self) -> &mut Vec<u8> {
        if self.begun.is_none() {
            self.begun = Some(self.clock.wall());
        }
        &mut self.text
    }

    /// How many bytes are in the file.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Closes the frame if it has become large.
    pub fn close_if_full(&mut self) -> io::Result<()> {
        if self.text.len() >= FRAME_BYTES { self.close() } else { Ok(()) }
    }

    /// Closes the frame if it has become old.
    pub fn close_if_old(&mut self) -> io::Result<()> {
        let is_old = self.begun.is_some_and(|begun| self.clock.wall().saturating_sub(begun) >= FRAME_AGE);
        if is_old { self.close() } else { Ok(()) }
    }

    /// Closes the frame, if there is anything in it.
    pub fn close(&mut self) -> io::Result<()> {
        self.begun = None;
        if self.text.is_empty() {
            return Ok(());
        }
        let frame = self.compressor.compress(&self.text)?;
        self.text.clear();
        self.file.write_all(&frame)?;
        self.bytes += frame.len() as u64;
        Ok(())
    }
}
