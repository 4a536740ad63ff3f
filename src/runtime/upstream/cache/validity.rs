//! Freshness of a response by its own headers (`ngx_http_upstream_process_cache_control` and its neighbours).

use crate::model::argument::Words;
use crate::model::cache::CacheValid;
use crate::runtime::net::clock;
use crate::runtime::net::http1::field::{Field, KnownHeader};
use crate::runtime::upstream::cache::header::LONGEST;

/// Validity by the headers of a response.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Validity {
    /// Until when it is fresh, in seconds since 1970; 0: it does not say.
    pub(crate) valid: i64,
    /// Seconds after that in which a stale response may be used: while it is renewed, and when the peer fails.
    pub(crate) updating: i64,
    pub(crate) error: i64,
    /// The cache must not keep the response.
    pub(crate) is_refused: bool,
    pub(crate) vary: Vec<u8>,
}

/// Reads the headers in their order.
pub(crate) fn of(text: &[u8], fields: &[Field], ignored: &Words, now: i64) -> Validity {
    let mut validity = Validity::default();
    let (mut no_cache, mut expired) = (false, false);
    let mut has_accel = false;
    let obeyed = |name: &str| !ignored.has(name);
    for field in fields {
        let value = field.value.of(text);
        match field.known {
            KnownHeader::SetCookie if obeyed("Set-Cookie") => validity.is_refused = true,
            KnownHeader::XAccelExpires if !has_accel => {
                has_accel = true;
                if obeyed("X-Accel-Expires") {
                    accel(value, now, &mut validity, (&mut no_cache, &mut expired));
                }
            }
            KnownHeader::Expires if obeyed("Expires") && validity.valid == 0 => {
                match clock::parse_http(value) {
                    Some(time) if time >= now => validity.valid = time,
                    _ => expired = true,
                }
            }
            KnownHeader::CacheControl if obeyed("Cache-Control") => {
                let is_decided = has_accel && validity.valid != 0;
                control(value, is_decided, now, &mut validity, (&mut no_cache, &mut expired));
            }
            KnownHeader::Other if obeyed("Vary") && field.name.of(text).eq_ignore_ascii_case(b"vary") => {
                if value == b"*" {
                    validity.is_refused = true;
                }
                if !validity.vary.is_empty() {
                    validity.vary.extend_from_slice(b", ");
                }
                validity.vary.extend_from_slice(value);
            }
            _ => {}
        }
    }
    validity.is_refused |= no_cache || expired || validity.vary.len() > LONGEST;
    validity
}

/// `X-Accel-Expires`: seconds, or `@` and a time.
fn accel(value: &[u8], now: i64, validity: &mut Validity, (no_cache, expired): (&mut bool, &mut bool)) {
    let number = |text: &[u8]| std::str::from_utf8(text).ok().and_then(|text| text.parse::<u32>().ok());
    let valid = match value.strip_prefix(b"@") {
        Some(time) => number(time).map(i64::from),
        None => match number(value) {
            Some(0) => {
                validity.is_refused = true;
                None
            }
            seconds => seconds.map(|n| now + i64::from(n)),
        },
    };
    if let Some(valid) = valid {
        validity.valid = valid;
        (*no_cache, *expired) = (false, false);
    }
}

fn control(
    value: &[u8],
    is_decided: bool,
    now: i64,
    validity: &mut Validity,
    (no_cache, expired): (&mut bool, &mut bool),
) {
    let value = value.to_ascii_lowercase();
    let find = |word: &[u8]| memchr::memmem::find(&value, word);
    if !is_decided {
        if ["no-cache", "no-store", "private"].iter().any(|word| find(word.as_bytes()).is_some()) {
            *no_cache = true;
            return;
        }
        let age = find(b"s-maxage=").map(|at| at + 9).or_else(|| find(b"max-age=").map(|at| at + 8));
        if let Some(at) = age {
            match seconds(&value[at..]) {
                None => {
                    validity.is_refused = true;
                    return;
                }
                Some(0) => {
                    *no_cache = true;
                    return;
                }
                Some(n) => {
                    validity.valid = now.saturating_add(n);
                    *expired = false;
                }
            }
        }
    }
    for (word, is_both) in [(&b"stale-while-revalidate="[..], true), (b"stale-if-error=", false)] {
        let Some(at) = find(word) else { continue };
        let Some(n) = seconds(&value[at + word.len()..]) else {
            validity.is_refused = true;
            return;
        };
        validity.error = n;
        if is_both {
            validity.updating = n;
        }
    }
}

