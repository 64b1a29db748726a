use std::marker::PhantomData;

use millpond_engine::Timestamp;

use crate::codec::{Codec, Letter, Refused};

/// The codec for Rust values: a batch is a vector of them, and so is an output.
pub struct Passthrough<T> {
    item: PhantomData<fn() -> T>,
}

/// What a sink of a [`Passthrough`] pipeline gets.
#[derive(Debug)]
pub struct Rows<T> {
    /// In order.
    pub rows: Vec<Row<T>>,
}

/// One item at a sink.
#[derive(Clone, Debug)]
pub struct Row<T> {
    /// The item.
    pub item: T,
    /// Why it is here, if this is the sink of dead letters.
    pub failure: Option<Failure>,
    input: u32,
}

/// Why an item was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The stage's name.
    pub stage: String,
    /// A short machine name.
    pub reason: String,
    /// For people.
    pub message: String,
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Rows { rows: Vec::new() }
    }
}

impl<T> Default for Passthrough<T> {
    fn default() -> Self {
        Passthrough { item: PhantomData }
    }
}

impl<T: Clone + Send + 'static> Codec for Passthrough<T> {
    type Batch = Vec<Option<T>>;
    type Item = T;
    type Output = Rows<T>;

    fn len(&self, batch: &Self::Batch) -> usize {
        batch.len()
    }

    fn received(&self, _batch: &Self::Batch) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Timestamp(since.map_or(0, |time| {
            u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
        }))
    }

    fn decode(
        &mut self,
        batch: &mut Self::Batch,
        index: usize,
        item: &mut Option<T>,
    ) -> Result<(), Refused> {
        *item = batch.get_mut(index).and_then(Option::take);
        match item {
            Some(_) => Ok(()),
            None => Err(Refused {
                reason: "taken",
                message: format!("item {index} of the batch was taken before"),
            }),
        }
    }

    fn close(&mut self, item: &mut Option<T>) {
        *item = None;
    }

    fn encode(&mut self, _exit: usize, item: &mut T, input: u32, output: &mut Rows<T>) {
        output.rows.push(Row {
            item: item.clone(),
            failure: None,
            input,
        });
    }

    fn encode_letter(
        &mut self,
        letter: Letter<'_, Self>,
        input: u32,
        output: &mut Rows<T>,
    ) -> bool {
        let Some(item) = letter.item.cloned() else {
            return false;
        };
        let failure = Failure {
            stage: letter.stage.to_owned(),
            reason: letter.reason.to_owned(),
            message: letter.message.to_owned(),
        };
        output.rows.push(Row {
            item,
            failure: Some(failure),
            input,
        });
        true
    }

    fn rows(&self, output: &Rows<T>) -> u64 {
        output.rows.len() as u64
    }

    fn filled(&self, output: &Rows<T>) -> u64 {
        (output.rows.len() * size_of::<Row<T>>()) as u64
    }

    fn bytes(&self, output: &Rows<T>) -> u64 {
        (output.rows.capacity() * size_of::<Row<T>>()) as u64
    }

    fn input(&self, output: &Rows<T>, row: u64) -> u32 {
        output
            .rows
            .get(row as usize)
            .map_or(u32::MAX, |row| row.input)
    }
}
