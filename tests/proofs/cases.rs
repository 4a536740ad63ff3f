//! Cases: a fault of a configuration or a host, and the side that can cure it.

use std::time::Duration;

use super::backend::{Closes, Habit, PLAIN, Tls};
use super::load::Load;

/// The side that can cure a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cure {
    /// The configuration, with the kernel as it was.
    Configuration,
    /// Only the host: its settings, its addresses.
    Host,
}

/// One proof.
#[derive(Debug)]
pub struct Case {
    pub name: &'static str,
    /// Contents of the block `events`.
    pub events: &'static str,
    /// The blocks inside of `http`, after the log.
    pub http: &'static str,
    /// Contents of `http` after a change that nginx refuses: nginx goes on with the configuration that it had.
    pub refused: Option<&'static str>,
    /// Address that nginx listens on.
    pub address: &'static str,
    /// Addresses of the namespace.
    pub addresses: &'static [&'static str],
    /// Kernel settings of the namespace.
    pub settings: &'static [(&'static str, &'static str)],
    /// Settings that the backends start with; nginx started before.
    pub late: &'static [(&'static str, &'static str)],
    /// Addresses or `unix:NAME`, and what the server there does.
    pub backends: &'static [(&'static str, Habit)],
    pub load: Load,
    /// The finding that names it.
    pub finding: &'static str,
    pub cure: Cure,
    /// The fault also occurs with nginx 1.29.7 and newer, which keep connections by default.
    pub breaks_newer: bool,
}

const PORTS: &[(&str, &str)] = &[("net.ipv4.ip_local_port_range", "20000 20063")];
const TWO: &[&str] = &["10.99.0.1", "10.99.0.2"];
const LOAD: Load = Load { clients: 4, requests: 40, method: "GET", body: 0, pause: Duration::ZERO };

const CASE: Case = Case {
    name: "",
    events: "",
    http: "",
    refused: None,
    address: "127.0.0.1:8000",
    addresses: TWO,
    settings: PORTS,
    late: &[],
    backends: &[("10.99.0.2:8080", PLAIN)],
    load: LOAD,
    finding: "no-free-port",
    cure: Cure::Configuration,
    breaks_newer: true,
};

/// A few requests, where each fails alike.
const FEW: Load = Load { clients: 2, requests: 20, ..LOAD };

const ONE_AT_A_TIME: Habit = Habit { takes: Duration::from_millis(20), workers: 1, ..PLAIN };

