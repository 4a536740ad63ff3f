//! Framing of a peer's response body (`ngx_http_proxy_input_filter_init`, `ngx_http_proxy_chunked_filter`): it asks for
//! nothing but the bytes, so a body is taken out of its framing also while the client is waited for.

use super::fastcgi;
use super::request::ProxyRequest;
use super::trailers::{self, Trailers};
use crate::model::log::Severity;
use crate::runtime::fastcgi::records::Records;
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

/// A body on its way out of its framing.
pub(super) struct Incoming {
    pub(super) framing: Framing,
    pub(super) records: Option<Box<Records>>,
    /// The peer closes the connection behind the response.
    pub(super) closes: bool,
    /// Length of the body by the head of the response.
    whole: Option<u64>,
    is_head: bool,
    /// Longest trailers.
    most: usize,
    /// Messages for the error log.
    pub(super) messages: Vec<(Severity, String)>,
}

impl Incoming {
    /// The body of the response whose head has been read; a body that is not read gives nothing.
    pub(super) fn of(p: &mut ProxyRequest<'_>, is_read: bool) -> Self {
        let records = p.records.take();
        let response = &mut p.r.response;
        let framing = if !is_read {
            // The rest of the records stays in the connection.
            response.close |= records.as_ref().is_some_and(|records| !records.is_clean());
            Framing::Length(0)
        } else if records.is_some() {
            Framing::Records(response.content_length)
        } else {
            match (response.chunked && p.plan.cgi.is_none(), response.content_length) {
                (true, _) if p.plan.on_way.pass_trailers.value => {
                    Framing::Chunked(Chunked::keeping_trailers())
                }
                (true, _) => Framing::Chunked(Chunked::default()),
                (false, Some(length)) => Framing::Length(length),
                (false, None) => Framing::Close,
            }
        };
        let (closes, whole) = (response.close, response.content_length);
        Self {
            framing,
            records,
            closes,
            whole,
            is_head: p.r.is_head(),
            most: usize::try_from(p.plan.on_way.buffer_size.value).unwrap_or(usize::MAX),
            messages: Vec::new(),
        }
    }

    /// Takes `n` new bytes behind the filled part of `buffer`.
    pub(super) fn arrived(&mut self, buffer: &mut Buffer, n: usize) {
        let from = buffer.end;
        buffer.end += n;
        if let Some(records) = &mut self.records {
            fastcgi::unwrap(records, buffer, from);
            let said = records.errors.iter().map(|(_, text)| (Severity::Error, fastcgi::said(text)));
            self.messages.extend(said);
        }
    }

    /// Leaves in `buffer` the body's bytes only.
    pub(super) fn take(&mut self, buffer: &mut Buffer) -> BodyState {
        match &mut self.framing {
            Framing::Close => BodyState::More,
            Framing::Records(left) => match &self.records {
                Some(records) => {
                    let is_none = self.is_head && *left == self.whole;
                    fastcgi::part(records, buffer, left, is_none, &mut self.messages)
                }
                None => BodyState::More,
            },
            Framing::Length(left) => {
                let have = buffer.filled().len() as u64;
                let is_clean = have <= *left;
                let take = have.min(*left);
                *left -= take;
                buffer.end = buffer.start + take as usize;
                if !is_clean {
                    let message = "upstream sent more data than specified in \"Content-Length\" header";
                    self.messages.push((Severity::Warn, message.to_owned()));
                }
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
                            let mut trailers = Trailers::new(self.most);
                            let part = trailers.take(&data[read..]).part(data.len() - read);
                            next = Some(Framing::Trailers(trailers));
                            break part;
                        }
                    }
                };
                buffer.end = buffer.start + write;
                if let Some(next) = next {
                    self.framing = next;
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

    /// Reason why the body ended early; the part before the end goes to the client.
    pub(super) fn broken(&self) -> Option<String> {
        let (Framing::Records(left), Some(records)) = (&self.framing, &self.records) else { return None };
        fastcgi::broken(records, *left, self.is_head && *left == self.whole)
    }

    /// The connection may be closed where the response has no other end.
    pub(super) fn may_close(&self) -> bool {
        match self.framing {
            Framing::Close => true,
            Framing::Records(left) => self.closes && left.is_none_or(|left| left == 0),
            Framing::Length(_) | Framing::Chunked(_) | Framing::Trailers(_) => false,
        }
    }

    /// The body is complete: the client gets its trailers.
    pub(super) fn end(&mut self, p: &mut ProxyRequest<'_>) {
        if let Framing::Trailers(trailers) = &mut self.framing {
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
