//! A durable, segmented log of byte records.

mod checkpoint;
mod error;
mod files;
mod frame;
mod le;
mod options;
mod prepare;
mod reader;
mod recovery;
mod repair;
mod scan;
mod segment;
mod shared;
pub mod sim;
mod storage;
mod truncate;
mod writer;

pub use error::{Error, Result};
pub use files::Files;
pub use frame::{Header, Home, Records, decode};
pub use options::{Options, Origin};
pub use reader::Reader;
pub use recovery::{Damage, Report, TornTail};
pub use storage::Storage;
pub use writer::Journal;
