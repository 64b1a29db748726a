use std::collections::HashMap;

/// How far each partition of a source had come when the process ended the last time.
pub type Resume = HashMap<u64, Resumed>;

/// Where a partition goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resumed {
    /// The byte offset of what was not taken in yet.
    pub offset: u64,
    /// The sequence of the next event.
    pub sequence: u64,
}
