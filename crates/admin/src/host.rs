use std::net::IpAddr;

use hyper::header::HOST;
use hyper::{HeaderMap, StatusCode, Version};

use crate::reply::{self, Reply};

/// The names that the listener answers to. A browser that was led here by a name of somebody else's
/// says that name.
#[derive(Debug)]
pub(crate) struct Hosts {
    address: IpAddr,
    names: Vec<String>,
}

impl Hosts {
    /// Loopback names, the address that is listened on, and `names`.
    pub(crate) fn new(address: IpAddr, names: Vec<String>) -> Self {
        Hosts { address, names }
    }

    /// What is wrong with a request that was not addressed to one of the names.
    pub(crate) fn problem(&self, version: Version, headers: &HeaderMap) -> Option<Reply> {
        let mut hosts = headers.get_all(HOST).iter();
        let bad = |detail| Some(reply::problem(StatusCode::BAD_REQUEST, detail));
        match (hosts.next(), hosts.next()) {
            (None, _) if version < Version::HTTP_11 => None,
            (None, _) => bad("the Host header is missing"),
            (Some(_), Some(_)) => bad("there is more than one Host header"),
            (Some(host), None) if host.to_str().is_ok_and(|host| self.knows(host)) => None,
            (Some(host), None) => {
                let detail = format!(
                    "Host is {host:?}: expected localhost, 127.0.0.1, [::1] or a name of `admin.hosts`"
                );
                Some(reply::problem(StatusCode::MISDIRECTED_REQUEST, &detail))
            }
        }
    }

    fn knows(&self, host: &str) -> bool {
        let (name, port) = match host.strip_prefix('[') {
            Some(rest) => rest.split_once(']').unwrap_or((rest, "x")),
            None => host.split_at(host.find(':').unwrap_or(host.len())),
        };
        let port_reads = port.is_empty()
            || port
                .strip_prefix(':')
                .is_some_and(|port| port.parse::<u16>().is_ok());
        let ours = name.eq_ignore_ascii_case("localhost")
            || name
                .parse::<IpAddr>()
                .is_ok_and(|ip| ip.is_loopback() || ip == self.address)
            || self
                .names
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known));
        port_reads && ours
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_somebody_elses_is_not_known() {
        let address = IpAddr::from([127, 0, 0, 1]);
        let hosts = Hosts::new(address, vec!["pond.internal".to_owned()]);
        for host in [
            "localhost",
            "LOCALHOST:7080",
            "127.0.0.1",
            "127.0.0.1:1",
            "127.8.8.8:80",
            "[::1]",
            "[::1]:7080",
            "pond.internal",
            "Pond.Internal:7080",
        ] {
            assert!(hosts.knows(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "pond.internal.evil.example",
            "10.0.0.1:7080",
            "[::1",
            "[::2]:80",
            "localhost:port",
            "localhost:",
            "127.0.0.1:99999",
            "[::1]x",
            "user@localhost",
        ] {
            assert!(!hosts.knows(host), "{host}");
        }
    }
}
