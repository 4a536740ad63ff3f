//! The header of a cache file (`ngx_http_file_cache_header_t`, version 5, as nginx writes it on 64-bit machines).

use crate::runtime::upstream::cache::key::{self, Key};

/// Bytes of the header, padding included.
const SIZE: usize = 336;
const VERSION: u64 = 5;
/// Longest `ETag` and `Vary` that are kept.
pub(crate) const LONGEST: usize = 128;
const KEY: &[u8] = b"\nKEY: ";

/// The header of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Header {
    /// Until when the response is fresh, in seconds since 1970.
    pub(crate) valid: i64,
    /// Seconds after that in which a stale response may be used: while it is renewed, and when the peer fails.
    pub(crate) updating: i64,
    pub(crate) error: i64,
    /// -1: unknown.
    pub(crate) last_modified: i64,
    pub(crate) date: i64,
    pub(crate) etag: Vec<u8>,
    pub(crate) vary: Vec<u8>,
    pub(crate) variant: Key,
    /// Offsets of the response's head and body in the file.
    pub(crate) head: usize,
    pub(crate) body: usize,
}

/// Offset of the response's head in a file with this key.
pub(crate) fn head_start(key: &[u8]) -> usize {
    SIZE + KEY.len() + key.len() + 1
}

impl Header {
    /// The first bytes of a file, up to the head of the response.
    pub(crate) fn write(&self, key: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(head_start(key));
        out.extend_from_slice(&VERSION.to_ne_bytes());
        for time in [self.valid, self.updating, self.error, self.last_modified, self.date] {
            out.extend_from_slice(&time.to_ne_bytes());
        }
        out.extend_from_slice(&key::crc(key).to_ne_bytes());
        for short in [0, self.head, self.body] {
            out.extend_from_slice(&u16::try_from(short).unwrap_or(0).to_ne_bytes());
        }
        for text in [&self.etag, &self.vary] {
            let text: &[u8] = if text.len() <= LONGEST { text } else { b"" };
            out.push(text.len() as u8);
            out.extend_from_slice(text);
            out.resize(out.len() + LONGEST - text.len(), 0);
        }
        out.extend_from_slice(&self.variant);
        out.resize(SIZE, 0);
        out.extend_from_slice(KEY);
        out.extend_from_slice(key);
        out.push(b'\n');
        out
    }

    /// Reads the beginning of a file; what is wrong with it otherwise.
    pub(crate) fn read(data: &[u8], key: &[u8]) -> Result<Self, &'static str> {
        let start = head_start(key);
        if data.len() < start {
            return Err("is too small");
        }
        let eight = |at: usize| data[at..at + 8].try_into().unwrap_or_default();
        let time = |at: usize| i64::from_ne_bytes(eight(at));
        let short = |at: usize| usize::from(u16::from_ne_bytes([data[at], data[at + 1]]));
        if u64::from_ne_bytes(eight(0)) != VERSION {
            return Err("version mismatch");
        }
        let crc = u32::from_ne_bytes([data[48], data[49], data[50], data[51]]);
        let (head, body) = (short(54), short(56));
        if crc != key::crc(key) || head != start || data[SIZE + KEY.len()..start - 1] != *key {
            return Err("has md5 collision");
        }
        if body < head || body > data.len() {
            return Err("has too long header");
        }
        let text = |at: usize| {
            let length = usize::from(data[at]);
            (length <= LONGEST).then(|| data[at + 1..at + 1 + length].to_vec())
        };
        let etag = text(58).unwrap_or_default();
        let vary = text(58 + 1 + LONGEST).ok_or("has incorrect vary length")?;
        let variant = 58 + 2 * (1 + LONGEST);
        Ok(Self {
            valid: time(8),
            updating: time(16),
            error: time(24),
            last_modified: time(32),
            date: time(40),
            etag,
            vary,
            variant: data[variant..variant + 16].try_into().unwrap_or_default(),
            head,
            body,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        let key = b"http://a/b";
        let start = head_start(key);
        let header = Header {
            valid: 5,
            updating: 6,
            error: 7,
            last_modified: -1,
            date: 9,
            etag: b"\"x\"".to_vec(),
            vary: b"Accept".to_vec(),
            variant: [3; 16],
            head: start,
            body: start + 4,
        };
        let mut data = header.write(key);
        assert_eq!(data.len(), start);
        assert_eq!(&data[start - 17..], b"\nKEY: http://a/b\n");
        assert_eq!(Header::read(&data, key), Err("has too long header"));
        data.extend_from_slice(b"head");
        assert_eq!(Header::read(&data, key), Ok(header));
        assert_eq!(Header::read(&data, b"http://a/c"), Err("has md5 collision"));
        data[58] = 200;
        assert_eq!(Header::read(&data, key).unwrap().etag, b"");
        for length in 0..start {
            assert_eq!(Header::read(&data[..length], key), Err("is too small"));
        }
        data[0] = 4;
        assert_eq!(Header::read(&data, key), Err("version mismatch"));
    }
}
