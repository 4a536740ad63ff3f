//! The key of a cached response: its MD5 sum, its file name, and the variant that `Vary` makes of it.

use std::path::{Path, PathBuf};

use md5::{Digest, Md5};

use crate::runtime::net::http1::head::Head;

/// MD5 sum of a key.
pub(crate) type Key = [u8; 16];

/// The sum of a key (`ngx_http_file_cache_create_key`).
pub(crate) fn sum(text: &[u8]) -> Key {
    Md5::digest(text).into()
}

/// The checksum that a file has of its key.
pub(crate) fn crc(text: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(text);
    crc.sum()
}

/// The file of a key: levels are taken from the end of its name (`ngx_create_hashed_filename`).
pub(crate) fn path(directory: &Path, levels: &[usize], key: &Key) -> PathBuf {
    let name = key.iter().fold(String::with_capacity(32), |name, byte| format!("{name}{byte:02x}"));
    let mut path = directory.to_owned();
    let mut end = name.len();
    for level in levels {
        path.push(&name[end - level..end]);
        end -= level;
    }
    path.push(name);
    path
}

/// The key in a file name.
pub(crate) fn of_name(name: &str) -> Option<Key> {
    let mut key = Key::default();
    if name.len() != 32 || !name.is_ascii() {
        return None;
    }
    for (i, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&name[2 * i..2 * i + 2], 16).ok()?;
    }
    Some(key)
}

/// Headers of which spaces do not count.
const NORMALIZED: &[&[u8]] = &[b"accept-charset", b"accept-encoding", b"accept-language"];

/// The key of a response that varies with headers of the request (`ngx_http_file_cache_vary`).
pub(crate) fn variant(main: &Key, vary: &[u8], head: &Head, buffer: &[u8]) -> Key {
    let mut sum = Md5::new().chain_update(main);
    let vary = vary.to_ascii_lowercase();
    for name in vary.split(|b| matches!(b, b' ' | b',')).filter(|name| !name.is_empty()) {
        sum.update(name);
        sum.update(b":");
        let values = head.fields.iter().filter(|f| f.name.of(buffer).eq_ignore_ascii_case(name));
        let values = values.map(|f| f.value.of(buffer));
        let joined: Vec<&[u8]> = if NORMALIZED.contains(&name) {
            values.flat_map(|v| v.split(|b| matches!(b, b' ' | b','))).filter(|v| !v.is_empty()).collect()
        } else {
            values.collect()
        };
        sum.update(joined.join(&b","[..]));
        sum.update(b"\r\n");
    }
    sum.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let key = sum(b"http://a/");
        let path = path(Path::new("/c"), &[1, 2], &key);
        let name = path.file_name().unwrap().to_str().unwrap();
        assert_eq!(of_name(name), Some(key));
        assert_eq!(path, Path::new("/c").join(&name[31..]).join(&name[29..31]).join(name));
        assert_eq!(of_name("0123"), None);
        assert_eq!(of_name(&"x".repeat(32)), None);
        assert_eq!(crc(b"123456789"), 0xcbf4_3926);
    }
}
