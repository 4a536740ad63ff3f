//! Caches, stores and buffers of the proxying modules: `*_cache_path`, `*_cache`, `*_cache_valid`, `*_store`, `*_buffers`.

use super::argument::{digits, offset, refuse, size, time};
use super::directive::{Directive, family};
use super::scope::{Check, Compiler};
use super::zone::{self, PAGE, Zones};
use crate::catalog::{Context, Subsystem};
use crate::diagnostic::{Diagnostic, FaultPhase, Place};
use crate::version::Version;

pub(super) const CHECKS: &[(&str, Check)] =
    &[("*_cache_path", cache_path), ("*_cache", cache), ("*_cache_valid", cache_valid), ("*_store", store)];

pub(super) const REMEMBERED: &[&str] = &[
    "*_cache",
    "*_store",
    "*_buffers",
    "*_buffer_size",
    "*_busy_buffers_size",
    "*_temp_file_write_size",
    "*_max_temp_file_size",
];

/// Value types of `key=value` parameters.
#[derive(Clone, Copy)]
enum ParameterType {
    Levels,
    Flag,
    Number,
    Offset,
    Seconds,
    Milliseconds,
    Zone,
}

/// Parameters of `*_cache_path` (`ngx_http_file_cache_set_slot`), and nginx's message for a wrong one.
const PARAMETERS: &[(&str, ParameterType, &str)] = &[
    ("levels=", ParameterType::Levels, "invalid \"levels\""),
    ("use_temp_path=", ParameterType::Flag, "invalid use_temp_path value"),
    ("keys_zone=", ParameterType::Zone, "invalid keys zone size"),
    ("inactive=", ParameterType::Seconds, "invalid inactive value"),
    ("max_size=", ParameterType::Offset, "invalid max_size value"),
    ("min_free=", ParameterType::Offset, "invalid min_free value"),
    ("loader_files=", ParameterType::Number, "invalid loader_files value"),
    ("loader_sleep=", ParameterType::Milliseconds, "invalid loader_sleep value"),
    ("loader_threshold=", ParameterType::Milliseconds, "invalid loader_threshold value"),
    ("manager_files=", ParameterType::Number, "invalid manager_files value"),
    ("manager_sleep=", ParameterType::Milliseconds, "invalid manager_sleep value"),
    ("manager_threshold=", ParameterType::Milliseconds, "invalid manager_threshold value"),
];

fn cache_path<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let mut keys_zone = None;
    for (n, text) in directive.args_from(2) {
        let shown = directive.text(n);
        let known = PARAMETERS.iter().find(|(key, ..)| text.starts_with(key.as_bytes()));
        let Some(&(key, of, fault)) = known else {
            let nginx = format!("invalid parameter \"{shown}\"");
            return refuse(cx, directive, n, "a parameter: `levels=`, `keys_zone=`, `max_size=` …", nginx);
        };
        let value = &text[key.len()..];
        let (valid, expected) = match of {
            ParameterType::Levels => (levels(value), "up to three levels of 1 or 2 digits: `levels=1:2`"),
            ParameterType::Flag => (value == b"on" || value == b"off", "`on` or `off`"),
            ParameterType::Number => (digits(value).is_some(), "a number"),
            ParameterType::Offset => (offset(value).is_some(), "a size: `10g`"),
            ParameterType::Seconds => (time(value, true).is_some(), "a time: `60m`"),
            ParameterType::Milliseconds => (time(value, false).is_some(), "a time: `200ms`"),
            ParameterType::Zone => {
                keys_zone = zone::name_and_size(value).map(|(name, size)| (name.to_vec(), size));
                (keys_zone.is_some(), "`keys_zone=NAME:SIZE`")
            }
        };
        if !valid {
            let more = if matches!(of, ParameterType::Flag) { ", it must be \"on\" or \"off\"" } else { "" };
            return refuse(cx, directive, n, expected, format!("{fault} \"{shown}\"{more}"));
        }
        if matches!(of, ParameterType::Zone) && keys_zone.as_ref().is_some_and(|(_, size)| *size < 2 * PAGE) {
            let nginx = format!("keys zone \"{shown}\" is too small");
            return refuse(cx, directive, n, "at least 8k", nginx);
        }
    }
    let Some((name, size)) = keys_zone.filter(|(name, _)| !name.is_empty()) else {
        let name = directive.name();
        cx.report(
            Diagnostic::error("missing-parameter", directive.span(), format!("`{name}` needs `keys_zone=`"))
                .label("expected `keys_zone=NAME:SIZE`")
                .help("add `keys_zone=my_cache:10m`")
                .nginx(format!("\"{name}\" must have \"keys_zone\" parameter")),
        );
        return false;
    };
    let tag = family(directive.name());
    super::paths::cache(cx, directive)
        && zone::add(cx, directive, &name, size, tag)
        && zone::bind(cx, directive, &name, String::new())
}

