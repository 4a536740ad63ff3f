//! Requests from a list: a method and a URL a line.

use crate::behaviour::case::Case;
use crate::simulate::lines;

/// Calls `see` with each request of a list, `None` for a line that is none; empty lines and comments are left out.
///
/// # Errors
/// If reading fails.
pub(super) fn each(input: impl std::io::Read, mut see: impl FnMut(Option<Case>)) -> std::io::Result<()> {
    lines::each(input, |line| {
        let line = line.unwrap_or_default().trim_ascii();
        if !line.is_empty() && !line.starts_with(b"#") {
            see(request(line));
        }
    })
}

/// `URL`, `METHOD URL` or `METHOD URL CLIENT`.
pub(super) fn request(line: &[u8]) -> Option<Case> {
    let text = std::str::from_utf8(line).ok()?;
    let mut words = text.split_ascii_whitespace();
    let mut case = Case::default();
    let first = words.next()?;
    let is_method = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
    let url = if is_method {
        case.method = Some(first.to_owned());
        words.next()?
    } else {
        first
    };
    let is_url = url.starts_with('/')
        || url.split_once("://").is_some_and(|(scheme, _)| {
            !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
    if !is_url {
        return None;
    }
    case.url = Some(url.to_owned());
    case.client = words.next().map(str::parse).transpose().ok()?;
    words.next().is_none().then_some(case)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_list() {
        let parts = |line: &str| {
            let case = request(line.as_bytes())?;
            Some((case.method, case.url.unwrap_or_default(), case.client.map(|c| c.to_string())))
        };
        let some = |method: Option<&str>, url: &str, client: Option<&str>| {
            Some((method.map(str::to_owned), url.to_owned(), client.map(str::to_owned)))
        };
        assert_eq!(parts("http://a/b"), some(None, "http://a/b", None));
        assert_eq!(parts("POST /b"), some(Some("POST"), "/b", None));
        assert_eq!(parts("/b 10.0.0.1"), some(None, "/b", Some("10.0.0.1")));
        assert_eq!(parts("GET"), None);
        assert_eq!(parts(r#"{"request":"/b","host":"http://a"}"#), None);
        assert_eq!(parts("GET /b nobody"), None);
        assert_eq!(parts("GET /b ::1 more"), None);
    }
}
