//! Workers that run their stages in a process of their own, so that a stage may crash, hang or grow.
//!
//! Each worker thread has a child: the same program, started anew, which builds the same lines. A shard is
//! run by one worker only, so that the state of its line stays in one child. The thread
//! gathers events of one shard into a `Request`, sends it over a socket, waits for the
//! `Reply` and takes the output over. Tickets, ledgers, permits and sinks stay here; a child has
//! nothing that would be missed, so it may be replaced at any time.
//!
//! A child that dies, or that takes longer than its deadline, is replaced, and what it was given is given
//! to the next in halves (`Doubt`), until the event at fault is alone. An event is set aside only
//! after it was alone with three children that died: one that is killed from outside condemns nobody.
//! Meanwhile its shard takes nothing later, so order is kept.
//!
//! What a child says is not trusted: lengths are bounded, every count and index is checked, and a child
//! whose reply does not fit is replaced like one that died.

mod account;
mod apart;
mod child;
mod death;
mod doubt;
mod exchange;
mod haul;
mod link;
mod parent;
mod reasons;
mod reply;
mod request;
mod suspects;
mod view;
mod wire;

pub use child::{Built, Hand, serve};
pub use death::{Death, How};
pub(crate) use haul::Haul;
pub use parent::Processes;
pub(crate) use parent::{Asked, Children, Remote, Remotes};
pub use reply::{Broken, Column, Expected, Note, Reply, What};
pub use suspects::Suspects;
pub use view::{ProcessView, ProcessesView};
pub use wire::{Rows, Wire};
