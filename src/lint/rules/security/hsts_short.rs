//! HSTS for a short time.

use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `Strict-Transport-Security` with a `max-age` below half a year. `max-age=0`, which takes the promise
    /// back, is deliberate and no finding.
    ///
    /// ## Why is this bad
    ///
    /// A visitor who comes less often is unprotected each time.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     add_header Strict-Transport-Security "max-age=3600" always;
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     add_header Strict-Transport-Security "max-age=31536000" always;
    /// }
    /// ```
    HSTS_SHORT {
        name: "hsts-short",
        category: Security,
        level: Info,
        summary: "browsers forget within half a year to stay with TLS",
        doc: "/en/docs/http/ngx_http_headers_module.html#add_header",
    }
}

/// Half a year in seconds, as the lists of the browsers count it.
const HALF_A_YEAR: u64 = 15_768_000;

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (_, line) in target.levels().http("add_header") {
        let (Some(name), Some(value)) = (line.arg(0), line.arg(1)) else { continue };
        if !name.value().eq_ignore_ascii_case(b"strict-transport-security") {
            continue;
        }
        let text = value.to_string().to_ascii_lowercase();
        let age = text.split("max-age=").nth(1).map(|rest| rest.trim_start_matches(['"', ' ']));
        let digits: String = age.unwrap_or_default().chars().take_while(char::is_ascii_digit).collect();
        if digits.parse::<u64>().is_ok_and(|age| age > 0 && age < HALF_A_YEAR) {
            found.push(
                HSTS_SHORT
                    .finding(value.span(), format!("browsers forget after {digits} s to stay with TLS"))
                    .help("write `max-age=31536000`, once it works"),
            );
        }
    }
}
