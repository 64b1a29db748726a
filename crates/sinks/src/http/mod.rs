//! The HTTP sink.

mod client;
mod config;
mod key;
mod verdict;
mod writer;

pub use config::{BatchConfig, HeaderConfig, HttpConfig};
