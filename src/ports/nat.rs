//! A second ceiling: the ports that a NAT gateway of a cloud has towards one destination.

use super::capacity::{Capacity, Load, Setup};

/// Limits that a provider documents.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gateway {
    /// As written on the command line.
    pub name: &'static str,
    /// Name of the provider.
    pub title: &'static str,
    /// Connections of one public address to one destination address and port.
    pub connections: u32,
    /// Seconds for which the gateway keeps a port after the connection is closed; `None` where that is not
    /// documented, and the host's `TIME_WAIT` is taken.
    pub hold: Option<f64>,
    /// Public addresses that a gateway can have.
    pub addresses: u32,
    /// Further limit.
    pub remark: &'static str,
}

/// The gateways that are known.
pub const GATEWAYS: [Gateway; 3] = [
    Gateway {
        name: "aws",
        title: "AWS NAT gateway",
        connections: 55_000,
        hold: None,
        addresses: 8,
        remark: "55000 connections to each destination for each address; how long a closed one counts is not \
                 documented, so TIME_WAIT is assumed",
    },
    Gateway {
        name: "gcp",
        title: "Google Cloud NAT",
        connections: 64_512,
        hold: Some(120.0),
        addresses: 300,
        remark: "a VM gets 64 ports unless its minimum is raised (minPortsPerVm) or allocation is dynamic",
    },
    Gateway {
        name: "azure",
        title: "Azure NAT gateway",
        connections: 50_000,
        hold: Some(65.0),
        addresses: 16,
        remark: "a port rests 65 s after a connection that was closed with FIN",
    },
];

/// Requests a second that a gateway with so many public addresses carries to the flow's destinations.
pub fn ceiling(gateway: &Gateway, addresses: u32, setup: &Setup, load: &Load) -> f64 {
    let capacity = Capacity::of(setup, load);
    let latency = if capacity.requests > 1.0 { 0.0 } else { load.latency };
    let hold = latency + gateway.hold.unwrap_or(super::host::TIME_WAIT);
    let ports = f64::from(gateway.connections) * f64::from(addresses);
    let open = if capacity.requests > 1.0 { load.open() * setup.heaviest_destination } else { 0.0 };
    // All source addresses of the host become the gateway's: they do not multiply.
    (ports - open).max(0.0) / hold / setup.heaviest_destination * capacity.requests
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Host;

    #[test]
    fn source_addresses_do_not_help_behind_a_gateway() {
        let setup = |sources: f64| Setup {
            host: Host::default(),
            sources: 10,
            heaviest_source: 1.0 / sources,
            destinations: 2,
            heaviest_destination: 0.5,
            loopback: false,
            reuse: None,
            active_close: 1.0,
            workers: 4,
            default_requests: 1000,
            session: None,
        };
        let aws = ceiling(&GATEWAYS[0], 1, &setup(1.0), &Load::default());
        assert!((aws - 55_000.0 / 61.0 * 2.0).abs() < 0.1, "{aws}");
        assert!((aws - ceiling(&GATEWAYS[0], 1, &setup(10.0), &Load::default())).abs() < 1e-9);
        let azure = ceiling(&GATEWAYS[2], 3, &setup(1.0), &Load::default());
        assert!((azure - 150_000.0 / 65.0 * 2.0).abs() < 0.1, "{azure}");
    }
}
