//! The source `http` in front of the pipeline that the tests of the other sources have.
#![allow(dead_code, unreachable_pub)]

pub mod http;
pub mod memory;
#[path = "../../../ingest/tests/common/mod.rs"]
mod rig;

use millpond_ingest::{Inlet, build_of};
use millpond_ingress::KIND;
pub use rig::*;
use serde_json::Value;

impl Rig {
    /// Opens the source and runs it on a thread of its own.
    pub fn start_http(&mut self, params: Value) -> Running {
        let inlet = self.inlet();
        self.start_http_with(params, inlet)
    }

    /// The same with an inlet of one's own.
    pub fn start_http_with(&self, params: Value, inlet: Inlet) -> Running {
        let source = build_of(&[KIND], "http", params).unwrap_or_else(|error| panic!("{error}"));
        self.start_source(source, inlet)
    }
}
