//! Sinks for responses that are put together of several: the client's framing, or memory.

use std::io;

use crate::runtime::net::text::put;
use crate::runtime::request::filter::Chain;

/// The output of a connection while a response is put together.
#[derive(Debug)]
pub(crate) enum Sink {
    /// To the client, through the filters behind the page.
    Client {
        filters: Chain,
        chunked: bool,
        /// Bytes that went to the client.
        sent: u64,
    },
    /// Into memory, so much at most.
    Memory { data: Vec<u8>, most: usize },
    /// Nowhere.
    Nothing,
}

impl Sink {
    /// The bytes to write for these bytes of the body.
    ///
    /// # Errors
    /// The memory is full, or a filter gives up.
    pub(crate) fn take(&mut self, body: &[u8], is_last: bool) -> io::Result<Vec<u8>> {
        match self {
            Sink::Memory { data, most } => {
                if data.len() + body.len() > *most {
                    return Err(io::ErrorKind::OutOfMemory.into());
                }
                data.extend_from_slice(body);
                Ok(Vec::new())
            }
            Sink::Nothing => Ok(Vec::new()),
            Sink::Client { filters, chunked, sent } => {
                let mut ready = body.to_vec();
                filters.push(&mut ready, is_last).map_err(io::Error::other)?;
                while filters.holds() {
                    let mut more = Vec::new();
                    filters.push(&mut more, is_last).map_err(io::Error::other)?;
                    ready.append(&mut more);
                }
                if *chunked && !ready.is_empty() {
                    let mut framed = Vec::with_capacity(ready.len() + 16);
                    put(&mut framed, format_args!("{:x}\r\n", ready.len()));
                    framed.append(&mut ready);
                    framed.extend_from_slice(b"\r\n");
                    ready = framed;
                }
                if *chunked && is_last {
                    ready.extend_from_slice(b"0\r\n");
                }
                *sent += ready.len() as u64;
                Ok(ready)
            }
        }
    }
}
