//! Places where events can be looked at while they pass, without holding them up.
//!
//! Whoever moves events asks a [`Point`] once a batch whether somebody looks ([`Point::is_watched`], one relaxed load).
//! If so, it lets the batch [`pass`](Point::pass), and is asked for as many of its events as the [`Tap`]s have room for at
//! that moment. It never waits: a tap that is full, busy or has had its share gets nothing, and knows how much passed
//! without it.
//!
//! ```
//! use std::sync::Arc;
//! use millpond_tap::{Point, Sample};
//!
//! let point = Arc::new(Point::default());
//! assert!(!point.is_watched());
//! let tap = point.tap(1_000);
//! if point.is_watched() {
//!     point.pass(3, |event| Sample::of(format!("event {event}").as_bytes()));
//! }
//! assert_eq!(tap.take()[0].bytes, b"event 0");
//! assert_eq!(tap.passed(), 3);
//! ```

mod line;
mod point;
mod share;
mod tap;

pub use line::{Line, Wanted};
pub use point::Point;
pub use share::Share;
pub use tap::{Sample, Tap};
