//! Reading settings: for each type of a setting, how a directive gives its value and what its default is.

use std::sync::Arc;
use std::time::Duration;

use super::argument;
use super::directive::Directive;
use super::scope::Compiler;
use crate::catalog::{self, Context, Kind};
use crate::model::core::WorkerProcesses;
use crate::model::location::{CoreHttpSettings, KeepaliveTimeout, ReuseSettings, ServerTokens};
use crate::model::setting::Reader;
use crate::model::upstream::{KeepaliveSettings, Pool};
use crate::model::{ComplexValue, CoreSettings, HttpSettings, ProxySettings, Setting};

/// A type that a setting can have.
pub(super) trait Value: Sized {
    /// The value of the default that the catalog states; `None` if there is none.
    fn default(text: Option<&str>, kind: Kind) -> Self;

    /// The value that a directive gives; `None` if it is wrong, which is reported.
    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self>;

    /// Takes over what a directive says; lists add to what this level has.
    fn read(cx: &mut Compiler<'_>, directive: &Directive<'_>, setting: &mut Setting<Self>) {
        if let Some(value) = Self::parse(cx, directive) {
            *setting = Setting::set(value, directive.span());
        }
    }
}

/// The directive at hand, for [`Reader`].
struct Reading<'c, 't> {
    cx: &'c mut Compiler<'t>,
    directive: &'c Directive<'t>,
}

impl<T: Value> Reader<T> for Reading<'_, '_> {
    fn default(&mut self, _: &'static str) -> Setting<T> {
        unreachable!("defaults are made by `Defaults`")
    }

    fn read(&mut self, setting: &mut Setting<T>) {
        T::read(self.cx, self.directive, setting);
    }
}

/// Defaults of the selected version, for [`Reader`].
struct Defaults {
    version: crate::version::Version,
    contexts: &'static [Context],
}

impl<T: Value> Reader<T> for Defaults {
    fn default(&mut self, directive: &'static str) -> Setting<T> {
        let entry = self
            .contexts
            .iter()
            .find_map(|&context| catalog::in_context(directive.as_bytes(), context))
            .unwrap_or_else(|| unreachable!("`{directive}` is in the catalog: tests/compile.rs checks it"));
        Setting::default(T::default(entry.default_in(self.version), entry.kind))
    }

    fn read(&mut self, _: &mut Setting<T>) {
        unreachable!("directives are read by `Reading`")
    }
}

/// Settings of the main context when nothing sets them.
pub(super) fn core_defaults(cx: &mut Compiler<'_>) -> CoreSettings {
    CoreSettings::defaults(&mut Defaults {
        version: cx.version(),
        contexts: &[Context::Main, Context::Events],
    })
}

/// Settings of http when nothing sets them.
pub(super) fn http_defaults(cx: &mut Compiler<'_>) -> HttpSettings {
    let mut defaults = Defaults { version: cx.version(), contexts: &[Context::Http] };
    HttpSettings {
        core: Arc::new(CoreHttpSettings::defaults(&mut defaults)),
        proxy: Arc::new(ProxySettings::defaults(&mut defaults)),
        reuse: Arc::new(ReuseSettings::defaults(&mut defaults)),
    }
}

/// Settings of an upstream's connection cache when nothing sets them.
pub(super) fn keepalive_defaults(cx: &mut Compiler<'_>) -> KeepaliveSettings {
    KeepaliveSettings::defaults(&mut Defaults { version: cx.version(), contexts: &[Context::Upstream] })
}

/// Lets a directive of the main context or of `events` set its setting; false if it has none.
pub(super) fn read_core<'t>(
    cx: &mut Compiler<'t>,
    settings: &mut CoreSettings,
    directive: &Directive<'t>,
) -> bool {
    settings.read(directive.name(), &mut Reading { cx, directive })
}

/// Lets a directive of an upstream set its setting; false if it has none.
pub(super) fn read_keepalive<'t>(
    cx: &mut Compiler<'t>,
    settings: &mut KeepaliveSettings,
    directive: &Directive<'t>,
) -> bool {
    settings.read(directive.name(), &mut Reading { cx, directive })
}

/// Lets a directive of http, server or location set its setting; false if it has none.
pub(super) fn read_http<'t>(
    cx: &mut Compiler<'t>,
    settings: &mut HttpSettings,
    directive: &Directive<'t>,
) -> bool {
    let name = directive.name();
    if CoreHttpSettings::DIRECTIVES.contains(&name) {
        Arc::make_mut(&mut settings.core).read(name, &mut Reading { cx, directive })
    } else if ProxySettings::DIRECTIVES.contains(&name) {
        Arc::make_mut(&mut settings.proxy).read(name, &mut Reading { cx, directive })
    } else if ReuseSettings::DIRECTIVES.contains(&name) {
        Arc::make_mut(&mut settings.reuse).read(name, &mut Reading { cx, directive })
    } else {
        false
    }
}

/// What the levels inside a level start from. `started` is what the level itself started from: a group that
/// it did not touch is shared.
pub(super) fn inherited(level: &HttpSettings, started: &HttpSettings) -> HttpSettings {
    /// Shared if the level did not touch it, else as an inner level sees it.
    fn group<T>(level: &Arc<T>, started: &Arc<T>, inherited: impl Fn(&T) -> T) -> Arc<T> {
        if Arc::ptr_eq(level, started) { Arc::clone(level) } else { Arc::new(inherited(level)) }
    }
    HttpSettings {
        core: group(&level.core, &started.core, CoreHttpSettings::inherited),
        proxy: group(&level.proxy, &started.proxy, ProxySettings::inherited),
        reuse: group(&level.reuse, &started.reuse, ReuseSettings::inherited),
    }
}

