//! The request line (`ngx_http_parse_request_line`).

use crate::runtime::net::http1::piece::Piece;

/// A parsed request line; positions are in the buffer of the head.
#[allow(clippy::struct_excessive_bools)] // nginx's own marks of a request line, each tested by itself
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RequestLine {
    /// The whole line without its end.
    pub(crate) line: Piece,
    pub(crate) method: Piece,
    /// The host of an absolute URI or of CONNECT, with its port.
    pub(crate) host: Option<Piece>,
    /// `$request_uri`, without scheme and host.
    pub(crate) target: Piece,
    /// The target up to `?`.
    pub(crate) path: Piece,
    /// The text behind `?`.
    pub(crate) args: Piece,
    /// `HTTP/1.1` as written; empty in HTTP/0.9.
    pub(crate) protocol: Piece,
    /// 9, 1000, 1001 …
    pub(crate) version: u16,
    /// The path has to be normalised before it is used.
    pub(crate) complex: bool,
    /// The path has `%XX`.
    pub(crate) quoted: bool,
    /// The path or the arguments have `+`.
    pub(crate) plus: bool,
    /// `http://host?args`: the path is empty and means `/`.
    pub(crate) empty_path: bool,
}

/// Reasons of refused request lines (`ngx_http_client_errors`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineError {
    Method,
    Request,
    Version,
    Method09,
}

impl LineError {
    pub(crate) fn message(self) -> &'static str {
        match self {
            LineError::Method => "client sent invalid method",
            LineError::Request => "client sent invalid request",
            LineError::Version => "client sent invalid version",
            LineError::Method09 => "client sent invalid method in HTTP/0.9 request",
        }
    }

    pub(crate) fn status(self) -> u16 {
        if self == LineError::Version { 505 } else { 400 }
    }
}

fn is_method(b: u8) -> bool {
    b.is_ascii_uppercase() || b == b'_' || b == b'-'
}

/// True if an incomplete line can still become a request: TLS on a plain port is refused without waiting.
pub(crate) fn plausible(line: &[u8]) -> bool {
    let method = line.split(|b| *b == b' ').next().unwrap_or_default();
    method.iter().all(|b| is_method(*b))
}

/// Parses `buffer[start .. end]`, a line without its CR LF.
pub(crate) fn parse(buffer: &[u8], start: usize, end: usize) -> Result<RequestLine, LineError> {
    let mut out = RequestLine { line: Piece::new(start, end), version: 9, ..RequestLine::default() };
    let line = &buffer[..end];
    let mut i = start;
    while i < end && is_method(line[i]) {
        i += 1;
    }
    if i == start || (i < end && line[i] != b' ') {
        return Err(LineError::Method);
    }
    out.method = Piece::new(start, i);
    i = skip_spaces(line, i);
    if i == end {
        return Err(LineError::Request);
    }
    if out.method.of(buffer) == b"CONNECT" {
        i = authority_form(line, i, &mut out)?;
    } else {
        if line[i] != b'/' {
            i = scheme_and_host(line, i, &mut out)?;
        }
        if out.target.is_empty() {
            i = target(line, i, &mut out)?;
        }
    }
    protocol(line, i, &mut out)?;
    if out.version == 9 && out.method.of(buffer) != b"GET" {
        return Err(LineError::Method09);
    }
    Ok(out)
}

/// The request line of HTTP/2, whose parts stand in the buffer one behind the other, a space between them.
pub(crate) fn of_http2(
    buffer: &[u8],
    method: Piece,
    target: Piece,
    protocol: Piece,
) -> Result<RequestLine, LineError> {
    let (start, end) = (target.start as usize, target.end as usize);
    let line = Piece::new(method.start as usize, protocol.end as usize);
    let mut out =
        RequestLine { line, method, target, path: target, protocol, version: 2000, ..RequestLine::default() };
    if !method.of(buffer).iter().all(|b| is_method(*b)) {
        return Err(LineError::Method);
    }
    // The target of CONNECT is a host; the method is refused with the whole head.
    if method.of(buffer) != b"CONNECT" {
        let is_path = buffer.get(start) == Some(&b'/');
        if !is_path || self::target(&buffer[..end], start, &mut out)? != end {
            return Err(LineError::Request);
        }
    }
    Ok(out)
}

