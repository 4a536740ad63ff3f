//! The `log_format` that a log is read with.

use super::{Failure, note};
use crate::eval::log_format::Format;
use crate::model::Config;
use crate::model::log::{AccessLogs, LogFormat};

/// The format that was named, else the one at `written` (that of the configuration's access log), else `combined`.
pub(super) fn choose<'c>(
    config: &'c Config,
    name: Option<&str>,
    written: Option<usize>,
) -> Result<&'c LogFormat, Failure> {
    let formats = &config.http.log_formats;
    let Some(name) = name else {
        return formats
            .get(written.unwrap_or(0))
            .ok_or_else(|| Failure::new("the configuration has no `http` block, so no log_format"));
    };
    formats.iter().find(|f| f.name == name).ok_or_else(|| {
        let known: Vec<String> = formats.iter().map(|f| format!("`{}`", f.name)).collect();
        Failure::new(format!("the configuration has no log_format `{name}`"))
            .help(format!("expected one of {}", known.join(", ")))
    })
}

/// The format that is chosen so, or the only other one of the configuration that fits a line if the chosen one does not.
pub(super) fn of_line<'c>(
    config: &'c Config,
    name: Option<&str>,
    line: &[u8],
) -> Result<&'c LogFormat, Failure> {
    let chosen = choose(config, name, written(config))?;
    let fits = |format: &&LogFormat| fits(config, format, line);
    if name.is_some() || line.is_empty() || fits(&chosen) {
        return Ok(chosen);
    }
    let has_request = |format: &&LogFormat| {
        let name = |id| config.http.variables.get(id).name.as_str();
        format.value.variables().any(|id| matches!(name(id), "request" | "request_uri" | "uri"))
    };
    let mut others = config.http.log_formats.iter().filter(has_request).filter(fits);
    match (others.next(), others.next()) {
        (Some(only), None) => {
            note(&format!(
                "note: the log has the log_format `{}`, not `{}` of the first `access_log`",
                only.name, chosen.name
            ));
            Ok(only)
        }
        _ => Ok(chosen),
    }
}

/// True if a line has the format, and its status and its request look like such: separators alone fit many lines.
fn fits(config: &Config, format: &LogFormat, line: &[u8]) -> bool {
    let (format, mut fields) = (Format::new(format, &config.http.variables), Vec::new());
    if format.read(line, &mut fields).is_err() {
        return false;
    }
    let holds = |name, test: fn(&[u8]) -> bool| {
        let at = config.http.variables.find(name).and_then(|id| format.position(id));
        at.is_none_or(|at| test(&line[fields[at].start as usize..fields[at].end as usize]))
    };
    // A client that sends nothing has an empty request, or `-`.
    let is_request =
        |text: &[u8]| text.len() < 2 || text.split(|b| *b == b' ').nth(1).is_some_and(|t| !t.is_empty());
    holds("status", |text| text.len() == 3 && text.iter().all(u8::is_ascii_digit))
        && holds("request", is_request)
}

/// The format of the first access log that is written.
pub(super) fn written(config: &Config) -> Option<usize> {
    let settings = config.http.settings.iter().chain(config.http.servers.iter().map(|s| &s.settings));
    settings.map(|s| &s.core.access_log.value).find_map(|logs| match logs {
        AccessLogs::To(list) => list.first().map(|log| log.format),
        AccessLogs::Off => None,
    })
}
