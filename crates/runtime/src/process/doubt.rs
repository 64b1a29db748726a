/// An event is set aside once this many children died that had it alone.
pub(super) const ALONE: u32 = 3;

/// What is known of the event that a child died of, and so how many events the next one gets.
///
/// Positions are those of the events of a haul. Somewhere before `upto` is the event at fault, if any is:
/// a child may have been killed from outside. Each request takes half of what is in doubt, so after a few
/// children the event is alone; what goes through is in doubt no longer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Doubt {
    upto: usize,
    alone: u32,
    /// Where the child said that it was when its time was over.
    hint: Option<usize>,
    /// A child died of something in it, and it is not known yet of what.
    unexplained: bool,
}

/// What to do after a child died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Give its events to the next one, in halves.
    Again,
    /// Set the one event aside that it had.
    SetAside,
}

impl Doubt {
    /// How many events from `at` on the next request may have, of `wanted`.
    pub(super) fn events(&self, at: usize, wanted: usize) -> usize {
        if at >= self.upto {
            return wanted;
        }
        match self.hint {
            _ if self.alone > 0 => 1,
            Some(hint) if hint > at => wanted.min(hint - at),
            Some(hint) if hint == at => 1,
            _ => wanted.min(((self.upto - at) / 2).max(1)),
        }
    }

    /// The event at `at` was alone with so many children that died, in an earlier life of the daemon.
    pub(super) fn recall(&mut self, at: usize, alone: u32) {
        self.upto = self.upto.max(at + 1);
        self.alone = alone;
        self.hint = None;
    }

    /// The how many-th attempt it would be to run the event at `at` alone; none if it is not in doubt.
    pub(super) fn attempt(&self, at: usize) -> Option<u32> {
        (at < self.upto).then_some(self.alone + 1)
    }

    /// Everything before `at` has gone through; true if a child died by itself and nothing explains that.
    pub(super) fn passed(&mut self, at: usize) -> bool {
        self.alone = 0;
        at >= self.upto && std::mem::take(&mut self.unexplained)
    }

    /// The child died that had `events` events from `at` on; `outside`: somebody else ended it.
    pub(super) fn died(
        &mut self,
        at: usize,
        events: usize,
        hint: Option<u32>,
        outside: bool,
    ) -> Verdict {
        self.unexplained |= !outside;
        if events > 1 {
            let hint = hint.map(|index| at + index as usize);
            self.upto = at + events;
            self.alone = 0;
            self.hint = hint.filter(|hint| *hint < at + events);
            return Verdict::Again;
        }
        // What lies behind it stays in doubt only as far as it was before.
        self.upto = self.upto.max(at + 1);
        self.alone += 1;
        if self.alone < ALONE {
            return Verdict::Again;
        }
        *self = Doubt {
            upto: at + 1,
            ..Doubt::default()
        };
        Verdict::SetAside
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::btree_set;
    use proptest::prelude::*;

    use super::*;

    /// Runs a haul against children that die of the events in `poison`, and when `killed` says so; `hints`:
    /// they say where they were. What was set aside, and how many children died.
    fn run(
        total: usize,
        wanted: usize,
        poison: &BTreeSet<usize>,
        hints: bool,
        mut killed: impl FnMut() -> bool,
    ) -> (Vec<usize>, usize) {
        let (mut at, mut aside, mut deaths) = (0, Vec::new(), 0);
        let mut doubt = Doubt::default();
        while at < total {
            let events = doubt.events(at, wanted.min(total - at));
            assert!((1..=total - at).contains(&events));
            let culprit = poison.range(at..at + events).next();
            if culprit.is_none() && !killed() {
                at += events;
                doubt.passed(at);
                continue;
            }
            deaths += 1;
            let hint = culprit
                .filter(|_| hints)
                .map(|culprit| (culprit - at) as u32);
            if doubt.died(at, events, hint, false) == Verdict::SetAside {
                assert_eq!(events, 1);
                aside.push(at);
                at += 1;
            }
        }
        (aside, deaths)
    }

    proptest! {
        #[test]
        fn exactly_the_poison_is_set_aside(
            total in 1usize..3000,
            wanted in 1usize..1500,
            poison in btree_set(0usize..3000, 0..12),
            hints: bool,
        ) {
            let poison: BTreeSet<usize> = poison.into_iter().filter(|at| *at < total).collect();
            let (aside, deaths) = run(total, wanted, &poison, hints, || false);
            prop_assert!(aside.iter().eq(poison.iter()));
            // Halving a request of 1,500 takes 11 children, and each event 3 alone.
            let each = if hints { 1 } else { 12 } + ALONE as usize;
            prop_assert!(deaths <= poison.len() * each, "{} deaths", deaths);
        }

        #[test]
        fn children_killed_from_outside_condemn_nobody(
            total in 1usize..2000,
            wanted in 2usize..1500,
            kills in proptest::collection::vec(0usize..40, 0..20),
        ) {
            let mut requests = 0;
            // Never three in a row: that many in the same instants would have to hit one event alone.
            let kills: BTreeSet<usize> = kills.iter().map(|kill| kill * 3).collect();
            let killed = || { requests += 1; kills.contains(&requests) };
            let (aside, _) = run(total, wanted, &BTreeSet::new(), false, killed);
            prop_assert_eq!(aside, Vec::<usize>::new());
        }
    }

    #[test]
    fn a_death_is_held_against_the_line_only_where_no_event_and_nobody_else_explains_it() {
        let mut doubt = Doubt::default();
        assert_eq!(doubt.died(0, 4, None, false), Verdict::Again);
        assert!(!doubt.passed(2));
        assert!(doubt.passed(4), "nothing in it explains it");
        assert!(!doubt.passed(8), "and it is told once");
        assert_eq!(doubt.died(8, 4, None, true), Verdict::Again);
        assert!(!doubt.passed(12), "somebody else ended it");
        for _ in 0..ALONE - 1 {
            assert_eq!(doubt.died(12, 1, None, false), Verdict::Again);
        }
        assert_eq!(doubt.died(12, 1, None, false), Verdict::SetAside);
        assert!(!doubt.passed(20), "the event explains it");
    }
}
