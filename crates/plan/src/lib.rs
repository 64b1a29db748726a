//! What other numbers of workers would do at other rates, from what a daemon was seen to take.
//!
//! Two [`Look`]s at a daemon make a [`Measured`]; [`plan`] makes predictions of it. Pure: no IO, no clock, and the
//! same input gives the same predictions. The waits come from a simulation of how workers take shards, which draws
//! from the times that were measured; everything else is arithmetic. `docs/PLAN.md` has the model in words.
//!
//! ```
//! let earlier = serde_json::from_str(r#"{
//!   "uptime_seconds": 10, "cores": 4, "workers": 2, "busy_seconds": 0, "on_core_seconds": 0, "process_seconds": 0,
//!   "budget_bytes": 268435456, "connections": 99, "received_events": 0, "received_bytes": 0, "pipelines": []
//! }"#);
//! let later = serde_json::from_str(r#"{
//!   "uptime_seconds": 20, "cores": 4, "workers": 2, "busy_seconds": 10, "on_core_seconds": 0.5, "process_seconds": 1,
//!   "budget_bytes": 268435456, "connections": 99, "received_events": 10000, "received_bytes": 2500000,
//!   "pipelines": [{
//!     "pipeline": "clicks", "keyed": false, "arrivals": 10000, "batches": 10000, "events": 10000, "bytes": 40960000,
//!     "event_squares": 10000, "event_nanos": 10000000000, "parked_shards": 0, "shards": [5, 5],
//!     "took": { "seconds": 10, "buckets": [[1000000, 10000]] },
//!     "waited": { "seconds": 0.5, "buckets": [[50000, 10000]] },
//!     "woke": { "seconds": 0.4, "buckets": [[50000, 8000]] }, "woken_seconds": 8,
//!     "stages": [{ "stage": "delay", "events": 10000, "timed_events": 160, "timed_seconds": 0.16 }]
//!   }]
//! }"#);
//! let (earlier, later): (millpond_plan::Look, millpond_plan::Look) = (earlier?, later?);
//! let measured = later.since(&earlier)?;
//! let plan = millpond_plan::plan(&measured, &millpond_plan::Ask {
//!     workers: vec![2, 4],
//!     rates: vec![1_500.0],
//!     ..millpond_plan::Ask::default()
//! })?;
//! assert!((plan.rows[0].utilisation - 0.75).abs() < 0.01);
//! assert_eq!(plan.parts[0].stage.as_deref(), Some("delay"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod burst;
mod error;
mod look;
mod notes;
mod parts;
mod predict;
mod report;
mod simulation;
mod spread;
mod traffic;
mod waking;

pub use burst::{Burst, Drain};
pub use error::PlanError;
pub use look::{Look, Measured, PipelineLook, StageLook};
pub use parts::Part;
pub use predict::{Ask, Limit, Plan, Row, Wait, check, plan};
pub use report::Report;
pub use spread::Spread;
