use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many connections each peer has open.
#[derive(Clone)]
pub(crate) struct Peers {
    most: u64,
    open: Arc<Mutex<HashMap<IpAddr, u64>>>,
}

/// A connection of a peer, until it is dropped.
pub(crate) struct Peer {
    address: IpAddr,
    peers: Peers,
}

impl Peers {
    /// Each may have this many at a time.
    pub(crate) fn new(most: u64) -> Self {
        Peers {
            most,
            open: Arc::default(),
        }
    }

    /// One more of this peer, unless it has as many as it may.
    pub(crate) fn enter(&self, address: IpAddr) -> Option<Peer> {
        let address = who(address);
        let mut open = self.lock();
        let count = open.entry(address).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        drop(open);
        Some(Peer {
            address,
            peers: self.clone(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, u64>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Entry::Occupied(mut open) = self.peers.lock().entry(self.address) {
            match open.get() {
                0 | 1 => drop(open.remove()),
                _ => *open.get_mut() -= 1,
            }
        }
    }
}

/// Whose address that is: of an IPv6 address the first half, for whoever has one of them has all the others.
fn who(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_has_so_many_connections_and_leaves_nothing_behind() {
        let peers = Peers::new(2);
        let enter = |address: &str| peers.enter(address.parse().unwrap());
        let (one, _two) = (enter("10.0.0.1").unwrap(), enter("10.0.0.1").unwrap());
        assert!(enter("10.0.0.1").is_none());
        assert!(
            enter("::ffff:10.0.0.1").is_none(),
            "the same, written otherwise"
        );
        let other = enter("10.0.0.2").unwrap();
        drop(one);
        let again = enter("10.0.0.1").unwrap();
        let halves = [
            enter("2001:db8::1"),
            enter("2001:db8::2"),
            enter("2001:db8::3"),
        ];
        assert!(halves[1].is_some() && halves[2].is_none());
        drop((other, again, _two, halves));
        assert!(peers.lock().is_empty());
    }
}
