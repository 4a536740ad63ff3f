//! Servers behind nginx, each with one habit that breaks something; they run until the test ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};

/// When it closes a connection.
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
}

pub const PLAIN: Habit =
    Habit { takes: Duration::from_millis(2), closes: Closes::Last, workers: 40, queue: 511 };

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

pub fn on_tcp(address: &str, habit: Habit) -> Server {
    let address: SocketAddr = address.parse().unwrap();
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    if address.is_ipv6() {
        socket.set_only_v6(true).unwrap();
    }
    serve(socket, &SockAddr::from(address), habit)
}

pub fn on_unix(path: &Path, habit: Habit) -> Server {
    let _ = std::fs::remove_file(path);
    serve(Socket::new(Domain::UNIX, Type::STREAM, None).unwrap(), &SockAddr::unix(path).unwrap(), habit)
}

fn serve(socket: Socket, address: &SockAddr, habit: Habit) -> Server {
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
        let (socket, stop) = (Arc::clone(&socket), Arc::clone(&stop));
        thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                // The timeout of reading is that of accepting too.
                if let Ok((connection, _)) = socket.accept() {
                    answer(&connection, habit, &stop);
                }
            }
        })
    });
    Server { threads: threads.collect(), stop }
}

/// Serves a connection until it ends.
fn answer(connection: &Socket, habit: Habit, stop: &AtomicBool) {
    connection.set_nonblocking(false).unwrap();
    connection.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut stream = connection;
    let mut last = Instant::now();
    loop {
        let Some(told_to_close) = request(stream, stop) else { return };
        if matches!(habit.closes, Closes::Idle(limit) if last.elapsed() > limit) {
            return;
        }
        thread::sleep(habit.takes);
        let connection = if told_to_close { "close" } else { "keep-alive" };
        let answer = format!("HTTP/1.1 200 OK\r\nConnection: {connection}\r\nContent-Length: 3\r\n\r\nok\n");
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
        last = Instant::now();
        if told_to_close {
            if habit.closes == Closes::Last {
                stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
                let _ = stream.read(&mut [0; 16]);
            }
            return;
        }
    }
}

/// Reads a request with its body; whether it asks to close the connection.
fn request(stream: &Socket, stop: &AtomicBool) -> Option<bool> {
    let mut reader = BufReader::new(stream);
    let (mut close, mut length, mut lines) = (false, 0, 0);
    let mut line = String::new();
    loop {
        match reader.read_line(&mut line) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(_) if stop.load(Ordering::Relaxed) => return None,
            // Nothing came in the time of one reading; what did come stays in `line`.
            Err(e) if matches!(e.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                continue;
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
