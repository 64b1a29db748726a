use xxhash_rust::xxh3::xxh3_128;

use crate::{Place, Rows};

/// Makes the keys by which a receiver tells that it has a request already.
///
/// Rows that a journal keeps are told by their places, so that their key is the same in another
/// process, if the same rows come together. Others get a number, which stays for as long as the same
/// body is sent again.
pub(crate) struct Keys {
    session: u128,
    number: u64,
    /// The hash of the body that was sent last and not taken.
    pending: Option<u128>,
}

impl Keys {
    pub(crate) fn new() -> Self {
        Keys {
            session: fastrand::u128(..),
            number: 0,
            pending: None,
        }
    }

    /// The key of these rows, which make up `body`.
    pub(crate) fn key(&mut self, batch: &[Rows<'_>], body: &[u8]) -> String {
        let hash = places(batch).map_or_else(|| self.numbered(body), |places| xxh3_128(&places));
        format!("{hash:032x}")
    }

    /// The request was taken: the next one is another, even with the same body.
    pub(crate) fn taken(&mut self) {
        self.pending = None;
    }

    fn numbered(&mut self, body: &[u8]) -> u128 {
        let hash = xxh3_128(body);
        if self.pending.replace(hash) != Some(hash) {
            self.number += 1;
        }
        let mut bytes = self.session.to_le_bytes().to_vec();
        bytes.extend(self.number.to_le_bytes());
        xxh3_128(&bytes)
    }
}

/// What tells the rows from all others; none where a journal keeps not all of them.
fn places(batch: &[Rows<'_>]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for rows in batch.iter().filter(|rows| !rows.is_empty()) {
        let lane = rows.lane()?;
        bytes.extend(lane.pipeline.as_bytes());
        bytes.push(0);
        bytes.extend(lane.shard.to_le_bytes());
        bytes.extend((rows.len() as u64).to_le_bytes());
        for row in [0, rows.len() - 1] {
            let Place { position, output } = rows.place(row)?;
            bytes.extend(position.sequence.to_le_bytes());
            bytes.extend(position.ordinal.to_le_bytes());
            bytes.extend(output.to_le_bytes());
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use millpond_delivery::Lane;
    use millpond_event::{Position, Records};

    use super::*;
    use crate::testing::records;

    #[test]
    fn a_batch_without_places_has_one_key_until_it_is_taken() {
        let (one, two) = (records(["a"]), records(["b"]));
        let (one, two) = ([Rows::whole(&one)], [Rows::whole(&two)]);
        let mut keys = Keys::new();
        let first = keys.key(&one, b"a\n");
        assert_eq!(keys.key(&one, b"a\n"), first, "sent again");
        keys.taken();
        let same_bytes = keys.key(&one, b"a\n");
        assert_ne!(same_bytes, first, "the same bytes, another batch");
        assert_ne!(keys.key(&two, b"b\n"), same_bytes);
        assert_ne!(Keys::new().key(&one, b"a\n"), first, "another process");
    }

    #[test]
    fn places_make_the_same_key_in_every_process_and_no_two_batches_share_one() {
        let mut kept = Records::default();
        for sequence in [10, 10, 20] {
            let position = Position {
                sequence,
                ordinal: 0,
            };
            kept.push_at(0, position, |out| out.extend_from_slice(b"{}\n"));
        }
        let lane = |shard| Lane {
            pipeline: "p".into(),
            shard,
        };
        let (one, other) = (lane(1), lane(2));
        let batches = [
            Rows::of(&kept, &one),
            Rows::of(&kept, &one).split_at(1).0,
            Rows::of(&kept, &one).split_at(1).1,
            Rows::of(&kept, &other),
        ];
        let key = |rows| Keys::new().key(&[rows], b"");
        let mut keys: Vec<String> = batches.into_iter().map(key).collect();
        assert_eq!(keys[0], key(batches[0]));
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), batches.len());
    }
}
