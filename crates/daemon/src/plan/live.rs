//! Measures a daemon that runs, by looking at it twice.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use millpond_plan::{Look, Measured};

use super::Failure;
use crate::remote::look;

/// Where it shows what it takes to run its pipelines.
const SERVICE: &str = "/api/v1/service";

pub(super) fn measure(address: SocketAddr, time: Duration) -> Result<Measured, Failure> {
    let earlier: Look = look(address, SERVICE)?;
    // Should it be shorter: the daemon says how long it was.
    thread::park_timeout(time);
    let later: Look = look(address, SERVICE)?;
    Ok(later.since(&earlier)?)
}
