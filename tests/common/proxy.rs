// A configuration that runs inside of the test.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use ngxc::compile::{Options, compile};
use ngxc::model::Endpoint;
use ngxc::runtime::{RunOptions, Running, Stop, start};
use ngxc::source::Memory;
use ngxc::syntax::{LoadOptions, load};
use ngxc::version::Version;

pub(crate) struct Proxy {
    running: Option<Running>,
    pub(crate) address: SocketAddr,
    pub(crate) directory: tempfile::TempDir,
}

impl Proxy {
    /// Runs an `http` block's content; port 9 becomes one that the kernel chooses.
    pub(crate) fn new(http: &str) -> Self {
        Self::with_files(http, &[])
    }

    /// The same with files in its directory, which is the root.
    pub(crate) fn with_files(http: &str, files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(directory.path().join(name), text).unwrap();
        }
        let text = format!(
            "worker_processes 1;\nerror_log error.log info;\nevents {{}}\n\
             http {{\nroot {};\naccess_log off;\n{http}\n}}\n",
            directory.path().display()
        );
        let files = Memory::default().with("nginx.conf", text);
        let loaded = load(&files, Path::new("nginx.conf"), &LoadOptions::default()).unwrap();
        let compiled = compile(&loaded, &Options::new(Version::new(1, 31, 5)));
        assert!(compiled.is_valid(), "{:#?}", compiled.diagnostics);
        let mut config = compiled.config;
        for listen in config.http.servers.iter_mut().flat_map(|server| &mut server.listen) {
            match &mut listen.endpoint {
                Endpoint::Inet(address) if address.port() == 9 => address.set_port(0),
                _ => {}
            }
        }
        let options = RunOptions { prefix: directory.path().to_owned(), ..RunOptions::default() };
        let running = start(Arc::new(config), &options).unwrap();
        Self { address: running.addresses()[0], running: Some(running), directory }
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("error.log")).unwrap()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop(Stop::Fast);
        }
    }
}
