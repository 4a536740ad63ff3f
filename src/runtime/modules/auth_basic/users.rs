//! A file of names and passwords, read byte for byte as nginx does (`ngx_http_auth_basic_handler`).

use std::io::{self, BufRead};

/// Bytes of a password that count; nginx reads into a buffer of this size (`NGX_HTTP_AUTH_BUF_SIZE`).
const LONGEST: usize = 2048;

enum LineState {
    /// So many bytes of the name and the colon match the request's.
    Name(usize),
    /// The rest of the line is a comment, or another user's.
    Skip,
    Password,
}

/// The password of a user, as written in the file; `None` for an unknown user.
///
/// A name that does not match skips up to the next line feed: if the byte that differs is one itself, the next line is skipped
/// as well, as with nginx.
///
/// # Errors
/// The file cannot be read.
pub(super) fn find(mut reader: impl BufRead, name: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let mut state = LineState::Name(0);
    let mut password = Vec::new();
    loop {
        let data = reader.fill_buf()?;
        let length = data.len();
        if length == 0 {
            return Ok(matches!(state, LineState::Password).then_some(password));
        }
        for &b in data {
            state = match state {
                LineState::Name(0) if matches!(b, b'#' | b'\r') => LineState::Skip,
                LineState::Name(0) if b == b'\n' => LineState::Name(0),
                LineState::Name(n) if n == name.len() && b == b':' => LineState::Password,
                LineState::Name(n) if name.get(n) == Some(&b) => LineState::Name(n + 1),
                LineState::Name(_) => LineState::Skip,
                LineState::Skip if b == b'\n' => LineState::Name(0),
                LineState::Skip => LineState::Skip,
                LineState::Password if matches!(b, b'\n' | b'\r' | b':') || password.len() == LONGEST => {
                    return Ok(Some(password));
                }
                LineState::Password => {
                    password.push(b);
                    LineState::Password
                }
            };
        }
        reader.consume(length);
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use crate::runtime::modules::auth_basic::users::find;

    #[test]
    fn however_it_is_read() {
        let file = b"# bob:a\n\nbo\nbob:skipped\nann:1\r\nbob:2:of them\nbob:3\n";
        for size in 1..=file.len() {
            let of = |name: &[u8]| find(BufReader::with_capacity(size, &file[..]), name).unwrap();
            assert_eq!(of(b"bob").as_deref(), Some(&b"2"[..]), "{size}");
            assert_eq!(of(b"ann").as_deref(), Some(&b"1"[..]), "{size}");
            assert_eq!(of(b"# bob"), None, "{size}");
        }
    }
}
