use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use hyper::body::{Body, Bytes, Frame};

/// So many may listen at once: the other connections are for those who ask.
const LISTENERS: usize = 32;

/// Hands the latest document to everybody who listens. Who is too slow for one gets the next.
#[derive(Default)]
pub(crate) struct Hub {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    listeners: usize,
    number: u64,
    latest: Bytes,
    wakers: Vec<Waker>,
}

impl Hub {
    /// Whether anybody would hear.
    pub(crate) fn is_heard(&self) -> bool {
        self.lock().listeners > 0
    }

    /// Hands `document` to all, as an event of a stream.
    pub(crate) fn publish(&self, document: &str) {
        let mut state = self.lock();
        state.number += 1;
        state.latest = event(document);
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Somebody more who listens, and is given `first` at once; none when there are too many.
    pub(crate) fn listen(self: &Arc<Self>, first: impl FnOnce() -> String) -> Option<Listener> {
        let seen = {
            let mut state = self.lock();
            if state.listeners == LISTENERS {
                return None;
            }
            state.listeners += 1;
            state.number
        };
        let mut listener = Listener {
            hub: self.clone(),
            seen,
            first: None,
        };
        let first = event(&first());
        listener.first = Some([&b"retry: 1000\n"[..], &first].concat().into());
        Some(listener)
    }

    /// Every change leaves a whole state.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A document is one line, so it is one `data` field.
fn event(document: &str) -> Bytes {
    format!("event: overview\ndata: {document}\n\n").into()
}

/// The body of an answer that goes on: server-sent events.
pub(crate) struct Listener {
    hub: Arc<Hub>,
    seen: u64,
    first: Option<Bytes>,
}

impl Body for Listener {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        if let Some(first) = this.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        let mut state = this.hub.lock();
        if state.number > this.seen {
            this.seen = state.number;
            return Poll::Ready(Some(Ok(Frame::data(state.latest.clone()))));
        }
        let waker = context.waker();
        if !state.wakers.iter().any(|known| known.will_wake(waker)) {
            state.wakers.push(waker.clone());
        }
        Poll::Pending
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.hub.lock().listeners -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(listener: &mut Listener) -> Option<String> {
        let mut context = Context::from_waker(Waker::noop());
        match Pin::new(listener).poll_frame(&mut context) {
            Poll::Ready(Some(Ok(frame))) => {
                let data = frame.into_data().ok()?;
                Some(String::from_utf8_lossy(&data).into_owned())
            }
            _ => None,
        }
    }

    #[test]
    fn who_listens_hears_the_latest_and_who_is_slow_misses_what_is_old() {
        let hub = Arc::new(Hub::default());
        assert!(!hub.is_heard());
        let mut listener = hub.listen(|| "{}".to_owned()).expect("there is room");
        assert!(hub.is_heard());
        let first = next(&mut listener).expect("something at once");
        assert_eq!(first, "retry: 1000\nevent: overview\ndata: {}\n\n");
        assert_eq!(next(&mut listener), None);
        hub.publish("1");
        hub.publish("2");
        let heard = next(&mut listener).expect("something new");
        assert_eq!(heard, "event: overview\ndata: 2\n\n");
        assert_eq!(next(&mut listener), None);
        drop(listener);
        assert!(!hub.is_heard());
    }

    #[test]
    fn no_more_listen_than_there_is_room_for() {
        let hub = Arc::new(Hub::default());
        let mut listeners: Vec<_> = (0..LISTENERS)
            .map(|_| hub.listen(String::new).expect("there is room"))
            .collect();
        assert!(hub.listen(String::new).is_none());
        listeners.pop();
        assert!(hub.listen(String::new).is_some());
    }
}
