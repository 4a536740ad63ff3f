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
    let fits =
        |format: &&LogFormat| Format::new(format, &config.http.variables).read(line, &mut Vec::new()).is_ok();
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

/// The format of the first access log that is written.
pub(super) fn written(config: &Config) -> Option<usize> {
    let settings = config.http.settings.iter().chain(config.http.servers.iter().map(|s| &s.settings));
    settings.map(|s| &s.core.access_log.value).find_map(|logs| match logs {
        AccessLogs::To(list) => list.first().map(|log| log.format),
        AccessLogs::Off => None,
    })
}
