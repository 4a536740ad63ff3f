//! Compression of responses (`ngx_http_gzip_filter_module.c`, `ngx_http_gzip_ok`).

use std::io::Write;
use std::rc::Rc;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::eval::regex::Regex;
use crate::runtime::net::clock;
use crate::runtime::net::http1::field::KnownHeader;
use crate::runtime::net::http1::head;
use crate::runtime::net::text::put;
use crate::runtime::request::filter::BodyFilter;
use crate::runtime::request::reply::{Ratio, Reply};
use crate::runtime::request::scope::Scope;
use crate::runtime::request::state::Request;

/// A response that is being compressed.
pub(crate) struct Gzip {
    encoder: GzEncoder<Vec<u8>>,
    /// Bytes so far.
    before: u64,
    after: u64,
    ratio: Ratio,
}

impl std::fmt::Debug for Gzip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gzip")
    }
}

impl Gzip {
    fn new(level: Compression, ratio: Ratio) -> Self {
        Self { encoder: GzEncoder::new(Vec::new(), level), before: 0, after: 0, ratio }
    }
}

impl BodyFilter for Gzip {
    fn push(&mut self, data: &[u8], is_last: bool, out: &mut Vec<u8>) -> Result<(), &'static str> {
        // Memory takes everything.
        let _ = self.encoder.write_all(data);
        if is_last {
            let _ = self.encoder.try_finish();
        }
        let ready = self.encoder.get_mut();
        self.before += data.len() as u64;
        self.after += ready.len() as u64;
        out.append(ready);
        if is_last {
            self.ratio.set(Some((self.before, self.after)));
        }
        Ok(())
    }
}

/// Has the body compressed if the configuration and the client want it, unless it has an encoding already.
pub(crate) fn filter(request: &mut Request, is_encoded: bool) {
    let plan = std::rc::Rc::clone(&request.plan);
    let gzip = &plan.gzip;
    if request.reply.vary && gzip.vary.value {
        request.reply.lines.splice(0..0, *b"Vary: Accept-Encoding\r\n");
    }
    if !gzip.gzip.value {
        return;
    }
    let reply = &request.reply;
    let kind = reply.content_type.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
    if !matches!(request.status, 200 | 403 | 404)
        || is_encoded
        || reply.content_length.is_some_and(|length| length < gzip.min_length.value)
        || !gzip.types.value.has(kind)
        || reply.header_only
    {
        return;
    }
    if gzip.vary.value && !request.reply.vary {
        // In front of the other lines, as nginx writes it.
        request.reply.lines.splice(0..0, *b"Vary: Accept-Encoding\r\n");
    }
    if !is_wanted(request, &plan.gzip_disable) {
        return;
    }
    let reply = &mut request.reply;
    let level = Compression::new(gzip.level.value.clamp(1, 9));
    let ratio = Ratio::default();
    reply.gzip_ratio = Some(Rc::clone(&ratio));
    reply.add_filter(Gzip::new(level, ratio));
    reply.push(b"Content-Encoding", b"gzip");
    reply.content_length = None;
    reply.allow_ranges = false;
    reply.remove(b"Accept-Ranges");
    weaken(reply);
}

/// `$gzip_ratio`, rounded to two digits (`ngx_http_gzip_ratio_variable`).
pub(crate) fn ratio(s: &mut Scope<'_>, out: &mut Vec<u8>) -> bool {
    let ratio = s.request.reply.gzip_ratio.as_ref().and_then(|ratio| ratio.get());
    let Some((before, after)) = ratio.filter(|(_, after)| *after > 0) else { return false };
    let hundredths = (before * 1000 / after + 5) / 10;
    put(out, format_args!("{}.{:02}", hundredths / 100, hundredths % 100));
    true
}

/// `ngx_http_weak_etag`
pub(crate) fn weaken(reply: &mut Reply) {
    let Some(etag) = reply.get(b"ETag") else { return };
    if etag.starts_with(b"W/") {
        return;
    }
    if etag.starts_with(b"\"") {
        let weak = [b"W/", etag].concat();
        reply.set(b"ETag", &weak);
    } else {
        reply.remove(b"ETag");
    }
}

