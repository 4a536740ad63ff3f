//! CurrentDirective of settings: for each value type, the parsing of a directive and the default.

use std::sync::{Arc, LazyLock};

use super::directive::Directive;
use super::scope::Compiler;
use crate::catalog::{self, Context, Kind};
use crate::model::access::RealIpHeader;
use crate::model::core_http::CoreHttpSettings;
use crate::model::reuse::ReuseSettings;
use crate::model::setting::Reader;
use crate::model::upstream::KeepaliveSettings;
use crate::model::{
    AccessSettings, CacheSettings, ClientSettings, ContentSettings, CoreSettings, FastcgiProxySettings,
    FastcgiSettings, FileSettings, FilterSettings, GzipSettings, HttpSettings, LimitSettings, PassSettings,
    ProxySettings, ScgiSettings, Setting, StreamSettings, TlsSettings, UwsgiSettings,
};
use crate::source::Span;
use crate::version::Version;

/// Type of a setting's value.
pub(super) trait Value: Sized {
    /// Value of the catalog's default; `None` if there is none.
    fn default(text: Option<&str>, kind: Kind) -> Self;

    /// Value that a directive sets; `None` if the value is wrong, which is reported.
    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self>;

    /// Takes the value of a directive; a list extends the level's list.
    fn read(cx: &mut Compiler<'_>, directive: &Directive<'_>, setting: &mut Setting<Self>) {
        if let Some(value) = Self::parse(cx, directive) {
            *setting = Setting::set(value, directive.span());
        }
    }
}

/// Current directive, for [`Reader`].
struct CurrentDirective<'c, 't> {
    cx: &'c mut Compiler<'t>,
    directive: &'c Directive<'t>,
}

impl<T: Value> Reader<T> for CurrentDirective<'_, '_> {
    fn default(&mut self, _: &'static str) -> Setting<T> {
        unreachable!("defaults are made by `Defaults`")
    }

    fn read(&mut self, setting: &mut Setting<T>) {
        T::read(self.cx, self.directive, setting);
    }
}

/// Defaults of the selected version, for [`Reader`].
struct Defaults {
    version: Version,
    contexts: &'static [Context],
}

impl<T: Value> Reader<T> for Defaults {
    fn default(&mut self, directive: &'static str) -> Setting<T> {
        let entry = self
            .contexts
            .iter()
            .find_map(|&context| catalog::in_context(directive.as_bytes(), context))
            .unwrap_or_else(|| {
                unreachable!("`{directive}` is in the catalog: tests/it/compile.rs checks it")
            });
        Setting::default(T::default(entry.default_in(self.version), entry.kind))
    }

    fn read(&mut self, _: &mut Setting<T>) {
        unreachable!("directives are read by `CurrentDirective`")
    }
}

/// Settings of the main context without any directive.
pub(super) fn core_defaults(version: Version) -> CoreSettings {
    CoreSettings::defaults(&mut Defaults { version, contexts: &[Context::Main, Context::Events] })
}

/// Settings of http without any directive.
pub(super) fn http_defaults(version: Version) -> HttpSettings {
    http_settings(&mut Defaults { version, contexts: &[Context::Http, Context::Server, Context::Location] })
}

fn http_settings(defaults: &mut Defaults) -> HttpSettings {
    HttpSettings {
        core: Arc::new(CoreHttpSettings::defaults(defaults)),
        proxy: Arc::new(ProxySettings::defaults(defaults)),
        reuse: Arc::new(ReuseSettings::defaults(defaults)),
        content: Arc::new(ContentSettings::defaults(defaults)),
        filter: Arc::new(FilterSettings::defaults(defaults)),
        files: Arc::new(FileSettings::defaults(defaults)),
        access: Arc::new(AccessSettings::defaults(defaults)),
        gzip: Arc::new(GzipSettings::defaults(defaults)),
        pass: Arc::new(PassSettings::defaults(defaults)),
        limit: Arc::new(LimitSettings::defaults(defaults)),
        cache: Arc::new(CacheSettings::defaults(defaults)),
        fastcgi: Arc::new(FastcgiSettings::defaults(defaults)),
        fastcgi_proxy: Arc::new(FastcgiProxySettings::defaults(defaults)),
        scgi: Arc::new(ScgiSettings::defaults(defaults)),
        uwsgi: Arc::new(UwsgiSettings::defaults(defaults)),
        client: Arc::new(ClientSettings::defaults(defaults)),
        tls: Arc::new(TlsSettings::defaults(defaults)),
    }
}

