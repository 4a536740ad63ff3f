//! Sockets as people paste them: the output of `ss -tan`, `ss -tanp`, `ss -tano` and `netstat -tan`.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::Socket;

/// Names of states, as `ss` and as `netstat` write them, with the kernel's numbers.
const STATES: [(&str, u8); 21] = [
    ("ESTAB", 1),
    ("ESTABLISHED", 1),
    ("SYN-SENT", 2),
    ("SYN_SENT", 2),
    ("SYN-RECV", 3),
    ("SYN_RECV", 3),
    ("FIN-WAIT-1", 4),
    ("FIN_WAIT1", 4),
    ("FIN-WAIT-2", 5),
    ("FIN_WAIT2", 5),
    ("TIME-WAIT", 6),
    ("TIME_WAIT", 6),
    ("UNCONN", 7),
    ("CLOSE", 7),
    ("CLOSE-WAIT", 8),
    ("CLOSE_WAIT", 8),
    ("LAST-ACK", 9),
    ("LAST_ACK", 9),
    ("LISTEN", 10),
    ("CLOSING", 11),
    ("NEW-SYN-RECV", 12),
];

/// True if a line only names the columns.
pub(super) fn is_head(line: &str) -> bool {
    let begins = ["State", "Netid", "Proto", "Active Internet", "sl"];
    begins.iter().any(|begin| line.trim_start().starts_with(begin))
}

/// A socket in a line of such an output.
pub(super) fn parse(line: &str) -> Option<Socket> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let is_state = |word: &&str| STATES.iter().find(|(name, _)| name == word).map(|(_, number)| *number);
    let (at, state) = words.iter().take(6).enumerate().find_map(|(at, word)| Some((at, is_state(word)?)))?;
    // `ss`: state, two queues, addresses; `netstat`: protocol, two queues, addresses, state.
    let local = if at < 3 { at + 3 } else { at.checked_sub(2)? };
    let (local, remote) = (address(words.get(local)?)?, address(words.get(local + 1)?)?);
    let timer = words.iter().find_map(|word| word.strip_prefix("timer:(timewait,"));
    let age = timer.and_then(left).map(|left| (super::TIME_WAIT_LENGTH - left).max(0.0));
    Some(Socket { local, remote, state, age })
}

/// `10.0.0.1:80`, `[::1]:80`, `:::80`, `*:80`, `127.0.0.1%lo:80`, `0.0.0.0:*`.
fn address(text: &str) -> Option<SocketAddr> {
    let (host, port) = text.rsplit_once(':')?;
    let port = if port == "*" { 0 } else { port.parse().ok()? };
    let host = host.trim_start_matches('[').trim_end_matches(']').split(['%', ']']).next()?;
    let ip = match host {
        "*" => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        host => host.parse::<IpAddr>().ok()?.to_canonical(),
    };
    Some(SocketAddr::new(ip, port))
}

/// Seconds of `34sec`, `1min2sec`, `500ms`.
fn left(text: &str) -> Option<f64> {
    let text = text.split([',', ')']).next()?;
    if let Some(milliseconds) = text.strip_suffix("ms") {
        return Some(milliseconds.parse::<f64>().ok()? / 1000.0);
    }
    let (minutes, rest) = text.split_once("min").unwrap_or(("0", text));
    let seconds = rest.strip_suffix("sec").unwrap_or("0");
    Some(minutes.parse::<f64>().ok()? * 60.0 + seconds.parse::<f64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_as_they_are_pasted() {
        let cases: &[(&str, (&str, &str, u8))] = &[
            (
                "TIME-WAIT 0      0          10.0.0.9:20048    10.0.0.100:8080",
                ("10.0.0.9:20048", "10.0.0.100:8080", 6),
            ),
            (
                "ESTAB 0 0 [::ffff:10.0.0.9]:443 [::ffff:10.0.0.7]:50000 users:((\"nginx\",pid=9,fd=3))",
                ("10.0.0.9:443", "10.0.0.7:50000", 1),
            ),
            ("LISTEN 0 511 *:80 *:*", ("[::]:80", "[::]:0", 10)),
            ("LISTEN 0 4096 127.0.0.53%lo:53 0.0.0.0:*", ("127.0.0.53:53", "0.0.0.0:0", 10)),
            ("tcp   SYN-SENT 0 1 10.0.0.9:40000 10.0.0.100:80", ("10.0.0.9:40000", "10.0.0.100:80", 2)),
            (
                "tcp        0      0 10.0.0.9:40002        10.0.0.100:80          TIME_WAIT   -",
                ("10.0.0.9:40002", "10.0.0.100:80", 6),
            ),
            (
                "tcp6       0      0 :::80                 :::*                    LISTEN",
                ("[::]:80", "[::]:0", 10),
            ),
            ("tcp6  0 0 ::1:8080 ::1:50000 FIN_WAIT2", ("[::1]:8080", "[::1]:50000", 5)),
        ];
        for (line, (local, remote, state)) in cases {
            let socket = parse(line).unwrap_or_else(|| panic!("{line}"));
            let expected = (local.parse().unwrap(), remote.parse().unwrap(), *state);
            assert_eq!((socket.local, socket.remote, socket.state), expected, "{line}");
        }
        let aged =
            |timer: &str| parse(&format!("TIME-WAIT 0 0 10.0.0.9:1 10.0.0.1:2 timer:(timewait,{timer},0)"));
        for (timer, age) in [("34sec", 26.0), ("1min", 0.0), ("500ms", 59.5)] {
            assert_eq!(aged(timer).unwrap().age, Some(age), "{timer}");
        }
        for line in [
            "",
            "State Recv-Q Send-Q Local Address:Port Peer Address:Port",
            "ESTAB 0 0 10.0.0.9:http 10.0.0.1:2",
            "ESTAB",
            "a b c TIME_WAIT",
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
        assert!(
            is_head("State   Recv-Q") && is_head("Active Internet connections (servers and established)")
        );
    }
}
