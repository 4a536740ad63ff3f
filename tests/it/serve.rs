//! `ngxc serve`: a page on the loopback interface, its answers, and who may ask.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::common::browser::{chromium, lost};

const CONF: &str = "events {}\nhttp {\n    upstream app { server 10.0.0.1; }\n    split_clients $remote_addr $ip { 25% a; * b; }\n    server {\n        listen 8080;\n        server_name a.example;\n        location / { proxy_pass http://app; }\n        location ~ \\.php$ { return 404; }\n    }\n}\n";

struct Server {
    child: Child,
    address: SocketAddr,
    directory: tempfile::TempDir,
}

impl Server {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("nginx.conf"), CONF).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_ngxc"))
            .args(["serve", "nginx.conf", "--port", "0"])
            .current_dir(&directory)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address =
            line.trim().strip_prefix("http://").unwrap().strip_suffix('/').unwrap().parse().unwrap();
        Self { child, address, directory }
    }

    /// The response to a request with these fields.
    fn send(&self, method: &str, path: &str, fields: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let length = body.len();
        write!(stream, "{method} {path} HTTP/1.1\r\n{fields}Content-Length: {length}\r\n\r\n{body}").unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        response
    }

    fn host(&self) -> String {
        format!("Host: {}\r\n", self.address)
    }

    /// The answer of a command for a text.
    fn ask(&self, path: &str, question: &Value) -> Value {
        let response = self.send("POST", path, &self.host(), &question.to_string());
        assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
        serde_json::from_str(response.split_once("\r\n\r\n").unwrap().1).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_answers_are_those_of_the_commands() {
    let server = Server::new();
    let text = json!({"text": CONF});
    let lint = server.ask("/lint", &text);
    let findings: Value = serde_json::from_str(lint["output"].as_str().unwrap()).unwrap();
    let pool =
        findings["findings"].as_array().unwrap().iter().find(|one| one["name"] == "upstream-not-pooled");
    assert_eq!(pool.unwrap()["file"], "nginx.conf", "{findings}");
    let reached = server.ask("/reached", &text);
    let urls: Vec<(String, String)> = serde_json::from_str(reached["output"].as_str().unwrap()).unwrap();
    assert!(urls.contains(&("nginx.conf:9".to_owned(), "http://a.example:8080/.php".to_owned())), "{urls:?}");
    let way = server.ask("/show", &json!({"text": CONF, "url": "http://a.example:8080/x"}));
    assert!(way["output"].as_str().unwrap().contains("proxy_pass http://app"), "{way}");
    let split = server.ask("/split", &text);
    assert!(split["output"].as_str().unwrap().contains("\"hashes\": 1073741823"), "{split}");
    let ports = server.ask("/ports", &json!({"text": CONF, "rate": "100", "latency": "50ms"}));
    assert!(ports["output"].as_str().unwrap().contains("app"), "{ports}");
    let laid_out = server.ask("/fmt", &json!({"text": "events{}"}));
    assert_eq!(laid_out["output"], "events {}\n");
    // A question that cannot be answered says why, and the next question is answered.
    let broken = server.ask("/show", &json!({"text": "http {", "url": "/"}));
    assert_eq!(
        (&broken["status"], broken["error"].as_str().unwrap().is_empty()),
        (&json!(2), false),
        "{broken}"
    );
    assert_eq!(server.ask("/lint", &json!({"texts": 1}))["status"], 2);
    assert_eq!(server.ask("/lint", &text)["status"], 0);
    // The file is as it was.
    assert_eq!(std::fs::read_to_string(server.directory.path().join("nginx.conf")).unwrap(), CONF);
}

#[test]
fn only_the_page_itself_is_answered() {
    let server = Server::new();
    let host = server.host();
    let page = server.send("GET", "/", &host, "");
    assert!(page.starts_with("HTTP/1.1 200 ") && page.contains("<textarea"), "{page}");
    assert!(page.contains("Content-Security-Policy: default-src 'none'"), "{page}");
    assert!(server.send("GET", "/file", &host, "").contains("nginx.conf"));
    for (fields, status) in [
        ("Host: evil.example\r\n".to_owned(), 403),
        (String::new(), 403),
        (format!("{host}Origin: http://evil.example\r\n"), 403),
        (format!("{host}Origin: http://{}\r\n", server.address), 404),
    ] {
        let response = server.send("POST", "/nowhere", &fields, "{}");
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{fields} {response}");
    }
    assert!(server.send("DELETE", "/", &host, "").starts_with("HTTP/1.1 405 "));
    let mut stream = TcpStream::connect(server.address).unwrap();
    write!(stream, "POST /lint HTTP/1.1\r\n{host}Content-Length: 99999999\r\n\r\n").unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 413 "), "{response}");
}

#[test]
fn the_page_loses_nothing() {
    if !chromium() {
        return;
    }
    let server = Server::new();
    let page = server.send("GET", "/", &server.host(), "");
    let page = page.split_once("\r\n\r\n").unwrap().1;
    // The page asks a stub: the answers that the server gave.
    let text = json!({"text": CONF});
    let mut answers = serde_json::Map::new();
    for path in ["/lint", "/show", "/reached", "/split"] {
        answers.insert(path.to_owned(), server.ask(path, &text));
    }
    answers.insert("/file".to_owned(), json!({"name": "nginx.conf", "text": CONF}));
    let stub = format!(
        "window.fetch = path => Promise.resolve({{ ok: true, json: () => Promise.resolve(({})[path]) }});",
        Value::Object(answers)
    );
    assert_eq!(lost(page, &stub), Vec::<String>::new());
}
