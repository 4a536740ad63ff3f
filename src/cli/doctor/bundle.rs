//! `--collect` and `--from`: everything that a diagnosis needs in one file.
//!
//! The format is text, described in docs/doctor.md: a first line `ngxc-evidence 1`, then for each part a line
//! `@ LENGTH NAME` and as many bytes, then a line end.

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::super::input::Input;
use super::super::namespace::Namespace;
use super::super::write::{self, Readers};
use super::super::{Failure, Outcome, note};
use super::DoctorArgs;
use super::gather::PROC;
use super::logs::{access_logs, error_logs, places};
use super::when::LookTimes;
use crate::model::Config;
use crate::source::Memory;
use crate::syntax::Configuration;
use crate::version::Version;

const FIRST_LINE: &[u8] = b"ngxc-evidence 1\n";
/// Length of a log's end that is kept, in bytes.
const LOG_TAIL: u64 = 16 << 20;
/// Largest bundle that is read.
const MAX_SIZE: u64 = 512 << 20;

/// The parts by name.
pub(super) struct Bundle {
    parts: Vec<(String, Vec<u8>)>,
    /// The main configuration file.
    pub(super) main: PathBuf,
}

impl Bundle {
    /// Reads a bundle.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let failed =
            |e: &dyn std::fmt::Display| Failure::new(format!("cannot read `{}`: {e}", path.display()));
        let mut bytes = Vec::new();
        let file = fs::File::open(path).map_err(|e| failed(&e))?;
        file.take(MAX_SIZE).read_to_end(&mut bytes).map_err(|e| failed(&e))?;
        let parts =
            parse(&bytes).ok_or_else(|| failed(&"not written by `ngxc doctor --collect`, or cut short"))?;
        let main = parts.iter().find_map(|(name, _)| name.strip_prefix("conf:"));
        let main = main.map(PathBuf::from).ok_or_else(|| failed(&"no configuration in it"))?;
        Ok(Self { parts, main })
    }

    /// A part.
    pub(super) fn get(&self, name: &str) -> Option<&[u8]> {
        self.parts.iter().find(|(n, _)| n == name).map(|(_, bytes)| bytes.as_slice())
    }

    /// The nginx that ran where it was collected.
    pub(super) fn nginx(&self) -> Option<Version> {
        std::str::from_utf8(self.get("nginx")?).ok()?.trim().parse().ok()
    }

    /// The configuration files.
    pub(super) fn files(&self) -> Memory {
        let files = self.parts.iter().filter_map(|(name, bytes)| Some((name.strip_prefix("conf:")?, bytes)));
        files.fold(Memory::default(), |memory, (path, bytes)| memory.with(path, bytes.clone()))
    }
}

fn parse(mut bytes: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
    bytes = bytes.strip_prefix(FIRST_LINE)?;
    let mut parts = Vec::new();
    while !bytes.is_empty() {
        let end = memchr::memchr(b'\n', bytes)?;
        let head = std::str::from_utf8(&bytes[..end]).ok()?;
        let (length, name) = head.strip_prefix("@ ")?.split_once(' ')?;
        let length: usize = length.parse().ok()?;
        bytes = &bytes[end + 1..];
        parts.push((name.to_owned(), bytes.get(..length)?.to_vec()));
        bytes = bytes[length..].strip_prefix(b"\n")?;
    }
    Some(parts)
}

