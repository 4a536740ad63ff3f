//! Facts of the host: from this machine, from a file, or assumed.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::Failure;
use crate::cli::namespace::Namespace;
use crate::model::{Config, Endpoint};
use crate::ports::Host;
use crate::ports::host::NAMES;
use crate::ports::sysctl::Sysctls;

/// Origin of the facts of the host.
#[derive(Args, Clone, Debug)]
pub(in crate::cli) struct HostArgs {
    /// Kernel settings of the host that nginx runs on, as `sysctl -a` prints them [default: those of this host].
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) sysctl: Option<PathBuf>,

    /// Ask no host: Linux's defaults.
    #[arg(long, conflicts_with = "sysctl")]
    pub(in crate::cli) assume_defaults: bool,

    /// CPUs of the host, which `worker_processes auto` makes workers [default: those of this host, else 4].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(in crate::cli) cpus: Option<u32>,
}

/// The host, and where its facts come from.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Machine {
    pub(in crate::cli) host: Host,
    pub(in crate::cli) sysctls: Sysctls,
    /// `this host`, a file, or `assumed`.
    pub(in crate::cli) source: String,
}

impl HostArgs {
    /// True if this host is asked.
    pub(in crate::cli) fn is_here(&self) -> bool {
        self.sysctl.is_none() && !self.assume_defaults
    }

    /// Reads the facts, those of a namespace if this host is asked; the ports that the configuration listens on are taken
    /// too.
    pub(in crate::cli) fn machine(&self, config: &Config, namespace: Namespace) -> Result<Machine, Failure> {
        let (sysctls, source) = if self.assume_defaults {
            (Sysctls::default(), "assumed: Linux's defaults".to_owned())
        } else if let Some(path) = &self.sysctl {
            (read_file(path)?, path.display().to_string())
        } else {
            (namespace.sysctls(&NAMES), namespace.name())
        };
        let mut host = Host::read(&sysctls).map_err(|e| Failure::new(format!("{source}: {e}")))?;
        if let Some(cpus) = self.cpus {
            host.cpus = crate::ports::Fact { value: cpus, is_read: true };
        } else if self.is_here()
            && let Ok(cpus) = std::thread::available_parallelism()
        {
            host.cpus = crate::ports::Fact { value: cpus.get() as u32, is_read: true };
        }
        for listen in config.http.servers.iter().flat_map(|s| &s.listen) {
            if let Endpoint::Inet(address) = &listen.endpoint {
                host.listening.insert(address.port());
            }
        }
        Ok(Machine { host, sysctls, source })
    }
}

fn read_file(path: &Path) -> Result<Sysctls, Failure> {
    let text = fs::read(path).map_err(|e| Failure::new(format!("cannot read `{}`: {e}", path.display())))?;
    let sysctls = Sysctls::parse(&String::from_utf8_lossy(&text));
    if sysctls.iter().next().is_none() {
        return Err(Failure::new(format!("`{}` has no line `name = value`", path.display()))
            .help("make it with `sysctl -a > FILE` on the host that nginx runs on"));
    }
    Ok(sysctls)
}