/// True if the client takes gzip, and gets it.
pub(crate) fn is_wanted(request: &Request, disable: &[Regex]) -> bool {
    if request.depth > 0 {
        return false;
    }
    let plan = &request.plan;
    let buffer = request.buffer.all();
    let value = |known| request.head.value(known, buffer);
    if !value(KnownHeader::AcceptEncoding).is_some_and(accepts) {
        return false;
    }
    if let Some(agent) = value(KnownHeader::UserAgent)
        && disable.iter().any(|regex| regex.exec(agent).is_ok_and(|found| found.is_some()))
    {
        return false;
    }
    let least = if plan.gzip.http_version.value.0 == "1.0" { 1000 } else { 1001 };
    if request.head.line.version < least {
        return false;
    }
    if value(KnownHeader::Via).is_none() {
        return true;
    }
    let proxied = &plan.gzip.proxied.value;
    if proxied.0.is_empty() || proxied.has("off") {
        return false;
    }
    if proxied.has("any") || proxied.has("auth") && value(KnownHeader::Authorization).is_some() {
        return true;
    }
    let reply = &request.reply;
    if let Some(expires) = reply.get(b"Expires") {
        let now = clock::Clock::now().as_secs().cast_signed();
        return proxied.has("expired") && clock::parse_http(expires).is_some_and(|at| at < now);
    }
    if let Some(control) = reply.get(b"Cache-Control") {
        let has = |word: &str| head::contains(control, word.as_bytes());
        return ["no-cache", "no-store", "private"].iter().any(|word| proxied.has(word) && has(word));
    }
    proxied.has("no_last_modified") && reply.modified().is_none()
        || proxied.has("no_etag") && reply.get(b"ETag").is_none()
}

/// True if gzip is accepted, with a quality above 0 (`ngx_http_gzip_accept_encoding`).
fn accepts(value: &[u8]) -> bool {
    let is_gzip = |at: &usize| value.get(*at..at + 4).is_some_and(|name| name.eq_ignore_ascii_case(b"gzip"));
    let begins = |at: &usize| *at == 0 || matches!(value[at - 1], b',' | b' ');
    let Some(at) = (0..value.len()).find(|at| is_gzip(at) && begins(at)) else { return false };
    let after = value[at + 4..].trim_ascii_start();
    let Some(rest) = after.strip_prefix(b";") else { return matches!(after.first(), None | Some(b',')) };
    match rest.trim_ascii_start() {
        [] => true,
        [b'q' | b'Q', b'=', quality @ ..] => is_quality(quality),
        _ => false,
    }
}

/// True for a quality above 0: at most 1, with at most three digits (`ngx_http_gzip_quantity`).
fn is_quality(text: &[u8]) -> bool {
    let end = text.iter().position(|b| matches!(b, b',' | b' ')).unwrap_or(text.len());
    let (whole, digits) = match &text[..end] {
        [whole @ (b'0' | b'1')] => (whole, &b""[..]),
        [whole @ (b'0' | b'1'), b'.', digits @ ..] => (whole, digits),
        _ => return false,
    };
    let is_zero = digits.iter().all(|b| *b == b'0');
    digits.len() <= 3 && digits.iter().all(u8::is_ascii_digit) && (*whole == b'1') == is_zero
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted() {
        for (value, expected) in [
            ("gzip", true),
            ("deflate, gzip", true),
            ("GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip; q=0.000", false),
            ("gzip;q=0.001", true),
            ("gzip;q=0.0001", false),
            ("gzip;q=1.000", true),
            ("gzip;q=1.001", false),
            ("gzip;q=.5", false),
            ("gzip ; Q=1, br", true),
            ("gzip;q=a", false),
            ("gzip;x=1", false),
            ("xgzip, gzip", true),
            ("x-gzip", false),
            ("", false),
        ] {
            assert_eq!(accepts(value.as_bytes()), expected, "{value}");
        }
    }

    #[test]
    fn what_was_compressed_is_the_same() {
        use std::io::Read;
        let ratio = Ratio::default();
        let mut gzip = Gzip::new(Compression::new(1), Rc::clone(&ratio));
        let mut out = Vec::new();
        for (i, piece) in ["abc".repeat(10_000), String::new(), "x".to_owned()].iter().enumerate() {
            gzip.push(piece.as_bytes(), i == 2, &mut out).unwrap();
        }
        let mut text = String::new();
        flate2::read::GzDecoder::new(&out[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text, "abc".repeat(10_000) + "x");
        assert_eq!(ratio.get(), Some((30_001, out.len() as u64)));
    }
}
