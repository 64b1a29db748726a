//! A slice: the events of a chunk that one shard gets.

use std::sync::Arc;

use prefetch_index::prefetch_index;

use crate::chunk::{Chunk, Position, Span};
use crate::key::{KeyPath, shard_of};
use crate::simd::widest;

/// Bytes that come from memory together.
const CACHE_LINE: usize = 64;

/// A part of a chunk: a run of spans in one span array that all slices of the chunk share.
#[derive(Clone, Debug)]
pub struct Slice {
    chunk: Arc<Chunk>,
    spans: Arc<Vec<Span>>,
    from: usize,
    to: usize,
    weight: usize,
}

impl Slice {
    /// All events of a chunk; `None` when it has none.
    pub fn whole(chunk: Arc<Chunk>) -> Option<Slice> {
        if chunk.refusal().is_some() {
            return Some(Self::refused(chunk));
        }
        let mut spans = Vec::with_capacity(chunk.bytes().len() / 200 + 1);
        let weight = chunk.frame(&mut spans);
        (!spans.is_empty()).then(|| Self::weighed(chunk, spans, weight))
    }

    /// The one event of a refused chunk: a span over the prefix that was kept.
    pub fn refused(chunk: Arc<Chunk>) -> Slice {
        let end = chunk.bytes().len() as u32;
        Self::over(
            chunk,
            vec![Span {
                start: 0,
                end,
                ordinal: 0,
            }],
        )
    }

    /// The events of a chunk that lie in it one right behind the other, without line ends: event `i` ends at
    /// `ends[i]`.
    ///
    /// # Panics
    /// If the ends fall, or lie outside the chunk.
    pub fn packed(chunk: Arc<Chunk>, ends: &[u32]) -> Slice {
        let mut start = 0;
        let spans = ends.iter().zip(0..).map(|(&end, ordinal)| {
            let span = Span {
                start,
                end,
                ordinal,
            };
            assert!(start <= end, "event {ordinal} ends before it begins");
            start = end;
            span
        });
        let spans: Vec<Span> = spans.collect();
        let (last, filled) = (start as usize, chunk.bytes().len());
        assert!(last <= filled, "events end at {last} of {filled} bytes");
        Self::over(chunk, spans)
    }

    fn over(chunk: Arc<Chunk>, spans: Vec<Span>) -> Slice {
        let weight = spans.iter().map(length).sum();
        Self::weighed(chunk, spans, weight)
    }

    fn weighed(chunk: Arc<Chunk>, spans: Vec<Span>, weight: usize) -> Slice {
        let to = spans.len();
        Slice {
            chunk,
            spans: Arc::new(spans),
            from: 0,
            to,
            weight,
        }
    }

    /// The chunk its events lie in.
    pub fn chunk(&self) -> &Arc<Chunk> {
        &self.chunk
    }

    /// How many events it has.
    pub fn len(&self) -> usize {
        self.to - self.from
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.from == self.to
    }

    fn spans(&self) -> &[Span] {
        &self.spans[self.from..self.to]
    }

    /// Its events from `ordinal` on, counted in the chunk; `None` if there are none.
    pub fn since(self, ordinal: u32) -> Option<Slice> {
        // Spans of a slice are in the order of the chunk.
        let passed = self.spans().partition_point(|span| span.ordinal < ordinal);
        let weight = self.spans()[passed..].iter().map(length).sum();
        let from = self.from + passed;
        (from < self.to).then_some(Slice {
            from,
            weight,
            ..self
        })
    }

    /// Where its event `i` lies.
    ///
    /// # Panics
    /// If `i` is not below [`len`](Self::len), as do the accessors below.
    #[inline]
    pub fn span(&self, i: usize) -> Span {
        self.spans()[i]
    }

    /// The line of its event `i`.
    #[inline]
    pub fn bytes(&self, i: usize) -> &[u8] {
        let span = self.span(i);
        &self.chunk.bytes()[span.start as usize..span.end as usize]
    }

