//! `$secure_link`: validity of a link, which is signed with a secret and may expire
//! (`ngx_http_secure_link_module.c`).

use md5::{Digest, Md5};

use crate::model::{ClientSettings, ComplexValue, time};
use crate::runtime::net::clock::Clock;
use crate::runtime::net::http1::base64;
use crate::runtime::request::scope::Scope;

/// `$secure_link`: `1`, `0` for a link that is too old, nothing for one that is wrong. With `secure_link_secret` the
/// part of the URI that the digest is of.
pub(crate) fn verdict(s: &mut Scope<'_>, out: &mut Vec<u8>) -> bool {
    let plan = std::rc::Rc::clone(&s.request.plan);
    let settings = &*plan.client;
    if let Some(secret) = secret(settings) {
        let target = s.request.head.line.target.of(s.request.buffer.all());
        let Some(rest) = signed(target, secret) else { return false };
        out.extend_from_slice(rest);
        return true;
    }
    let (Some((digest, until)), Some(text)) = (link(s, settings), &settings.secure_link_md5.value) else {
        return false;
    };
    let found = if digest.len() > 24 { None } else { base64::decode_url(&digest) };
    if found.is_none_or(|found| !is_same(&found, &md5(&evaluated(s, text), b""))) {
        return false;
    }
    let is_over = until.is_some_and(|(_, until)| until < Clock::now().as_secs());
    out.push(if is_over { b'0' } else { b'1' });
    true
}

/// `$secure_link_expires`: the time in the link, as written.
pub(crate) fn expires(s: &mut Scope<'_>, out: &mut Vec<u8>) -> bool {
    let plan = std::rc::Rc::clone(&s.request.plan);
    let Some((_, Some((text, _)))) = link(s, &plan.client) else { return false };
    out.extend_from_slice(&text);
    true
}

/// Seconds since the epoch, and how they are written.
type Until = (Vec<u8>, u64);

/// Digest and time of a link; `None` if the time is none.
fn link(s: &mut Scope<'_>, settings: &ClientSettings) -> Option<(Vec<u8>, Option<Until>)> {
    let mut digest = evaluated(s, settings.secure_link.value.as_ref()?);
    let Some(comma) = memchr::memchr(b',', &digest) else { return Some((digest, None)) };
    let until = digest.split_off(comma).split_off(1);
    digest.truncate(comma);
    let seconds = time::digits(&until).filter(|seconds| *seconds > 0)?;
    Some((digest, Some((until, seconds))))
}

/// `secure_link_secret`, if it counts: the newer directives come first unless it stands further inside
/// (`ngx_http_secure_link_merge_conf`).
fn secret(settings: &ClientSettings) -> Option<&[u8]> {
    let secret = &settings.secure_link_secret;
    let has_newer = settings.secure_link.value.is_some() || settings.secure_link_md5.value.is_some();
    (!secret.value.is_empty() && (secret.is_set_here() || !has_newer)).then_some(secret.value.as_bytes())
}

/// The text behind the digest in `/prefix/digest/rest`, if the digest is right.
fn signed<'t>(target: &'t [u8], secret: &[u8]) -> Option<&'t [u8]> {
    let mut parts = target.get(1..)?.splitn(3, |b| *b == b'/');
    let (_, digest, rest) = (parts.next()?, parts.next()?, parts.next()?);
    if digest.len() != 32 || rest.is_empty() {
        return None;
    }
    let digit = |b: u8| char::from(b).to_digit(16);
    let digest: Option<Vec<u8>> =
        digest.chunks(2).map(|pair| Some((digit(pair[0])? * 16 + digit(pair[1])?) as u8)).collect();
    is_same(&digest?, &md5(rest, secret)).then_some(rest)
}

fn evaluated(s: &mut Scope<'_>, value: &ComplexValue) -> Vec<u8> {
    let mut out = Vec::new();
    s.evaluate(value, &mut out);
    out
}

fn md5(text: &[u8], more: &[u8]) -> [u8; 16] {
    Md5::new().chain_update(text).chain_update(more).finalize().into()
}

/// Compares in a time that does not tell how much of it is right.
fn is_same(found: &[u8], expected: &[u8; 16]) -> bool {
    found.len() == expected.len() && found.iter().zip(expected).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_the_rest_and_the_secret() {
        // Of md5sum.
        let hex = "5e814704a28d9bc1914ff19fa0c4a00a";
        let right = format!("/p/{hex}/link");
        assert_eq!(signed(right.as_bytes(), b"secret"), Some(&b"link"[..]));
        assert_eq!(signed(format!("/p/{hex}/").as_bytes(), b"secret"), None);
        assert_eq!(signed(format!("/p/{hex}/links").as_bytes(), b"secret"), None);
        assert_eq!(signed(format!("/p/+{}/link", &hex[1..]).as_bytes(), b"secret"), None);
        assert_eq!(signed(b"", b"secret"), None);
    }
}
