use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;

use crate::{Inlet, SourceError};

/// A boxed future that can move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A part of a source's input that goes to some of its pipelines alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// Its name within the source.
    pub name: String,
    /// The pipelines, by name: each of them reads the source.
    pub pipelines: Vec<String>,
}

/// A configured source that is not open yet.
pub trait Source: Send {
    /// Binds its address or opens its files.
    ///
    /// # Errors
    /// Names the address or the path that could not be opened.
    fn open(self: Box<Self>) -> BoxFuture<'static, Result<Box<dyn Opened>, SourceError>>;

    /// The files it reads, as configured.
    fn paths(&self) -> &[PathBuf] {
        &[]
    }

    /// Its branches; see [`Inlet::branch`].
    fn branches(&self) -> Vec<Branch> {
        Vec::new()
    }

    /// Whether its configuration asks for something that only a journal can give.
    fn needs_journal(&self) -> bool {
        false
    }
}

/// An open source, ready to take events in.
pub trait Opened: Send {
    /// The address it listens on, if it listens.
    fn local_addr(&self) -> Option<SocketAddr> {
        None
    }

    /// Takes events in until its input ends or the inlet's [`Stop`](crate::Stop) is raised, and then
    /// lets go of the inlet. Ends quietly when a pipeline behind the inlet is gone.
    ///
    /// # Errors
    /// When the input cannot be read any further. What was read before has been handed on.
    fn run(self: Box<Self>, inlet: Inlet) -> BoxFuture<'static, Result<(), SourceError>>;
}
