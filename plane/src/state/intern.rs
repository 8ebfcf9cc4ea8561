//! One copy of what many nodes have in common.
//!
//! A fleet has few agent versions and platforms. They are kept once and
//! pointed to; what nobody points to any more is dropped when the store has
//! doubled since the last sweep.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

/// The fewest entries worth a sweep.
const SMALLEST_SWEEP: usize = 1024;

/// Values that are kept once.
#[derive(Debug)]
pub(crate) struct Interner<T: ?Sized + Eq + Hash> {
    values: HashSet<Arc<T>>,
    sweep_at: usize,
}

impl<T: ?Sized + Eq + Hash> Default for Interner<T> {
    fn default() -> Self {
        Self { values: HashSet::new(), sweep_at: SMALLEST_SWEEP }
    }
}

impl<T: ?Sized + Eq + Hash> Interner<T> {
    /// The one copy of this value.
    pub(crate) fn share<V>(&mut self, value: V) -> Arc<T>
    where
        V: Borrow<T> + Into<Arc<T>>,
    {
        if let Some(known) = self.values.get(value.borrow()) {
            return Arc::clone(known);
        }
        if self.values.len() >= self.sweep_at {
            self.values.retain(|value| Arc::strong_count(value) > 1);
            self.sweep_at = SMALLEST_SWEEP.max(self.values.len() * 2);
        }
        let value = value.into();
        self.values.insert(Arc::clone(&value));
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_one_and_unused_ones_go() {
        let mut interner = Interner::<str>::default();
        let first = interner.share("3.3.0.0");
        assert!(Arc::ptr_eq(&first, &interner.share("3.3.0.0".to_owned())));
        for number in 0..10_000 {
            interner.share(format!("{number}"));
        }
        assert!(interner.values.len() <= 2 * SMALLEST_SWEEP, "{}", interner.values.len());
        assert!(Arc::ptr_eq(&first, &interner.share("3.3.0.0")), "what is used stays");
    }
}
