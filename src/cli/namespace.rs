//! The network namespace of a process: its sockets and its kernel settings, and never those of another namespace.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sched::{CloneFlags, setns};

use crate::ports::sysctl::Sysctls;

/// A network namespace, as far as this program may look at it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Namespace {
    /// A process in it; `None`: this program.
    pid: Option<u32>,
    access: Access,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Access {
    /// It is the namespace of this program.
    #[default]
    Own,
    /// It is another one, which a thread may enter.
    Other,
    /// It is another one, which this account may not enter.
    Closed,
}

impl Namespace {
    /// That of a process.
    pub(super) fn of(pid: Option<u32>) -> Self {
        let access = match pid {
            Some(pid) if !is_own(pid) && inside(pid, || ()).is_some() => Access::Other,
            Some(pid) if !is_own(pid) => Access::Closed,
            _ => Access::Own,
        };
        Self { pid, access }
    }

    /// False if nothing of it can be told.
    pub(super) fn is_open(self) -> bool {
        self.access != Access::Closed
    }

    /// Its owner, for the head of an output.
    pub(super) fn name(self) -> String {
        match (self.access, self.pid) {
            (Access::Other, Some(pid)) => format!("network namespace of process {pid}"),
            (Access::Closed, Some(pid)) => {
                format!(
                    "assumed: Linux's defaults, as the network namespace of process {pid} cannot be entered"
                )
            }
            _ => "this host".to_owned(),
        }
    }

    /// Said at the top of an output if it is not the namespace of this program.
    pub(super) fn remark(self) -> Option<String> {
        let pid = self.pid?;
        match self.access {
            Access::Own => None,
            Access::Other => Some(format!(
                "process {pid} is in a network namespace of its own: sockets, counters and settings are those of that namespace"
            )),
            Access::Closed => Some(format!(
                "process {pid} is in a network namespace of its own, which only root may enter: its sockets, counters and settings \
                 are left out; run ngxc as root, or `sudo nsenter -t {pid} -n sysctl -a > FILE` and `--sysctl FILE`"
            )),
        }
    }

    /// A file below `/proc/PID`, `net/tcp` for example.
    pub(super) fn file(self, name: &str) -> Option<String> {
        let directory = match (self.access, self.pid) {
            (Access::Closed, _) => return None,
            (Access::Other, Some(pid)) => format!("/proc/{pid}"),
            _ => "/proc/self".to_owned(),
        };
        fs::read(Path::new(&directory).join(name))
            .ok()
            .map(|text| String::from_utf8_lossy(&text).into_owned())
    }

    /// Settings by name, as far as they can be read; none of a namespace that is closed.
    pub(super) fn sysctls(self, names: &[&str]) -> Sysctls {
        match (self.access, self.pid) {
            (Access::Own, _) => read(names),
            (Access::Other, Some(pid)) => inside(pid, || read(names)).unwrap_or_default(),
            _ => Sysctls::default(),
        }
    }
}

/// Settings of the namespace of this thread.
fn read(names: &[&str]) -> Sysctls {
    let mut sysctls = Sysctls::default();
    for name in names {
        if let Ok(text) = fs::read_to_string(Path::new("/proc/sys").join(name.replace('.', "/"))) {
            sysctls.set(name, &text);
        }
    }
    sysctls
}

/// True if a process is in the network namespace of this program. The files below `/proc/PID/net` tell it to everybody,
/// the link `/proc/PID/ns/net` only to its owner: each namespace has files of its own.
fn is_own(pid: u32) -> bool {
    let number = |process: &str| fs::metadata(format!("/proc/{process}/net/dev")).ok().map(|meta| meta.ino());
    match (number("self"), number(&pid.to_string())) {
        (Some(own), other) => other == Some(own),
        // A kernel without networks has nothing to mistake.
        (None, _) => true,
    }
}

/// Calls a function in the network namespace of a process: in a thread of its own, as the others stay where they are.
fn inside<T: Send>(pid: u32, function: impl FnOnce() -> T + Send) -> Option<T> {
    let namespace = fs::File::open(format!("/proc/{pid}/ns/net")).ok()?;
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || {
            setns(&namespace, CloneFlags::CLONE_NEWNET).ok()?;
            Some(function())
        });
        thread.join().ok()?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_namespace_is_read_as_it_is() {
        let own = Namespace::of(Some(std::process::id()));
        assert!(own.is_open() && own.remark().is_none() && own.name() == "this host");
        let names = ["net.ipv4.ip_local_port_range"];
        assert_eq!(own.sysctls(&names).get(names[0]), read(&names).get(names[0]));
        assert_eq!(own.file("net/nothing"), None);
    }
}