fn skip_spaces(line: &[u8], mut i: usize) -> usize {
    while line.get(i) == Some(&b' ') {
        i += 1;
    }
    i
}

/// `host:port`; the URI is the slash of `HTTP/`.
fn authority_form(line: &[u8], start: usize, out: &mut RequestLine) -> Result<usize, LineError> {
    let host_end = host(line, start)?;
    if line.get(host_end) != Some(&b':') {
        return Err(LineError::Request);
    }
    let port_end = digits(line, host_end + 1);
    if port_end == host_end + 1 || line.get(port_end) != Some(&b' ') {
        return Err(LineError::Request);
    }
    out.host = Some(Piece::new(start, port_end));
    let i = skip_spaces(line, port_end);
    let slash = i + 4;
    if line.get(slash) != Some(&b'/') {
        return Err(LineError::Request);
    }
    out.target = Piece::new(slash, slash + 1);
    out.path = out.target;
    Ok(i)
}

/// `http://host:port`; returns where the path begins, or what follows if there is none.
fn scheme_and_host(line: &[u8], start: usize, out: &mut RequestLine) -> Result<usize, LineError> {
    let mut i = start;
    if !line[i].is_ascii_alphabetic() {
        return Err(LineError::Request);
    }
    while i < line.len() && (line[i].is_ascii_alphanumeric() || matches!(line[i], b'+' | b'-' | b'.')) {
        i += 1;
    }
    if line.get(i..i + 3) != Some(b"://") {
        return Err(LineError::Request);
    }
    let slash = i + 1;
    let host_start = i + 3;
    i = host(line, host_start)?;
    if line.get(i) == Some(&b':') {
        i = digits(line, i + 1);
    }
    out.host = Some(Piece::new(host_start, i));
    match line.get(i) {
        Some(b'/') => Ok(i),
        Some(b'?') => {
            out.empty_path = true;
            Ok(i)
        }
        Some(b' ') => {
            out.target = Piece::new(slash, slash + 1);
            out.path = out.target;
            Ok(i)
        }
        _ => Err(LineError::Request),
    }
}

fn host(line: &[u8], start: usize) -> Result<usize, LineError> {
    let mut i = start;
    if line.get(i) == Some(&b'[') {
        i += 1;
        while i < line.len() && (line[i].is_ascii_alphanumeric() || b":-._~!$&'()*+,;=".contains(&line[i])) {
            i += 1;
        }
        return if line.get(i) == Some(&b']') { Ok(i + 1) } else { Err(LineError::Request) };
    }
    while i < line.len() && (line[i].is_ascii_alphanumeric() || matches!(line[i], b'.' | b'-')) {
        i += 1;
    }
    Ok(i)
}

fn digits(line: &[u8], mut i: usize) -> usize {
    while i < line.len() && line[i].is_ascii_digit() {
        i += 1;
    }
    i
}

/// Bytes of a target that say nothing.
static IS_PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        plain[byte] = !matches!(byte as u8, 0..=b' ' | 0x7f | b'#' | b'?' | b'%' | b'+' | b'/' | b'.');
        byte += 1;
    }
    plain
};

/// The target up to a space; notes what of it has to be normalised.
fn target(line: &[u8], start: usize, out: &mut RequestLine) -> Result<usize, LineError> {
    let mut i = start;
    let mut args = None;
    let mut previous = 0;
    while i < line.len() {
        let b = line[i];
        if IS_PLAIN[usize::from(b)] {
            previous = b;
            i += 1;
            continue;
        }
        match b {
            b' ' => break,
            0..0x20 | 0x7f => return Err(LineError::Request),
            b'#' => out.complex = true,
            b'?' if args.is_none() => args = Some(i + 1),
            b'%' if args.is_none() => out.quoted = true,
            b'+' => out.plus = true,
            b'/' | b'.' if previous == b'/' && args.is_none() => out.complex = true,
            _ => {}
        }
        previous = b;
        i += 1;
    }
    out.target = Piece::new(start, i);
    out.path = Piece::new(start, args.map_or(i, |a| a - 1));
    out.args = args.map_or(Piece::new(i, i), |a| Piece::new(a, i));
    Ok(i)
}

