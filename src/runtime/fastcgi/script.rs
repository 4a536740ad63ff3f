//! `$fastcgi_script_name` and `$fastcgi_path_info` (`ngx_http_fastcgi_split`).

use crate::eval::regex::{Captures, Regex};
use crate::model::{Config, FastcgiSettings};
use crate::runtime::request::plan::fastcgi::ScriptName;
use crate::runtime::request::scope::Scope;

impl ScriptName {
    pub(crate) fn new(settings: &FastcgiSettings, config: &Config) -> Self {
        let pattern = &settings.split_path_info;
        let span = pattern.origin.span();
        Self {
            index: settings.index.value.as_bytes().into(),
            split: span.and_then(|span| Regex::new(&pattern.value, false, span, config).ok()),
        }
    }

    /// Name and path; a pattern that does not match leaves the URI as it is.
    fn of(&self, uri: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let captures = self.split.as_ref().and_then(|split| split.exec(uri).ok().flatten());
        let group = |captures: &Captures, n| captures.get(n).unwrap_or_default().to_vec();
        captures.map_or_else(|| (uri.to_vec(), Vec::new()), |found| (group(&found, 1), group(&found, 2)))
    }
}

/// `$fastcgi_script_name`
pub(crate) fn script_name(s: &mut Scope<'_>, out: &mut Vec<u8>) -> bool {
    let script = &s.request.plan.script_name;
    let (name, _) = script.of(&s.request.uri);
    out.extend_from_slice(&name);
    if name.ends_with(b"/") {
        out.extend_from_slice(&script.index);
    }
    true
}

/// `$fastcgi_path_info`
pub(crate) fn path_info(s: &mut Scope<'_>, out: &mut Vec<u8>) -> bool {
    let (_, path) = s.request.plan.script_name.of(&s.request.uri);
    out.extend_from_slice(&path);
    true
}
