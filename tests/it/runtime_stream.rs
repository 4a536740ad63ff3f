//! Sessions of `ngxc run`: TCP and UDP. Each configuration also runs in a real nginx that knows `stream`, if there is one,
//! and both have to do the same. Loopback only.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "what helpers of tests unwrap is a failed test")]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ngxc::compile::{Options, compile};
use ngxc::runtime::{RunOptions, Stop, start};
use ngxc::source::Memory;
use ngxc::syntax::{LoadOptions, load};
use ngxc::version::Version;

use crate::common::{nginx, port, server};

/// Ends a real nginx.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs the content of a `stream` block in ngxc and in nginx; `check` gets the directory, and asks.
fn both(stream: &str, check: impl Fn(&Path)) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("logs")).unwrap();
    let text = format!("error_log logs/error.log info; events {{}} stream {{ {stream} }}");
    let loaded = load(&Memory::default().with("n", text), Path::new("n"), &LoadOptions::default()).unwrap();
    let compiled = compile(&loaded, &Options::new(Version::new(1, 31, 5)));
    assert!(compiled.is_valid(), "{:#?}", compiled.diagnostics);
    let options = RunOptions { prefix: directory.path().to_owned(), ..RunOptions::default() };
    let running = start(Arc::new(compiled.config), &options).unwrap();
    check(directory.path());
    running.stop(Stop::Fast);
    if let Some((_nginx, directory)) = real(stream) {
        check(directory.path());
    }
}

fn real(stream: &str) -> Option<(Killed, tempfile::TempDir)> {
    let program = nginx::program()?;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    std::fs::create_dir(path.join("logs")).unwrap();
    let user = if server::is_root() { "user root;" } else { "" };
    let text = format!(
        "{user} daemon off; master_process off; pid pid; error_log logs/error.log info; events {{}} stream {{ {stream} }}"
    );
    std::fs::write(path.join("nginx.conf"), text).unwrap();
    let arguments = ["-p", path.to_str().unwrap(), "-c", "nginx.conf", "-e", "logs/start.log"];
    let tested = Command::new(&program).args(arguments).arg("-t").output().unwrap();
    if !tested.status.success() {
        let said = String::from_utf8_lossy(&tested.stderr).into_owned();
        assert!(said.contains("unknown directive"), "{said}");
        eprintln!("SKIPPED: {} does not know all of it: {said}", program.display());
        return None;
    }
    let child = Command::new(&program).args(arguments).stdout(Stdio::null()).spawn().unwrap();
    let nginx = Killed(child);
    eventually("nginx has no pid file", || {
        std::fs::read_to_string(path.join("pid")).is_ok_and(|text| text.ends_with('\n'))
    });
    Some((nginx, directory))
}

fn eventually(what: &str, mut is: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !is() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A backend that answers what `respond` makes of the first bytes of each connection, and closes.
fn backend(respond: impl Fn(&[u8], SocketAddr) -> Vec<u8> + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            let mut room = [0; 4096];
            let n = stream.read(&mut room).unwrap_or(0);
            let from = stream.peer_addr().unwrap();
            let _ = stream.write_all(&respond(&room[..n], from));
        }
    });
    address
}

