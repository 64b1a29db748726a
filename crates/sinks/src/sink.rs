use std::path::Path;

use crate::{SinkError, Writer};

/// A configured sink that is not open yet: nothing outside the process has been touched.
pub trait Sink: Send {
    /// Opens the destination of the sink `name`, which it says of itself in the log. `journal` is the id of the journal that keeps the events, if one does: the
    /// [places](crate::Place) of rows mean nothing in another one.
    ///
    /// # Errors
    /// [`SinkError`] when it cannot be written to at all. A destination that is merely not there
    /// yet, such as a network peer, is waited for by the writer instead.
    fn open(
        self: Box<Self>,
        name: &str,
        journal: Option<u64>,
    ) -> Result<Box<dyn Writer>, SinkError>;

    /// The file that the sink writes and nobody else may. A configuration in which two sinks name
    /// the same one is wrong; [`Sink::open`] refuses the second of them.
    fn path(&self) -> Option<&Path> {
        None
    }
}
