//! Lines of the kernel (`dmesg`, `journalctl -k`) that explain what nginx could not do.

use super::{Family, Meaning, Signal, Weight, on};

pub(super) const KERNEL: &[Meaning] = &[
    Meaning {
        signal: Signal::TrackingFull,
        name: "conntrack-full",
        is_about_ports: false,
        status: "504, or 502",
        cause: "the table of connection tracking is full, so the kernel drops the packets of new connections: of clients and to peers",
        remedy: "raise net.netfilter.nf_conntrack_max (and the hash with it: /sys/module/nf_conntrack/parameters/hashsize at a quarter); use connections again, so that fewer are tracked; shorten nf_conntrack_tcp_timeout_time_wait (120 s)",
        title: "connection tracking dropped packets",
        weight: Weight::Critical,
        fails_peer: false,
        matches: &[
            on("nf_conntrack: table full", &[], Family::Any, ""),
            on("ip_conntrack: table full", &[], Family::Any, ""),
        ],
    },
    Meaning {
        signal: Signal::NoBuffers,
        name: "neighbour-table-full",
        is_about_ports: false,
        status: "502",
        cause: "the kernel's table of neighbours (ARP, ND) is full, or it has no memory for the socket: too many hosts in directly connected networks",
        remedy: "raise net.ipv4.neigh.default.gc_thresh3 (and gc_thresh1, gc_thresh2; net.ipv6 has the same); `ip -s neigh | wc -l` shows how many there are",
        title: "the kernel's table of neighbours is full",
        weight: Weight::Critical,
        fails_peer: true,
        matches: &[
            on("neighbor table overflow", &[], Family::Any, ""),
            on("neighbour table overflow", &[], Family::Any, ""),
            on("neighbour: arp_cache", &[], Family::Any, ""),
            on("neighbour: ndisc_cache", &[], Family::Any, ""),
            on("connect() ", &[105, 12], Family::Any, ""),
        ],
    },
    Meaning {
        signal: Signal::SynFlood,
        name: "listen-queue-of-host-full",
        is_about_ports: false,
        status: "none, or late",
        cause: "the queue of a listening socket of this host was full: its program does not accept fast enough, or there is a flood of connections",
        remedy: "the port in the message says whose: nginx (`listen … backlog=`, more workers) or a backend on this host (more workers, its backlog); net.core.somaxconn bounds both",
        title: "a listen queue of this host was full",
        weight: Weight::Warning,
        fails_peer: false,
        matches: &[on("Possible SYN flooding on port", &[], Family::Any, "")],
    },
    Meaning {
        signal: Signal::OutOfMemory,
        name: "killed-for-memory",
        is_about_ports: false,
        status: "none: connections are cut",
        cause: "the kernel killed a process, as the host or the container had no memory left",
        remedy: "the message names the process; less memory for each (buffers, caches, workers of the backend), or a higher limit (MemoryMax= of the service, the limit of the container)",
        title: "the kernel killed a process for want of memory",
        weight: Weight::Critical,
        fails_peer: false,
        matches: &[
            on("Out of memory: Kill", &[], Family::Any, ""),
            on("Memory cgroup out of memory", &[], Family::Any, ""),
        ],
    },
];
