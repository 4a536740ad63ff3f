//! `add_header_inherit` and `add_trailer_inherit` (`ngx_http_headers_merge_conf`), applied when all levels are known.

use std::sync::Arc;

use crate::model::argument::Word;
use crate::model::content::AddHeader;
use crate::model::{ContentSettings, Http, HttpSettings, Location, Setting};

/// Gives each level the headers and trailers that it inherits by these directives.
pub(super) fn apply(http: &mut Http) {
    let is_used = |settings: &HttpSettings| {
        let content = &settings.content;
        content.add_header_inherit.value.0 != "on" || content.add_trailer_inherit.value.0 != "on"
    };
    let is_used = http.servers.iter().any(|server| is_used(&server.settings))
        || http.locations().any(|(_, location)| is_used(&location.settings));
    if !is_used {
        return;
    }
    let outermost = http.settings.as_ref().map(|settings| Arc::clone(&settings.content));
    for server in &mut http.servers {
        if let Some(outer) = &outermost {
            level(&mut server.settings, outer);
        }
        locations(&mut server.locations, &server.settings.content);
    }
}

fn locations(inner: &mut [Location], outer: &Arc<ContentSettings>) {
    for location in inner {
        level(&mut location.settings, outer);
        locations(&mut location.inner, &location.settings.content);
    }
}

fn level(settings: &mut HttpSettings, outer: &Arc<ContentSettings>) {
    let own = &settings.content;
    let headers = merged(&own.add_header, own.add_header_inherit.value, &outer.add_header);
    let trailers = merged(&own.add_trailer, own.add_trailer_inherit.value, &outer.add_trailer);
    if headers.value != own.add_header.value || trailers.value != own.add_trailer.value {
        let own = Arc::make_mut(&mut settings.content);
        own.add_header = headers;
        own.add_trailer = trailers;
    }
}

fn merged(
    own: &Setting<Vec<AddHeader>>,
    inherit: Word,
    outer: &Setting<Vec<AddHeader>>,
) -> Setting<Vec<AddHeader>> {
    let is_own = own.is_set_here();
    match inherit.0 {
        "merge" if is_own => {
            let value = own.value.iter().chain(&outer.value).cloned().collect();
            Setting { value, origin: own.origin }
        }
        "off" if !is_own => Setting::default(Vec::new()),
        _ if is_own => own.clone(),
        _ => outer.inherited(),
    }
}
