//! Model of a configuration for an older nginx, made from the model for a newer one: where only defaults differ, this
//! takes a fraction of a compilation's time.

use std::collections::HashMap;
use std::sync::Arc;

use super::output::Compiled;
use super::settings;
use crate::model::core_http::CoreHttpSettings;
use crate::model::reuse::ReuseSettings;
use crate::model::{
    AccessSettings, CacheSettings, ClientSettings, ContentSettings, FastcgiProxySettings, FastcgiSettings,
    FileSettings, FilterSettings, GzipSettings, HttpSettings, LimitSettings, Location, PassSettings,
    ProxySettings, ScgiSettings, TlsSettings, UwsgiSettings,
};
use crate::version::Version;

/// Groups of settings with their older versions, by the address of the original, which the map keeps alive.
type Known<T> = HashMap<*const T, (Arc<T>, Arc<T>)>;

/// Turns a compilation into that for an older `version`; false, with nothing changed, if more than defaults can
/// differ, or if there is a `stream` block.
pub fn make_older(compiled: &mut Compiled, version: Version) -> bool {
    if version < compiled.same_since || compiled.config.stream.is_some() {
        return false;
    }
    let config = &mut compiled.config;
    let mut older = Older::new(config.version, version);
    config.version = version;
    config.core = config.core.with_defaults(&settings::core_defaults(version));
    let keepalive = settings::keepalive_defaults(version);
    for upstream in &mut config.http.upstreams {
        upstream.keepalive = upstream.keepalive.with_defaults(&keepalive);
    }
    config.http.settings.iter_mut().for_each(|settings| older.settings(settings));
    for server in &mut config.http.servers {
        older.settings(&mut server.settings);
        older.locations(&mut server.locations);
    }
    true
}

/// Group whose defaults differ.
struct Group<T> {
    /// Defaults of the older version.
    defaults: Arc<T>,
    known: Known<T>,
}

impl<T> Group<T> {
    /// Replaces a group; levels that shared a group share its replacement.
    fn replace(&mut self, settings: &mut Arc<T>, with_defaults: impl Fn(&T, &T) -> T) {
        let make = || (Arc::clone(settings), Arc::new(with_defaults(settings, &self.defaults)));
        let (_, new) = self.known.entry(Arc::as_ptr(settings)).or_insert_with(make);
        *settings = Arc::clone(new);
    }
}

/// Declares [`Older`] for the groups of [`HttpSettings`].
macro_rules! older {
    ($($group:ident: $Type:ty,)*) => {
        /// Groups that change with the version.
        struct Older {
            $( $group: Option<Group<$Type>>, )*
        }

        impl Older {
            fn new(newer: Version, older: Version) -> Self {
                let (newer, older) = (settings::http_defaults(newer), settings::http_defaults(older));
                Self { $( $group: (!newer.$group.changed(&older.$group).is_empty())
                    .then(|| Group { defaults: older.$group, known: HashMap::new() }), )* }
            }

            fn settings(&mut self, settings: &mut HttpSettings) {
                $( if let Some(group) = &mut self.$group {
                    group.replace(&mut settings.$group, <$Type>::with_defaults);
                } )*
            }
        }
    };
}

older! {
    core: CoreHttpSettings,
    proxy: ProxySettings,
    reuse: ReuseSettings,
    content: ContentSettings,
    filter: FilterSettings,
    files: FileSettings,
    access: AccessSettings,
    gzip: GzipSettings,
    pass: PassSettings,
    limit: LimitSettings,
    cache: CacheSettings,
    fastcgi: FastcgiSettings,
    fastcgi_proxy: FastcgiProxySettings,
    scgi: ScgiSettings,
    uwsgi: UwsgiSettings,
    client: ClientSettings,
    tls: TlsSettings,
}

impl Older {
    fn locations(&mut self, locations: &mut [Location]) {
        for location in locations {
            self.settings(&mut location.settings);
            self.locations(&mut location.inner);
        }
    }
}
