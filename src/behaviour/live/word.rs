//! Words of the rewritten configuration.

/// A word of nginx in quotes.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Host with port of a destination, and what follows; `None` if variables decide the host.
pub(super) fn authority(value: &str, has_scheme: bool) -> Option<(String, &str)> {
    let rest = if has_scheme {
        value.split_once("://").filter(|(scheme, _)| scheme.bytes().all(|b| b.is_ascii_alphanumeric()))?.1
    } else {
        value
    };
    if let Some(path) = rest.strip_prefix("unix:") {
        let length = if has_scheme { path.find(':').unwrap_or(path.len()) } else { path.len() };
        let end = rest.len() - path.len() + length;
        let uri = rest[end..].strip_prefix(':').unwrap_or_default();
        return (!rest[..end].contains('$')).then(|| (rest[..end].to_owned(), uri));
    }
    let end = rest.find(['/', '?', '$']).unwrap_or(rest.len());
    let (host, rest) = rest.split_at(end);
    // These variables begin with a slash; any other is a part of the host.
    let is_uri = ["$request_uri", "$uri", "$document_uri"].iter().any(|uri| rest.starts_with(uri));
    (!host.is_empty() && (is_uri || !rest.starts_with('$'))).then(|| (host.to_owned(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_host_and_rest() {
        for (value, has_scheme, expected) in [
            ("http://app", true, Some(("app", ""))),
            ("https://10.0.0.1:3000/v1/", true, Some(("10.0.0.1:3000", "/v1/"))),
            ("http://app$request_uri", true, Some(("app", "$request_uri"))),
            ("http://app$number", true, None),
            ("http://$app", true, None),
            ("$url", true, None),
            ("http://unix:/run/a.sock:/x", true, Some(("unix:/run/a.sock", "/x"))),
            ("unix:/run/php.sock", false, Some(("unix:/run/php.sock", ""))),
            ("127.0.0.1:9000", false, Some(("127.0.0.1:9000", ""))),
            ("http://[::1]:80/", true, Some(("[::1]:80", "/"))),
        ] {
            let found = authority(value, has_scheme);
            assert_eq!(found.as_ref().map(|(host, rest)| (host.as_str(), *rest)), expected, "{value}");
        }
    }
}
