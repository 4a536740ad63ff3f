//! Logs: whole lines appended to files that all workers share.

pub(crate) mod escape;
pub(crate) mod turn;

use std::collections::HashMap;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::log::{AccessLog, ErrorLog, LogTarget, Severity};
use crate::runtime::net::clock::{self, Clock};
use crate::runtime::net::syslog::Syslog;

/// Target of log lines.
#[derive(Debug)]
pub(crate) enum Sink {
    File(LogFile),
    Stderr,
    Syslog(Syslog),
}

/// A file, and what has been collected for it.
#[derive(Debug)]
pub(crate) struct LogFile {
    path: PathBuf,
    /// Replaced when logs are reopened.
    file: Mutex<Arc<File>>,
    buffered: Option<Mutex<Vec<u8>>>,
    buffer: usize,
    gzip: Option<u32>,
}

impl LogFile {
    fn open(
        path: &Path,
        log: Option<&AccessLog>,
        before: Option<&Arc<File>>,
        is_handed: bool,
    ) -> io::Result<Self> {
        let file = match before {
            Some(handed) if is_handed => Arc::clone(handed),
            _ => {
                let opened = OpenOptions::new().append(true).create(true).open(path);
                match (opened, before) {
                    (Err(error), Some(before)) if error.kind() == io::ErrorKind::PermissionDenied => {
                        Arc::clone(before)
                    }
                    (opened, _) => Arc::new(opened?),
                }
            }
        };
        let buffer = log.map_or(0, |log| usize::try_from(log.buffer).unwrap_or(1 << 20));
        Ok(Self {
            path: path.to_owned(),
            file: Mutex::new(file),
            buffered: (buffer > 0).then(Mutex::default),
            buffer,
            gzip: log.and_then(|log| log.gzip),
        })
    }

