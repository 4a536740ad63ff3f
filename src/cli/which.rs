//! Version of nginx that a configuration is judged for: the command line, the settings file, the master that runs, else both sides
//! of the release that keeps connections by default.

use std::path::Path;

use super::input::Input;
use super::meaning::Meaning;
use super::{Failure, master};
use crate::catalog::NEWEST;
use crate::reuse::{BEFORE_DEFAULT_KEEPALIVE, DEFAULT_KEEPALIVE};
use crate::source::Loader;
use crate::version::Version;

/// The nginx that is judged.
#[derive(Clone, Debug)]
pub(super) struct JudgedNginx {
    /// `None`: not known.
    pub(super) version: Option<Version>,
    /// Source of the version, in words.
    pub(super) from: String,
}

impl JudgedNginx {
    /// The version to compile for: the one that is known, else the newest before connections were kept by default,
    /// whose repairs are right on both sides.
    pub(super) fn judged(&self) -> Version {
        self.version.unwrap_or(BEFORE_DEFAULT_KEEPALIVE)
    }

    /// The versions that are judged, for a heading.
    pub(super) fn short(&self) -> String {
        match self.version {
            Some(_) => self.words(),
            None => format!("nginx {BEFORE_DEFAULT_KEEPALIVE} and {NEWEST}"),
        }
    }

    /// For the first line of an output.
    pub(super) fn words(&self) -> String {
        match self.version {
            Some(version) => format!("nginx {version}{}", self.from),
            None => format!(
                "nginx version unknown: judged as {BEFORE_DEFAULT_KEEPALIVE}, differences since {DEFAULT_KEEPALIVE} are marked. Set it with \
                 --nginx-version."
            ),
        }
    }
}

/// Finds it. `on_host`: processes of this host may be looked at; `pid`: this one is the nginx.
pub(super) fn which(
    input: &Input,
    loader: &dyn Loader,
    stored: Option<Version>,
    on_host: bool,
    pid: Option<u32>,
) -> JudgedNginx {
    let settings = input.meaning.settled_version();
    if let Some(version) = input.meaning.nginx_version.filter(|_| settings.is_none()) {
        return JudgedNginx { version: Some(version), from: String::new() };
    }
    if let Some(version) = stored {
        return JudgedNginx { version: Some(version), from: " (bundle)".to_owned() };
    }
    if let Some((version, path)) = settings {
        return JudgedNginx { version: Some(version), from: format!(" ({})", path.display()) };
    }
    if on_host {
        let process = pid.or_else(|| master::of_file(&input.file));
        if let Some((version, process)) = process.and_then(|p| Some((of_process(p)?, p))) {
            return of_master(version, process);
        }
    }
    let refused = if input.file == Path::new("-") { None } else { newer_only(input, loader) };
    let from = format!(": {BEFORE_DEFAULT_KEEPALIVE} and older refuse this configuration");
    JudgedNginx { version: refused, from: refused.map_or(String::new(), |_| from) }
}

/// The nginx that runs where no configuration is given: that of the settings file of this directory or above, else the
/// only version that masters of this host have.
pub(super) fn of_this_host() -> Result<JudgedNginx, Failure> {
    let here = Meaning::default().of(Path::new("nginx.conf"))?;
    if let Some((version, path)) = here.settled_version() {
        return Ok(JudgedNginx { version: Some(version), from: format!(" ({})", path.display()) });
    }
    let mut found = master::all().filter_map(|(pid, _)| Some((of_process(pid)?, pid)));
    let first = found.next().filter(|(version, _)| found.all(|(other, _)| other == *version));
    Ok(first
        .map_or(JudgedNginx { version: None, from: String::new() }, |(version, pid)| of_master(version, pid)))
}

/// The newest version if it takes a configuration that the newest without kept connections refuses.
fn newer_only(input: &Input, loader: &dyn Loader) -> Option<Version> {
    let configuration = input.meaning.load(&input.file, loader).ok()?;
    let takes = |version| input.meaning.compile(&configuration, version).is_valid();
    (!takes(BEFORE_DEFAULT_KEEPALIVE) && takes(NEWEST)).then_some(NEWEST)
}

/// A version that a process has, at most the newest that is known.
fn of_master(version: Version, process: u32) -> JudgedNginx {
    let known = known(version);
    let more = if known == version { String::new() } else { format!(", {version} in truth") };
    JudgedNginx { version: Some(known), from: format!(" (process {process}{more})") }
}

/// The release that a version is judged as; one of an own build that is none is judged as it is.
fn known(version: Version) -> Version {
    crate::catalog::release(&version.to_string()).map_or(version, |release| release.version)
}

/// The version that a process was built as: read from its executable, which is not run.
fn of_process(pid: u32) -> Option<Version> {
    in_executable(&master::executable(pid)?)
}

/// `nginx/1.22.1`, and `openresty/1.21.4.1`, which is nginx 1.21.4.
fn in_executable(bytes: &[u8]) -> Option<Version> {
    ["nginx/", "openresty/"].iter().find_map(|name| {
        memchr::memmem::find_iter(bytes, name).find_map(|at| {
            let text = &bytes[at + name.len()..];
            let end = text.iter().position(|b| !b.is_ascii_digit() && *b != b'.').unwrap_or(text.len());
            let text = std::str::from_utf8(&text[..end.min(20)]).ok()?;
            let numbers: Vec<&str> = text.split('.').take(3).collect();
            numbers.join(".").parse().ok()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_in_the_executable() {
        let cases: &[(&[u8], Option<Version>)] = &[
            (b"/etc/nginx/nginx.conf\0nginx/1.22.1\0", Some(Version::new(1, 22, 1))),
            (b"openresty/1.21.4.1\0", Some(Version::new(1, 21, 4))),
            (b"\x7fELF nginx/x \xff", None),
            (b"nginx/1.2", None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(in_executable(bytes), *expected, "{}", bytes.escape_ascii());
        }
    }
}
