//! Lists in pages: where the next page begins, as an opaque token.
//!
//! A token holds the place where the page before ended, and a digest over that
//! place, the operation and its filters. So one that was made up, cut short or
//! taken from another list is told apart.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use shared::error::{ApiError, ErrorCode};
use shared::seed::Seed;

use crate::state::document::sha256;

/// How many nodes, or items of nodes, one call looks at in search of those that a
/// filter lets through. A page may then be short and still have a successor.
pub(crate) const SEARCH: usize = 10_000;

/// The list that a page belongs to.
#[derive(Debug)]
pub(crate) struct List {
    scope: String,
}

impl List {
    /// The list of this operation under these filters.
    pub(crate) fn new(seed: Seed, operation: &str, filters: &impl std::fmt::Debug) -> Self {
        Self { scope: format!("{}\0{operation}\0{filters:?}", seed.0) }
    }

    /// A token for the page behind this place.
    pub(crate) fn token(&self, place: &str) -> String {
        let digest = self.digest(place);
        format!("{}.{digest}", URL_SAFE_NO_PAD.encode(place))
    }

    /// The place behind which the asked page begins; none for the first.
    pub(crate) fn place<T: std::str::FromStr>(&self, token: Option<&str>) -> Result<Option<T>, ApiError> {
        let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(None) };
        self.read(token)
            .and_then(|place| place.parse().ok())
            .map(Some)
            .ok_or_else(|| ApiError::new(ErrorCode::InvalidNextToken, "the token is not of this list"))
    }

    fn read(&self, token: &str) -> Option<String> {
        let (place, digest) = token.split_once('.')?;
        let place = String::from_utf8(URL_SAFE_NO_PAD.decode(place).ok()?).ok()?;
        (digest == self.digest(&place)).then_some(place)
    }

    fn digest(&self, place: &str) -> String {
        let mut digest = sha256(format!("{}\0{place}", self.scope).as_bytes());
        digest.truncate(16);
        digest
    }
}

/// How long a page may be: what was asked for within the service's bounds, or its default.
pub(crate) fn page_size(asked: Option<i64>, default: usize) -> usize {
    asked.map_or(default, |asked| usize::try_from(asked.clamp(1, 50)).expect("from 1 to 50"))
}

/// A slice of at most `size` items behind the first `skip`, and the place behind it if there is more.
pub(crate) fn cut<T>(items: Vec<T>, skip: usize, size: usize) -> (Vec<T>, Option<usize>) {
    let next = skip.saturating_add(size);
    let more = (items.len() > next).then_some(next);
    (items.into_iter().skip(skip).take(size).collect(), more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_own_list_only() {
        let list = List::new(Seed(1), "ListAssociations", &["Name=a"]);
        let token = list.token("17");
        assert_eq!(list.place::<u32>(Some(&token)), Ok(Some(17)));
        assert_eq!(list.place::<u32>(None), Ok(None));
        let other = List::new(Seed(1), "ListAssociations", &["Name=b"]);
        let foreign = [
            list.place::<u32>(Some("garbage")),
            list.place::<u32>(Some(&token[1..])),
            list.place::<u32>(Some(&list.token("seventeen"))),
            other.place::<u32>(Some(&token)),
        ];
        for place in foreign {
            assert_eq!(place.unwrap_err().code, ErrorCode::InvalidNextToken);
        }
    }
}
