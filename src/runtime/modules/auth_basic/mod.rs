//! Names and passwords (`ngx_http_auth_basic_module.c`, `ngx_crypt.c`).

pub(crate) mod users;

use std::io::BufReader;
use std::rc::Rc;

use md5::Md5;
use sha1::{Digest, Sha1};

use crate::model::log::Severity;
use crate::runtime::modules::access::Verdict;
use crate::runtime::net::http1::base64;
use crate::runtime::net::http1::field::KnownHeader;
use crate::runtime::net::log::errno;
use crate::runtime::net::path;
use crate::runtime::request::connection::Connection;
use crate::runtime::request::state::Request;

/// Asks for a name and a password and compares them with the file.
pub(crate) fn check(c: &Connection, r: &mut Request) -> Verdict {
    let plan = Rc::clone(&r.plan);
    let (realm, users) = (&plan.access.auth_basic.value, &plan.access.auth_basic_user_file.value);
    if realm.constant() == Some(b"off") || users.segments.is_empty() {
        return Verdict::Declined;
    }
    let mut scope = c.scope(r);
    let mut text = Vec::new();
    scope.evaluate(realm, &mut text);
    if text == b"off" {
        return Verdict::Declined;
    }
    let realm = text;
    let Some((name, password)) = credentials(scope.request) else {
        scope.log(Severity::Info, "no user/password was provided for basic authentication", "");
        return refuse(r, &realm);
    };
    let mut path = Vec::new();
    scope.evaluate(users, &mut path);
    let embedded = std::str::from_utf8(&path).ok().and_then(|path| scope.worker.config.embedded.get(path));
    let found = match embedded {
        Some(text) => users::find(&text[..], &name),
        None => open(&scope.worker.absolute(path.clone())).and_then(|file| users::find(file, &name)),
    };
    let path = scope.worker.absolute(path);
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            let missing = path::is_missing(&error);
            let level = if missing { Severity::Error } else { Severity::Crit };
            let shown = String::from_utf8_lossy(&path);
            scope.log(level, &format!("open() \"{shown}\" failed{}", errno(&error)), "");
            return Verdict::Refused(if missing { 403 } else { 500 });
        }
    };
    let shown = String::from_utf8_lossy(&name);
    let Some(hash) = found else {
        let users = String::from_utf8_lossy(&path);
        scope.log(Severity::Error, &format!("user \"{shown}\" was not found in \"{users}\""), "");
        return refuse(r, &realm);
    };
    if verify(&password, &hash) {
        return Verdict::Allowed;
    }
    scope.log(Severity::Error, &format!("user \"{shown}\": password mismatch"), "");
    refuse(r, &realm)
}

fn refuse(r: &mut Request, realm: &[u8]) -> Verdict {
    r.reply.set(b"WWW-Authenticate", &[b"Basic realm=\"", realm, b"\""].concat());
    Verdict::Refused(401)
}

/// Name and password that the client sent (`ngx_http_auth_basic_user`).
pub(crate) fn credentials(r: &Request) -> Option<(Vec<u8>, Vec<u8>)> {
    let value = r.head.value(KnownHeader::Authorization, r.buffer.all())?;
    let (scheme, encoded) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let decoded = base64::decode(encoded.trim_ascii_start())?;
    let colon = decoded.iter().position(|b| *b == b':').filter(|at| *at > 0)?;
    Some((decoded[..colon].to_vec(), decoded[colon + 1..].to_vec()))
}

fn open(path: &[u8]) -> std::io::Result<BufReader<std::fs::File>> {
    std::fs::File::open(path::os(path)).map(BufReader::new)
}

