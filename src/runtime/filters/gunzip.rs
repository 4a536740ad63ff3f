//! Compressed responses decompressed for clients that take no gzip (`ngx_http_gunzip_filter_module.c`).

use std::io::Write;

use flate2::write::MultiGzDecoder;

use crate::runtime::filters::gzip;
use crate::runtime::request::filter::BodyFilter;
use crate::runtime::request::state::Request;

/// Decompressed bytes that are sent before more are made: a piece may become a thousand times as long as it is.
const MOST: usize = 64 << 10;

/// A response that is being decompressed, and the bytes of it that are still to be.
pub(crate) struct Gunzip {
    decoder: MultiGzDecoder<Vec<u8>>,
    waiting: Vec<u8>,
    at: usize,
}

impl std::fmt::Debug for Gunzip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gunzip")
    }
}

impl Gunzip {
    fn new() -> Self {
        Self { decoder: MultiGzDecoder::new(Vec::new()), waiting: Vec::new(), at: 0 }
    }
}

impl BodyFilter for Gunzip {
    /// Fails where the body is not gzip, or ends too early.
    fn push(&mut self, data: &[u8], is_last: bool, out: &mut Vec<u8>) -> Result<(), &'static str> {
        let is_new = self.waiting.is_empty();
        if !is_new {
            self.waiting.extend_from_slice(data);
        }
        let all = if is_new { data } else { &self.waiting[self.at..] };
        let mut used = 0;
        while used < all.len() && self.decoder.get_ref().len() < MOST {
            // Z_DATA_ERROR
            match self.decoder.write(&all[used..]) {
                Ok(n) if n > 0 => used += n,
                _ => return Err("inflate() failed: 0, -3"),
            }
        }
        if used < all.len() {
            if is_new {
                (self.waiting, self.at) = (data[used..].to_vec(), 0);
            } else {
                self.at += used;
            }
        } else {
            (self.waiting, self.at) = (Vec::new(), 0);
            if is_last {
                // Z_BUF_ERROR
                self.decoder.try_finish().map_err(|_| "inflate() returned -5 on response end")?;
            }
        }
        out.append(self.decoder.get_mut());
        Ok(())
    }

    fn holds(&self) -> bool {
        !self.waiting.is_empty()
    }
}

/// Has the body decompressed if the configuration wants it and the client cannot (`ngx_http_gunzip_header_filter`).
pub(crate) fn filter(request: &mut Request) {
    let plan = std::rc::Rc::clone(&request.plan);
    if !plan.filter.gunzip.value
        || !request.reply.get(b"Content-Encoding").is_some_and(|value| value.eq_ignore_ascii_case(b"gzip"))
    {
        return;
    }
    request.reply.vary = true;
    if gzip::is_wanted(request, &plan.gzip_disable) {
        return;
    }
    let reply = &mut request.reply;
    if !reply.header_only {
        reply.add_filter(Gunzip::new());
    }
    reply.remove(b"Content-Encoding");
    reply.content_length = None;
    reply.allow_ranges = false;
    reply.remove(b"Accept-Ranges");
    gzip::weaken(reply);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compressed(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn decompressed(data: &[u8], step: usize) -> Result<Vec<u8>, &'static str> {
        let (mut gunzip, mut out) = (Gunzip::new(), Vec::new());
        for piece in data.chunks(step) {
            gunzip.push(piece, false, &mut out)?;
        }
        loop {
            let before = out.len();
            gunzip.push(b"", true, &mut out)?;
            assert!(out.len() - before <= 2 * MOST);
            if !gunzip.holds() {
                break;
            }
        }
        Ok(out)
    }

    #[test]
    fn whatever_the_pieces_are() {
        let text = b"abc".repeat(1000);
        let members = [compressed(&text), compressed(b""), compressed(b"end")].concat();
        for step in [1, 2, 7, 100, 10_000] {
            assert_eq!(decompressed(&compressed(&text), step).unwrap(), text, "{step}");
            assert_eq!(decompressed(&members, step).unwrap(), [&text[..], b"end"].concat(), "{step}");
        }
        let long = vec![b'x'; 3 << 20];
        assert_eq!(decompressed(&compressed(&long), 10_000).unwrap(), long);
    }

    #[test]
    fn what_is_broken() {
        let good = compressed(b"some text that is long enough to be compressed, compressed, compressed");
        for step in [1, 1000] {
            for end in [0, 5, 15, good.len() - 1] {
                let found = decompressed(&good[..end], step);
                assert_eq!(found, Err("inflate() returned -5 on response end"), "{end} by {step}");
            }
            assert_eq!(decompressed(b"no gzip at all", step), Err("inflate() failed: 0, -3"));
            let trailing = [&good[..], b"garbage that is no member"].concat();
            assert_eq!(decompressed(&trailing, step), Err("inflate() failed: 0, -3"));
            let mut wrong = good.clone();
            let at = wrong.len() - 6;
            wrong[at] ^= 1;
            assert!(decompressed(&wrong, step).is_err());
        }
    }
}