    /// Asks for its event `i` from memory, if it has that many: it is on its way while the events before it are worked on.
    /// The lines of a keyed slice lie far apart, and often where another core has them.
    #[inline]
    pub fn touch(&self, i: usize) {
        let Some(span) = self.spans().get(i) else {
            return;
        };
        if i > 0 && span.start.wrapping_sub(self.span(i - 1).end) < CACHE_LINE as u32 {
            // The processor reads ahead by itself.
            return;
        }
        let (start, end) = (span.start as usize, span.end as usize);
        for line in (start..end).step_by(CACHE_LINE) {
            prefetch_index(self.chunk.bytes(), line);
        }
        // What was refused may have nothing of it left.
        if let Some(last) = end.checked_sub(1) {
            prefetch_index(self.chunk.bytes(), last);
        }
    }

    /// Total bytes of its lines.
    pub fn weight(&self) -> usize {
        self.weight
    }

    /// The sequence of its event `i` in the source partition.
    pub fn sequence(&self, i: usize) -> u64 {
        self.chunk.origin().first_sequence + u64::from(self.span(i).ordinal)
    }

    /// Where a journal keeps its event `i`, if one does.
    #[inline]
    pub fn position(&self, i: usize) -> Position {
        self.chunk.position(self.span(i).ordinal)
    }

    /// The byte offset of its event `i` in the source partition.
    pub fn offset(&self, i: usize) -> u64 {
        self.chunk.origin().offset + u64::from(self.span(i).start)
    }

    /// Splits it by key: calls `each` once for every shard below `shards` that has events, in the order of
    /// the shards, with the events of that shard in input order. An event without a readable key, or one
    /// that was refused, goes to shard `fallback`.
    ///
    /// One stable counting sort over one span array: two passes over the spans, one allocation a call.
    ///
    /// # Panics
    /// If `shards` is 0 or `fallback` is not below it.
    pub fn split(
        &self,
        key: &KeyPath,
        shards: u32,
        fallback: u32,
        scratch: &mut SplitScratch,
        mut each: impl FnMut(u32, Slice),
    ) {
        assert!(
            fallback < shards,
            "fallback shard {fallback}, expected one below {shards}"
        );
        if self.is_empty() {
            return;
        }
        scratch.clear(self.len(), shards);
        let lines = self.spans().iter().map(
            #[inline(always)]
            |span| span.start as usize..span.end as usize,
        );
        match (self.chunk.refusal(), self.spans().last()) {
            (None, Some(last)) => {
                let text = &self.chunk.bytes()[..last.end as usize];
                widest!(simd => key.hashes(
                    simd,
                    text,
                    lines,
                    #[inline(always)]
                    |line, hash| scratch.add(hash.map_or(fallback, |hash| shard_of(hash, shards)), line.len()),
                ));
            }
            _ => lines.for_each(|line| scratch.add(fallback, line.len())),
        }
        let SplitScratch {
            shard_of_event,
            tally,
        } = scratch;

        let mut from = 0;
        for tally in tally.iter_mut() {
            tally.next = from;
            from += tally.events;
        }
        let mut sorted = vec![
            Span {
                start: 0,
                end: 0,
                ordinal: 0
            };
            self.len()
        ];
        for (span, shard) in self.spans().iter().zip(shard_of_event.iter()) {
            let next = &mut tally[*shard as usize].next;
            sorted[*next] = *span;
            *next += 1;
        }

        let sorted = Arc::new(sorted);
        for (shard, tally) in tally
            .iter()
            .enumerate()
            .filter(|(_, tally)| tally.events > 0)
        {
            let slice = Slice {
                chunk: Arc::clone(&self.chunk),
                spans: Arc::clone(&sorted),
                from: tally.next - tally.events,
                to: tally.next,
                weight: tally.bytes,
            };
            each(shard as u32, slice);
        }
    }
}

fn length(span: &Span) -> usize {
    (span.end - span.start) as usize
}

/// What [`Slice::split`] writes on while it works; kept between calls to be used again.
#[derive(Debug, Default)]
pub struct SplitScratch {
    shard_of_event: Vec<u32>,
    tally: Vec<Tally>,
}

impl SplitScratch {
    fn clear(&mut self, events: usize, shards: u32) {
        self.shard_of_event.clear();
        self.shard_of_event.reserve(events);
        self.tally.clear();
        self.tally.resize(shards as usize, Tally::default());
    }

    /// The next event, of so many bytes, goes to this shard.
    #[inline(always)]
    fn add(&mut self, shard: u32, bytes: usize) {
        self.shard_of_event.push(shard);
        let tally = &mut self.tally[shard as usize];
        tally.events += 1;
        tally.bytes += bytes;
    }
}

