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
            How::Is => directive == *part,
            How::Begins => directive.starts_with(part),
            How::Has => directive.contains(part),
        });
        rule.map_or(Class::Other, |(.., class)| *class)
    }
}

/// Comparison of names by a rule.
#[derive(Clone, Copy)]
enum How {
    Is,
    Begins,
    Has,
}

/// Parts of directives' names; the first rule that fits counts.
const RULES: &[(&str, How, Class)] = &[
    ("allow", How::Is, Class::Access),
    ("deny", How::Is, Class::Access),
    ("satisfy", How::Is, Class::Access),
    ("internal", How::Is, Class::Access),
    ("auth_", How::Begins, Class::Access),
    ("limit_except", How::Is, Class::Access),
    ("set_real_ip_from", How::Is, Class::Access),
    ("real_ip_", How::Begins, Class::Access),
    ("disable_symlinks", How::Is, Class::Access),
    ("autoindex", How::Begins, Class::Access),
    ("stub_status", How::Is, Class::Access),
    ("valid_referers", How::Is, Class::Access),
    ("secure_link", How::Begins, Class::Access),
    ("proxy_redirect", How::Is, Class::Redirects),
    ("absolute_redirect", How::Is, Class::Redirects),
    ("_in_redirect", How::Has, Class::Redirects),
    ("access_log", How::Is, Class::Logs),
    ("error_log", How::Is, Class::Logs),
    ("log_", How::Begins, Class::Logs),
    ("rewrite_log", How::Is, Class::Logs),
    ("_log_level", How::Has, Class::Logs),
    ("ssl_", How::Begins, Class::Tls),
    ("_cache", How::Has, Class::Cache),
    ("_no_cache", How::Has, Class::Cache),
    ("_store", How::Has, Class::Cache),
    ("open_file_cache", How::Begins, Class::Cache),
    ("keepalive", How::Begins, Class::Ports),
    ("_bind", How::Has, Class::Ports),
    ("_http_version", How::Has, Class::Ports),
    ("_keep_conn", How::Has, Class::Ports),
    ("split_clients", How::Is, Class::Ports),
    ("_socket_keepalive", How::Has, Class::Ports),
    ("ssl_", How::Has, Class::Tls),
    ("http2", How::Begins, Class::Tls),
    ("limit_", How::Begins, Class::Limits),
    ("client_", How::Begins, Class::Limits),
    ("_timeout", How::Has, Class::Limits),
    ("_limit_rate", How::Has, Class::Limits),
    ("large_client_header_buffers", How::Is, Class::Limits),
    ("max_", How::Has, Class::Limits),
    ("_set_header", How::Has, Class::Headers),
    ("add_header", How::Begins, Class::Headers),
    ("add_trailer", How::Begins, Class::Headers),
    ("_hide_header", How::Has, Class::Headers),
    ("_pass_header", How::Has, Class::Headers),
    ("_ignore_headers", How::Has, Class::Headers),
    ("_param", How::Has, Class::Headers),
    ("expires", How::Is, Class::Headers),
    ("etag", How::Is, Class::Headers),
    ("charset", How::Has, Class::Headers),
    ("server_tokens", How::Is, Class::Headers),
    ("default_type", How::Is, Class::Headers),
    ("types", How::Is, Class::Headers),
    ("gzip", How::Begins, Class::Headers),
    ("userid", How::Begins, Class::Headers),
    ("return", How::Is, Class::Routing),
    ("rewrite", How::Is, Class::Routing),
    ("set", How::Is, Class::Routing),
    ("if", How::Is, Class::Routing),
    ("map", How::Is, Class::Routing),
    ("geo", How::Is, Class::Routing),
    ("root", How::Is, Class::Routing),
    ("alias", How::Is, Class::Routing),
    ("index", How::Is, Class::Routing),
    ("try_files", How::Is, Class::Routing),
    ("error_page", How::Is, Class::Routing),
    ("server_name", How::Is, Class::Routing),
    ("listen", How::Is, Class::Routing),
    ("location", How::Is, Class::Routing),
    ("upstream", How::Is, Class::Upstream),
    ("_pass", How::Has, Class::Upstream),
    ("proxy_", How::Begins, Class::Upstream),
    ("fastcgi_", How::Begins, Class::Upstream),
    ("uwsgi_", How::Begins, Class::Upstream),
    ("scgi_", How::Begins, Class::Upstream),
    ("grpc_", How::Begins, Class::Upstream),
    ("memcached_", How::Begins, Class::Upstream),
    ("resolver", How::Begins, Class::Upstream),
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
