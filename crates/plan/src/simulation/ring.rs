/// Which shards are ready: they are claimed in a ring.
pub(super) struct Ring {
    words: Vec<u64>,
    ready: usize,
}

impl Ring {
    pub(super) fn new(shards: usize) -> Self {
        Ring {
            words: vec![0; shards.div_ceil(64)],
            ready: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ready == 0
    }

    pub(super) fn put(&mut self, shard: usize) {
        let (word, bit) = (&mut self.words[shard / 64], 1 << (shard % 64));
        self.ready += usize::from(*word & bit == 0);
        *word |= bit;
    }

    /// Takes the first that is ready at or after `from`.
    pub(super) fn claim(&mut self, from: usize) -> Option<usize> {
        if self.ready == 0 {
            return None;
        }
        let words = self.words.len();
        let from = if from < words * 64 { from } else { 0 };
        // One round over all words, and the first once more for its low bits.
        (0..=words).find_map(|step| {
            let index = (from / 64 + step) % words;
            let mask = if step == 0 {
                u64::MAX << (from % 64)
            } else {
                u64::MAX
            };
            let ready = self.words[index] & mask;
            (ready != 0).then(|| {
                let bit = ready.trailing_zeros();
                self.words[index] &= !(1 << bit);
                self.ready -= 1;
                index * 64 + bit as usize
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_claimed_in_a_ring_and_once_for_each_time_they_are_put() {
        let mut ring = Ring::new(130);
        for shard in [3, 64, 129, 3] {
            ring.put(shard);
        }
        let claimed: Vec<_> = [64, 65, 130, 0].map(|from| ring.claim(from)).to_vec();
        assert_eq!(claimed, [Some(64), Some(129), Some(3), None]);
        assert!(ring.is_empty());
        ring.put(2);
        assert_eq!(ring.claim(3), Some(2));
    }
}
