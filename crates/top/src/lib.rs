//! A running daemon seen from a terminal: what the live page shows, in 80 columns and up.
//!
//! Everything comes from the admin API (`/api/v1/live`, `/api/v1/history`, `/api/v1/overview`), so this crate knows
//! nothing of the daemon but its address. [`watch`] draws on a terminal until somebody leaves; [`print()`] writes a line
//! a second for everything that is no terminal.
//!
//! Nothing is told by colour alone: states are words, and what is full is a bar and a figure.

mod app;
mod client;
mod feed;
mod format;
mod lines;
mod overview;
mod past;
mod terminal;
mod view;

pub use client::{ClientError, Events, document, events};
pub use lines::{Every, PrintError, print};
pub use terminal::{Remote, TopError, watch};