/// Settings of stream without any directive: those of http that stream has too, and its own.
pub(super) fn stream_defaults(version: Version) -> (HttpSettings, Arc<StreamSettings>) {
    let contexts =
        &[Context::Stream, Context::StreamServer, Context::Http, Context::Server, Context::Location];
    let mut defaults = Defaults { version, contexts };
    let own = Arc::new(StreamSettings::defaults(&mut defaults));
    let mut shared = http_settings(&mut defaults);
    // There is no other source of the client's address.
    Arc::make_mut(&mut shared.access).real_ip_header.value = RealIpHeader::ProxyProtocol;
    (shared, own)
}

/// Reads a directive of stream into its setting; false if there is none.
pub(super) fn read_stream<'t>(
    cx: &mut Compiler<'t>,
    shared: &mut HttpSettings,
    own: &mut Arc<StreamSettings>,
    directive: &Directive<'t>,
) -> bool {
    if StreamSettings::DIRECTIVES.contains(&directive.name()) {
        return Arc::make_mut(own).read(directive.name(), &mut CurrentDirective { cx, directive });
    }
    read_http(cx, shared, directive)
}

/// Settings of an upstream's connection cache without any directive.
pub(super) fn keepalive_defaults(version: Version) -> KeepaliveSettings {
    KeepaliveSettings::defaults(&mut Defaults { version, contexts: &[Context::Upstream] })
}

/// Reads a directive of the main context or of `events` into its setting; false if there is none.
pub(super) fn read_core<'t>(
    cx: &mut Compiler<'t>,
    settings: &mut CoreSettings,
    directive: &Directive<'t>,
) -> bool {
    settings.read(directive.name(), &mut CurrentDirective { cx, directive })
}

/// Reads a directive of an upstream into its setting; false if there is none.
pub(super) fn read_keepalive<'t>(
    cx: &mut Compiler<'t>,
    settings: &mut KeepaliveSettings,
    directive: &Directive<'t>,
) -> bool {
    settings.read(directive.name(), &mut CurrentDirective { cx, directive })
}

/// Function of a settings group that reads a directive.
type Read = for<'t> fn(&mut HttpSettings, &str, &mut CurrentDirective<'_, 't>) -> bool;

/// Groups of http's settings: their directives and reading functions.
const GROUPS: [(&[&str], Read); 17] = [
    (CoreHttpSettings::DIRECTIVES, |all, name, reader| Arc::make_mut(&mut all.core).read(name, reader)),
    (ProxySettings::DIRECTIVES, |all, name, reader| Arc::make_mut(&mut all.proxy).read(name, reader)),
    (ReuseSettings::DIRECTIVES, |all, name, reader| Arc::make_mut(&mut all.reuse).read(name, reader)),
    (ContentSettings::DIRECTIVES, |all, name, reader| Arc::make_mut(&mut all.content).read(name, reader)),
    (FilterSettings::DIRECTIVES, |all, name, reader| Arc::make_mut(&mut all.filter).read(name, reader)),
    (FileSettings::DIRECTIVES, |all, name, reader| Arc::make_mut(&mut all.files).read(name, reader)),
    (AccessSettings::DIRECTIVES, |all, name, reader| Arc::make_mut(&mut all.access).read(name, reader)),
    (GzipSettings::DIRECTIVES, |all, name, reader| Arc::make_mut(&mut all.gzip).read(name, reader)),
    (PassSettings::DIRECTIVES, |all, name, reader| Arc::make_mut(&mut all.pass).read(name, reader)),
    (LimitSettings::DIRECTIVES, |all, name, reader| Arc::make_mut(&mut all.limit).read(name, reader)),
    (CacheSettings::DIRECTIVES, |all, name, reader| Arc::make_mut(&mut all.cache).read(name, reader)),
    (FastcgiSettings::DIRECTIVES, |all, name, reader| Arc::make_mut(&mut all.fastcgi).read(name, reader)),
    (FastcgiProxySettings::DIRECTIVES, |all, name, reader| {
        Arc::make_mut(&mut all.fastcgi_proxy).read(name, reader)
    }),
    (ScgiSettings::DIRECTIVES, |all, name, reader| Arc::make_mut(&mut all.scgi).read(name, reader)),
    (UwsgiSettings::DIRECTIVES, |all, name, reader| Arc::make_mut(&mut all.uwsgi).read(name, reader)),
    (ClientSettings::DIRECTIVES, |all, name, reader| Arc::make_mut(&mut all.client).read(name, reader)),
    (TlsSettings::DIRECTIVES, |all, name, reader| Arc::make_mut(&mut all.tls).read(name, reader)),
];

