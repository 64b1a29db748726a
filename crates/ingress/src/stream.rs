use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_lite::{AsyncRead, AsyncWrite};

use crate::framing::Framing;
use crate::presence::Presence;
use crate::pulse::Pulse;

/// The bytes of a connection, on their way to hyper: what was read ahead comes first, and everything is looked at.
pub(crate) struct Watched<S> {
    stream: S,
    ahead: Vec<u8>,
    pulse: Arc<Pulse>,
    framing: Option<(Framing, Arc<Presence>)>,
}

impl<S> Watched<S> {
    /// `ahead`: what was read of it already.
    pub(crate) fn new(stream: S, ahead: Vec<u8>, pulse: Arc<Pulse>) -> Self {
        Watched {
            stream,
            ahead,
            pulse,
            framing: None,
        }
    }

    /// Refuses what is ambiguous in HTTP/1.1, and says how much is owed.
    pub(crate) fn framed(self, presence: Arc<Presence>) -> Self {
        Watched {
            framing: Some((Framing::default(), presence)),
            ..self
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let read = if this.ahead.is_empty() {
            ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?
        } else {
            let read = this.ahead.len().min(buffer.len());
            buffer[..read].copy_from_slice(&this.ahead[..read]);
            this.ahead.drain(..read);
            read
        };
        if read > 0 {
            // HTTP/2 says much besides requests: only its silence is judged.
            if let Some((framing, presence)) = &mut this.framing {
                this.pulse.heard();
                let judged = framing.read(&buffer[..read]);
                judged.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
                presence.owes(framing.owed());
            }
        }
        Poll::Ready(Ok(read))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(context)
    }
}
