//! Host names: which are names at all, and whose they are.

use crate::values::text::is_name;

/// Endings of names that only one's own network knows.
const INTERNAL: &[&str] = &[
    "local",
    "localhost",
    "internal",
    "lan",
    "home",
    "corp",
    "intranet",
    "private",
    "test",
    "invalid",
    "localdomain",
    "arpa",
    "consul",
    "svc",
    "docker",
    "example",
    "prod",
    "stage",
    "staging",
];

/// Endings of names whose addresses change often.
const CLOUD: &[&str] = &[
    ".amazonaws.com",
    ".cloudfront.net",
    ".azurewebsites.net",
    ".azureedge.net",
    ".cloudapp.azure.com",
    ".herokuapp.com",
    ".vercel.app",
    ".netlify.app",
    ".run.app",
    ".appspot.com",
    ".workers.dev",
    ".fly.dev",
    ".onrender.com",
    ".ondigitalocean.app",
];

/// True if it is a name that the whole internet knows.
pub(super) fn is_public(host: &str) -> bool {
    let Some((before, last)) = host.trim_end_matches('.').rsplit_once('.') else { return false };
    let is_tld =
        last.len() > 1 && (last.bytes().all(|b| b.is_ascii_alphabetic()) || last.starts_with("xn--"));
    is_name(host)
        && is_tld
        && !before.is_empty()
        && !INTERNAL.contains(&last)
        && before.rsplit('.').next() != Some("svc")
}

/// True if its address changes by the hour.
pub(super) fn is_cloud(host: &str) -> bool {
    CLOUD.iter().any(|suffix| host.ends_with(suffix))
}

/// True if a host has the form of an upstream's name; in a fragment it may be one that is defined elsewhere.
pub(super) fn looks_like_upstream(host: &str) -> bool {
    !host.contains(['.', ':']) && !host.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_and_other_names() {
        let cases = [
            ("example.com", true),
            ("a.b.example.co.uk", true),
            ("example.xn--p1ai", true),
            ("app", false),
            ("10.0.0.1", false),
            ("app.default.svc.cluster.local", false),
            ("db.internal", false),
            ("api.prod", false),
            ("$host", false),
            ("unix", false),
            ("", false),
        ];
        for (name, expected) in cases {
            assert_eq!(is_public(name), expected, "{name}");
        }
    }
}