/// Group of each directive of the catalog.
static GROUP_OF: LazyLock<Vec<Option<usize>>> = LazyLock::new(|| {
    let group_of = |name| GROUPS.iter().position(|(directives, _)| directives.contains(&name));
    catalog::DIRECTIVES.iter().map(|directive| group_of(directive.name)).collect()
});

/// Reads a directive of http, server or location into its setting; false if there is none.
pub(super) fn read_http<'t>(
    cx: &mut Compiler<'t>,
    settings: &mut HttpSettings,
    directive: &Directive<'t>,
) -> bool {
    let group = GROUP_OF.get(usize::from(directive.catalog.id)).copied().flatten();
    group.is_some_and(|group| {
        GROUPS[group].1(settings, directive.name(), &mut CurrentDirective { cx, directive })
    })
}

/// Settings that the inner levels of a level start with. `started` is what the level itself started with: an unchanged
/// group is shared.
pub(super) fn inherited(level: &HttpSettings, started: &HttpSettings) -> HttpSettings {
    /// The shared group if the level did not change it, else the group from an inner level's point of view.
    fn group<T>(level: &Arc<T>, started: &Arc<T>, inherited: impl Fn(&T) -> T) -> Arc<T> {
        if Arc::ptr_eq(level, started) { Arc::clone(level) } else { Arc::new(inherited(level)) }
    }
    HttpSettings {
        core: group(&level.core, &started.core, CoreHttpSettings::inherited),
        proxy: group(&level.proxy, &started.proxy, ProxySettings::inherited),
        reuse: group(&level.reuse, &started.reuse, ReuseSettings::inherited),
        content: group(&level.content, &started.content, |content| {
            // `try_files` is not inherited.
            ContentSettings { try_files: Setting::default(None), ..content.inherited() }
        }),
        filter: group(&level.filter, &started.filter, FilterSettings::inherited),
        files: group(&level.files, &started.files, FileSettings::inherited),
        access: group(&level.access, &started.access, AccessSettings::inherited),
        gzip: group(&level.gzip, &started.gzip, GzipSettings::inherited),
        pass: group(&level.pass, &started.pass, PassSettings::inherited),
        limit: group(&level.limit, &started.limit, LimitSettings::inherited),
        cache: group(&level.cache, &started.cache, CacheSettings::inherited),
        fastcgi: group(&level.fastcgi, &started.fastcgi, FastcgiSettings::inherited),
        fastcgi_proxy: group(&level.fastcgi_proxy, &started.fastcgi_proxy, FastcgiProxySettings::inherited),
        scgi: group(&level.scgi, &started.scgi, ScgiSettings::inherited),
        uwsgi: group(&level.uwsgi, &started.uwsgi, UwsgiSettings::inherited),
        client: group(&level.client, &started.client, ClientSettings::inherited),
        tls: group(&level.tls, &started.tls, TlsSettings::inherited),
    }
}

/// Extends the level's list, or starts one.
pub(super) fn extend<T>(setting: &mut Setting<Vec<T>>, more: Option<Vec<T>>, span: Span) {
    match more {
        Some(more) if setting.is_set_here() => setting.value.extend(more),
        Some(value) => *setting = Setting::set(value, span),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::GROUPS;

    #[test]
    fn a_directive_is_in_one_group() {
        let mut all: Vec<&str> = GROUPS.iter().flat_map(|(names, _)| names.iter().copied()).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert!(count > 100);
        assert_eq!(all.len(), count, "a second group would never get it");
    }
}
