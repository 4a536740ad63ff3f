//! Paths of files: `ngx_process_options` and `ngx_conf_full_name` with the paths that nginx.org's packages compile in.

use std::path::PathBuf;

use super::options::Options;

/// `--prefix`
pub(super) const PREFIX: &str = "/etc/nginx/";
/// `--conf-path`
pub(super) const CONF_PATH: &str = "/etc/nginx/nginx.conf";
/// `--error-log-path`
pub(super) const ERROR_LOG_PATH: &str = "/var/log/nginx/error.log";
/// `--pid-path`
pub(super) const PID_PATH: &str = "/run/nginx.pid";

/// The files of one command line, names as nginx prints them.
pub(super) struct Places {
    /// Directory that logs and the pid file are relative to; ends with `/` or is empty.
    pub(super) prefix: Vec<u8>,
    /// The main file.
    pub(super) file: Vec<u8>,
    /// Directory that includes are relative to.
    pub(super) conf_prefix: Vec<u8>,
    /// Empty for standard error.
    pub(super) error_log: Vec<u8>,
}

/// Resolves the names of a command line.
pub(super) fn places(options: &Options) -> Places {
    let mut prefix = options.prefix.clone().unwrap_or_else(|| PREFIX.into());
    if !prefix.is_empty() && !prefix.ends_with(b"/") {
        prefix.push(b'/');
    }
    let file = full_name(&prefix, options.file.as_deref().unwrap_or(CONF_PATH.as_bytes()));
    // A slash in front of everything is no directory of its own, as in ngx_process_options.
    let conf_prefix = match file.iter().rposition(|&b| b == b'/') {
        Some(slash) if slash > 0 => file[..=slash].to_vec(),
        _ => prefix.clone(),
    };
    let error_log = options.error_log.as_deref().unwrap_or(ERROR_LOG_PATH.as_bytes());
    let error_log = if error_log.is_empty() { Vec::new() } else { full_name(&prefix, error_log) };
    Places { prefix, file, conf_prefix, error_log }
}

/// `ngx_get_full_name`: the prefix before a name that does not start with `/`.
pub(super) fn full_name(prefix: &[u8], name: &[u8]) -> Vec<u8> {
    if name.starts_with(b"/") { name.to_vec() } else { [prefix, name].concat() }
}

/// Bytes of a command line or a configuration as a path.
pub(super) fn path(name: &[u8]) -> PathBuf {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        PathBuf::from(std::ffi::OsStr::from_bytes(name))
    }
    #[cfg(not(unix))]
    PathBuf::from(String::from_utf8_lossy(name).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_relative_to_the_prefix() {
        let cases: &[(Option<&str>, Option<&str>, &str, &str)] = &[
            (None, None, "/etc/nginx/nginx.conf", "/etc/nginx/"),
            (None, Some("a/b.conf"), "/etc/nginx/a/b.conf", "/etc/nginx/a/"),
            (Some("/p"), Some("b.conf"), "/p/b.conf", "/p/"),
            (Some("p/"), Some("b.conf"), "p/b.conf", "p/"),
            (Some(""), Some("b.conf"), "b.conf", ""),
            (Some("/p"), Some("/b.conf"), "/b.conf", "/p/"),
        ];
        for (prefix, file, full, conf_prefix) in cases {
            let bytes = |s: Option<&str>| s.map(|s| s.as_bytes().to_vec());
            let options = Options { prefix: bytes(*prefix), file: bytes(*file), ..Options::default() };
            let places = places(&options);
            assert_eq!(places.file, full.as_bytes());
            assert_eq!(places.conf_prefix, conf_prefix.as_bytes(), "{full}");
        }
    }
}
