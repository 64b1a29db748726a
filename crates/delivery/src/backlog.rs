/// How a bounded place is drained: what waits in it and what has left it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// The bytes that it may hold, or held when it took no more.
    pub capacity: u64,
    /// The bytes that it holds.
    pub waiting: u64,
    /// The bytes that have left it, ever.
    pub left: u64,
}
