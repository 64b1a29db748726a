//! Exits that remember what they saw.
#![allow(dead_code, unreachable_pub)]

use millpond_engine::{Exits, StageError};

pub struct Record<E> {
    pub left: Vec<(usize, E)>,
    pub failed: Vec<(usize, &'static str, E)>,
    pub ticks: Vec<(usize, &'static str)>,
}

impl<E> Default for Record<E> {
    fn default() -> Self {
        Self {
            left: Vec::new(),
            failed: Vec::new(),
            ticks: Vec::new(),
        }
    }
}

impl<E: Clone> Exits<E> for Record<E> {
    fn exit(&mut self, exit: usize, event: &mut E) {
        self.left.push((exit, event.clone()));
    }
    fn failed(&mut self, stage: usize, error: StageError, event: &mut E) {
        self.failed.push((stage, error.reason(), event.clone()));
    }
    fn tick_failed(&mut self, stage: usize, error: StageError) {
        self.ticks.push((stage, error.reason()));
    }
}