fn levels(text: &[u8]) -> bool {
    let parts: Vec<&[u8]> = text.split(|&b| b == b':').collect();
    text.is_empty() || parts.len() <= 3 && parts.iter().all(|p| *p == b"1" || *p == b"2")
}

/// `*_cache zone | off`: the zone has to be one of the module's caches.
fn cache<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let text = directive.arg(1);
    if *text == *b"off" {
        return true;
    }
    let store = format!("{}_store", family(directive.name()));
    if !compatible(cx, directive, &store) {
        return false;
    }
    text.contains(&b'$') || zone::add(cx, directive, &text, 0, family(directive.name()))
}

/// First version that refuses an empty path.
const NO_EMPTY_PATH: Version = Version::new(1, 27, 3);

/// `*_store on | off | path`
fn store<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let text = directive.arg(1);
    if *text == *b"off" {
        return true;
    }
    if text.is_empty() && cx.is_since(NO_EMPTY_PATH) {
        return refuse(cx, directive, 1, "`on`, `off` or a path", "empty path");
    }
    let cache = format!("{}_cache", family(directive.name()));
    compatible(cx, directive, &cache)
}

/// Reports a cache beside a store: nginx notices at the second of the two.
fn compatible(cx: &mut Compiler<'_>, directive: &Directive<'_>, other: &str) -> bool {
    let on = cx.here(other).filter(|d| *d.arg(1) != *b"off").map(Directive::span);
    let Some(first) = on.filter(|&first| first < directive.span()) else { return true };
    let name = directive.name();
    cx.report(
        Diagnostic::error(
            "incompatible-directives",
            directive.span(),
            format!("`{name}` and `{other}` exclude each other"),
        )
        .label("not together")
        .related(first, "the other")
        .help("remove one of the two")
        .nginx(format!("\"{name}\" directive is incompatible with \"{other}\"")),
    );
    false
}

/// `*_cache_valid [code …] time` (`ngx_http_file_cache_valid_set_slot`)
fn cache_valid<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let last = directive.len();
    if time(&directive.arg(last), true).is_none() {
        let nginx = format!("invalid time value \"{}\"", directive.text(last));
        return refuse(cx, directive, last, "a time: `10m`", nginx);
    }
    for n in 1..last {
        let text = directive.arg(n);
        if *text != *b"any" && digits(&text).is_none_or(|n| !(100..=599).contains(&n)) {
            let nginx = format!("invalid status \"{}\"", directive.text(n));
            return refuse(cx, directive, n, "a status from 100 to 599, or `any`", nginx);
        }
    }
    true
}

/// Families in the order in which nginx merges their modules, with their step in it.
const BUFFERED: &[(&str, u16)] = &[("proxy", 20), ("fastcgi", 21), ("uwsgi", 22), ("scgi", 23)];

/// Checks caches and buffers like `ngx_http_proxy_merge_loc_conf` and its sisters.
pub(super) fn merge(cx: &mut Compiler<'_>) {
    // `proxy_buffer_size` exists in stream too.
    if cx.subsystem != Subsystem::Http {
        return;
    }
    for &(family, step) in BUFFERED {
        // A level without a directive of the family needs no check: the outer level was checked.
        let prefix = |d: &Directive<'_>| d.name().starts_with(family);
        let touched = |level: &super::scope::Scope<'_>| level.remembered.iter().any(prefix);
        let server = cx.levels.last().is_some_and(|l| l.context == Context::Server);
        let concerned =
            if server { cx.levels.iter().any(touched) } else { cx.levels.last().is_some_and(touched) };
        if concerned {
            buffers(cx, family, step);
            known_cache(cx, family, step);
        }
    }
}

