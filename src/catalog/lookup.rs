//! Look-ups of directives and variables by name, and suggestions for a misspelt name.

use std::borrow::Cow;

use super::tables::{DIRECTIVE_NAMES, FAMILIES, VARIABLE_NAMES};
use super::{Context, DIRECTIVES, Directive, Subsystem, Tier, VARIABLES, Variable};

/// Longest name that is looked up, in bytes: nginx knows none that is longer.
const LONGEST: usize = 64;

/// All directives with this name, of any module; nginx's own first. Names are case-sensitive (`ngx_conf_handler`).
pub fn directives(name: &[u8]) -> &'static [Directive] {
    match DIRECTIVE_NAMES.get(name) {
        Some(&(start, end)) => &DIRECTIVES[usize::from(start)..usize::from(end)],
        None => &[],
    }
}

/// Modules without directives of their own, and file names that differ from the names of the modules in them.
const MODULE_FILES: [&str; 8] = [
    "ndk_http_module",
    "ngx_http_brotli_filter_module",
    "ngx_http_brotli_static_module",
    "ngx_http_headers_more_filter_module",
    "ngx_http_xslt_filter_module",
    "ngx_mail_module",
    "ngx_stream_module",
    "ngx_http_subs_filter_module",
];

/// True if a directive of this module is known; the name is that of the file which `load_module` loads, without `.so`.
pub fn is_module(name: &str) -> bool {
    MODULE_FILES.contains(&name) || DIRECTIVES.iter().any(|directive| directive.module == name)
}

/// Modules outside of nginx that define no variables, or only those of [`OF_MODULES`]; read in their sources.
const WITHOUT_VARIABLES: [&str; 18] = [
    "ndk_http_module",
    "ngx_http_auth_pam_module",
    "ngx_http_brotli_filter_module",
    "ngx_http_brotli_static_module",
    "ngx_http_cache_purge_module",
    "ngx_http_dav_ext_module",
    "ngx_http_echo_module",
    "ngx_http_fancyindex_module",
    "ngx_http_footer_filter_module",
    "ngx_http_geoip2_module",
    "ngx_http_headers_more_filter_module",
    "ngx_http_js_module",
    "ngx_http_lua_module",
    "ngx_http_subs_filter_module",
    "ngx_http_upstream_fair_module",
    "ngx_stream_geoip2_module",
    "ngx_stream_js_module",
    "ngx_stream_lua_module",
];

/// First letters of the variables that some of these modules define.
const OF_MODULES: [&[u8]; 2] = [b"brotli_", b"echo_"];

/// True if a module may define a variable that is not in the catalog: nginx's own modules do not, nor do those that
/// define variables only by their directives. `variable` is a name without `$`.
pub fn may_define(module: &str, variable: &[u8]) -> bool {
    let is_own = |d: &Directive| d.module == module && d.tier == Tier::OpenSource;
    let is_known = WITHOUT_VARIABLES.contains(&module)
        || matches!(module, "ngx_stream_module" | "ngx_mail_module" | "ngx_http_xslt_filter_module")
        || DIRECTIVES.iter().any(is_own);
    !is_known || OF_MODULES.iter().any(|start| variable.starts_with(start))
}

/// Directive of this name that `context` allows: an existing one before a removed one, then open source, Plus,
/// external, third-party.
pub fn in_context(name: &[u8], context: Context) -> Option<&'static Directive> {
    let mut allowed = directives(name).iter().filter(|directive| directive.contexts.contains(context));
    let first = allowed.next()?;
    if first.removed.is_none() {
        return Some(first);
    }
    Some(allowed.find(|directive| directive.removed.is_none()).unwrap_or(first))
}

/// Directive with this [`Directive::id`].
pub fn by_id(id: u16) -> Option<&'static Directive> {
    DIRECTIVES.get(usize::from(id))
}

