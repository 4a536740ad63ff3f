//! Variables where nginx takes the text as it is.

use crate::catalog::{self, Subsystem};
use crate::diagnostic::{Diagnostic, Level};
use crate::lint::rule::declare_rule;
use crate::lint::{Target, text};
use crate::syntax::{Directive, Word};

declare_rule! {
    /// ## What it does
    ///
    /// Reports a variable in a place where nginx does not evaluate any: the file of `error_log`, a `server_name`, the name
    /// of a header or parameter, an address. `$hostname` in `server_name` is an exception of nginx.
    ///
    /// ## Why is this bad
    ///
    /// The text is taken as it is. A log file is called `$host.log`, a server has a name that nobody asks for; for an
    /// address or a name server nginx does not start.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     server_name a.example;
    ///     error_log /var/log/nginx/$host.log;
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     server_name $hostname ~^(?<site>.+)\.example$;
    ///     error_log /var/log/nginx/a.log;
    ///     access_log /var/log/nginx/$site.log;
    /// }
    /// ```
    VARIABLE_NOT_EXPANDED {
        name: "variable-not-expanded",
        category: Correctness,
        level: Warning,
        summary: "a variable where nginx evaluates none",
        doc: "/en/docs/varindex.html",
    }
}

/// Arguments that nginx takes as they are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    First,
    All,
    /// Looked up when nginx starts.
    Address,
}

/// Directives, and which of their arguments.
const PLACES: &[(&str, Place)] = &[
    ("error_log", Place::First),
    ("server_name", Place::All),
    ("add_header", Place::First),
    ("add_trailer", Place::First),
    ("proxy_set_header", Place::First),
    ("grpc_set_header", Place::First),
    ("fastcgi_param", Place::First),
    ("uwsgi_param", Place::First),
    ("scgi_param", Place::First),
    ("proxy_hide_header", Place::First),
    ("proxy_pass_header", Place::First),
    ("fastcgi_hide_header", Place::First),
    ("default_type", Place::First),
    ("fastcgi_index", Place::First),
    ("client_body_temp_path", Place::First),
    ("proxy_temp_path", Place::First),
    ("proxy_cache_path", Place::First),
    ("gzip_types", Place::All),
    ("ssl_dhparam", Place::First),
    ("ssl_client_certificate", Place::First),
    ("ssl_trusted_certificate", Place::First),
    ("listen", Place::Address),
    ("set_real_ip_from", Place::Address),
    ("resolver", Place::Address),
    ("server", Place::Address),
];

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for &(name, place) in PLACES {
        for (_, directive) in target.levels().named(name).filter(|(_, d)| d.block().is_none()) {
            let count = match place {
                Place::First => 1,
                Place::All | Place::Address => directive.args().len(),
            };
            let taken =
                directive.args().take(count).find_map(|word| Some((word, literal(name, directive, word)?)));
            let Some((word, variable)) = taken else { continue };
            if place != Place::Address && !is_known(target, &variable) {
                continue;
            }
            let effect = match place {
                Place::Address => "nginx looks it up as a name and does not start".to_owned(),
                Place::First | Place::All => format!("nginx takes `{word}` as it is"),
            };
            let mut finding = VARIABLE_NOT_EXPANDED
                .finding(word.span(), format!("`{name}` evaluates no variables: {effect}"))
                .label(format!("`${variable}` means these characters"))
                .help("write the value itself");
            if place == Place::Address {
                finding.level = Level::Error;
            }
            found.push(finding);
        }
    }
}

/// The variable in an argument that is no pattern and no special word.
fn literal(name: &str, directive: Directive<'_>, word: Word<'_>) -> Option<String> {
    let text = word.value();
    let special = text.starts_with(b"~") || name == "server_name" && *text == *b"$hostname";
    // Behind the address there are parameters.
    let parameter = name == "listen" && directive.arg(0).is_some_and(|first| first.span() != word.span());
    if special || parameter || !text.contains(&b'$') || text.contains(&b'=') {
        return None;
    }
    text::variables(&text).next()
}

/// True if it is a variable of nginx or one that the configuration defines.
fn is_known(target: Target<'_>, name: &str) -> bool {
    catalog::variable(Subsystem::Http, name.as_bytes()).is_some()
        || target.config.http.variables.find(name).is_some()
}
