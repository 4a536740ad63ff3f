//! Classes of differences, and the class of each directive.

/// Class of a difference; the first is the most severe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Something becomes reachable, or unreachable.
    Access,
    /// Another server, location, file or text answers.
    Routing,
    /// Redirects.
    Redirects,
    /// Upstreams, and what they are asked for.
    Upstream,
    /// Headers, to clients and to upstreams.
    Headers,
    /// TLS.
    Tls,
    /// Limits of rates, connections, sizes and times.
    Limits,
    /// Caches.
    Cache,
    /// Logs.
    Logs,
    /// Ports, source addresses and the reuse of connections.
    Ports,
    /// Anything else.
    Other,
}

impl Class {
    /// Classes with their names, the most severe first.
    pub const ALL: [(Class, &'static str); 11] = [
        (Class::Access, "access"),
        (Class::Routing, "routing"),
        (Class::Redirects, "redirects"),
        (Class::Upstream, "upstream"),
        (Class::Headers, "headers"),
        (Class::Tls, "tls"),
        (Class::Limits, "limits"),
        (Class::Cache, "cache"),
        (Class::Logs, "logs"),
        (Class::Ports, "ports"),
        (Class::Other, "other"),
    ];

    /// Name of the class.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// Class of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, own)| own.eq_ignore_ascii_case(name)).map(|(class, _)| *class)
    }

    /// Class of a directive whose effect on requests is not followed.
    pub fn of(directive: &str) -> Self {
        let rule = RULES.iter().find(|(part, how, _)| match how {
            NameComparison::Is => directive == *part,
            NameComparison::Begins => directive.starts_with(part),
            NameComparison::Has => directive.contains(part),
        });
        rule.map_or(Class::Other, |(.., class)| *class)
    }
}

/// Comparison of names by a rule.
#[derive(Clone, Copy)]
enum NameComparison {
    Is,
    Begins,
    Has,
}