fn protocol(line: &[u8], start: usize, out: &mut RequestLine) -> Result<(), LineError> {
    let i = skip_spaces(line, start);
    if i == line.len() {
        return Ok(());
    }
    if line[i..] == *b"HTTP/1.1" {
        // As most are.
        out.version = 1001;
        out.protocol = Piece::new(i, line.len());
        return Ok(());
    }
    if line.get(i..i + 5) != Some(b"HTTP/") {
        return Err(LineError::Request);
    }
    let major_end = digits(line, i + 5);
    let major = &line[i + 5..major_end];
    match major {
        [b'1'] => {}
        [b'1'..=b'9', ..] => return Err(LineError::Version),
        _ => return Err(LineError::Request),
    }
    if line.get(major_end) != Some(&b'.') {
        return Err(LineError::Request);
    }
    let minor_end = digits(line, major_end + 1);
    let minor = &line[major_end + 1..minor_end];
    if minor.is_empty() || minor.len() > 3 || skip_spaces(line, minor_end) != line.len() {
        return Err(LineError::Request);
    }
    let minor = minor.iter().fold(0u16, |n, d| n * 10 + u16::from(d - b'0'));
    out.version = 1000 + minor;
    out.protocol = Piece::new(i, line.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Result<RequestLine, LineError> {
        parse(text.as_bytes(), 0, text.len())
    }

    #[test]
    fn accepted() {
        for (text, target, args, host, version) in [
            ("GET / HTTP/1.1", "/", "", None, 1001),
            ("GET  /a?b=c  HTTP/1.0  ", "/a?b=c", "b=c", None, 1000),
            ("GET /", "/", "", None, 9),
            ("GET http://a.b:80/x HTTP/1.1", "/x", "", Some("a.b:80"), 1001),
            ("GET http://a HTTP/1.1", "/", "", Some("a"), 1001),
            ("GET http://a?q HTTP/1.1", "?q", "q", Some("a"), 1001),
            ("GET http://[::1]:8/ HTTP/1.1", "/", "", Some("[::1]:8"), 1001),
            ("CONNECT a:80 HTTP/1.1", "/", "", Some("a:80"), 1001),
            ("X_Y-Z /é HTTP/1.99", "/é", "", None, 1099),
        ] {
            let parsed = line(text).unwrap();
            assert_eq!(parsed.target.of(text.as_bytes()), target.as_bytes(), "{text}");
            assert_eq!(parsed.args.of(text.as_bytes()), args.as_bytes(), "{text}");
            assert_eq!(parsed.host.map(|h| h.of(text.as_bytes())), host.map(str::as_bytes), "{text}");
            assert_eq!(parsed.version, version, "{text}");
        }
    }

    #[test]
    fn refused() {
        for (text, why) in [
            ("get / HTTP/1.1", LineError::Method),
            ("\x16\x03\x01", LineError::Method),
            ("GET", LineError::Request),
            ("GET x HTTP/1.1", LineError::Request),
            ("GET /\t HTTP/1.1", LineError::Request),
            ("GET /a b HTTP/1.1", LineError::Request),
            ("GET / HTTP/2.0", LineError::Version),
            ("GET / HTTP/1.", LineError::Request),
            ("GET / HTTP/01.1", LineError::Request),
            ("GET / HTTP/1.1 x", LineError::Request),
            ("POST /", LineError::Method09),
            ("CONNECT a HTTP/1.1", LineError::Request),
        ] {
            assert_eq!(line(text), Err(why), "{text}");
        }
    }
}
