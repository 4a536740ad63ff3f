//! As much of FastCGI as a stub needs: a request is read and dropped, the stated response is written.

use std::io::{self, Read, Write};

use crate::simulate::facts::Response;

/// `FCGI_VERSION_1`, the first byte of each record.
pub(super) const VERSION: u8 = 1;
const END_REQUEST: u8 = 3;
const STDIN: u8 = 5;
const STDOUT: u8 = 6;

/// Reads a request up to the end of its body; the first byte has been read.
pub(super) fn skip_request(stream: &mut impl Read) -> io::Result<()> {
    let mut head = [0; 8];
    stream.read_exact(&mut head[1..])?;
    loop {
        let length = u16::from_be_bytes([head[4], head[5]]);
        let mut content = vec![0; usize::from(length) + usize::from(head[6])];
        stream.read_exact(&mut content)?;
        if head[1] == STDIN && length == 0 {
            return Ok(());
        }
        stream.read_exact(&mut head)?;
    }
}

/// Writes a response.
pub(super) fn respond(stream: &mut impl Write, response: &Response) -> io::Result<()> {
    let mut text = format!("Status: {} Stated\r\n", response.status).into_bytes();
    for (name, value) in &response.headers {
        text.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    text.extend(b"\r\n");
    stream.write_all(&record(STDOUT, &text))?;
    stream.write_all(&record(STDOUT, b""))?;
    stream.write_all(&record(END_REQUEST, &[0; 8]))
}

fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u16).to_be_bytes();
    // nginx opens each connection with the request's id 1.
    let mut record = vec![VERSION, kind, 0, 1, length[0], length[1], 0, 0];
    record.extend_from_slice(content);
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_and_the_response_has_its_status() {
        let request =
            [record(1, &[0, 1, 0, 0, 0, 0, 0, 0]), record(4, b""), record(STDIN, b"ab"), record(STDIN, b"")];
        let request = request.concat();
        let mut rest = &request[1..];
        skip_request(&mut rest).unwrap();
        assert_eq!(rest, b"");
        let mut out = Vec::new();
        respond(&mut out, &Response { status: 404, headers: vec![("X".to_owned(), b"y".to_vec())] }).unwrap();
        assert!(out[8..].starts_with(b"Status: 404 Stated\r\nX: y\r\n\r\n"));
    }
}
