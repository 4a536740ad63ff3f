//! `syslog:` as the target of a log (`ngx_syslog.c`): a datagram a line.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, ToSocketAddrs, UdpSocket};
use std::os::unix::net::UnixDatagram;

use crate::model::log::Severity;
use crate::runtime::net::clock::{self, Clock};

/// Longest message (`NGX_SYSLOG_MAX_STR`).
const LONGEST: usize = 2048;

const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "intern", "lpr", "news", "uucp", "clock", "authpriv", "ftp",
    "ntp", "audit", "alert", "cron", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
];

const SEVERITIES: [&str; 8] = ["emerg", "alert", "crit", "error", "warn", "notice", "info", "debug"];

#[derive(Debug)]
enum Socket {
    Udp(UdpSocket),
    /// Connected again after a restart of the daemon.
    Unix(UnixDatagram, String),
}

/// A syslog server.
#[derive(Debug)]
pub(crate) struct Syslog {
    socket: Socket,
    facility: usize,
    severity: usize,
    tag: String,
    /// With a space behind it; empty with `nohostname`.
    hostname: String,
}

impl Syslog {
    /// Reads the parameters, `server=…,facility=…,…`, and makes a socket.
    pub(crate) fn open(parameters: &str, hostname: &str) -> io::Result<Self> {
        let mut server = "";
        let (mut facility, mut severity, mut tag) = (23, 6, "nginx");
        let mut hostname = format!("{hostname} ");
        let position = |list: &[&str], word: &str| list.iter().position(|w| *w == word);
        for parameter in parameters.split(',') {
            match parameter.split_once('=') {
                Some(("server", value)) => server = value,
                Some(("facility", value)) => facility = position(&FACILITIES, value).unwrap_or(facility),
                Some(("severity", value)) => severity = position(&SEVERITIES, value).unwrap_or(severity),
                Some(("tag", value)) => tag = value,
                _ if parameter == "nohostname" => hostname.clear(),
                _ => {}
            }
        }
        let socket = if let Some(path) = server.strip_prefix("unix:") {
            let socket = UnixDatagram::unbound()?;
            // nginx too starts without the daemon.
            let _ = socket.connect(path);
            socket.set_nonblocking(true)?;
            Socket::Unix(socket, path.to_owned())
        } else {
            let address = server.to_socket_addrs().or_else(|_| (server, 514).to_socket_addrs())?.next();
            let address = address.ok_or(io::ErrorKind::AddrNotAvailable)?;
            let socket = if address.is_ipv4() {
                UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?
            } else {
                UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))?
            };
            socket.connect(address)?;
            socket.set_nonblocking(true)?;
            Socket::Udp(socket)
        };
        Ok(Self { socket, facility, severity, tag: tag.to_owned(), hostname })
    }

    /// Sends a line, with the severity of an error or that of the parameters.
    pub(crate) fn send(&self, line: &[u8], severity: Option<Severity>) {
        let severity = severity.map_or(self.severity, |s| s as usize);
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let priority = self.facility * 8 + severity;
        let time = clock::syslog(Clock::now());
        let mut message = format!("<{priority}>{time} {}{}: ", self.hostname, self.tag).into_bytes();
        message.extend_from_slice(&line[..line.len().min(LONGEST)]);
        // A failed send is ignored: logging must not stop a request.
        match &self.socket {
            Socket::Udp(socket) => {
                let _ = socket.send(&message);
            }
            Socket::Unix(socket, path) => {
                if socket.send(&message).is_err() && socket.connect(path).is_ok() {
                    let _ = socket.send(&message);
                }
            }
        }
    }
}