/// The whole answer to some bytes.
fn ask(port: u16, text: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    if !text.is_empty() {
        stream.write_all(text).unwrap();
    }
    let mut answer = Vec::new();
    // A refused client may see a reset.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// Lines of a log that have ended, once there are `count`.
fn lines(path: &Path, count: usize) -> Vec<String> {
    let mut found = Vec::new();
    eventually("the log has not so many lines", || {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        found = text
            .split_inclusive('\n')
            .filter(|l| l.ends_with('\n'))
            .map(|l| l.trim_end().to_owned())
            .collect();
        found.len() >= count
    });
    found
}

#[test]
fn values_access_and_logs() {
    let [one, other, third] = [(); 3].map(|()| port::number());
    let text = format!(
        "map $server_port $m {{ {one} first; default other; }} geo $g {{ default far; 127.0.0.0/8 near; }}\n\
         log_format basic '$status $bytes_sent $protocol [$upstream_addr]'; access_log logs/access.log basic;\n\
         server {{ listen 127.0.0.1:{one}; set $s $m-$g; return $s:$remote_addr:$server_port:$protocol:$status; }}\n\
         server {{ listen 127.0.0.1:{other}; allow 127.0.0.2; deny all; return never; }}\n\
         server {{ listen 127.0.0.1:{third}; proxy_pass 127.0.0.1:1; }}"
    );
    both(&text, |directory| {
        assert_eq!(ask(one, b""), format!("first-near:127.0.0.1:{one}:TCP:000"));
        assert_eq!(ask(other, b""), "");
        assert_eq!(ask(third, b""), "");
        let length = format!("first-near:127.0.0.1:{one}:TCP:000").len();
        let expected =
            [format!("200 {length} TCP [-]"), "403 0 TCP [-]".into(), "502 0 TCP [127.0.0.1:1]".into()];
        assert_eq!(lines(&directory.join("logs/access.log"), 3), expected);
        let log = lines(&directory.join("logs/error.log"), 1).join("\n");
        assert!(
            log.contains(&format!("access forbidden by rule, client: 127.0.0.1, server: 127.0.0.1:{other}")),
            "{log}"
        );
        let refused = format!(
            "connect() failed (111: Connection refused) while connecting to upstream, client: 127.0.0.1, \
             server: 127.0.0.1:{third}, upstream: \"127.0.0.1:1\", bytes from/to client:0/0, bytes from/to upstream:0/0"
        );
        assert!(log.contains(&refused), "{log}");
    });
}

#[test]
fn peers_and_the_proxy_protocol() {
    let [balanced, announced, believed] = [(); 3].map(|()| port::number());
    let echo = backend(|text, _| [b"<", text, b">"].concat());
    let text = format!(
        "upstream u {{ server 127.0.0.1:1; server {echo} backup; }}\n\
         server {{ listen 127.0.0.1:{balanced}; proxy_pass u; proxy_bind 127.0.0.1; }}\n\
         server {{ listen 127.0.0.1:{announced}; proxy_pass {echo}; proxy_protocol on; }}\n\
         server {{ listen 127.0.0.1:{believed} proxy_protocol; set_real_ip_from 127.0.0.0/8;\n\
           return $remote_addr:$remote_port:$realip_remote_addr:$proxy_protocol_addr; }}"
    );
    both(&text, |_| {
        assert_eq!(ask(balanced, b"hello"), "<hello>");
        let mut stream = TcpStream::connect(("127.0.0.1", announced)).unwrap();
        let local = stream.local_addr().unwrap().port();
        stream.write_all(b"x").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let head = format!("<PROXY TCP4 127.0.0.1 127.0.0.1 {local} {announced}\r\n");
        assert!(answer.starts_with(&head), "{answer:?}");
        let said = ask(believed, b"PROXY TCP4 192.0.2.1 192.0.2.2 123 5678\r\n");
        assert_eq!(said, "192.0.2.1:123:127.0.0.1:192.0.2.1");
        assert_eq!(ask(believed, b"GET / HTTP/1.0\r\n\r\n"), "");
    });
}

/// A `ClientHello` with a name.
fn hello(name: &str) -> Vec<u8> {
    let name = name.as_bytes();
    let short = |n: usize| u16::try_from(n).unwrap().to_be_bytes();
    let sni = [&[0, 0][..], &short(name.len() + 5), &short(name.len() + 3), &[0], &short(name.len()), name]
        .concat();
    let mut body = vec![3, 3];
    body.extend([0; 32]);
    body.extend([0, 0, 2, 0x13, 1, 1, 0]);
    body.extend(short(sni.len()));
    body.extend(sni);
    let message = [&[1, 0][..], &short(body.len()), &body].concat();
    [&[0x16, 3, 1][..], &short(message.len()), &message].concat()
}

#[test]
fn the_name_in_a_client_hello() {
    let listen = port::number();
    let (first, second) =
        (backend(|text, _| format!("first {}", text.len()).into()), backend(|_, _| b"second".into()));
    let text = format!(
        "map $ssl_preread_server_name $to {{ a.test {first}; default {second}; }}\n\
         log_format n '$ssl_preread_server_name,$ssl_preread_protocol'; access_log logs/n.log n;\n\
         server {{ listen 127.0.0.1:{listen}; ssl_preread on; proxy_pass $to; }}"
    );
    both(&text, |directory| {
        let whole = hello("a.test");
        assert_eq!(ask(listen, &whole), format!("first {}", whole.len()));
        assert_eq!(ask(listen, &hello("b.test")), "second");
        assert_eq!(ask(listen, b"no TLS at all"), "second");
        let names = ["a.test,TLSv1.2", "b.test,TLSv1.2", "-,-"];
        assert_eq!(lines(&directory.join("logs/n.log"), 3), names);
    });
}

#[test]
fn a_half_closed_connection() {
    let [kept, cut] = [(); 2].map(|()| port::number());
    let slow = backend(|text, _| {
        std::thread::sleep(Duration::from_millis(300));
        text.to_vec()
    });
    let text = format!(
        "server {{ listen 127.0.0.1:{kept}; proxy_pass {slow}; proxy_half_close on; }}\n\
         server {{ listen 127.0.0.1:{cut}; proxy_pass {slow}; }}"
    );
    both(&text, |_| {
        for (port, expected) in [(kept, "end"), (cut, "")] {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            stream.write_all(b"end").unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            let mut answer = String::new();
            let _ = stream.read_to_string(&mut answer);
            assert_eq!(answer, expected);
        }
    });
}

#[test]
fn datagrams() {
    let [proxied, returned] = [(); 2].map(|()| port::number());
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = server.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut room = [0; 2048];
        while let Ok((n, from)) = server.recv_from(&mut room) {
            let _ = server.send_to(&[b"re:", &room[..n]].concat(), from);
        }
    });
    let text = format!(
        "log_format u '$status $protocol $bytes_received $bytes_sent $upstream_bytes_sent';\n\
         server {{ listen 127.0.0.1:{proxied} udp; proxy_pass {to}; proxy_responses 1; access_log logs/u.log u; }}\n\
         server {{ listen 127.0.0.1:{returned} udp; return $protocol:$remote_addr; }}"
    );
    both(&text, |directory| {
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let ask = |port: u16, text: &[u8]| {
            client.send_to(text, ("127.0.0.1", port)).unwrap();
            let mut room = [0; 2048];
            let (n, from) = client.recv_from(&mut room).unwrap();
            assert_eq!(from.port(), port);
            String::from_utf8_lossy(&room[..n]).into_owned()
        };
        assert_eq!(ask(proxied, b"one"), "re:one");
        assert_eq!(ask(proxied, b"other"), "re:other");
        assert_eq!(ask(returned, b"x"), "UDP:127.0.0.1");
        assert_eq!(lines(&directory.join("logs/u.log"), 2), ["200 UDP 3 6 3", "200 UDP 5 8 5"]);
    });
}
