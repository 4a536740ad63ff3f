//! Servers behind nginx, each with one habit that breaks something; they run until the test ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustls::pki_types::PrivateKeyDer;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use socket2::{Domain, SockAddr, Socket, Type};

/// Rule by which a backend closes a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closes {
    /// Waits for nginx to close, for a second: nginx keeps `TIME_WAIT`.
    Last,
    /// Takes no request that comes later than so long after the one before: closes as if it had closed a moment ago.
    Idle(Duration),
}

/// A server.
#[derive(Clone, Copy, Debug)]
pub struct Habit {
    pub takes: Duration,
    pub closes: Closes,
    /// Connections served at once.
    pub workers: usize,
    /// Connections that may wait, if the kernel lets it.
    pub queue: i32,
    /// Bytes of a header of each response.
    pub head: usize,
    /// TLS, with a certificate for `localhost`.
    pub tls: Option<Tls>,
}

/// Versions of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    Any,
    /// 1.3 alone.
    OnlyNewest,
}

pub const PLAIN: Habit = Habit {
    takes: Duration::from_millis(2),
    closes: Closes::Last,
    workers: 40,
    queue: 511,
    head: 0,
    tls: None,
};

/// Stops a server: its socket is closed.
pub struct Server {
    stop: Arc<AtomicBool>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

pub fn on_tcp(address: &str, habit: Habit, tls: Option<&Arc<ServerConfig>>) -> Server {
    let address: SocketAddr = address.parse().unwrap();
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    if address.is_ipv6() {
        socket.set_only_v6(true).unwrap();
    }
    serve(socket, &SockAddr::from(address), habit, tls)
}

pub fn on_unix(path: &Path, habit: Habit) -> Server {
    let _ = std::fs::remove_file(path);
    serve(Socket::new(Domain::UNIX, Type::STREAM, None).unwrap(), &SockAddr::unix(path).unwrap(), habit, None)
}

fn serve(socket: Socket, address: &SockAddr, habit: Habit, tls: Option<&Arc<ServerConfig>>) -> Server {
    // A server before it may not be gone yet.
    let end = Instant::now() + Duration::from_secs(5);
    while let Err(error) = socket.bind(address) {
        assert!(Instant::now() < end, "{address:?}: {error}");
        thread::sleep(Duration::from_millis(50));
    }
    socket.listen(habit.queue).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let socket = Arc::new(socket);
    let stop = Arc::new(AtomicBool::new(false));
    let threads = (0..habit.workers).map(|_| {
        let (socket, stop, tls) = (Arc::clone(&socket), Arc::clone(&stop), tls.cloned());
        thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                // The timeout of reading is that of accepting too.
                if let Ok((connection, _)) = socket.accept() {
                    connection.set_nonblocking(false).unwrap();
                    connection.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
                    match &tls {
                        Some(tls) => {
                            let session = ServerConnection::new(Arc::clone(tls)).unwrap();
                            answer(&mut StreamOwned::new(session, connection), habit, &stop);
                        }
                        None => answer(&mut &connection, habit, &stop),
                    }
                }
            }
        })
    });
    Server { threads: threads.collect(), stop }
}

fn is_late(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}

/// Configuration of a server with TLS; its self-signed certificate is written for nginx to trust.
pub fn with_tls(versions: Tls, certificate: &Path) -> Arc<ServerConfig> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(certificate, made.cert.pem()).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let versions = match versions {
        Tls::Any => &[&TLS12, &TLS13][..],
        Tls::OnlyNewest => &[&TLS13],
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key);
    Arc::new(config.unwrap())
}

/// A name server for which every name has the address that it listens on.
pub fn name_server(address: &str) -> Server {
    let address: SocketAddr = address.parse().unwrap();
    let socket = std::net::UdpSocket::bind(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let SocketAddr::V4(own) = address else { panic!("an IPv4 address is needed") };
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    let thread = thread::spawn(move || {
        let mut text = [0; 512];
        while !told.load(Ordering::Relaxed) {
            let Ok((length, from)) = socket.recv_from(&mut text) else { continue };
            let question = &text[..length];
            let is_a = question.ends_with(&[0, 1, 0, 1]);
            // The question again: a response, one answer to a question for A, none to others.
            let mut answer = question.to_vec();
            answer[2..4].copy_from_slice(&[0x81, 0x80]);
            answer[7] = u8::from(is_a);
            if is_a {
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
                answer.extend(own.ip().octets());
            }
            let _ = socket.send_to(&answer, from);
        }
    });
    Server { threads: vec![thread], stop }
}

/// Serves a connection until it ends.
fn answer<S: Read + Write>(stream: &mut S, habit: Habit, stop: &AtomicBool) {
    let mut last = Instant::now();
    loop {
        let Some(told_to_close) = request(stream, stop) else { return };
        if matches!(habit.closes, Closes::Idle(limit) if last.elapsed() > limit) {
            return;
        }
        thread::sleep(habit.takes);
        let connection = if told_to_close { "close" } else { "keep-alive" };
        let pad =
            if habit.head > 0 { format!("X-Pad: {}\r\n", "x".repeat(habit.head)) } else { String::new() };
        let answer =
            format!("HTTP/1.1 200 OK\r\n{pad}Connection: {connection}\r\nContent-Length: 3\r\n\r\nok\n");
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
        last = Instant::now();
        if told_to_close {
            if habit.closes == Closes::Last {
                let end = Instant::now() + Duration::from_secs(1);
                // Each attempt waits for a fifth of a second.
                while Instant::now() < end && stream.read(&mut [0; 16]).is_err_and(|e| is_late(&e)) {}
            }
            return;
        }
    }
}

/// Reads a request with its body; whether it asks to close the connection.
fn request<S: Read + Write>(stream: &mut S, stop: &AtomicBool) -> Option<bool> {
    let mut reader = BufReader::new(&mut *stream);
    let (mut close, mut length, mut lines) = (false, 0, 0);
    let mut line = String::new();
    loop {
        match reader.read_line(&mut line) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(_) if stop.load(Ordering::Relaxed) => return None,
            // Nothing came in the time of one reading; what did come stays in `line`.
            Err(e) if is_late(&e) => continue,
            // The beginning of a TLS handshake.
            Err(e) if e.kind() == std::io::ErrorKind::InvalidData => {
                let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
                return None;
            }
            Err(_) => return None,
        }
        let text = line.trim_end().to_ascii_lowercase();
        line.clear();
        if text.is_empty() {
            break;
        }
        lines += 1;
        close |= text == "connection: close" || lines == 1 && text.ends_with("http/1.0");
        if let Some(number) = text.strip_prefix("content-length: ") {
            length = number.parse().unwrap();
        }
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink()).ok()?;
    Some(close)
}