#[derive(Clone, Debug, Default)]
struct Tally {
    events: usize,
    bytes: usize,
    next: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::Refusal;
    use crate::chunk::tests::{chunk, origin};

    #[test]
    fn an_event_of_which_nothing_was_kept_can_be_asked_for() {
        let refusal = Refusal {
            reason: "bad_syntax",
            detail: String::new(),
            length: 9,
            hash: 0,
        };
        let chunk = Chunk::refused(Vec::new(), origin(), refusal);
        let slice = Slice::refused(Arc::new(chunk));
        (0..3).for_each(|i| slice.touch(i));
        assert_eq!((slice.len(), slice.bytes(0)), (1, &b""[..]));
    }

    #[test]
    fn a_chunk_without_events_makes_no_slice() {
        assert!(Slice::whole(Arc::new(chunk(b"\n \r\n"))).is_none());
    }

    #[test]
    fn packed_events_are_read_like_those_of_lines() {
        let packed = Chunk::known(
            crate::Buffer::from_vec(b"{\"a\":1}{\"a\":22}\xff".to_vec()),
            15,
            true,
            origin(),
        );
        let slice = Slice::packed(Arc::new(packed), &[7, 15, 15]);
        assert_eq!(slice.len(), 3);
        assert_eq!(slice.weight(), 15);
        let lines: Vec<_> = (0..3).map(|i| slice.bytes(i)).collect();
        assert_eq!(lines, [&b"{\"a\":1}"[..], b"{\"a\":22}", b""]);
        let mut event = crate::Event::default();
        event.read(&slice, 1).expect("an event");
        assert!(event.read(&slice, 2).is_err());
    }

    #[test]
    fn every_event_keeps_its_coordinate_through_a_split() {
        let slice = Slice::whole(Arc::new(chunk(b"{\"k\":1}\n\n{\"k\":2}\n{\"k\":1}"))).unwrap();
        assert_eq!((slice.len(), slice.weight()), (3, 21));
        let key = KeyPath::parse("k").unwrap();
        let mut seen = Vec::new();
        slice.split(&key, 64, 0, &mut SplitScratch::default(), |_, part| {
            for i in 0..part.len() {
                seen.push((part.sequence(i), part.offset(i), part.bytes(i).to_vec()));
            }
        });
        seen.sort();
        let want = [
            (100, 1000, &b"{\"k\":1}"[..]),
            (101, 1009, b"{\"k\":2}"),
            (102, 1017, b"{\"k\":1}"),
        ];
        assert_eq!(seen, want.map(|(s, o, b)| (s, o, b.to_vec())));
    }

    #[test]
    fn what_lies_before_an_ordinal_is_left_out_and_nothing_else() {
        let lines = b"{\"k\":1}\n{\"k\":2}\n{\"k\":1}\n{\"k\":1}\n";
        let whole = Slice::whole(Arc::new(chunk(lines))).unwrap();
        let key = KeyPath::parse("k").unwrap();
        for ordinal in 0..6 {
            let mut left = Vec::new();
            whole.split(&key, 64, 0, &mut SplitScratch::default(), |_, part| {
                let Some(part) = part.since(ordinal) else {
                    return;
                };
                assert_eq!(part.weight(), 7 * part.len());
                left.extend((0..part.len()).map(|i| part.span(i).ordinal));
            });
            left.sort_unstable();
            assert_eq!(left, (ordinal..4).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_refused_event_goes_to_the_fallback_shard_whatever_its_prefix_says() {
        let refusal = Refusal {
            reason: "line_too_long",
            detail: "2 MiB".into(),
            length: 1 << 21,
            hash: 1,
        };
        let chunk = Chunk::refused(b"{\"k\":1}\n{\"k\":2}".to_vec(), origin(), refusal);
        let slice = Slice::whole(Arc::new(chunk)).unwrap();
        assert_eq!(slice.len(), 1);
        let mut shards = Vec::new();
        let key = KeyPath::parse("k").unwrap();
        slice.split(&key, 64, 63, &mut SplitScratch::default(), |shard, part| {
            shards.push((shard, part.len()))
        });
        assert_eq!(shards, [(63, 1)]);
    }
}
