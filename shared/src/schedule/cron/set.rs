//! A set of a cron field's values: bits, found again in their order.

use std::iter;

/// Some values of a field, counted from the field's least one. 230 years are the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Set {
    least: u16,
    bits: [u64; 4],
}

impl Set {
    /// No values, of a field that begins with `least` and has at most 256.
    pub(super) fn empty(least: u16) -> Self {
        Self { least, bits: [0; 4] }
    }

    /// Puts a value in that the field may have.
    pub(super) fn insert(&mut self, value: u16) {
        let at = usize::from(value - self.least);
        self.bits[at / 64] |= 1 << (at % 64);
    }

    /// Whether the value is in.
    pub(super) fn contains(&self, value: i64) -> bool {
        self.first_from(value) == Some(value)
    }

    /// The smallest value that is `earliest` or more.
    pub(super) fn first_from(&self, earliest: i64) -> Option<i64> {
        let least = i64::from(self.least);
        let from = usize::try_from((earliest - least).max(0)).ok()?;
        // Of the word in which the search begins, only the bits from there on count.
        let mut mask = u64::MAX << (from % 64);
        for (word, bits) in self.bits.iter().enumerate().skip(from / 64) {
            let bits = bits & mask;
            if bits != 0 {
                return Some(least + word as i64 * 64 + i64::from(bits.trailing_zeros()));
            }
            mask = u64::MAX;
        }
        None
    }

    /// The values, rising.
    pub(super) fn iter(&self) -> impl Iterator<Item = i64> + Clone + use<> {
        let set = *self;
        iter::successors(set.first_from(i64::from(set.least)), move |value| set.first_from(value + 1))
    }

    /// The values as bits, the lowest for the field's least value; for a field of at most 32.
    pub(super) fn low_bits(&self) -> u32 {
        self.bits[0] as u32
    }
}
