//! Framing of a peer's response body (`ngx_http_proxy_input_filter_init`, `ngx_http_proxy_chunked_filter`).

use super::fastcgi;
use super::request::ProxyRequest;
use super::trailers::{self, Trailers};
use crate::runtime::net::buffer::Buffer;
use crate::runtime::net::http1::chunked::{Chunk, Chunked};

/// End of the upstream's body.
pub(super) enum Framing {
    Length(u64),
    Chunked(Chunked),
    /// Behind the last chunk, if `proxy_pass_trailers` wants to know what is there.
    Trailers(Trailers),
    Close,
    /// The content of FastCGI records; bytes that are still to come, if the response says how many.
    Records(Option<u64>),
}

/// The state of the body after one buffer.
pub(super) enum BodyState {
    More,
    /// The body is complete; whether nothing follows it.
    Done(bool),
    /// For the error log.
    Invalid(String),
}

impl Framing {
    /// Framing of a response's body; a body that is not read gives nothing.
    pub(super) fn of(p: &mut ProxyRequest<'_>, is_read: bool) -> Self {
        let response = &mut p.r.response;
        if !is_read {
            // The rest of the records stays in the connection.
            response.close |= p.records.as_ref().is_some_and(|records| !records.is_clean());
            return Framing::Length(0);
        }
        if p.records.is_some() {
            return Framing::Records(response.content_length);
        }
        match (response.chunked, response.content_length) {
            (true, _) if p.plan.on_way.pass_trailers.value => Framing::Chunked(Chunked::keeping_trailers()),
            (true, _) => Framing::Chunked(Chunked::default()),
            (false, Some(length)) => Framing::Length(length),
            (false, None) => Framing::Close,
        }
    }

    /// Leaves in `buffer` the body's bytes only.
    pub(super) fn take(&mut self, p: &mut ProxyRequest<'_>, buffer: &mut Buffer) -> BodyState {
        match self {
            Framing::Close => BodyState::More,
            Framing::Records(left) => fastcgi::part(p, buffer, left),
            Framing::Length(left) => {
                let have = buffer.filled().len() as u64;
                let is_clean = have <= *left;
                let take = have.min(*left);
                *left -= take;
                buffer.end = buffer.start + take as usize;
                if *left == 0 { BodyState::Done(is_clean) } else { BodyState::More }
            }
            Framing::Chunked(chunked) => {
                let data = buffer.filled_mut();
                let (mut read, mut write, mut next) = (0, 0, None);
                let part = loop {
                    let (used, chunk) = chunked.parse(&data[read..]);
                    read += used;
                    match chunk {
                        Chunk::Data(n) => {
                            data.copy_within(read..read + n, write);
                            read += n;
                            write += n;
                        }
                        Chunk::More => break BodyState::More,
                        Chunk::Done => break BodyState::Done(read == data.len()),
                        Chunk::Invalid => {
                            break BodyState::Invalid("upstream sent invalid chunked response".to_owned());
                        }
                        Chunk::Trailers => {
                            let longest = p.plan.on_way.buffer_size.value;
                            let most = usize::try_from(longest).unwrap_or(usize::MAX);
                            let mut trailers = Trailers::new(most);
                            let part = trailers.take(&data[read..]).part(data.len() - read);
                            next = Some(Framing::Trailers(trailers));
                            break part;
                        }
                    }
                };
                buffer.end = buffer.start + write;
                if let Some(next) = next {
                    *self = next;
                }
                part
            }
            Framing::Trailers(trailers) => {
                let length = buffer.filled().len();
                let part = trailers.take(buffer.filled()).part(length);
                buffer.end = buffer.start;
                part
            }
        }
    }

    /// The connection may be closed where the response has no other end.
    pub(super) fn may_close(&self, was_to_close: bool) -> bool {
        match self {
            Framing::Close => true,
            Framing::Records(left) => was_to_close && left.is_none_or(|left| left == 0),
            Framing::Length(_) | Framing::Chunked(_) | Framing::Trailers(_) => false,
        }
    }

    /// The body is complete.
    pub(super) fn end(&mut self, p: &mut ProxyRequest<'_>) {
        if let Framing::Trailers(trailers) = self {
            trailers.pass(p);
        }
    }
}

impl trailers::Progress {
    /// The state after a piece of so many bytes.
    fn part(self, length: usize) -> BodyState {
        match self {
            Self::More => BodyState::More,
            Self::Done(used) => BodyState::Done(used == length),
            Self::Invalid(message) => BodyState::Invalid(message),
        }
    }
}
