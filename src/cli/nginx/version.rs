//! `-v`, `-V`, `-h`: `ngx_show_version_info`. What `-V` lists is what this program really has.

use super::options::Options;
use super::place;
use crate::catalog::NEWEST;

/// One part of nginx that is chosen when nginx is configured.
struct Feature {
    /// Word of `./configure` that says so.
    argument: &'static str,
    /// Whether this program executes it.
    here: bool,
    /// nginx has it unless told otherwise: the argument then starts with `--without-`.
    default: bool,
}

const fn with(argument: &'static str, here: bool) -> Feature {
    Feature { argument, here, default: false }
}

const fn without(argument: &'static str, here: bool) -> Feature {
    Feature { argument, here, default: true }
}

/// What the runtime executes. A `--with-` is printed if it is here, a `--without-` if it is not: who reads `-V`
/// to learn what a binary can do (nginx's own test suite does) must not be told more than is true.
const FEATURES: &[Feature] = &[
    with("--with-debug", false),
    with("--with-threads", false),
    with("--with-http_ssl_module", false),
    with("--with-http_v2_module", false),
    with("--with-http_v3_module", false),
    with("--with-http_realip_module", false),
    with("--with-http_stub_status_module", false),
    with("--with-http_gzip_static_module", false),
    with("--with-http_gunzip_module", false),
    with("--with-http_sub_module", false),
    with("--with-http_auth_request_module", false),
    with("--with-http_slice_module", false),
    with("--with-http_secure_link_module", false),
    with("--with-http_addition_module", false),
    with("--with-http_random_index_module", false),
    with("--with-http_dav_module", false),
    with("--with-http_mp4_module", false),
    with("--with-http_flv_module", false),
    with("--with-stream", false),
    with("--with-mail", false),
    without("--without-http_rewrite_module", false),
    without("--without-http_proxy_module", false),
    without("--without-http_map_module", false),
    without("--without-http_split_clients_module", false),
    without("--without-http_upstream_keepalive_module", false),
    without("--without-http_charset_module", false),
    without("--without-http_gzip_module", false),
    without("--without-http_ssi_module", false),
    without("--without-http_userid_module", false),
    without("--without-http_access_module", false),
    without("--without-http_auth_basic_module", false),
    without("--without-http_mirror_module", false),
    without("--without-http_autoindex_module", false),
    without("--without-http_geo_module", false),
    without("--without-http_referer_module", false),
    without("--without-http_fastcgi_module", false),
    without("--without-http_uwsgi_module", false),
    without("--without-http_scgi_module", false),
    without("--without-http_grpc_module", false),
    without("--without-http_memcached_module", false),
    without("--without-http_limit_conn_module", false),
    without("--without-http_limit_req_module", false),
    without("--without-http_empty_gif_module", false),
    without("--without-http_browser_module", false),
    without("--without-http_upstream_hash_module", false),
    without("--without-http_upstream_ip_hash_module", false),
    without("--without-http_upstream_least_conn_module", false),
    without("--without-http_upstream_random_module", false),
    without("--without-http_upstream_zone_module", false),
    without("--without-http-cache", false),
];

/// The text for standard error.
pub(super) fn text(options: &Options) -> String {
    let mut text = format!("nginx version: nginx/{NEWEST}\n");
    if options.help {
        text.push_str(&help());
    }
    if options.configure {
        let arguments: Vec<&str> =
            FEATURES.iter().filter(|f| f.here != f.default).map(|f| f.argument).collect();
        let paths = format!(
            "--prefix={} --conf-path={} --error-log-path={} --pid-path={}",
            place::PREFIX.trim_end_matches('/'),
            place::CONF_PATH,
            place::ERROR_LOG_PATH,
            place::PID_PATH
        );
        text.push_str(concat!("built by ngxc ", env!("CARGO_PKG_VERSION"), "\n"));
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
    fn nothing_is_claimed_that_is_not_here() {
        let all = Options { version: true, configure: true, ..Options::default() };
        let text = text(&all);
        for feature in FEATURES {
            let printed = text.split_whitespace().any(|word| word == feature.argument);
            assert_eq!(printed, feature.here != feature.default, "{}", feature.argument);
            assert_eq!(feature.default, feature.argument.starts_with("--without-"), "{}", feature.argument);
        }
    }
}