/// Writes a bundle.
pub(super) fn collect(
    args: &DoctorArgs,
    input: &Input,
    configuration: &Configuration,
    config: &Config,
    nginx: Option<Version>,
    path: &Path,
) -> Result<Outcome, Failure> {
    // The look before a repair cannot be taken again.
    if path != Path::new("-") && fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() > 0) {
        return Err(Failure::new(format!("`{}` exists, and is kept", path.display()))
            .help("name another file, or remove this one first"));
    }
    let mut parts: Vec<(String, Vec<u8>)> = Vec::new();
    for (_, file) in configuration.sources.files() {
        parts.push((format!("conf:{}", file.path.display()), file.text.to_vec()));
    }
    if let Some(version) = nginx {
        parts.push(("nginx".to_owned(), format!("{version}\n").into_bytes()));
    }
    let process = super::gather::process(args, input);
    let namespace = Namespace::of(process);
    if let Some(remark) = namespace.remark() {
        note(&remark);
    }
    let when = LookTimes::now(process);
    parts.push(("when".to_owned(), when.write().into_bytes()));
    let mut machine = args.host.machine(config, namespace)?;
    super::gather::more_settings(&mut machine, namespace);
    let lines: Vec<String> =
        machine.sysctls.iter().map(|(name, value)| format!("{name} = {value}\n")).collect();
    parts.push(("sysctl".to_owned(), lines.concat().into_bytes()));
    if let Ok(kernel) = fs::read("/proc/sys/kernel/osrelease") {
        parts.push(("kernel".to_owned(), kernel));
    }
    for name in PROC {
        if let Some(text) = namespace.file(name) {
            parts.push((name.to_owned(), text.into_bytes()));
        }
    }
    if let Some(text) = super::gather::resolv_conf(process) {
        parts.push(("resolv.conf".to_owned(), text.into_bytes()));
    }
    let errors =
        if args.error_log.is_empty() { places(&error_logs(config), input) } else { args.error_log.clone() };
    let access = if args.access_log.is_empty() {
        places(&access_logs(config), input)
    } else {
        args.access_log.clone()
    };
    for (name, logs) in [("error.log", errors), ("access.log", access)] {
        let mut text = Vec::new();
        let mut is_read = false;
        for log in &logs {
            match tail(log) {
                Ok(bytes) => (text, is_read) = ([text, bytes].concat(), true),
                Err(error) => note(&format!("not collected: {}: {error}", log.display())),
            }
        }
        if is_read {
            parts.push((name.to_owned(), text));
        }
    }
    let failed = |e| Failure::new(format!("cannot write `{}`: {e}", path.display()));
    let mut out = Vec::from(FIRST_LINE);
    for (name, bytes) in &parts {
        out.extend(format!("@ {} {name}\n", bytes.len()).bytes());
        out.extend(bytes);
        out.push(b'\n');
    }
    let names: Vec<&str> = parts.iter().map(|(name, _)| name.as_str()).collect();
    // Logs have addresses of clients in them: nobody else needs to read it.
    let inputs = configuration.sources.files().map(|(_, file)| file.path.as_path());
    write::output(path, &out, Readers::Owner, inputs).map_err(failed)?;
    let name = if path == Path::new("-") { "standard output".into() } else { path.to_string_lossy() };
    note(&format!("{name}: {} bytes: {}", out.len(), names.join(", ")));
    Ok(Outcome::Clean)
}

/// The last lines of a log; a compressed one as a whole.
fn tail(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut file = fs::File::open(path)?;
    let length = file.metadata()?.len();
    let mut start = [0; 2];
    let is_gzip = length >= 2 && file.read_exact(&mut start).is_ok() && start == [0x1f, 0x8b];
    let from = if is_gzip { 0 } else { length.saturating_sub(LOG_TAIL) };
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(MAX_SIZE).read_to_end(&mut bytes)?;
    if from > 0
        && let Some(line) = memchr::memchr(b'\n', &bytes)
    {
        bytes.drain(..=line);
    }
    if is_gzip {
        let mut text = Vec::new();
        flate2::read::MultiGzDecoder::new(&bytes[..]).take(LOG_TAIL).read_to_end(&mut text)?;
        return Ok(text);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back_and_anything_else_is_refused() {
        let text = b"ngxc-evidence 1\n@ 4 conf:/a b\nx\n@ \n@ 0 net/tcp\n\n";
        let parts = parse(text).unwrap();
        assert_eq!(parts, [("conf:/a b".to_owned(), b"x\n@ ".to_vec()), ("net/tcp".to_owned(), Vec::new())]);
        let bad: [&[u8]; 5] = [
            b"",
            b"ngxc-evidence 2\n",
            b"ngxc-evidence 1\nx",
            b"ngxc-evidence 1\n@ 9 a\nx\n",
            b"ngxc-evidence 1\n@ -1 a\n\n",
        ];
        for text in bad {
            assert!(parse(text).is_none(), "{}", text.escape_ascii());
        }
    }
}
