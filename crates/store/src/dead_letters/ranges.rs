use std::collections::BTreeMap;

/// A set of numbers that mostly follow each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ranges {
    /// First, and the one behind the last; none touch.
    ranges: BTreeMap<u64, u64>,
}

impl Ranges {
    /// Adds `from..to`.
    pub(crate) fn add(&mut self, mut from: u64, mut to: u64) {
        if from >= to {
            return;
        }
        while let Some((&first, &end)) = self.ranges.range(..=to).next_back()
            && end >= from
        {
            (from, to) = (from.min(first), to.max(end));
            self.ranges.remove(&first);
        }
        self.ranges.insert(from, to);
    }

    pub(crate) fn contains(&self, number: u64) -> bool {
        let before = self.ranges.range(..=number).next_back();
        before.is_some_and(|(_, &end)| number < end)
    }

    /// Lets go of every number below `from`.
    pub(crate) fn forget_below(&mut self, from: u64) {
        let kept = self.ranges.split_off(&from);
        let over = self.ranges.pop_last().filter(|&(_, end)| end > from);
        self.ranges = kept;
        self.ranges.extend(over.map(|(_, end)| (from, end)));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        self.ranges.iter().map(|(&from, &to)| (from, to))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set(
            adds in prop::collection::vec((0_u64..60, 0_u64..10), 0..30), below in 0_u64..70,
        ) {
            let (mut ranges, mut model) = (Ranges::default(), BTreeSet::new());
            for (from, length) in adds {
                ranges.add(from, from + length);
                model.extend(from..from + length);
            }
            ranges.forget_below(below);
            model.retain(|&number| number >= below);
            let found: BTreeSet<u64> = (0..80).filter(|&number| ranges.contains(number)).collect();
            prop_assert_eq!(&found, &model);
            let runs = model.iter().filter(|&&number| number == 0 || !model.contains(&(number - 1)));
            prop_assert_eq!(ranges.iter().count(), runs.count(), "as few ranges as can be");
        }
    }
}
