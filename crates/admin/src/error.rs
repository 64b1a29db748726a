use std::io;
use std::net::SocketAddr;

/// Why the admin listener could not start.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The address can be reached from other machines.
    #[error(
        "{address} is not a loopback address, and the admin listener has no \
         authentication: expected 127.0.0.1 or [::1]"
    )]
    BeyondLoopback {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The address could not be bound.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}
