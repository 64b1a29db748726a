//! The file sink.

mod config;
mod kept;
mod open;
mod positions;
mod rotated;
mod writer;

pub use config::{FileConfig, RotateConfig};
