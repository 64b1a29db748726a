//! The proof that acknowledged events are delivered, which anyone can run on their own machine.
//!
//! It runs the daemon as a child process, sends it numbered events over HTTP, and remembers which of them it was
//! told are durable. Meanwhile it kills the daemon, starts it again, fills its disk, and slows or takes away a sink.
//! At the end every acknowledged event has to have come out of every sink as it went in, in order by key, with a
//! ledger that balances. What exactly is judged is in `docs/PROOF.md`.
//!
//! Nothing here knows the insides of the daemon: it is a file to execute, an HTTP door, a file that it writes and a
//! socket that it writes to.

mod arrivals;
mod client;
mod daemon;
mod disk;
mod door;
mod error;
mod event;
mod faults;
mod http;
mod issued;
mod options;
mod pause;
mod place;
mod receiver;
mod rest;
mod round;
mod table;
mod tail;
mod trial;
mod verdict;

pub use error::Error;
pub use options::{Fault, Options, Settings, UnknownFault};
pub use trial::prove;
