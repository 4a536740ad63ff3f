//! Memory of this process, which no other test may use meanwhile: a binary of its own, one test after the other.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::io::Write;
use std::path::Path;
use std::sync::Mutex;

use ngxc::compile::{Options, compile};
use ngxc::site;
use ngxc::source::Memory;
use ngxc::syntax::{LoadOptions, load};
use ngxc::version::Version;
use sha2::{Digest, Sha256};

use crate::common::proxy::Proxy;

static TURN: Mutex<()> = Mutex::new(());

/// A line of `/proc/self/status`, in KiB.
fn of_status(name: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Makes the head that belongs to what follows it.
fn sealed(mut file: Vec<u8>) -> Vec<u8> {
    let length = (file.len() - 72) as u64;
    file[32..40].copy_from_slice(&length.to_le_bytes());
    let sum = Sha256::new().chain_update(&file[..40]).chain_update(&file[72..]).finalize();
    file[40..72].copy_from_slice(&sum);
    file
}

/// A thousand bytes become a million: they are sent piece by piece.
#[test]
fn a_bomb_takes_little_memory() {
    let _turn = TURN.lock().unwrap();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(&vec![0; 8_000_000]).unwrap();
    let peer = Proxy::new("server { listen 127.0.0.1:9; gzip_static always; }");
    std::fs::write(peer.directory.path().join("bomb.gz"), encoder.finish().unwrap()).unwrap();
    let server = Proxy::new(&format!(
        "gunzip on; server {{ listen 127.0.0.1:9; location / {{ proxy_pass http://{}; }} }}",
        peer.address
    ));
    let mut client = std::net::TcpStream::connect(server.address).unwrap();
    client.write_all(b"GET /bomb HTTP/1.0\r\n\r\n").unwrap();
    // Nothing is read: what the worker holds is what it has taken from the peer.
    std::thread::sleep(std::time::Duration::from_secs(1));
    let before = of_status("VmRSS:");
    let read = std::io::copy(&mut client, &mut std::io::sink()).unwrap();
    assert!(read > 8_000_000, "{read}");
    assert!(of_status("VmRSS:") < before + 6000, "{before} kB, then {} kB", of_status("VmRSS:"));
}

/// A length of 2^60 costs nothing: it is compared with what is there.
#[test]
fn absurd_lengths_cost_nothing() {
    let _turn = TURN.lock().unwrap();
    let text = "http { server { listen 80; server_name a.test ~^(?<who>.)$; if ($host) { return 403 $who; } } } events {}";
    let files = Memory::default().with("nginx.conf", text);
    let loaded = load(&files, Path::new("nginx.conf"), &LoadOptions::default()).unwrap();
    let compiled = compile(&loaded, &Options::new(Version::new(1, 31, 5)));
    assert!(compiled.is_valid(), "{:#?}", compiled.diagnostics);
    let bytes = site::store(&compiled.config, &loaded.sources).unwrap();
    let absurd = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
    for at in (72..bytes.len()).step_by(3) {
        let forged = [&bytes[..at], &absurd, &bytes[at + 1..]].concat();
        let _ = site::load(&sealed(forged));
    }
    let peak = of_status("VmHWM:");
    assert!(peak < 500_000, "{peak} KiB");
}
