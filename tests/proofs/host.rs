//! The host of a proof: a directory, backends and nginx in the network namespace of the thread.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ngxc::reuse::DEFAULT_KEEPALIVE;
use ngxc::version::Version;
use rustls::ServerConfig;
use serde_json::Value;

use super::backend::{self, Server};
use super::cases::Case;
use super::load::{self, Answers};
use super::namespace;

pub struct Host {
    case: &'static Case,
    directory: tempfile::TempDir,
    version: Version,
    nginx: Child,
    tls: Option<Arc<ServerConfig>>,
    backends: Vec<Server>,
}

impl Host {
    pub fn new(case: &'static Case, program: &Path) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let directory_name = path.display().to_string();
        let tls = case.backends.iter().find_map(|(_, habit)| habit.tls);
        let tls = tls.map(|versions| backend::with_tls(versions, &path.join("ca.pem")));
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("    {name}_temp_path {name};\n"))
            .concat();
        let text = |http: &str| {
            format!(
                "user root;\nworker_processes 1;\npid nginx.pid;\nerror_log error.log;\nevents {{ {} }}\nhttp {{\n{temporary}    \
             log_format timed '[$time_local] $msec \"$request\" $status $request_time $upstream_addr $upstream_status '\n        \
             '$upstream_connect_time $upstream_response_time';\n    access_log access.log timed;\n    {}\n}}\n",
                case.events,
                http.replace("DIRECTORY", &directory_name)
            )
        };
        fs::write(path.join("nginx.conf"), text(case.http)).unwrap();
        let version = Command::new(program).arg("-v").output().unwrap().stderr;
        let version = String::from_utf8_lossy(&version);
        let version = version.trim().rsplit('/').next().unwrap().split(' ').next().unwrap().parse().unwrap();
        let nginx = Command::new(program)
            .args(["-c", "nginx.conf", "-e", "error.log", "-g", "daemon off;", "-p"])
            .arg(path)
            .current_dir(path)
            // To nginx this would be the sockets that it inherits.
            .env_remove("NGINX")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let refused = case.refused.map(text);
        let mut host = Self { case, directory, version, nginx, tls, backends: Vec::new() };
        host.wait_for("nginx", |host| host.path("nginx.pid").exists() && !host.workers().is_empty());
        for (name, value) in case.late {
            namespace::set(name, value);
        }
        host.restart_backends();
        if let Some(text) = refused {
            fs::write(host.path("nginx.conf"), text).unwrap();
        }
        host
    }

    pub fn is_since_default_keepalive(&self) -> bool {
        self.version >= DEFAULT_KEEPALIVE
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn restart_backends(&mut self) {
        self.backends.clear();
        for (address, habit) in self.case.backends {
            self.backends.push(match address.split_once(':') {
                Some(("unix", name)) => backend::on_unix(&self.path(name), *habit),
                Some(("dns", address)) => backend::name_server(address),
                _ => backend::on_tcp(address, *habit, habit.tls.and(self.tls.as_ref())),
            });
        }
    }

    /// Sends the load of the case. Where a change was refused somebody tries it again before.
    pub fn load(&self) -> Answers {
        if self.case.refused.is_some() && !self.is_served() {
            let lines = self.log_length();
            self.signal("HUP");
            self.wait_for("a line of the log", |host| host.log_length() > lines);
        }
        // Recorded bundles are kept small: a little more requests than ports.
        let part = if std::env::var_os("NGXC_RECORD").is_some() { 2 } else { 3 };
        let requests = (self.case.load.requests * part).div_ceil(3);
        load::send(self.case.address, load::Load { requests, ..self.case.load })
    }

    fn is_served(&self) -> bool {
        std::net::TcpStream::connect(self.case.address).is_ok()
    }

    fn log_length(&self) -> u64 {
        fs::metadata(self.path("error.log")).map_or(0, |meta| meta.len())
    }

    fn signal(&self, name: &str) {
        namespace::run("kill", &[&format!("-{name}"), &self.nginx.id().to_string()]);
    }

    /// The workers of nginx, without those that end.
    fn workers(&self) -> Vec<u32> {
        let pid = self.nginx.id();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        let pids = children.split_ascii_whitespace().filter_map(|pid| pid.parse().ok());
        let is_at_work = |pid: &u32| {
            let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.starts_with("nginx: worker process") && !line.contains("shutting down")
        };
        pids.filter(is_at_work).collect()
    }

    fn wait_for(&self, what: &str, is_there: impl Fn(&Self) -> bool) {
        let end = Instant::now() + Duration::from_secs(20);
        while !is_there(self) {
            assert!(Instant::now() < end, "waited for {what}: {}", self.errors());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Reloads and waits for the new workers.
    pub fn reload(&self) {
        let before = self.workers();
        self.signal("HUP");
        self.wait_for("a reload", |host| {
            let now = host.workers();
            !now.is_empty() && now.iter().all(|pid| !before.contains(pid))
        });
    }

    /// The error log.
    pub fn errors(&self) -> String {
        let log = fs::read_to_string(self.path("error.log")).unwrap_or_default();
        log.lines().rev().take(5).collect::<Vec<_>>().join("\n")
    }

    pub fn ngxc(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// `ngxc doctor` in the directory of the configuration.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ngxc"));
        command.arg("doctor").args(arguments).current_dir(self.directory.path());
        command.env_remove("NGXC_NGINX_VERSION");
        command
    }

    /// The master.
    pub fn pid(&self) -> u32 {
        self.nginx.id()
    }

    /// Answer of `--since`: exit status and verdict.
    pub fn verdict(&self) -> (Option<i32>, String) {
        let output = self.ngxc(&["nginx.conf", "--since", "before", "--format", "json"]);
        let value: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code(), value["verdict"].as_str().unwrap().to_owned())
    }

    /// The diagnosis as JSON.
    pub fn doctor(&self, more: &[&str]) -> Value {
        let output = self.ngxc(&[&["nginx.conf", "--format", "json"], more].concat());
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)))
    }

    /// The diagnosis as a person reads it.
    pub fn text(&self) -> String {
        String::from_utf8(self.ngxc(&["nginx.conf"]).stdout).unwrap()
    }

    /// Applies the output of the doctor as it is, with `git apply` to a copy and with `patch` to the files.
    pub fn patch(&self, text: &str) {
        let diff = self.path("output");
        fs::write(&diff, text).unwrap();
        let copy = tempfile::tempdir().unwrap();
        fs::copy(self.path("nginx.conf"), copy.path().join("nginx.conf")).unwrap();
        let run = |program: &str, arguments: &[&str], directory: &Path| {
            let output =
                Command::new(program).args(arguments).arg(&diff).current_dir(directory).output().unwrap();
            assert!(
                output.status.success(),
                "{program}: {}\n{text}",
                String::from_utf8_lossy(&output.stderr)
            );
        };
        run("git", &["apply"], copy.path());
        run("patch", &["-s", "-p1", "-i"], self.directory.path());
        let read = |path: PathBuf| fs::read_to_string(path).unwrap();
        assert_eq!(read(copy.path().join("nginx.conf")), read(self.path("nginx.conf")));
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // The master ends its workers.
        let _ = Command::new("kill").args(["-QUIT", &self.nginx.id().to_string()]).status();
        let end = Instant::now() + Duration::from_secs(3);
        while self.nginx.try_wait().is_ok_and(|ended| ended.is_none()) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(10));
        }
        for worker in self.workers() {
            let _ = Command::new("kill").args(["-KILL", &worker.to_string()]).status();
        }
        let _ = self.nginx.kill();
        let _ = self.nginx.wait();
    }
}

/// Logs have whole seconds: what comes after this is later than what was before.
pub fn wait_a_second() {
    std::thread::sleep(Duration::from_millis(1100));
}

/// The commands of all findings, each once.
pub fn commands(report: &Value) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for command in
        report["findings"].as_array().unwrap().iter().filter_map(|f| f["commands"].as_array()).flatten()
    {
        let command = command.as_str().unwrap().to_owned();
        if !found.contains(&command) {
            found.push(command);
        }
    }
    found
}
