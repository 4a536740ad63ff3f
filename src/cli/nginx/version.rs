//! `-v`, `-V`, `-h`: `ngx_show_version_info`. What `-V` lists is what this program really has.

use super::options::Options;
use super::place;
use crate::catalog::{self, NEWEST, Runtime, Tier};

/// One part of nginx that is chosen when nginx is configured.
struct Feature {
    /// Word of `./configure`; nginx has what has a `--without-` unless told so.
    argument: &'static str,
    /// The part is here if the runtime executes these directives of `http`.
    directives: &'static [&'static str],
}

impl Feature {
    fn is_here(&self) -> bool {
        let executed = |name: &&str| {
            catalog::directives(name.as_bytes())
                .iter()
                .any(|d| d.tier == Tier::OpenSource && d.runtime == Runtime::Executed)
        };
        !self.directives.is_empty() && self.directives.iter().all(executed)
    }

    /// A `--with-` is printed if the part is here, a `--without-` if it is not: who reads `-V` to learn what a
    /// binary can do (nginx's own test suite does) must not be told more than is true.
    fn is_printed(&self) -> bool {
        self.is_here() != self.argument.starts_with("--without-")
    }
}

const fn feature(argument: &'static str, directives: &'static [&'static str]) -> Feature {
    Feature { argument, directives }
}

const FEATURES: &[Feature] = &[
    feature("--with-debug", &[]),
    feature("--with-threads", &["thread_pool"]),
    feature("--with-http_ssl_module", &["ssl_certificate"]),
    feature("--with-http_v2_module", &["http2"]),
    feature("--with-http_v3_module", &["http3"]),
    feature("--with-http_realip_module", &["set_real_ip_from"]),
    feature("--with-http_stub_status_module", &["stub_status"]),
    feature("--with-http_gzip_static_module", &["gzip_static"]),
    feature("--with-http_gunzip_module", &["gunzip"]),
    feature("--with-http_sub_module", &["sub_filter"]),
    feature("--with-http_auth_request_module", &["auth_request"]),
    feature("--with-http_slice_module", &["slice"]),
    feature("--with-http_secure_link_module", &["secure_link"]),
    feature("--with-http_addition_module", &["add_after_body"]),
    feature("--with-http_random_index_module", &["random_index"]),
    feature("--with-http_dav_module", &["dav_methods"]),
    feature("--with-http_mp4_module", &["mp4"]),
    feature("--with-http_flv_module", &["flv"]),
    feature("--with-stream", &["stream"]),
    feature("--with-stream_ssl_module", &["ssl_handshake_timeout"]),
    feature("--with-stream_realip_module", &["stream", "set_real_ip_from"]),
    feature("--with-stream_ssl_preread_module", &["ssl_preread"]),
    feature("--with-mail", &["mail"]),
    feature("--without-http_rewrite_module", &["return", "rewrite", "set", "if"]),
    feature("--without-http_proxy_module", &["proxy_pass"]),
    feature("--without-http_map_module", &["map"]),
    feature("--without-http_split_clients_module", &["split_clients"]),
    feature("--without-http_upstream_keepalive_module", &["keepalive"]),
    feature("--without-http_charset_module", &["charset"]),
    feature("--without-http_gzip_module", &["gzip"]),
    feature("--without-http_ssi_module", &["ssi"]),
    feature("--without-http_userid_module", &["userid"]),
    feature("--without-http_access_module", &["allow", "deny"]),
    feature("--without-http_auth_basic_module", &["auth_basic"]),
    feature("--without-http_mirror_module", &["mirror"]),
    feature("--without-http_autoindex_module", &["autoindex"]),
    feature("--without-http_geo_module", &["geo"]),
    feature("--without-http_referer_module", &["valid_referers"]),
    feature("--without-http_fastcgi_module", &["fastcgi_pass"]),
    feature("--without-http_uwsgi_module", &["uwsgi_pass"]),
    feature("--without-http_scgi_module", &["scgi_pass"]),
    feature("--without-http_grpc_module", &["grpc_pass"]),
    feature("--without-http_memcached_module", &["memcached_pass"]),
    feature("--without-http_limit_conn_module", &["limit_conn"]),
    feature("--without-http_limit_req_module", &["limit_req"]),
    feature("--without-http_empty_gif_module", &["empty_gif"]),
    feature("--without-http_browser_module", &["ancient_browser"]),
    feature("--without-http_upstream_hash_module", &["hash"]),
    feature("--without-http_upstream_ip_hash_module", &["ip_hash"]),
    feature("--without-http_upstream_least_conn_module", &["least_conn"]),
    feature("--without-http_upstream_random_module", &["random"]),
    feature("--without-http_upstream_zone_module", &["zone"]),
    feature("--without-stream_upstream_least_time_module", &["least_time"]),
    feature("--without-http-cache", &["proxy_cache"]),
];

/// The text for standard error.
pub(super) fn text(options: &Options) -> String {
    let mut text = format!("nginx version: nginx/{}\n", super::read::version().unwrap_or(NEWEST));
    if options.help {
        text.push_str(&help());
    }
    if options.configure {
        let arguments: Vec<&str> = FEATURES.iter().filter(|f| f.is_printed()).map(|f| f.argument).collect();
        let paths = format!(
            "--prefix={} --conf-path={} --error-log-path={} --pid-path={}",
            place::PREFIX.trim_end_matches('/'),
            place::CONF_PATH,
            place::ERROR_LOG_PATH,
            place::PID_PATH
        );
        text.push_str(concat!("built by ngxc ", env!("CARGO_PKG_VERSION"), "\n"));
        text.push_str("TLS SNI support enabled\n");
        text.push_str("configure arguments: ");
        text.push_str(&paths);
        for argument in arguments {
            text.push(' ');
            text.push_str(argument);
        }
        text.push('\n');
    }
    text
}

fn help() -> String {
    format!(
        "Usage: nginx [-?hvVtTq] [-s signal] [-p prefix]\n             \
         [-e filename] [-c filename] [-g directives]\n\n\
         Options:\n  \
         -?,-h         : this help\n  \
         -v            : show version and exit\n  \
         -V            : show version and configure options then exit\n  \
         -t            : test configuration and exit\n  \
         -T            : test configuration, dump it and exit\n  \
         -q            : suppress non-error messages during configuration testing\n  \
         -s signal     : send signal to a master process: stop, quit, reopen, reload\n  \
         -p prefix     : set prefix path (default: {})\n  \
         -e filename   : set error log file (default: {})\n  \
         -c filename   : set configuration file (default: {})\n  \
         -g directives : set global directives out of configuration file\n\n",
        place::PREFIX,
        place::ERROR_LOG_PATH,
        place::CONF_PATH
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_executed_is_claimed_and_nothing_else() {
        let all = Options { version: true, configure: true, ..Options::default() };
        let text = text(&all);
        let printed = |argument: &str| text.split_whitespace().any(|word| word == argument);
        assert!(!printed("--without-http_proxy_module") && !printed("--without-http_split_clients_module"));
        assert!(!printed("--with-debug") && !printed("--with-http_mp4_module"));
        assert!(printed("--without-http_memcached_module") && !printed("--without-http_fastcgi_module"));
    }

    #[test]
    fn features_name_directives_that_exist() {
        for feature in FEATURES {
            for name in feature.directives {
                assert!(!catalog::directives(name.as_bytes()).is_empty(), "{name}");
            }
        }
    }
}