impl Value for bool {
    fn default(text: Option<&str>, _: Kind) -> Self {
        text == Some("on")
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        argument::flag(cx, directive, 1)
    }
}

impl Value for u32 {
    fn default(text: Option<&str>, _: Kind) -> Self {
        text.and_then(|t| t.parse().ok()).unwrap_or(0)
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        argument::number(cx, directive, 1).map(|n| u32::try_from(n).unwrap_or(u32::MAX))
    }
}

impl Value for u64 {
    fn default(text: Option<&str>, _: Kind) -> Self {
        text.and_then(|t| argument::offset(t.as_bytes())).unwrap_or(0)
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        argument::expect(cx, directive, 1, argument::offset(&directive.arg(1)), "a size: `1m`")
    }
}

impl Value for String {
    fn default(text: Option<&str>, _: Kind) -> Self {
        text.unwrap_or_default().to_owned()
    }

    fn parse(_: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        Some(directive.text(1))
    }
}

impl Value for ComplexValue {
    fn default(text: Option<&str>, _: Kind) -> Self {
        ComplexValue::literal(text.unwrap_or_default().as_bytes())
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        Some(super::value::argument(cx, directive, 1))
    }
}

impl Value for Duration {
    fn default(text: Option<&str>, kind: Kind) -> Self {
        text.and_then(|t| argument::time(t.as_bytes(), kind == Kind::Sec)).unwrap_or_default()
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let seconds = directive.catalog.kind == Kind::Sec;
        argument::expect(cx, directive, 1, argument::time(&directive.arg(1), seconds), "a time: `60s`")
    }
}

impl Value for Option<Duration> {
    fn default(text: Option<&str>, kind: Kind) -> Self {
        text.and_then(|t| argument::time(t.as_bytes(), kind == Kind::Sec))
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        <Duration as Value>::parse(cx, directive).map(Some)
    }
}

impl Value for WorkerProcesses {
    fn default(_: Option<&str>, _: Kind) -> Self {
        WorkerProcesses::Count(1)
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let text = directive.arg(1);
        if *text == *b"auto" {
            return Some(WorkerProcesses::Auto);
        }
        let count = argument::digits(&text).and_then(|n| u32::try_from(n).ok()).filter(|&n| n > 0);
        if count.is_none() {
            argument::invalid(cx, directive, 1, "a number from 1, or `auto`", "invalid value");
        }
        count.map(WorkerProcesses::Count)
    }
}

impl Value for KeepaliveTimeout {
    fn default(text: Option<&str>, kind: Kind) -> Self {
        KeepaliveTimeout { idle: <Duration as Value>::default(text, kind), header: None }
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let expected = "a time: `75s`";
        let idle = argument::expect(cx, directive, 1, argument::time(&directive.arg(1), false), expected)?;
        let header = match directive.len() {
            2.. => {
                let header = argument::time(&directive.arg(2), true);
                Some(argument::expect(cx, directive, 2, header, expected)?)
            }
            _ => None,
        };
        Some(KeepaliveTimeout { idle, header })
    }
}

impl Value for ServerTokens {
    fn default(_: Option<&str>, _: Kind) -> Self {
        ServerTokens::On
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let text = directive.arg(1);
        Some(match text.to_ascii_lowercase().as_slice() {
            b"on" => ServerTokens::On,
            b"off" => ServerTokens::Off,
            b"build" => ServerTokens::Build,
            _ => ServerTokens::Text(super::value::argument(cx, directive, 1)),
        })
    }
}

impl Value for Option<Pool> {
    fn default(text: Option<&str>, _: Kind) -> Self {
        let mut words = text?.split(' ');
        let size = words.next()?.parse().ok()?;
        Some(Pool { size, local: words.next() == Some("local") })
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let since_default = crate::version::Version::new(1, 29, 7);
        let size = argument::digits(&directive.arg(1)).and_then(|n| u32::try_from(n).ok());
        // Before the cache was on by default, nothing could mean "off", and 0 was an error.
        let zero_allowed = cx.version() >= since_default;
        let Some(size) = size.filter(|&n| n > 0 || zero_allowed) else {
            let expected =
                if zero_allowed { "a number of connections" } else { "a number of connections from 1" };
            let nginx = format!("invalid value \"{}\" in \"keepalive\" directive", directive.text(1));
            argument::invalid(cx, directive, 1, expected, &nginx);
            return None;
        };
        let local = directive.len() == 2;
        if local && *directive.arg(2) != *b"local" {
            let nginx = format!("invalid parameter \"{}\"", directive.text(2));
            argument::invalid(cx, directive, 2, "`local`", &nginx);
            return None;
        }
        if local && !argument::since(cx, directive, 2, "local") {
            return None;
        }
        Some((size > 0).then_some(Pool { size, local }))
    }
}

/// `mirror uri;` or `mirror off;`
impl Value for Vec<String> {
    fn default(_: Option<&str>, _: Kind) -> Self {
        Vec::new()
    }

    fn parse(_: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let text = directive.text(1);
        Some(if text == "off" { Vec::new() } else { vec![text] })
    }

    fn read(cx: &mut Compiler<'_>, directive: &Directive<'_>, setting: &mut Setting<Self>) {
        match Self::parse(cx, directive) {
            Some(more) if setting.is_set_here() => setting.value.extend(more),
            Some(value) => *setting = Setting::set(value, directive.span()),
            None => {}
        }
    }
}
