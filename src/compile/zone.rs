//! Zones of shared memory: one name, one use, one size (`ngx_shared_memory_add`).

use std::collections::HashMap;

use super::argument::{refuse, size};
use super::directive::Directive;
use super::scope::{Check, Compiler};
use crate::diagnostic::{Diagnostic, FaultPhase};
use crate::source::Span;

/// Check of `zone` in an upstream.
pub(super) const CHECKS: &[(&str, Check)] = &[("zone", upstream_zone)];

/// The page size of x86-64; the smallest zone is eight of them.
pub(super) const PAGE: u64 = 4096;

/// Shared memory zone.
pub(super) struct Zone {
    /// Owner: the module's name, in place of nginx's tag.
    pub(super) tag: &'static str,
    /// Size in bytes; 0 as long as no directive defines the zone.
    pub(super) size: u64,
    /// Key that the defining directive binds to the zone.
    pub(super) bound: Option<String>,
    /// First directive that names the zone.
    pub(super) span: Span,
    includes: std::rc::Rc<[Span]>,
}

/// Zones by name.
pub(super) type Zones = HashMap<Vec<u8>, Zone>;

/// Adds a zone; false if it contradicts an earlier one, which is reported.
pub(super) fn add(
    cx: &mut Compiler<'_>,
    directive: &Directive<'_>,
    name: &[u8],
    size: u64,
    tag: &'static str,
) -> bool {
    let span = directive.span();
    let includes = std::rc::Rc::clone(&cx.includes);
    let zone = cx.states.of::<Zones>().entry(name.to_vec()).or_insert_with(|| Zone {
        tag,
        size,
        bound: None,
        span,
        includes,
    });
    let shown = String::from_utf8_lossy(name).into_owned();
    let (message, nginx) = if zone.tag != tag {
        (
            format!("zone `{shown}` is already declared for another use"),
            format!("the shared memory zone \"{shown}\" is already declared for a different use"),
        )
    } else if size > 0 && zone.size > 0 && zone.size != size {
        let declared = zone.size;
        (
            format!("zone `{shown}` has a size of {size} bytes here and of {declared} bytes before"),
            format!(
                "the size {size} of shared memory zone \"{shown}\" conflicts with already declared size {declared}"
            ),
        )
    } else {
        zone.size = zone.size.max(size);
        return true;
    };
    // Blocks are compiled after their neighbours; nginx stops at the later of the two directives.
    let later = zone.span.file == span.file && zone.span.start > span.start;
    let (first, span) = if later { (span, zone.span) } else { (zone.span, span) };
    cx.report(
        Diagnostic::error("conflicting-zone", span, message)
            .label("declared again here")
            .related(first, "first named here")
            .help("choose another name")
            .nginx(nginx),
    );
    false
}

/// Binds a key to a zone; false if the zone has one, which is reported.
pub(super) fn bind(cx: &mut Compiler<'_>, directive: &Directive<'_>, name: &[u8], key: String) -> bool {
    let Some(zone) = cx.states.of::<Zones>().get_mut(name) else { return true };
    if let Some(bound) = &zone.bound {
        let (bound, first) = (bound.clone(), zone.span);
        let shown = String::from_utf8_lossy(name).into_owned();
        cx.report(
            Diagnostic::error("duplicate-zone", directive.span(), format!("zone `{shown}` is defined twice"))
                .label("defined again here")
                .related(first, "first defined here")
                .help("choose another name")
                .nginx(match directive.name() {
                    name if name.ends_with("_cache_path") => format!("duplicate zone \"{shown}\""),
                    "sticky" => format!("sticky zone \"{shown}\" is already used in upstream \"{bound}\""),
                    name => format!("{name} \"{shown}\" is already bound to key \"{bound}\""),
                }),
        );
        return false;
    }
    zone.bound = Some(key);
    zone.span = directive.span();
    true
}

/// `name:size`, split; `None` if the size is missing or malformed.
pub(super) fn name_and_size(text: &[u8]) -> Option<(&[u8], u64)> {
    let colon = text.iter().position(|&b| b == b':')?;
    Some((&text[..colon], size(&text[colon + 1..])?))
}

/// `zone name [size]` (`ngx_http_upstream_zone`, `ngx_stream_upstream_zone`).
fn upstream_zone<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let name = directive.arg(1);
    if name.is_empty() {
        return refuse(cx, directive, 1, "the name of a zone", "invalid zone name \"\"");
    }
    let mut bytes = 0;
    if directive.len() == 2 {
        let Some(number) = size(&directive.arg(2)) else {
            let nginx = format!("invalid zone size \"{}\"", directive.text(2));
            return refuse(cx, directive, 2, "a size of 32k or more", nginx);
        };
        if number < 8 * PAGE {
            let nginx = format!("zone \"{}\" is too small", directive.text(1));
            return refuse(cx, directive, 2, "a size of 32k or more", nginx);
        }
        bytes = number;
    }
    let tag = if cx.subsystem == crate::catalog::Subsystem::Http { "upstream" } else { "stream upstream" };
    add(cx, directive, &name, bytes, tag)
}

/// Reports zones that directives use but none defines.
pub(super) fn report_undefined(cx: &mut Compiler<'_>) {
    let zones = cx.states.take::<Zones>();
    let mut undefined: Vec<_> = zones.iter().filter(|(_, zone)| zone.size == 0).collect();
    undefined.sort_by_key(|(_, zone)| zone.span);
    for (name, zone) in undefined {
        let name = String::from_utf8_lossy(name).into_owned();
        cx.includes = std::rc::Rc::clone(&zone.includes);
        cx.report(
            Diagnostic::error("undefined-zone", zone.span, format!("no directive defines the zone `{name}`"))
                .label("used here")
                .help(match zone.tag {
                    "limit_req" => format!("define it: `limit_req_zone $binary_remote_addr zone={name}:10m rate=10r/s;` in `http`"),
                    "limit_conn" => format!("define it: `limit_conn_zone $binary_remote_addr zone={name}:10m;`"),
                    _ => format!("give it a size where it is defined: `{name}:10m`"),
                })
                .nginx(format!("zero size shared memory zone \"{name}\""))
                .when(FaultPhase::EndOfFile),
        );
    }
}