fn known_cache(cx: &mut Compiler<'_>, family: &str, step: u16) {
    let name = format!("{family}_cache");
    let Some(directive) = cx.in_force(&name).cloned() else { return };
    let zone = directive.arg(1);
    let unknown =
        !zone.contains(&b'$') && cx.states.of::<Zones>().get(&*zone).is_some_and(|z| z.bound.is_none());
    if *zone == *b"off" || !unknown {
        return;
    }
    let zone = directive.text(1);
    cx.report(
        Diagnostic::error(
            "undefined-zone",
            directive.arg_span(1),
            format!("`{name}` names the zone `{zone}`, which no `{name}_path` defines"),
        )
        .label("no such zone")
        .help(format!("define it: `{name}_path /var/cache/nginx keys_zone={zone}:10m;` in `http`"))
        .nginx(format!("\"{name}\" zone \"{zone}\" is unknown"))
        .when(FaultPhase::EndOfSubsystem { step, place: Place::Close }),
    );
    // The removal prevents a second report.
    cx.states.of::<Zones>().remove(directive.arg(1).as_ref());
}

fn buffers(cx: &mut Compiler<'_>, family: &str, step: u16) {
    let of = |cx: &Compiler<'_>, what: &str, n: usize| -> Option<u64> {
        size(&cx.in_force(&format!("{family}_{what}"))?.arg(n))
    };
    let number = of(cx, "buffers", 1).unwrap_or(8);
    let each = of(cx, "buffers", 2).unwrap_or(PAGE);
    let largest = of(cx, "buffer_size", 1).unwrap_or(PAGE).max(each);
    let busy = of(cx, "busy_buffers_size", 1).unwrap_or(2 * largest);
    let write = of(cx, "temp_file_write_size", 1).unwrap_or(2 * largest);
    let file = of(cx, "max_temp_file_size", 1).unwrap_or(1 << 30);
    let both =
        format!("the maximum of the value of \"{family}_buffer_size\" and one of the \"{family}_buffers\"");
    let (what, expected, nginx) = if number < 2 {
        (
            "buffers",
            "at least two buffers".to_owned(),
            format!("there must be at least 2 \"{family}_buffers\""),
        )
    } else if busy < largest {
        (
            "busy_buffers_size",
            format!(
                "at least {largest} bytes, the larger of `{family}_buffer_size` and one of `{family}_buffers`"
            ),
            format!("\"{family}_busy_buffers_size\" must be equal to or greater than {both}"),
        )
    } else if busy > (number - 1).saturating_mul(each) {
        (
            "busy_buffers_size",
            format!("at most {} bytes, all `{family}_buffers` but one", (number - 1).saturating_mul(each)),
            format!(
                "\"{family}_busy_buffers_size\" must be less than the size of all \"{family}_buffers\" minus one buffer"
            ),
        )
    } else if write < largest {
        (
            "temp_file_write_size",
            format!(
                "at least {largest} bytes, the larger of `{family}_buffer_size` and one of `{family}_buffers`"
            ),
            format!("\"{family}_temp_file_write_size\" must be equal to or greater than {both}"),
        )
    } else if file != 0 && file < largest {
        (
            "max_temp_file_size",
            format!("0, or at least {largest} bytes"),
            format!(
                "\"{family}_max_temp_file_size\" must be equal to zero to disable temporary files usage or must be equal to or greater than {both}"
            ),
        )
    } else {
        return;
    };
    let name = format!("{family}_{what}");
    let names = [&name, &format!("{family}_buffers"), &format!("{family}_buffer_size")];
    let Some(directive) = names.iter().find_map(|name| cx.in_force(name)).cloned() else { return };
    let value = match what {
        "buffers" => number,
        "busy_buffers_size" => busy,
        "temp_file_write_size" => write,
        _ => file,
    };
    cx.report(
        Diagnostic::error(
            "conflicting-buffers",
            directive.span(),
            format!("`{name}` is {value} here; expected {expected}"),
        )
        .label(format!("together with the other sizes, `{name}` is {value}"))
        .nginx(nginx)
        .when(FaultPhase::EndOfSubsystem { step, place: Place::Close }),
    );
}
