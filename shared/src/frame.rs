//! The binary frame of the control channel ("AgentMessage"), written and read.
//!
//! A header of 116 bytes, big-endian, the payload's length, the payload: UTF-8
//! JSON on the control channel. The digest is that of the payload, and written
//! always; like the real agent, nobody refuses a frame for it. What a payload
//! means is `wire::channel`'s.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::time::Timestamp;

/// The bytes before the payload's length.
const HEADER: usize = 116;
/// The bytes of a message type.
const TYPE: usize = 32;

/// A job for the agent: a command, or the cancelling of one.
pub const AGENT_JOB: &str = "agent_job";
/// The agent has a job.
pub const AGENT_JOB_ACK: &str = "agent_job_ack";
/// How a job goes.
pub const AGENT_JOB_REPLY: &str = "agent_job_reply";
/// The service has that reply.
pub const AGENT_JOB_REPLY_ACK: &str = "agent_job_reply_ack";

/// The id of one frame, a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(Uuid);

impl MessageId {
    /// An id of version 4's form, made from `bits`, which the caller drew.
    pub fn from_bits(bits: u128) -> Self {
        Self(uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid())
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for MessageId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self)
    }
}

/// A frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it is, such as `agent_job`.
    pub message_type: String,
    /// When it was made; never zero.
    pub created: Timestamp,
    /// Its place in a stream; 0 on the control channel.
    pub sequence: i64,
    /// Bit 0 opens a stream, bit 1 ends it; 0 on the control channel.
    pub flags: u64,
    /// Its id.
    pub id: MessageId,
    /// 0 from agents; ignored for control messages.
    pub payload_type: u32,
    /// The JSON.
    pub payload: Vec<u8>,
}

/// Bytes that are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFrame {
    /// They end within the header.
    #[error("a frame of {0} bytes is shorter than its header")]
    Short(usize),
    /// The header is of another length.
    #[error("a frame's header is 116 bytes long, not {0}")]
    Header(u32),
    /// The type is no ASCII text.
    #[error("a frame's message type is no text")]
    Type,
    /// It says when nothing can have been made.
    #[error("a frame's date is zero or not a date")]
    Date,
    /// The payload is longer or shorter than the header says.
    #[error("a frame's payload is {said} bytes long by its header, and {found} bytes follow")]
    Payload {
        /// What the header says.
        said: u32,
        /// What is there.
        found: usize,
    },
}

impl Frame {
    /// A frame of the control channel.
    pub fn new(message_type: &str, created: Timestamp, id: MessageId, payload: Vec<u8>) -> Self {
        let message_type = message_type.to_owned();
        Self { message_type, created, sequence: 0, flags: 0, id, payload_type: 0, payload }
    }

    /// The frame as bytes.
    ///
    /// # Panics
    /// When the message type is longer than 32 bytes or the payload than 4 GB.
    pub fn encode(&self) -> Vec<u8> {
        let length = u32::try_from(self.payload.len()).expect("a payload is shorter than 4 GB");
        let mut bytes = Vec::with_capacity(HEADER + 4 + self.payload.len());
        bytes.extend((HEADER as u32).to_be_bytes());
        let mut name = [b' '; TYPE];
        name[..self.message_type.len()].copy_from_slice(self.message_type.as_bytes());
        bytes.extend(name);
        bytes.extend(1_u32.to_be_bytes());
        bytes.extend(self.created.milliseconds().to_be_bytes());
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.flags.to_be_bytes());
        // The low half of the id goes first.
        let (high, low) = self.id.0.as_u64_pair();
        bytes.extend(low.to_be_bytes());
        bytes.extend(high.to_be_bytes());
        bytes.extend(Sha256::digest(&self.payload));
        bytes.extend(self.payload_type.to_be_bytes());
        bytes.extend(length.to_be_bytes());
        bytes.extend(&self.payload);
        bytes
    }

    /// Reads a frame. The digest is not looked at, and neither is the schema's version.
    pub fn decode(bytes: &[u8]) -> Result<Self, InvalidFrame> {
        let Some((head, payload)) = bytes.split_at_checked(HEADER + 4) else {
            return Err(InvalidFrame::Short(bytes.len()));
        };
        let header = u32::from_be_bytes(field(head, 0));
        if header as usize != HEADER {
            return Err(InvalidFrame::Header(header));
        }
        let name = &head[4..4 + TYPE];
        let name = std::str::from_utf8(name).ok().filter(|name| name.is_ascii()).ok_or(InvalidFrame::Type)?;
        let created = i64::from_be_bytes(field(head, 40));
        if created <= 0 {
            return Err(InvalidFrame::Date);
        }
        let (low, high) = (u64::from_be_bytes(field(head, 64)), u64::from_be_bytes(field(head, 72)));
        let said = u32::from_be_bytes(field(head, HEADER));
        if said as usize != payload.len() {
            return Err(InvalidFrame::Payload { said, found: payload.len() });
        }
        Ok(Self {
            message_type: name.trim_end_matches([' ', '\0']).to_owned(),
            created: Timestamp::from_milliseconds(created),
            sequence: i64::from_be_bytes(field(head, 48)),
            flags: u64::from_be_bytes(field(head, 56)),
            id: MessageId(Uuid::from_u64_pair(high, low)),
            payload_type: u32::from_be_bytes(field(head, 112)),
            payload: payload.to_vec(),
        })
    }
}

