//! The file sink.

mod config;
mod open;
mod rotated;
mod writer;

pub use config::{FileConfig, RotateConfig};
