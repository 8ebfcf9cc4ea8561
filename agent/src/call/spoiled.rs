//! A request that does not go out as it was meant: its bytes are another thing
//! than its wire type says.
//!
//! Where calls are carried as values, such a request goes through its bytes all
//! the same, so that the plane answers it as it would on a socket.

use super::Request;

/// A request that does not go out as it was meant.
#[derive(Debug, Clone, PartialEq)]
pub struct Spoiled {
    /// What was meant.
    pub request: Request,
    /// What became of its body.
    pub how: Spoiling,
}

/// What becomes of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoiling {
    /// It breaks off in the middle.
    CutShort,
    /// It is filled up to so many bytes, in its summary where it has one.
    Filled(u32),
    /// It names this platform, which nobody knows.
    Platform(&'static str),
}

impl Spoiled {
    /// The body as it goes out.
    pub(super) fn body(&self) -> Vec<u8> {
        let mut body = self.request.body();
        match self.how {
            Spoiling::CutShort => body.truncate(body.len() / 2),
            Spoiling::Filled(bytes) => {
                let missing = (bytes as usize).saturating_sub(body.len());
                let place = find(&body, br#""ExecutionSummary":""#).map_or(1, |(_, end)| end);
                body.splice(place..place, std::iter::repeat_n(b' ', missing));
            }
            Spoiling::Platform(name) => {
                if let Some((_, start)) = find(&body, br#""PlatformType":""#) {
                    let end = body[start..].iter().position(|byte| *byte == b'"').unwrap_or(0);
                    body.splice(start..start + end, name.bytes());
                }
            }
        }
        body
    }
}

/// Where these bytes first begin and end in others.
fn find(bytes: &[u8], wanted: &[u8]) -> Option<(usize, usize)> {
    let start = bytes.windows(wanted.len()).position(|window| window == wanted)?;
    Some((start, start + wanted.len()))
}

#[cfg(test)]
mod tests {
    use shared::id::NodeId;
    use shared::wire::{ListInstanceAssociations, UpdateInstanceInformation};

    use super::*;

    #[test]
    fn a_body_breaks_off_is_filled_up_or_names_what_nobody_knows() {
        let instance_id = NodeId::ec2(1);
        let list = Request::ListAssociations(ListInstanceAssociations {
            instance_id,
            max_results: Some(20),
            next_token: None,
        });
        let whole = list.body();
        let spoil = |request: &Request, how| Spoiled { request: request.clone(), how }.body();
        assert_eq!(spoil(&list, Spoiling::CutShort), whole[..whole.len() / 2]);
        let filled = spoil(&list, Spoiling::Filled(10_000));
        assert_eq!(filled.len(), 10_000);
        let read = serde_json::from_slice::<serde_json::Value>(&filled);
        assert_eq!(read.unwrap(), serde_json::from_slice::<serde_json::Value>(&whole).unwrap());
        assert_eq!(spoil(&list, Spoiling::Filled(3)), whole, "it is that large already");
        let heartbeat =
            r#"{"InstanceId":"i-00000000000000001","PlatformType":"Linux","AgentStatus":"Active"}"#;
        let heartbeat = serde_json::from_str::<UpdateInstanceInformation>(heartbeat).unwrap();
        let named = spoil(&Request::Heartbeat(heartbeat), Spoiling::Platform("FreeBSD"));
        assert!(String::from_utf8(named).unwrap().contains(r#""PlatformType":"FreeBSD""#));
    }
}
