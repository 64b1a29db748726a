use millpond_engine::Timestamp;

/// How items are read from batches and written for sinks. One instance per shard, so it may keep
/// state; the item it decodes into is reused from event to event.
pub trait Codec: Send + 'static {
    /// What lies in a mailbox: many events.
    type Batch: Send + 'static;
    /// One event, as the stages see it.
    type Item: Send + 'static;
    /// Encoded rows for one sink.
    type Output: Default + Send + 'static;

    /// How many events the batch holds.
    fn len(&self, batch: &Self::Batch) -> usize;

    /// True for a batch of no events.
    fn is_empty(&self, batch: &Self::Batch) -> bool {
        self.len(batch) == 0
    }

    /// The time at which the batch was taken in, as stages see it.
    fn received(&self, batch: &Self::Batch) -> Timestamp;

    /// The batch is taken on: a good time to ask for what its first events need from memory.
    fn open(&mut self, batch: &Self::Batch) {
        let _ = batch;
    }

    /// Reads event `index` into `item`, reusing what is there. Called once per event, in order.
    ///
    /// # Errors
    /// [`Refused`] when the event is not one: it goes to the dead letters.
    fn decode(
        &mut self,
        batch: &mut Self::Batch,
        index: usize,
        item: &mut Option<Self::Item>,
    ) -> Result<(), Refused>;

    /// Where a journal keeps event `index`, the same after a restart: its record, and the event's ordinal in it. `None`
    /// if none does.
    fn kept_at(&self, batch: &Self::Batch, index: usize) -> Option<(u64, u32)> {
        let _ = (batch, index);
        None
    }

    /// Event `index` as it came in, where the batch has that still: what a crash is reproduced with.
    fn original(batch: &Self::Batch, index: usize) -> Option<&[u8]> {
        let _ = (batch, index);
        None
    }

    /// A second handle on the batch, where that costs next to nothing: with it, somebody else can see what a
    /// worker hangs on.
    fn share(batch: &Self::Batch) -> Option<Self::Batch> {
        let _ = batch;
        None
    }

    /// The batch is done with: `item` lets go of what it holds of it.
    fn close(&mut self, item: &mut Option<Self::Item>) {
        let _ = item;
    }

    /// Asked when a batch is begun or gone on with: whether somebody looks at what comes to the stages. What comes
    /// then is shown to [`show`](Codec::show).
    fn is_watched(&mut self) -> bool {
        false
    }

    /// An item is about to be run by the stage of this name, and somebody looks.
    fn show(&mut self, stage: &str, item: &Self::Item) {
        let _ = (stage, item);
    }

    /// Appends the item as one row for the sink at `exit`; `input` names the event it came from.
    fn encode(&mut self, exit: usize, item: &mut Self::Item, input: u32, output: &mut Self::Output);

    /// Appends a dead letter as one row; false when there is nothing that could be kept of it.
    fn encode_letter(
        &mut self,
        letter: Letter<'_, Self>,
        input: u32,
        output: &mut Self::Output,
    ) -> bool;

    /// How many rows an output holds.
    fn rows(&self, output: &Self::Output) -> u64;

    /// How many bytes of rows an output holds: it is handed over when there are enough.
    fn filled(&self, output: &Self::Output) -> u64;

    /// The memory that an output pins, in bytes: what the budget is charged with.
    fn bytes(&self, output: &Self::Output) -> u64;

    /// The event that row `row` came from, as given to `encode`.
    fn input(&self, output: &Self::Output, row: u64) -> u32;
}

/// Why an event could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// A short machine name: a metric label.
    pub reason: &'static str,
    /// For people.
    pub message: String,
}

/// An event that is set aside.
pub struct Letter<'a, C: Codec + ?Sized> {
    /// The batch it came in and its place there; none for what a stage made at a tick or at the end
    /// of the input.
    pub from: Option<(&'a C::Batch, usize)>,
    /// The event itself as it was when it failed, if it could be decoded.
    pub item: Option<&'a C::Item>,
    /// True for an event that a stage derived from the one in `from`.
    pub derived: bool,
    /// The pipeline's name.
    pub pipeline: &'a str,
    /// Where it failed: a stage's name, or `decode`.
    pub stage: &'a str,
    /// A short machine name.
    pub reason: &'a str,
    /// For people.
    pub message: &'a str,
    /// How often it was run.
    pub attempts: u32,
}