/// Built-in variable `$name`, without `$`: the exact name, else the longest prefix family
/// (`ngx_http_variables_init_vars`). Upper case is the same as lower case (`ngx_http_get_variable_index`).
pub fn variable(subsystem: Subsystem, name: &[u8]) -> Option<&'static Variable> {
    let lower = if name.iter().any(u8::is_ascii_uppercase) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    };
    let exact = VARIABLE_NAMES.get(&*lower).and_then(|&(start, end)| {
        VARIABLES[usize::from(start)..usize::from(end)]
            .iter()
            .find(|variable| variable.subsystem == subsystem)
    });
    let families = || FAMILIES.iter().map(|&position| &VARIABLES[usize::from(position)]);
    exact.or_else(|| {
        families()
            .filter(|family| family.subsystem == subsystem && lower.starts_with(family.name.as_bytes()))
            .max_by_key(|family| family.name.len())
    })
}

/// Directive that an unknown `name` probably means. Names that `context` allows are preferred, and nginx's own to those
/// of third-party modules; removed and obsolete directives are not suggested.
pub fn suggest(name: &[u8], context: Context) -> Option<&'static str> {
    let word = Word::new(name)?;
    let mut best = None;
    for directive in &DIRECTIVES {
        if directive.removed.is_some() || directive.obsolete.is_some() {
            continue;
        }
        let Some(distance) = word.distance(directive.name) else { continue };
        let elsewhere = usize::from(!directive.contexts.contains(context));
        let foreign = usize::from(directive.tier == Tier::ThirdParty);
        let rank = (distance + elsewhere + foreign, distance);
        if best.is_none_or(|(least, _)| rank < least) {
            best = Some((rank, directive.name));
        }
    }
    best.map(|(_, name)| name)
}

/// First part of a name, up to and with its first `_`, and the module outside of nginx that most known directives with this
/// beginning belong to. `None` if nginx itself has such a directive.
pub fn module_of_prefix(name: &[u8]) -> Option<(&'static str, &'static str)> {
    let end = memchr::memchr(b'_', name)? + 1;
    let of_prefix = || DIRECTIVES.iter().filter(|d| d.name.as_bytes().starts_with(&name[..end]));
    let is_outside = |d: &Directive| matches!(d.tier, Tier::ThirdParty | Tier::External);
    let count = |module: &str| of_prefix().filter(|d| d.module == module).count();
    let most = of_prefix().max_by_key(|d| count(d.module))?;
    // One directive makes no family.
    (of_prefix().all(is_outside) && count(most.module) > 1).then(|| (&most.name[..end], most.module))
}

/// Built-in variable that an unknown `$name` probably means.
pub fn suggest_variable(subsystem: Subsystem, name: &[u8]) -> Option<&'static str> {
    let own = VARIABLES.iter().filter(|variable| {
        variable.subsystem == subsystem && !variable.prefix && !variable.internal && !variable.deprecated
    });
    closest(name, own.map(|variable| variable.name))
}

/// Word among others (upstreams, zones, variables of this configuration) that is closest to `name`, if one is close.
pub fn closest<'a>(name: &[u8], among: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = Word::new(name)?;
    among
        .into_iter()
        .filter_map(|other| Some((word.distance(other)?, other)))
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, other)| other)
}

/// Misspelt word, and the number of its letters that may be wrong.
struct Word {
    text: String,
    allowed: usize,
}

impl Word {
    /// Prepares a word; `None` if the name is too long or is not UTF-8.
    fn new(name: &[u8]) -> Option<Self> {
        if name.len() > LONGEST {
            return None;
        }
        // Case and dashes do not count: `Proxy-Pass` is at distance 0.
        let text = std::str::from_utf8(name).ok()?.to_ascii_lowercase().replace('-', "_");
        let allowed = match text.len() {
            0..=2 => 0,
            3..=5 => 1,
            6..=9 => 2,
            _ => 3,
        };
        Some(Self { text, allowed })
    }

    /// Edit distance (insertions, deletions, replacements and swaps of neighbours), if small enough.
    fn distance(&self, other: &str) -> Option<usize> {
        if self.text.len().abs_diff(other.len()) > self.allowed {
            return None;
        }
        Some(strsim::osa_distance(&self.text, other)).filter(|&distance| distance <= self.allowed)
    }
}