/// So many bytes of the head, from this offset.
fn field<const LENGTH: usize>(head: &[u8], from: usize) -> [u8; LENGTH] {
    head[from..from + LENGTH].try_into().expect("the head has its full length")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header that a service sent to the real agent and one that the agent sent
    /// back, with what was said in them.
    const RECORDED: [(&str, &str, i64, &str, u32, &str); 2] = [
        (
            "000000746167656e745f6a6f62202020202020202020202020202020202020202020202000000001000001a206a7cccf00000000000000000000000000000000b1e0f9fc9aadc27df3317a59e1be42e9",
            AGENT_JOB,
            1_795_407_989_967,
            "f3317a59-e1be-42e9-b1e0-f9fc9aadc27d",
            8,
            "{}",
        ),
        (
            "000000746167656e745f6a6f625f61636b2020202020202020202020202020202020202000000001000001a206a7ccd30000000000000000000000000000000090b1d877b78cce2c3b0cfe75f9f04244",
            AGENT_JOB_ACK,
            1_795_407_989_971,
            "3b0cfe75-f9f0-4244-90b1-d877b78cce2c",
            0,
            r#"{"jobId":"aws.ssm.acb5d092-73b6-4c2b-bd22-fbbb21e6dac3.mi-0123456789abcdef0","acknowledgedMessageId":"f3317a59-e1be-42e9-b1e0-f9fc9aadc27d","createdDate":"2026-11-23T04:26:29.967Z","statusCode":"200","errorMessage":"Successful"}"#,
        ),
    ];

    fn hexadecimal(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn a_frame_has_the_bytes_that_were_recorded() {
        for (head, message_type, created, id, payload_type, payload) in RECORDED {
            let mut frame = Frame::new(
                message_type,
                Timestamp::from_milliseconds(created),
                id.parse().unwrap(),
                payload.as_bytes().to_vec(),
            );
            frame.payload_type = payload_type;
            let bytes = frame.encode();
            assert_eq!(hexadecimal(&bytes[..80]), head, "{message_type}");
            assert_eq!(bytes.len(), 120 + payload.len());
            assert_eq!(Frame::decode(&bytes), Ok(frame), "{message_type}");
        }
        // The whole of the second one, digest and lengths, as the agent wrote it.
        let (_, message_type, created, id, _, payload) = RECORDED[1];
        let created = Timestamp::from_milliseconds(created);
        let bytes = Frame::new(message_type, created, id.parse().unwrap(), payload.into()).encode();
        assert_eq!(
            hexadecimal(&bytes[80..120]),
            "69d8fa74107335d174a0c121f8822cf589631018da1aa03c67816222216934020000000\
             0000000e4"
        );
    }

    #[test]
    fn a_type_may_be_padded_with_nothing() {
        let id = MessageId::from_bits(7);
        let mut bytes = Frame::new(AGENT_JOB, Timestamp::from_seconds(1), id, b"{}".to_vec()).encode();
        bytes[13..36].fill(0);
        assert_eq!(Frame::decode(&bytes).unwrap().message_type, AGENT_JOB);
    }

    #[test]
    fn what_is_no_frame_is_refused_by_name() {
        let id = MessageId::from_bits(7);
        let frame = Frame::new(AGENT_JOB, Timestamp::from_seconds(1), id, b"{}".to_vec());
        let whole = frame.encode();
        let edited = |place: usize, byte: u8| {
            let mut bytes = whole.clone();
            bytes[place] = byte;
            bytes
        };
        let mut dateless = whole.clone();
        dateless[40..48].fill(0);
        let cases = [
            (Vec::new(), InvalidFrame::Short(0)),
            (whole[..119].to_vec(), InvalidFrame::Short(119)),
            (edited(3, 0x75), InvalidFrame::Header(0x75)),
            (edited(4, 0xff), InvalidFrame::Type),
            (dateless, InvalidFrame::Date),
            (edited(40, 0x80), InvalidFrame::Date),
            (edited(119, 3), InvalidFrame::Payload { said: 3, found: 2 }),
            (whole[..121].to_vec(), InvalidFrame::Payload { said: 2, found: 1 }),
        ];
        for (bytes, expected) in cases {
            assert_eq!(Frame::decode(&bytes), Err(expected));
        }
        let mut digest_is_wrong = whole.clone();
        digest_is_wrong[90] ^= 1;
        assert_eq!(Frame::decode(&digest_is_wrong), Ok(frame), "nobody looks at the digest");
    }
}