    fn file(&self) -> Arc<File> {
        Arc::clone(&self.file.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, line: &[u8]) {
        let Some(buffered) = &self.buffered else {
            let _ = (&*self.file()).write_all(line);
            return;
        };
        let mut buffered = buffered.lock().unwrap_or_else(PoisonError::into_inner);
        if buffered.len() + line.len() > self.buffer {
            self.put(&mut buffered);
        }
        buffered.extend_from_slice(line);
    }

    fn put(&self, buffered: &mut Vec<u8>) {
        if buffered.is_empty() {
            return;
        }
        let file = self.file();
        let _ = match self.gzip {
            None => (&*file).write_all(buffered),
            Some(level) => {
                let level = flate2::Compression::new(level.clamp(1, 9));
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
                let written = encoder.write_all(buffered).and_then(|()| encoder.finish());
                written.and_then(|packed| (&*file).write_all(&packed))
            }
        };
        buffered.clear();
    }

    /// Writes what was collected.
    fn flush(&self) {
        if let Some(buffered) = &self.buffered {
            self.put(&mut buffered.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Opens the file of the path anew; keeps the old one if that fails.
    fn reopen(&self) -> io::Result<()> {
        self.flush();
        let file = OpenOptions::new().append(true).create(true).open(&self.path)?;
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(file);
        Ok(())
    }

    /// Gives the file to a user who will open it again (`ngx_reopen_files`). A device or a pipe stays whose it is.
    fn give(&self, uid: u32) -> io::Result<()> {
        let file = self.file();
        let info = file.metadata()?;
        if !info.is_file() {
            return Ok(());
        }
        if info.uid() != uid {
            fchown(&*file, Some(uid), None)?;
        }
        let mode = info.mode() & 0o7777;
        if mode & 0o600 != 0o600 {
            file.set_permissions(Permissions::from_mode(mode | 0o600))?;
        }
        Ok(())
    }
}

impl Sink {
    /// True if it is a file without `buffer=`.
    pub(crate) fn writes_at_once(&self) -> bool {
        matches!(self, Sink::File(LogFile { buffered: None, .. }))
    }

    /// Writes lines with their line feeds; like nginx goes on if the disk is full.
    pub(crate) fn write(&self, line: &[u8], severity: Option<Severity>) {
        match self {
            Sink::File(file) => file.write(line),
            Sink::Stderr => {
                let _ = io::stderr().lock().write_all(line);
            }
            Sink::Syslog(syslog) => syslog.send(line, severity),
        }
    }
}

/// The files that are open, so that each is opened once.
#[derive(Debug)]
pub(crate) struct Files {
    prefix: PathBuf,
    open: Mutex<HashMap<PathBuf, Arc<Sink>>>,
    /// Files that were opened as root, for a process that is root no more.
    before: HashMap<PathBuf, Arc<File>>,
    /// The master process opened the logs for this process, which does not open them again.
    is_handed: bool,
    hostname: String,
}

impl Files {
    /// `before` are files of the last configuration that this process may perhaps not open again.
    pub(crate) fn new(prefix: &Path, before: Option<&Files>) -> Self {
        let hostname = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let mut kept = HashMap::new();
        if let Some(before) = before {
            before.each(|file| {
                kept.insert(file.path.clone(), file.file());
            });
        }
        let hostname = hostname.trim().to_owned();
        Self { prefix: prefix.to_owned(), open: Mutex::default(), before: kept, is_handed: false, hostname }
    }

    /// Files that the master process has opened.
    pub(crate) fn handed(prefix: &Path, files: HashMap<PathBuf, Arc<File>>) -> Self {
        Self { before: files, is_handed: true, ..Self::new(prefix, None) }
    }

    /// The open files, in the order of their names.
    pub(crate) fn opened(&self) -> Vec<(PathBuf, Arc<File>)> {
        let mut all = Vec::new();
        self.each(|file| all.push((file.path.clone(), file.file())));
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        all
    }

    /// Goes on with files that the master process has opened anew.
    pub(crate) fn replace(&self, files: &HashMap<PathBuf, Arc<File>>) {
        self.each(|log| {
            if let Some(file) = files.get(&log.path) {
                log.flush();
                *log.file.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(file);
            }
        });
    }

    /// The directory, with a slash at its end.
    pub(crate) fn prefix(&self) -> Vec<u8> {
        use std::os::unix::ffi::OsStrExt;
        let mut prefix = self.prefix.as_os_str().as_bytes().to_vec();
        if !prefix.is_empty() && !prefix.ends_with(b"/") {
            prefix.push(b'/');
        }
        prefix
    }

    /// Opens a target for appending; `None` for one that only nginx has.
    pub(crate) fn open(
        &self,
        target: &LogTarget,
        log: Option<&AccessLog>,
    ) -> Result<Option<Arc<Sink>>, (PathBuf, io::Error)> {
        let path = match target {
            LogTarget::File(path) => self.prefix.join(path),
            LogTarget::Stderr => PathBuf::from("stderr"),
            LogTarget::Syslog(parameters) => PathBuf::from(format!("syslog:{parameters}")),
            LogTarget::Memory(_) => return Ok(None),
        };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sink) = open.get(&path) {
            return Ok(Some(Arc::clone(sink)));
        }
        let sink = match target {
            LogTarget::File(_) => {
                let file = LogFile::open(&path, log, self.before.get(&path), self.is_handed);
                Sink::File(file.map_err(|error| (path.clone(), error))?)
            }
            LogTarget::Syslog(parameters) => {
                Sink::Syslog(Syslog::open(parameters, &self.hostname).map_err(|error| (path.clone(), error))?)
            }
            _ => Sink::Stderr,
        };
        let sink = Arc::new(sink);
        open.insert(path, Arc::clone(&sink));
        Ok(Some(sink))
    }

    fn each(&self, mut see: impl FnMut(&LogFile)) {
        for sink in self.open.lock().unwrap_or_else(PoisonError::into_inner).values() {
            if let Sink::File(file) = &**sink {
                see(file);
            }
        }
    }

    /// Writes what was collected.
    pub(crate) fn flush(&self) {
        self.each(LogFile::flush);
    }

    /// SIGUSR1: logs may have been renamed. Returns what could not be opened, in nginx's words; its old file stays.
    pub(crate) fn reopen(&self) -> Vec<String> {
        self.failures("open", LogFile::reopen)
    }

    /// Gives all files to a user. Returns what failed, in nginx's words.
    pub(crate) fn give(&self, uid: u32) -> Vec<String> {
        self.failures("chown", |file| file.give(uid))
    }

    fn failures(&self, call: &str, what: impl Fn(&LogFile) -> io::Result<()>) -> Vec<String> {
        let mut failures = Vec::new();
        self.each(|file| {
            if let Err(error) = what(file) {
                failures.push(format!("{call}() \"{}\" failed{}", file.path.display(), errno(&error)));
            }
        });
        failures
    }
}

/// The error logs of a level.
#[derive(Clone, Debug, Default)]
pub(crate) struct ErrorLogs {
    sinks: Vec<(Arc<Sink>, Severity)>,
}

impl ErrorLogs {
    pub(crate) fn open(logs: &[ErrorLog], files: &Files) -> Result<Self, (PathBuf, io::Error)> {
        let mut sinks = Vec::new();
        for log in logs {
            if let Some(sink) = files.open(&log.target, None)? {
                sinks.push((sink, log.severity));
            }
        }
        Ok(Self { sinks })
    }

    /// The file of the first log, if that is one.
    pub(crate) fn file(&self) -> Option<Arc<File>> {
        match &**self.sinks.first().map(|(sink, _)| sink)? {
            Sink::File(file) => Some(file.file()),
            Sink::Stderr | Sink::Syslog(_) => None,
        }
    }

    /// True if a message of this severity is written anywhere.
    pub(crate) fn takes(&self, severity: Severity) -> bool {
        self.sinks.iter().any(|(_, least)| severity <= *least)
    }

    /// Writes a line (`ngx_log_error_core`); `connection` is the `*1`.
    pub(crate) fn write(&self, severity: Severity, connection: Option<u64>, message: &str) {
        if !self.takes(severity) {
            return;
        }
        let pid = std::process::id();
        let number = connection.map(|n| format!("*{n} ")).unwrap_or_default();
        let time = clock::error_log(Clock::now());
        let line = format!("{time} [{}] {pid}#{pid}: {number}{message}\n", severity.name());
        for (sink, least) in &self.sinks {
            if severity <= *least {
                sink.write(line.as_bytes(), Some(severity));
            }
        }
    }
}

/// ` (111: Connection refused)`
pub(crate) fn errno(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(code) => {
            let text = error.to_string();
            let text = text.split(" (os error").next().unwrap_or_default();
            format!(" ({code}: {text})")
        }
        None => format!(" ({error})"),
    }
}