/// True if a password is the one that was hashed (`ngx_crypt`, `crypt(3)`): what is made of it is the text of the file.
/// Both end at a zero byte, as strings in C do.
fn verify(password: &[u8], hash: &[u8]) -> bool {
    let (password, hash) = (c_string(password), c_string(hash));
    if let Some(plain) = hash.strip_prefix(b"{PLAIN}") {
        return plain == password;
    }
    if let Some(encoded) = hash.strip_prefix(b"{SHA}") {
        return encoded == base64::encode(&Sha1::digest(password)).as_bytes();
    }
    if let Some(encoded) = hash.strip_prefix(b"{SSHA}") {
        let decoded = base64::decode(encoded).unwrap_or_default();
        let salt = decoded.get(20..).unwrap_or_default();
        let digest = Sha1::new().chain_update(password).chain_update(salt).finalize();
        return encoded == base64::encode(&[&digest, salt].concat()).as_bytes();
    }
    if let Some(rest) = hash.strip_prefix(b"$apr1$") {
        let salt = rest.split(|b| *b == b'$').next().unwrap_or_default();
        let salt = &salt[..salt.len().min(8)];
        return rest == [salt, b"$", &apr1(password, salt)].concat();
    }
    std::str::from_utf8(hash).is_ok_and(|hash| pwhash::unix::verify(password, hash))
}

fn c_string(text: &[u8]) -> &[u8] {
    memchr::memchr(0, text).map_or(text, |end| &text[..end])
}

/// Alphabet of crypt's base64, and order of the digest's bytes in an MD5 password.
const DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ORDER: [[usize; 3]; 5] = [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5]];

/// Apache's MD5 (`ngx_crypt_apr1`), without the salt in front.
fn apr1(password: &[u8], salt: &[u8]) -> [u8; 22] {
    let inner = Md5::new().chain_update(password).chain_update(salt).chain_update(password).finalize();
    let mut first = Md5::new().chain_update(password).chain_update(b"$apr1$").chain_update(salt);
    let mut left = password.len();
    while left > 0 {
        first.update(&inner[..left.min(16)]);
        left = left.saturating_sub(16);
    }
    let mut bits = password.len();
    while bits > 0 {
        if bits & 1 == 1 {
            first.update([0]);
        } else {
            first.update(&password[..1]);
        }
        bits >>= 1;
    }
    let mut last = first.finalize();
    for i in 0..1000 {
        let mut round = Md5::new();
        if i & 1 == 1 {
            round.update(password);
        } else {
            round.update(last);
        }
        if i % 3 != 0 {
            round.update(salt);
        }
        if i % 7 != 0 {
            round.update(password);
        }
        if i & 1 == 1 {
            round.update(last);
        } else {
            round.update(password);
        }
        last = round.finalize();
    }
    let mut out = [0; 22];
    let mut at = 0;
    let mut put = |mut bits: u32, n: usize| {
        for _ in 0..n {
            out[at] = DIGITS[(bits & 63) as usize];
            bits >>= 6;
            at += 1;
        }
    };
    for [a, b, c] in ORDER {
        put(u32::from(last[a]) << 16 | u32::from(last[b]) << 8 | u32::from(last[c]), 4);
    }
    put(u32::from(last[11]), 2);
    out
}

#[cfg(test)]
mod tests {
    use crate::runtime::modules::auth_basic::verify;

    #[test]
    fn schemes() {
        // Made with `openssl passwd` and Python.
        for (hash, password, expected) in [
            ("{PLAIN}secret", "secret", true),
            ("{PLAIN}secret", "secreT", false),
            ("{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "secret", true),
            ("$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/", "secret", true),
            ("$apr1$abcdefgh$Qr/cSdbTDKzpJ1PkA0G5f0", "wrong", false),
            ("$apr1$abcdefghih9FWgUz3n9YxylKLlR5SQ/", "secret", false),
            ("{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ", "secret", false),
            ("{SHA}5en6G6MezRroT3XKqkdPOmY_BfQ=", "secret", false),
            ("{SSHA}gVK8WC9YyFT1gMsQHTGCgT3sSv5zYWx0", "secret", true),
            ("{SSHA}gVK8WC9YyFT1gMsQHTGCgT3sSv5zYWx1", "secret", false),
            ("{SSHA}", "secret", false),
            ("abNANd1rDfiNc", "secret", true),
            ("abNANd1rDfiNc", "Secret", false),
            ("", "secret", false),
        ] {
            assert_eq!(verify(password.as_bytes(), hash.as_bytes()), expected, "{hash}");
        }
    }
}
