//! `open_file_cache` and `open_log_file_cache`.

use std::time::Duration;

use super::argument;
use super::directive::Directive;
use super::scope::Compiler;
use super::settings::Value;
use crate::catalog::Kind;
use crate::model::files::{FileCache, LogFileCache};

/// `ngx_http_core_open_file_cache`
impl Value for Option<FileCache> {
    fn default(_: Option<&str>, _: Kind) -> Self {
        None
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        match parameters(cx, directive, Duration::from_secs(60))? {
            CacheParameters::Off => Some(None),
            CacheParameters::On(found) => Some(Some(found.cache)),
        }
    }
}

/// `ngx_http_log_open_file_cache`
impl Value for Option<LogFileCache> {
    fn default(_: Option<&str>, _: Kind) -> Self {
        None
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        match parameters(cx, directive, Duration::from_secs(10))? {
            CacheParameters::Off => Some(None),
            CacheParameters::On(found) => Some(Some(found)),
        }
    }
}

/// Parsed parameters.
enum CacheParameters {
    Off,
    On(LogFileCache),
}

/// Parses the parameters, which both directives share except for two that only logs have.
fn parameters(
    cx: &mut Compiler<'_>,
    directive: &Directive<'_>,
    inactive: Duration,
) -> Option<CacheParameters> {
    let is_log = directive.name() == "open_log_file_cache";
    let cache = FileCache { max: 0, inactive };
    let mut found = LogFileCache { cache, min_uses: 1, valid: Duration::from_secs(60) };
    let mut is_off = false;
    for (n, text) in directive.args_from(1) {
        // `ngx_http_log_open_file_cache` accepts zero.
        let number = |text: &[u8]| {
            argument::digits(text).and_then(|n| u32::try_from(n).ok()).filter(|n| is_log || *n > 0)
        };
        let seconds = |text: &[u8]| argument::time(text, true);
        let after = |name: &[u8]| text.strip_prefix(name);
        let is_good = if let Some(max) = after(b"max=") {
            number(max).map(|max| found.cache.max = max)
        } else if let Some(time) = after(b"inactive=") {
            seconds(time).map(|time| found.cache.inactive = time)
        } else if let Some(uses) = after(b"min_uses=").filter(|_| is_log) {
            number(uses).map(|uses| found.min_uses = uses)
        } else if let Some(time) = after(b"valid=").filter(|_| is_log) {
            seconds(time).map(|time| found.valid = time)
        } else {
            is_off = *text == *b"off";
            is_off.then_some(())
        };
        if is_good.is_none() {
            let nginx = format!("invalid \"{}\" parameter \"{}\"", directive.name(), directive.text(n));
            argument::invalid(
                cx,
                directive,
                n,
                "`max=` and a number, `inactive=` and a time, or `off`",
                &nginx,
            );
            return None;
        }
    }
    if is_off {
        return Some(CacheParameters::Off);
    }
    if found.cache.max == 0 {
        let nginx = format!("\"{}\" must have \"max\" parameter", directive.name());
        argument::invalid(cx, directive, 1, "`max=` and a number as well", &nginx);
        return None;
    }
    Some(CacheParameters::On(found))
}