/// `ngx_http_upstream_process_delta_seconds`
fn seconds(text: &[u8]) -> Option<i64> {
    let end = text.iter().position(|b| matches!(b, b',' | b';' | b' ')).unwrap_or(text.len());
    text[..end].iter().try_fold(0i64, |n, b| {
        let digit = b.is_ascii_digit().then(|| i64::from(b - b'0'))?;
        Some(n.saturating_mul(10).saturating_add(digit).min(i64::MAX / 4))
    })
}

/// Freshness of responses of a status by the configuration (`ngx_http_file_cache_valid`).
pub(crate) fn configured(valid: &[CacheValid], status: u16) -> Option<i64> {
    let found = valid.iter().find(|v| v.statuses.is_empty() || v.statuses.contains(&status))?;
    i64::try_from(found.time.as_secs()).ok().filter(|time| *time > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::net::http1::response_head::{Progress, ResponseHead};

    fn read(headers: &str, ignored: &'static [&'static str]) -> Validity {
        let text = format!("HTTP/1.1 200 OK\r\n{headers}\r\n");
        let mut head = ResponseHead::default();
        assert_eq!(head.advance(text.as_bytes()), Progress::Done);
        of(text.as_bytes(), &head.fields, &Words(ignored.to_vec()), 1000)
    }

    #[test]
    fn freshness() {
        for (headers, valid, is_refused) in [
            ("", 0, false),
            ("Cache-Control: max-age=10\r\n", 1010, false),
            ("Cache-Control: max-age=10, s-maxage=20\r\n", 1020, false),
            ("Cache-Control: max-age=0\r\n", 0, true),
            ("Cache-Control: max-age=x\r\n", 0, true),
            ("Cache-Control: Private\r\n", 0, true),
            ("Cache-Control: no-store\r\nX-Accel-Expires: 5\r\n", 1005, false),
            ("X-Accel-Expires: 5\r\nCache-Control: max-age=10\r\n", 1005, false),
            ("X-Accel-Expires: 0\r\n", 0, true),
            ("X-Accel-Expires: @2000\r\n", 2000, false),
            ("Expires: Thu, 01 Jan 1970 00:00:01 GMT\r\n", 0, true),
            ("Expires: Thu, 01 Jan 1970 01:00:00 GMT\r\n", 3600, false),
            ("Expires: Thu, 01 Jan 1970 00:00:01 GMT\r\nCache-Control: max-age=3\r\n", 1003, false),
            ("Set-Cookie: a=b\r\n", 0, true),
            ("Vary: *\r\n", 0, true),
        ] {
            let validity = read(headers, &[]);
            assert_eq!((validity.valid, validity.is_refused), (valid, is_refused), "{headers:?}");
        }
        let ignored =
            read("Set-Cookie: a=b\r\nExpires: 0\r\nVary: *\r\n", &["Set-Cookie", "Expires", "Vary"]);
        assert_eq!(ignored, Validity::default());
        let stale = read("Cache-Control: max-age=1, stale-while-revalidate=7, stale-if-error=9\r\n", &[]);
        assert_eq!((stale.valid, stale.updating, stale.error), (1001, 7, 9));
        assert_eq!(read("Vary: A\r\nVary: B\r\n", &[]).vary, b"A, B");
    }

    #[test]
    fn by_configuration() {
        let of = |statuses: &[u16], n| CacheValid {
            statuses: statuses.to_vec(),
            time: std::time::Duration::from_secs(n),
        };
        let valid = [of(&[200, 302], 10), of(&[404], 0), of(&[], 3)];
        for (status, time) in [(200, Some(10)), (404, None), (500, Some(3))] {
            assert_eq!(configured(&valid, status), time);
        }
        assert_eq!(configured(&[], 200), None);
    }
}
