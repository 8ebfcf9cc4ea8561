//! A frame of a control channel, in a recording's words.
//!
//! What a binary frame says of itself stands where a call has its headers, and its
//! payload is its body. The bytes are read here by the layout that was recorded, not
//! by the reader that nodes have.

use std::fmt::Write as _;

use super::json::Json;

/// The bytes before the payload.
const HEAD: usize = 120;

/// What kind of a WebSocket's frame it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opcode {
    Text = 1,
    Binary = 2,
    Ping = 9,
}

/// What a frame says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Said {
    pub(super) operation: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Json,
}

/// Reads a frame.
pub(super) fn read(opcode: Opcode, bytes: &[u8]) -> Said {
    let mut headers = vec![("Opcode".to_owned(), (opcode as u8).to_string())];
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (operation, body) = match opcode {
        Opcode::Ping => (format!("frame {}", text(bytes)), Json::Null),
        Opcode::Text => ("frame of the opening".to_owned(), Json::parse(&text(bytes))),
        Opcode::Binary => match bytes.split_at_checked(HEAD) {
            Some((head, payload)) => {
                headers.extend(fields(head));
                (format!("frame {}", text(&head[4..36]).trim_end()), Json::parse(&text(payload)))
            }
            None => ("frame that ends within its head".to_owned(), Json::Null),
        },
    };
    Said { operation, headers, body }
}

/// The fields of a head, in their order.
fn fields(head: &[u8]) -> Vec<(String, String)> {
    let number = |from: usize, to: usize| {
        head[from..to].iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte)).to_string()
    };
    // The low half of the id goes first.
    let id = hexadecimal(&[&head[72..80], &head[64..72]].concat());
    let parts = [&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]];
    let fields = [
        ("HeaderLength", number(0, 4)),
        ("MessageType", String::from_utf8_lossy(&head[4..36]).into_owned()),
        ("SchemaVersion", number(36, 40)),
        ("CreatedDate", number(40, 48)),
        ("SequenceNumber", number(48, 56)),
        ("Flags", number(56, 64)),
        ("MessageId", parts.join("-")),
        ("PayloadDigest", hexadecimal(&head[80..112])),
        ("PayloadType", number(112, 116)),
        ("PayloadLength", number(116, 120)),
    ];
    fields.map(|(name, value)| (name.to_owned(), value)).to_vec()
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a text takes any text");
        text
    })
}

/// The bytes that are written so.
pub(super) fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits = hexadecimal.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.map(|pair| byte(pair).expect("a recorded head is hexadecimal")).collect()
}
