//! Numbers through a pipeline, which know where a journal keeps them.

#![allow(unreachable_pub)]

use millpond_engine::Timestamp;
use millpond_runtime::{Codec, Letter, Refused};

/// Those of a record that a shard gets: ordinal and number of each.
pub struct Batch {
    pub sequence: u64,
    pub numbers: Vec<(u32, u64)>,
}

/// Reads and writes numbers.
pub struct Numbers;

impl Codec for Numbers {
    type Batch = Batch;
    type Item = u64;
    type Output = Vec<(u32, u64)>;

    fn len(&self, batch: &Batch) -> usize {
        batch.numbers.len()
    }

    fn received(&self, _: &Batch) -> Timestamp {
        Timestamp(0)
    }

    fn kept_at(&self, batch: &Batch, index: usize) -> Option<(u64, u32)> {
        Some((batch.sequence, batch.numbers[index].0))
    }

    fn decode(
        &mut self,
        batch: &mut Batch,
        index: usize,
        item: &mut Option<u64>,
    ) -> Result<(), Refused> {
        *item = Some(batch.numbers[index].1);
        Ok(())
    }

    fn encode(&mut self, _: usize, item: &mut u64, input: u32, rows: &mut Vec<(u32, u64)>) {
        rows.push((input, *item));
    }

    fn encode_letter(&mut self, _: Letter<'_, Self>, _: u32, _: &mut Vec<(u32, u64)>) -> bool {
        false
    }

    fn rows(&self, rows: &Vec<(u32, u64)>) -> u64 {
        rows.len() as u64
    }

    fn filled(&self, rows: &Vec<(u32, u64)>) -> u64 {
        rows.len() as u64 * 16
    }

    fn bytes(&self, rows: &Vec<(u32, u64)>) -> u64 {
        rows.len() as u64 * 16
    }

    fn input(&self, rows: &Vec<(u32, u64)>, row: u64) -> u32 {
        rows[row as usize].0
    }
}
