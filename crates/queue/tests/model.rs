//! Every interleaving, within a bound on preemptions, of what runs at once in this crate:
//!
//! `RUSTFLAGS="--cfg millpond_model" cargo test -p millpond-queue --release --test model --target-dir target/model`
//!
//! The model checker does not look inside flume and `std::sync::Arc`; they run as they are, each
//! call in one step. Whatever this crate itself synchronises with is loom's.
#![cfg(millpond_model)]

use std::sync::PoisonError;

#[path = "model/budget.rs"]
mod budget;
#[path = "model/intake.rs"]
mod intake;
#[path = "model/ready.rs"]
mod ready;
#[path = "model/room.rs"]
mod room;

/// Runs `model` under all schedules with at most this many preemptions, one model at a time: each
/// schedule maps new stacks, and two models at once wait for each other's maps more than they gain.
fn explore(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.max_branches = 20_000;
    builder.check(model);
}