pub const CASES: &[Case] = &[
    Case {
        name: "no pool",
        http: "upstream app { server 10.99.0.2:8080; }
    server {
        listen 127.0.0.1:8000;
        location / {
            proxy_pass http://app;
        }
    }",
        breaks_newer: false,
        ..CASE
    },
    Case {
        name: "half configured by a map",
        http: "map $http_upgrade $connection_upgrade {
        default upgrade;
        '' close;
    }
    upstream app {
        server 10.99.0.2:8080 max_fails=0;
        server 10.99.0.3:8080 max_fails=0;
    }
    server {
        listen 127.0.0.1:8000;
        location / {
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_next_upstream off;
            proxy_pass http://app;
        }
    }",
        addresses: &["10.99.0.1", "10.99.0.2", "10.99.0.3"],
        load: Load { requests: 60, ..LOAD },
        backends: &[("10.99.0.2:8080", PLAIN), ("10.99.0.3:8080", PLAIN)],
        ..CASE
    },
    Case {
        name: "pool too small",
        http: "upstream app {
        server 10.99.0.2:8080;
        keepalive 1;
    }
    server {
        listen 127.0.0.1:8000;
        location / {
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
            proxy_pass http://app;
        }
    }",
        backends: &[("10.99.0.2:8080", Habit { takes: Duration::from_millis(10), ..PLAIN })],
        load: Load { clients: 16, requests: 50, ..LOAD },
        ..CASE
    },
    Case {
        name: "bare host",
        http: "server {
        listen 127.0.0.1:8000;
        location / {
            proxy_pass http://10.99.0.2:8080;
        }
    }",
        ..CASE
    },
    Case {
        name: "fixed proxy_bind",
        http: "upstream app { server 10.99.0.2:8080; }
    server {
        listen 127.0.0.1:8000;
        location / {
            proxy_bind 10.99.0.1;
            proxy_set_header Connection \"\";
            proxy_http_version 1.1;
            proxy_pass http://app;
        }
    }",
        breaks_newer: false,
        ..CASE
    },
    Case {
        name: "proxy_bind with a port",
        http: "upstream app { server 10.99.0.2:8080; }
    server {
        listen 127.0.0.1:8000;
        location / {
            proxy_bind 10.99.0.1:20001;
            proxy_pass http://app;
        }
    }",
        settings: &[],
        finding: "bind-in-use",
        ..CASE
    },
    Case {
        name: "four source addresses",
        http: "split_clients $request_id $source {
        25% 10.99.0.11;
        25% 10.99.0.12;
        25% 10.99.0.13;
        * 10.99.0.14;
    }
    upstream app { server 10.99.0.2:8080; }
    server {
        listen 127.0.0.1:8000;
        location / {
            proxy_bind $source;
            proxy_pass http://app;
        }
    }",
        addresses: &["10.99.0.2", "10.99.0.11", "10.99.0.12", "10.99.0.13", "10.99.0.14"],
        load: Load { clients: 4, requests: 200, ..LOAD },
        breaks_newer: false,
        ..CASE
    },
    Case {
        name: "listen queue of a unix socket",
        http: "server {
        listen 127.0.0.1:8000;
        location / {
            proxy_pass http://unix:DIRECTORY/app.sock;
        }
    }",
        settings: &[],
        late: &[("net.core.somaxconn", "4")],
        backends: &[("unix:app.sock", ONE_AT_A_TIME)],
        load: Load { clients: 24, requests: 4, ..LOAD },
        finding: "unix-listen-queue-full",
        cure: Cure::Host,
        ..CASE
    },
    Case {
        name: "listen queue of a TCP backend",
        http: "server {
        listen 127.0.0.1:8000;
        location / {
            proxy_connect_timeout 400ms;
            proxy_pass http://10.99.0.2:8080;
        }
    }",
        settings: &[],
        late: &[("net.core.somaxconn", "4")],
        backends: &[("10.99.0.2:8080", ONE_AT_A_TIME)],
        load: Load { clients: 24, requests: 4, ..LOAD },
        finding: "listen-queue-full",
        cure: Cure::Host,
        ..CASE
    },
    Case {
        name: "worker connections",
        events: "worker_connections 32;",
        http: "server {
        listen 127.0.0.1:8000;
        location / {
            proxy_pass http://10.99.0.2:8080;
        }
    }",
        settings: &[],
        backends: &[("10.99.0.2:8080", Habit { takes: Duration::from_millis(200), ..PLAIN })],
        load: Load { clients: 24, requests: 3, ..LOAD },
        finding: "worker-connections",
        ..CASE
    },
    Case {
        name: "no IPv6",
        http: "upstream app {
        server [::1]:8080 max_fails=0;
        server 127.0.0.1:8080 max_fails=0;
    }
    server {
        listen 127.0.0.1:8000;
        location / {
            proxy_next_upstream off;
            proxy_pass http://app;
        }
        location /bare {
            proxy_pass http://[::1]:8080;
        }
    }",
        settings: &[("net.ipv6.conf.all.disable_ipv6", "1")],
        backends: &[("127.0.0.1:8080", PLAIN)],
        finding: "ipv6-off",
        ..CASE
    },
    Case {
        name: "IPv6 is switched off and the peer has no other address",
        http: "server {
        listen 127.0.0.1:8000;
        location / {
            proxy_pass http://[::1]:8080;
        }
    }",
        settings: &[],
        late: &[("net.ipv6.conf.all.disable_ipv6", "1")],
        backends: &[("[::]:8080", PLAIN)],
        finding: "ipv6-off",
        cure: Cure::Host,
        ..CASE
    },
    Case {
        name: "missing VIP",
        http: "upstream app { server 10.99.0.2:8080; }
    server {
        listen 127.0.0.1:8000;
        location / {
            proxy_bind 10.99.0.77;
            proxy_pass http://app;
        }
    }",
        settings: &[],
        finding: "bind-address-missing",
        cure: Cure::Host,
        ..CASE
    },
    Case {
        name: "backend that closes first",
        http: "upstream app {
        server 10.99.0.2:8080;
        keepalive 16;
    }
    server {
        listen 127.0.0.1:8000;
        location / {
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
            proxy_pass http://app;
        }
    }",
        settings: &[],
        backends: &[("10.99.0.2:8080", Habit { closes: Closes::Idle(Duration::from_secs(2)), ..PLAIN })],
        load: Load { clients: 8, requests: 3, method: "POST", body: 0, pause: Duration::from_millis(2300) },
        finding: "closed-while-kept",
        ..CASE
    },
    Case {
        name: "listen on an address that is missing",
        http: "server {
        listen 127.0.0.1:8000;
        location / {
            proxy_pass http://10.99.0.2:8080;
        }
    }",
        refused: Some(
            "server {
        listen 127.0.0.1:8000;
        listen 10.99.0.77:8000;
        location / {
            proxy_pass http://10.99.0.2:8080;
        }
    }",
        ),
        address: "10.99.0.77:8000",
        settings: &[],
        load: FEW,
        finding: "listen-address-missing",
        cure: Cure::Host,
        ..CASE
    },
    Case {
        name: "head of responses too big",
        http: "upstream app { server 10.99.0.2:8080; }
    server {
        listen 127.0.0.1:8000;
        proxy_buffers 4 8k;
        location / {
            proxy_pass http://app;
        }
    }",
        settings: &[],
        backends: &[("10.99.0.2:8080", Habit { head: 20_000, ..PLAIN })],
        load: FEW,
        finding: "header-too-big",
        ..CASE
    },
    Case {
        name: "body too large",
        http: "client_max_body_size 1k;
    server {
        listen 127.0.0.1:8000;
        location / {
            proxy_pass http://10.99.0.2:8080;
        }
    }",
        settings: &[],
        load: Load { method: "POST", body: 3000, ..FEW },
        finding: "body-too-large",
        ..CASE
    },
    Case {
        name: "no resolver",
        http: "server {
        listen 127.0.0.1:8000;
        location / {
            set $app app.example;
            proxy_pass http://$app:8080;
        }
    }",
        settings: &[],
        backends: &[("10.99.0.2:8080", PLAIN), ("dns:10.99.0.2:53", PLAIN)],
        load: FEW,
        finding: "no-resolver",
        ..CASE
    },
    Case {
        name: "TLS of another version",
        http: "server {
        listen 127.0.0.1:8000;
        location / {
            proxy_ssl_protocols TLSv1.2;
            proxy_pass https://10.99.0.2:8443;
        }
    }",
        settings: &[],
        backends: &[("10.99.0.2:8443", Habit { tls: Some(Tls::OnlyNewest), ..PLAIN })],
        load: FEW,
        finding: "tls-with-peer",
        ..CASE
    },
    Case {
        name: "TLS with another name",
        http: "upstream app { server localhost:8443; }
    server {
        listen 127.0.0.1:8000;
        location / {
            proxy_ssl_verify on;
            proxy_ssl_trusted_certificate DIRECTORY/ca.pem;
            proxy_pass https://app;
        }
    }",
        settings: &[("net.ipv6.conf.all.disable_ipv6", "1")],
        backends: &[("127.0.0.1:8443", Habit { tls: Some(Tls::Any), ..PLAIN })],
        load: FEW,
        finding: "tls-with-peer",
        ..CASE
    },
    Case {
        name: "no TLS at the peer",
        http: "server {
        listen 127.0.0.1:8000;
        location / {
            proxy_pass https://10.99.0.2:8080;
        }
    }",
        settings: &[],
        load: FEW,
        finding: "tls-with-peer",
        ..CASE
    },
];
