//! Values of `proxy_cache…`, `proxy_store` and their `fastcgi_*` counterparts; `cache` has checked the directives.

use std::time::Duration;

use super::argument::{self, digits, offset, time};
use super::directive::Directive;
use super::scope::Compiler;
use super::settings::{Value, extend};
use super::{value, zone};
use crate::catalog::Kind;
use crate::model::Setting;
use crate::model::cache::{Access, CachePath, CacheValid, CacheZone, Predicates, Store};

/// Adds the cache that a `proxy_cache_path` or `fastcgi_cache_path` defines.
pub(super) fn define(cx: &mut Compiler<'_>, directive: &Directive<'_>) {
    let mut path = CachePath {
        name: String::new(),
        size: 0,
        path: directive.text(1),
        levels: Vec::new(),
        inactive: Duration::from_secs(600),
        max_size: None,
        span: directive.span(),
    };
    for (_, text) in directive.args_from(2) {
        if let Some(levels) = text.strip_prefix(b"levels=") {
            let levels = levels.split(|b| *b == b':').filter_map(digits);
            path.levels = levels.map(|n| usize::try_from(n).unwrap_or(1)).collect();
        } else if let Some((name, size)) = text.strip_prefix(b"keys_zone=").and_then(zone::name_and_size) {
            path.name = String::from_utf8_lossy(name).into_owned();
            path.size = size;
        } else if let Some(inactive) = text.strip_prefix(b"inactive=").and_then(|t| time(t, true)) {
            path.inactive = inactive;
        } else if let Some(size) = text.strip_prefix(b"max_size=").and_then(offset) {
            path.max_size = Some(size);
        }
    }
    cx.http.caches.push(path);
}

impl Value for CacheZone {
    fn default(_: Option<&str>, _: Kind) -> Self {
        CacheZone::Off
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        Some(match &*directive.arg(1) {
            b"off" => CacheZone::Off,
            text if text.contains(&b'$') => CacheZone::Value(value::argument(cx, directive, 1)),
            _ => CacheZone::Named(directive.text(1)),
        })
    }
}

impl Value for Vec<CacheValid> {
    fn default(_: Option<&str>, _: Kind) -> Self {
        Vec::new()
    }

    /// Without a status the time is for 200, 301 and 302.
    fn parse(_: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let last = directive.len();
        let time = time(&directive.arg(last), true)?;
        if last == 1 {
            return Some(vec![CacheValid { statuses: vec![200, 301, 302], time }]);
        }
        let words: Vec<_> = (1..last).map(|n| directive.arg(n)).collect();
        if words.iter().any(|word| **word == *b"any") {
            return Some(vec![CacheValid { statuses: Vec::new(), time }]);
        }
        let statuses = words.iter().filter_map(|word| digits(word));
        Some(vec![CacheValid { statuses: statuses.map(|n| n as u16).collect(), time }])
    }

    fn read(cx: &mut Compiler<'_>, directive: &Directive<'_>, setting: &mut Setting<Self>) {
        let more = Self::parse(cx, directive);
        extend(setting, more, directive.span());
    }
}

impl Value for Predicates {
    fn default(_: Option<&str>, _: Kind) -> Self {
        Predicates(Vec::new())
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        Some(Predicates((1..=directive.len()).map(|n| value::argument(cx, directive, n)).collect()))
    }

    fn read(cx: &mut Compiler<'_>, directive: &Directive<'_>, setting: &mut Setting<Self>) {
        match Self::parse(cx, directive) {
            Some(more) if setting.is_set_here() => setting.value.0.extend(more.0),
            Some(value) => *setting = Setting::set(value, directive.span()),
            None => {}
        }
    }
}

impl Value for Option<u64> {
    fn default(text: Option<&str>, _: Kind) -> Self {
        text.and_then(|t| offset(t.as_bytes()))
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        argument::expect(cx, directive, 1, offset(&directive.arg(1)), "a size: `1m`").map(Some)
    }
}

impl Value for Store {
    fn default(_: Option<&str>, _: Kind) -> Self {
        Store::Off
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        Some(match &*directive.arg(1) {
            b"off" => Store::Off,
            b"on" => Store::On,
            _ => Store::Path(value::argument(cx, directive, 1)),
        })
    }
}

impl Value for Access {
    fn default(_: Option<&str>, _: Kind) -> Self {
        Access(0o600)
    }

    /// `ngx_conf_set_access_slot`: the owner can always read and write.
    fn parse(_: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let mut mode = 0o600;
        for (_, text) in directive.args_from(1) {
            let colon = text.iter().position(|b| *b == b':')?;
            let shift = match &text[..colon] {
                b"user" => 6,
                b"group" => 3,
                _ => 0,
            };
            mode |= if text[colon + 1..] == *b"rw" { 6 << shift } else { 4 << shift };
        }
        Some(Access(mode))
    }
}
