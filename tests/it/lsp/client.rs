//! A scripted client of the language server: real JSON over pipes.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

pub(super) struct Client {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    last: i64,
    directory: TempDir,
    versions: HashMap<String, i64>,
    /// Requests of the server.
    pub(super) requests: Vec<Value>,
    /// Findings of each file as they were sent last.
    pub(super) findings: HashMap<String, Vec<Value>>,
    /// Texts that the client was asked to show.
    pub(super) shown: Vec<String>,
}

/// Answer of a request: the result, or the error.
pub(super) type Answer = Result<Value, Value>;

impl Client {
    /// A server for a directory with some files, and a client with snippets.
    pub(super) fn new(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let mut child = Command::new(env!("CARGO_BIN_EXE_ngxc"))
            .arg("lsp")
            .current_dir(&directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (to, from) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        let mut client = Self {
            child,
            to,
            from,
            last: 0,
            directory,
            versions: HashMap::new(),
            requests: Vec::new(),
            findings: HashMap::new(),
            shown: Vec::new(),
        };
        let snippets = json!({"textDocument": {"completion": {"completionItem": {"snippetSupport": true}}}});
        let watches = json!({"didChangeWatchedFiles": {"dynamicRegistration": true}});
        let capabilities = json!({"textDocument": snippets["textDocument"], "workspace": watches});
        client.ask("initialize", json!({"capabilities": capabilities})).unwrap();
        client.tell("initialized", json!({}));
        client
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(super) fn uri(&self, name: &str) -> String {
        uri(&self.path(name))
    }

    /// Opens a file with the text that it has on the disk.
    pub(super) fn open(&mut self, name: &str) -> Vec<Value> {
        let text = std::fs::read(self.path(name)).unwrap();
        self.open_as(name, &String::from_utf8_lossy(&text))
    }

    /// Opens a file with another text, and returns its findings.
    pub(super) fn open_as(&mut self, name: &str, text: &str) -> Vec<Value> {
        let uri = self.uri(name);
        self.versions.insert(uri.clone(), 1);
        let document = json!({"uri": uri, "languageId": "nginx", "version": 1, "text": text});
        self.tell("textDocument/didOpen", json!({"textDocument": document}));
        self.settled(name)
    }

    /// Replaces a range `[line, character, line, character]` of a file, and returns the findings of the file.
    pub(super) fn change(&mut self, name: &str, range: [u32; 4], text: &str) -> Vec<Value> {
        let uri = self.uri(name);
        let version = self.versions.entry(uri.clone()).or_default();
        *version += 1;
        let change = json!({"range": self::range(range), "text": text});
        let document = json!({"uri": uri, "version": *version});
        self.tell("textDocument/didChange", json!({"textDocument": document, "contentChanges": [change]}));
        self.settled(name)
    }

    /// Findings of a file once the server has worked off all that it was told.
    pub(super) fn settled(&mut self, name: &str) -> Vec<Value> {
        let at = json!({"textDocument": {"uri": self.uri(name)}});
        self.ask("textDocument/foldingRange", at).unwrap();
        self.findings.get(&self.uri(name)).cloned().unwrap_or_default()
    }

    /// Asks about a place in a file.
    pub(super) fn at(&mut self, method: &str, name: &str, line: u32, character: u32) -> Answer {
        let params = json!({
            "textDocument": {"uri": self.uri(name)}, "position": {"line": line, "character": character},
            "context": {"includeDeclaration": true, "triggerKind": 1},
        });
        self.ask(method, params)
    }

    /// Asks about a whole file.
    pub(super) fn of(&mut self, method: &str, name: &str) -> Answer {
        self.ask(method, json!({"textDocument": {"uri": self.uri(name)}}))
    }

    pub(super) fn ask(&mut self, method: &str, params: Value) -> Answer {
        self.last += 1;
        let id = self.last;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        self.answer(id)
    }

    /// The answer of a request that was sent.
    pub(super) fn answer(&mut self, id: i64) -> Answer {
        loop {
            let message = self.read();
            if message["id"] == json!(id) && message.get("method").is_none() {
                return match message.get("error") {
                    Some(error) => Err(error.clone()),
                    None => Ok(message["result"].clone()),
                };
            }
        }
    }

    pub(super) fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    pub(super) fn send(&mut self, message: &Value) {
        let text = message.to_string();
        self.send_raw(format!("Content-Length: {}\r\n\r\n{text}", text.len()).as_bytes());
    }

    pub(super) fn send_raw(&mut self, bytes: &[u8]) {
        let to = self.to.as_mut().unwrap();
        to.write_all(bytes).unwrap();
        to.flush().unwrap();
    }

    /// The next message; findings are kept.
    fn read(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(self.from.read_line(&mut line).unwrap() > 0, "the server ended");
            match line.trim_end() {
                "" => break,
                line => {
                    if let Some(value) = line.strip_prefix("Content-Length: ") {
                        length = value.parse().unwrap();
                    }
                }
            }
        }
        let mut body = vec![0; length];
        self.from.read_exact(&mut body).unwrap();
        let message: Value = serde_json::from_slice(&body).unwrap();
        if message["method"] == "textDocument/publishDiagnostics" {
            let params = &message["params"];
            let uri = params["uri"].as_str().unwrap().to_owned();
            self.findings.insert(uri, params["diagnostics"].as_array().unwrap().clone());
        }
        if message["method"] == "window/showMessage" {
            self.shown.push(message["params"]["message"].as_str().unwrap().to_owned());
        }
        if message.get("id").is_some() && message.get("method").is_some() {
            self.requests.push(message.clone());
        }
        message
    }

    /// Ends the server as the protocol wants it, and returns its exit status.
    pub(super) fn end(mut self) -> Option<i32> {
        self.ask("shutdown", Value::Null).unwrap();
        self.tell("exit", Value::Null);
        self.to.take();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) fn uri(path: &Path) -> String {
    format!("file://{}", path.display())
}

pub(super) fn range([line, character, end_line, end_character]: [u32; 4]) -> Value {
    json!({
        "start": {"line": line, "character": character},
        "end": {"line": end_line, "character": end_character},
    })
}

/// Names of findings.
pub(super) fn codes(findings: &[Value]) -> Vec<&str> {
    findings.iter().map(|one| one["code"].as_str().unwrap()).collect()
}
