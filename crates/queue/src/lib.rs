//! Bounded rooms over [`flume`] channels, for pipelines that must stay correct under bursts.
//!
//! Whatever waits in a Millpond pipeline waits here, in plain sight:
//!
//! - a [`Budget`] of bytes: whoever brings bytes in takes a [`Permit`] first. It is the one place
//!   where anything waits;
//! - a [`room`]: a bounded queue (events and bytes) in front of one consumer, with a blocking and
//!   an async end, neither of which keeps a flume future alive;
//! - [`mailboxes`]: one queue per shard behind one [`Intake`], with a [`ReadySet`] that hands each
//!   shard to at most one worker at a time and never loses a wake-up;
//! - a [`Depth`] of each of them, readable at any time without locking anybody out.
//!
//! A room is closed by dropping its senders. There is no stop message.
//!
//! ```
//! use millpond_queue::{Budget, Limits, Parcel, Weight, room};
//!
//! let budget = Budget::new(1 << 20);
//! let (sender, mut receiver) = room::<Vec<u8>>("letters", Limits { events: 100, bytes: 64 << 10 });
//!
//! let permit = budget.acquire_blocking(5);
//! let parcel = Parcel::new(b"hello".to_vec(), Weight { events: 1, bytes: 5 }).with_permit(permit);
//! sender.try_send(parcel).expect("the room is empty");
//! assert_eq!(sender.depth().events, 1);
//! drop(sender);
//!
//! assert_eq!(receiver.recv().expect("one parcel").item, b"hello");
//! assert!(receiver.recv().is_none(), "closed and empty");
//! assert_eq!(budget.used(), 0);
//! ```

mod budget;
mod depth;
mod gate;
mod head;
mod mailbox;
mod parcel;
mod ready;
mod room;
mod spares;
mod sync;
mod time;
mod waiters;

pub use budget::{Acquire, Budget, Permit};
pub use depth::{Depth, Limits};
pub use gate::Gate;
pub use mailbox::{Arriving, Intake, IntakeView, Mailbox, mailboxes};
pub use parcel::{Parcel, TrySendError, Weight};
pub use ready::{After, ReadySet};
pub use room::{RoomReceiver, RoomSender, RoomView, room};
pub use spares::Spares;
pub use time::monotonic_nanos;