/// Parts of directives' names; the first rule that fits counts.
const RULES: &[(&str, NameComparison, Class)] = &[
    ("allow", NameComparison::Is, Class::Access),
    ("deny", NameComparison::Is, Class::Access),
    ("satisfy", NameComparison::Is, Class::Access),
    ("internal", NameComparison::Is, Class::Access),
    ("auth_", NameComparison::Begins, Class::Access),
    ("limit_except", NameComparison::Is, Class::Access),
    ("set_real_ip_from", NameComparison::Is, Class::Access),
    ("real_ip_", NameComparison::Begins, Class::Access),
    ("disable_symlinks", NameComparison::Is, Class::Access),
    ("autoindex", NameComparison::Begins, Class::Access),
    ("stub_status", NameComparison::Is, Class::Access),
    ("valid_referers", NameComparison::Is, Class::Access),
    ("secure_link", NameComparison::Begins, Class::Access),
    ("proxy_redirect", NameComparison::Is, Class::Redirects),
    ("absolute_redirect", NameComparison::Is, Class::Redirects),
    ("_in_redirect", NameComparison::Has, Class::Redirects),
    ("access_log", NameComparison::Is, Class::Logs),
    ("error_log", NameComparison::Is, Class::Logs),
    ("log_", NameComparison::Begins, Class::Logs),
    ("rewrite_log", NameComparison::Is, Class::Logs),
    ("_log_level", NameComparison::Has, Class::Logs),
    ("ssl_", NameComparison::Begins, Class::Tls),
    ("_cache", NameComparison::Has, Class::Cache),
    ("_no_cache", NameComparison::Has, Class::Cache),
    ("_store", NameComparison::Has, Class::Cache),
    ("open_file_cache", NameComparison::Begins, Class::Cache),
    ("keepalive", NameComparison::Begins, Class::Ports),
    ("_bind", NameComparison::Has, Class::Ports),
    ("_http_version", NameComparison::Has, Class::Ports),
    ("_keep_conn", NameComparison::Has, Class::Ports),
    ("split_clients", NameComparison::Is, Class::Ports),
    ("_socket_keepalive", NameComparison::Has, Class::Ports),
    ("ssl_", NameComparison::Has, Class::Tls),
    ("http2", NameComparison::Begins, Class::Tls),
    ("limit_", NameComparison::Begins, Class::Limits),
    ("client_", NameComparison::Begins, Class::Limits),
    ("_timeout", NameComparison::Has, Class::Limits),
    ("_limit_rate", NameComparison::Has, Class::Limits),
    ("large_client_header_buffers", NameComparison::Is, Class::Limits),
    ("max_", NameComparison::Has, Class::Limits),
    ("_set_header", NameComparison::Has, Class::Headers),
    ("add_header", NameComparison::Begins, Class::Headers),
    ("add_trailer", NameComparison::Begins, Class::Headers),
    ("_hide_header", NameComparison::Has, Class::Headers),
    ("_pass_header", NameComparison::Has, Class::Headers),
    ("_ignore_headers", NameComparison::Has, Class::Headers),
    ("_param", NameComparison::Has, Class::Headers),
    ("expires", NameComparison::Is, Class::Headers),
    ("etag", NameComparison::Is, Class::Headers),
    ("charset", NameComparison::Has, Class::Headers),
    ("server_tokens", NameComparison::Is, Class::Headers),
    ("default_type", NameComparison::Is, Class::Headers),
    ("types", NameComparison::Is, Class::Headers),
    ("gzip", NameComparison::Begins, Class::Headers),
    ("userid", NameComparison::Begins, Class::Headers),
    ("return", NameComparison::Is, Class::Routing),
    ("rewrite", NameComparison::Is, Class::Routing),
    ("set", NameComparison::Is, Class::Routing),
    ("if", NameComparison::Is, Class::Routing),
    ("map", NameComparison::Is, Class::Routing),
    ("geo", NameComparison::Is, Class::Routing),
    ("root", NameComparison::Is, Class::Routing),
    ("alias", NameComparison::Is, Class::Routing),
    ("index", NameComparison::Is, Class::Routing),
    ("try_files", NameComparison::Is, Class::Routing),
    ("error_page", NameComparison::Is, Class::Routing),
    ("server_name", NameComparison::Is, Class::Routing),
    ("listen", NameComparison::Is, Class::Routing),
    ("location", NameComparison::Is, Class::Routing),
    ("upstream", NameComparison::Is, Class::Upstream),
    ("_pass", NameComparison::Has, Class::Upstream),
    ("proxy_", NameComparison::Begins, Class::Upstream),
    ("fastcgi_", NameComparison::Begins, Class::Upstream),
    ("uwsgi_", NameComparison::Begins, Class::Upstream),
    ("scgi_", NameComparison::Begins, Class::Upstream),
    ("grpc_", NameComparison::Begins, Class::Upstream),
    ("memcached_", NameComparison::Begins, Class::Upstream),
    ("resolver", NameComparison::Begins, Class::Upstream),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_of_directives() {
        for (directive, class) in [
            ("deny", Class::Access),
            ("proxy_set_header", Class::Headers),
            ("proxy_ssl_verify", Class::Tls),
            ("ssl_protocols", Class::Tls),
            ("proxy_cache_valid", Class::Cache),
            ("ssl_session_cache", Class::Tls),
            ("proxy_read_timeout", Class::Limits),
            ("keepalive_timeout", Class::Ports),
            ("proxy_bind", Class::Ports),
            ("access_log", Class::Logs),
            ("proxy_buffering", Class::Upstream),
            ("worker_processes", Class::Other),
        ] {
            assert_eq!(Class::of(directive), class, "{directive}");
        }
        assert!(
            Class::ALL
                .iter()
                .enumerate()
                .all(|(at, (class, name))| { *class as usize == at && Class::named(name) == Some(*class) })
        );
    }
}
