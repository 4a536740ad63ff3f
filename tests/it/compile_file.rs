//! The compiled file: it holds the same model, and nothing but an intact one of this format is executed.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ngxc::compile::{Options, compile};
use ngxc::model::Config;
use ngxc::site::{self, FORMAT, MAGIC, Refused};
use ngxc::source::{Memory, SourceMap};
use ngxc::syntax::{LoadOptions, load};
use ngxc::version::Version;

use crate::common::port;

/// A bit of everything that the model has.
const RICH: &str = r#"
worker_processes 2; error_log logs/e.log warn; error_log stderr;
events { worker_connections 100; }
http {
    include types.conf; root /srv/$host; index a.html $uri.htm;
    log_format long escape=json '$remote_addr "$request" ${time_local}x';
    access_log logs/a.log long buffer=4k flush=1s if=$loggable;
    error_page 404 =200 /missing.html; error_page 500 502 @down;
    map $host $loggable { hostnames; default 1; *.example.com 0; ~*^x(?<sub>.)$ $sub; }
    geo $where { default out; 10.0.0.0/8 in; 2001:db8::/32 six; }
    geo $ranged { ranges; 10.0.0.1-10.0.0.9 r; }
    split_clients $remote_addr $half { 50% a; * b; }
    charset_map koi8-r windows-1251 { 80 88; }
    upstream pool { server 127.0.0.1:81 weight=3; server b.test:82 backup; keepalive 9; hash $uri consistent; }
    server {
        listen 127.0.0.1:8080 default_server; listen [::1]:8080; listen unix:/tmp/s.sock;
        server_name a.test *.a.test .b.test www.* ~^(?<who>\w+)\.c\.test$ "";
        set $x "a$who"; if ($http_a ~* ^b) { return 403 "no $x"; } rewrite ^/old/(.*)$ /new/$1?k=v? last;
        location = / { return 301 https://$host$request_uri; }
        location ^~ /files/ { alias /srv/files/; autoindex on; expires 1d; add_header A "b c" always; }
        location ~* \.(gif|png)$ { gzip on; gzip_types text/css; disable_symlinks if_not_owner; }
        location /api/ {
            proxy_pass http://pool/v1/; proxy_set_header Host $host; proxy_bind 127.0.0.9; satisfy any;
            allow 10.0.0.0/8; deny all; auth_basic "realm $who"; auth_basic_user_file users;
            location /api/inner { limit_except GET { deny all; } try_files $uri $uri/ @down; }
        }
        location @down { internal; return 503; }
    }
    server { listen 8081; location / { proxy_pass http://$host; } }
}
"#;

fn compiled(files: &Memory) -> (Config, SourceMap) {
    let loaded = load(files, Path::new("nginx.conf"), &LoadOptions::default()).unwrap();
    let compiled = compile(&loaded, &Options::new(Version::new(1, 31, 5)));
    assert!(compiled.is_valid(), "{:#?} {:#?}", loaded.diagnostics, compiled.diagnostics);
    (compiled.config, loaded.sources)
}

fn rich() -> (Config, SourceMap) {
    let files = Memory::default()
        .with("nginx.conf", RICH)
        .with("types.conf", "types { text/html html htm; text/x-caf\u{e9} caf; } # \u{e9}t\u{e9}");
    compiled(&files)
}

/// The model as text; variables apart, which also have an index that has no order.
fn written(config: &Config) -> String {
    let http = &config.http;
    let variables: Vec<_> = http.variables.iter().collect();
    format!(
        "{:#?} {:#?} {:#?} {:#?} {:#?} {:#?} {:#?} {:#?} {:#?} {:#?} {:#?} {:#?} {variables:#?}",
        config.version,
        config.core,
        config.unsupported,
        config.embedded,
        http.span,
        http.settings,
        http.servers,
        http.upstreams,
        http.maps,
        http.geos,
        http.charset_maps,
        http.split_clients,
    ) + &format!("{:#?}", http.log_formats)
}

#[test]
fn what_is_loaded_is_what_was_stored() {
    let (mut config, sources) = rich();
    config.embedded.insert("users".to_owned(), b"a:\xff".to_vec());
    let bytes = site::store(&config, &sources).unwrap();
    let loaded = site::load(&bytes).unwrap();
    let (before, after) = (written(&config), written(&loaded.config));
    assert!(before.len() > 100_000, "the model is nearly empty: {}", before.len());
    assert_eq!(before, after);
    for (name, id) in [("who", true), ("sub", true), ("nothing", false)] {
        assert_eq!(loaded.config.http.variables.find(name).is_some(), id, "{name}");
        assert_eq!(loaded.config.http.variables.find(name), config.http.variables.find(name), "{name}");
    }
    let texts = |sources: &SourceMap| -> Vec<(PathBuf, Vec<u8>)> {
        sources.files().map(|(_, f)| (f.path.clone(), f.text.to_vec())).collect()
    };
    assert_eq!(texts(&sources), texts(&loaded.sources));
    assert_eq!(texts(&sources).len(), 2);
    assert_eq!(site::store(&loaded.config, &loaded.sources).unwrap(), bytes, "the same model, other bytes");
}

/// Levels that share a group share it still: a thousand servers are not a thousand tables of types.
#[test]
fn what_is_shared_stays_shared() {
    let (config, sources) = rich();
    let loaded = site::load(&site::store(&config, &sources).unwrap()).unwrap().config;
    let (mut shared, mut own) = (0, 0);
    for config in [&config, &loaded] {
        let [first, second] = config.http.servers.as_slice() else { panic!("two servers") };
        shared += usize::from(Arc::ptr_eq(&first.settings.gzip, &second.settings.gzip));
        shared += usize::from(Arc::ptr_eq(&first.settings.core, &second.settings.core));
        own += usize::from(Arc::ptr_eq(&first.settings.gzip, &first.locations[3].settings.gzip));
        let tables = [first, second].map(|s| Arc::as_ptr(&s.settings.content.types.value.0));
        assert_eq!(tables[0], tables[1]);
    }
    assert_eq!((shared, own), (4, 0));
}

#[test]
fn a_byte_that_is_wrong_is_noticed() {
    let (config, sources) =
        compiled(&Memory::default().with("nginx.conf", "events { } http { server { listen 81; } }"));
    let bytes = site::store(&config, &sources).unwrap();
    assert!(site::load(&bytes).is_ok());
    assert!(bytes.len() < 5_000, "{}", bytes.len());
    for at in 0..bytes.len() {
        for bit in [0x01, 0x80] {
            let mut wrong = bytes.clone();
            wrong[at] ^= bit;
            let refused = site::load(&wrong).unwrap_err();
            let expected = if at < MAGIC.len() {
                refused == Refused::NotCompiled
            } else {
                matches!(refused, Refused::Damaged | Refused::Length(..))
            };
            assert!(expected, "byte {at}: {refused:?}");
        }
    }
    for length in 0..bytes.len() {
        let refused = site::load(&bytes[..length]).unwrap_err();
        assert!(matches!(refused, Refused::NotCompiled | Refused::Length(..)), "{length}: {refused:?}");
    }
    let longer = [&bytes[..], b"x"].concat();
    assert_eq!(site::load(&longer).unwrap_err(), Refused::Damaged);
}

/// As a later program would write it: intact, but of another format.
#[test]
fn another_format_is_refused() {
    use sha2::{Digest, Sha256};
    let (config, sources) = rich();
    let mut bytes = site::store(&config, &sources).unwrap();
    bytes[8..12].copy_from_slice(&(FORMAT + 1).to_le_bytes());
    bytes[12..32].copy_from_slice(b"9.8.7\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    let sum = Sha256::new().chain_update(&bytes[..40]).chain_update(&bytes[72..]).finalize();
    bytes[40..72].copy_from_slice(&sum);
    let refused = site::load(&bytes).unwrap_err();
    assert_eq!(refused, Refused::Format(FORMAT + 1, "9.8.7".to_owned()));
    let message = refused.to_string();
    assert!(message.contains("format 2, written by ngxc 9.8.7"), "{message}");
    assert_eq!(refused.help(), "run it with that ngxc or a newer one");
}

fn ngxc(directory: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ngxc")).current_dir(directory).args(args).output().unwrap()
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The answer to a GET, once somebody listens.
fn get(port: u16, head: &str) -> String {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(mut stream) => {
                stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
                let request = format!("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n{head}\r\n");
                stream.write_all(request.as_bytes()).unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).unwrap();
                return answer;
            }
            Err(error) => assert!(Instant::now() < end, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn it_runs_without_the_original_files() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let port = port::number();
    std::fs::write(
        at("nginx.conf"),
        format!("events {{ }} http {{ access_log off; server {{ listen 127.0.0.1:{port}; include inner.conf; }} }}"),
    )
    .unwrap();
    std::fs::write(
        at("inner.conf"),
        "auth_basic r; auth_basic_user_file users; location / { satisfy any; deny all; return 200 no; }\n\
         location = / { error_page 401 = @in; try_files /none @ok; } location @ok { try_files /none =204; }",
    )
    .unwrap();
    std::fs::write(at("users"), "u:{PLAIN}p\n").unwrap();
    let output = ngxc(directory.path(), &["compile", "nginx.conf", "-o", "site.ngxc", "--embed-secrets"]);
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("inner.conf:1: `users` is in the file"), "{said}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(at("site.ngxc")).unwrap().permissions().mode() & 0o777, 0o600);
    }
    for name in ["nginx.conf", "inner.conf", "users"] {
        std::fs::remove_file(at(name)).unwrap();
    }
    let child = Command::new(env!("CARGO_BIN_EXE_ngxc"))
        .current_dir(directory.path())
        .args(["run", "site.ngxc"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _running = Running(child);
    let answer = get(port, "");
    assert!(answer.starts_with("HTTP/1.1 500") || answer.starts_with("HTTP/1.1 401"), "{answer}");
    let answer = get(port, "Authorization: Basic dTpw\r\n");
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    let answer = get(port, "Authorization: Basic dTpx\r\n");
    assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
}

#[test]
fn a_file_that_cannot_be_run_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &[u8]| std::fs::write(directory.path().join(name), text).unwrap();
    write("n.conf", b"events { } http { server { listen 127.0.0.1:1; auth_basic_user_file u; } }");
    let output = ngxc(directory.path(), &["compile", "n.conf"]);
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("`u` is not in the file"), "{said}");
    let bytes = std::fs::read(directory.path().join("n.ngxc")).unwrap();
    assert!(!bytes.windows(2).any(|w| w == b"/t"), "a path of this machine is in the file");
    let mut wrong = bytes.clone();
    wrong[100] ^= 1;
    write("wrong.ngxc", &wrong);
    write("short.ngxc", &bytes[..bytes.len() - 3]);
    write("text.ngxc", b"events { }");
    write("unnamed", &bytes);
    let cases = [
        ("wrong.ngxc", "error: `wrong.ngxc` is damaged: the checksum is wrong"),
        ("short.ngxc", "error: `short.ngxc` is truncated:"),
        ("text.ngxc", "error: `text.ngxc` is not a compiled configuration"),
    ];
    for (name, expected) in cases {
        let output = ngxc(directory.path(), &["run", "--dry-run", name]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}: {said}");
        assert!(said.contains(expected) && said.contains("help: compile it again"), "{name}: {said}");
    }
    for name in ["n.ngxc", "unnamed"] {
        let output = ngxc(directory.path(), &["run", "--dry-run", name]);
        assert!(output.status.success(), "{name}: {output:?}");
    }
    let output = ngxc(directory.path(), &["compile", "n.conf", "-o", "none/x.ngxc"]);
    assert_eq!(output.status.code(), Some(2));
    let output = ngxc(directory.path(), &["compile", "n.conf", "-o", "y.ngxc", "--embed-secrets"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("cannot read `u`"), "{said}");
    assert!(!directory.path().join("y.ngxc").exists());
}
