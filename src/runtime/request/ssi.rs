//! Variables and blocks that the SSI pages of a request share.

/// Most bytes of variables and blocks that the pages of one request may set: a variable can be set to itself twice, again
/// and again.
const MOST: usize = 32 << 20;
/// Most requests that the pages of one request may ask for: a page can include itself twice. nginx counts them in 16 bits
/// and leaves a thousand out (`ngx_http_subrequest`).
const REQUESTS: u32 = 65_535 - 1000;

/// Variables that pages set, and blocks by name.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// Bytes of all variables and blocks.
    bytes: usize,
    requests: u32,
    pub(crate) variables: Vec<(String, Vec<u8>)>,
    pub(crate) blocks: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Shared {
    /// Sets a variable; false if that would be too much.
    #[must_use]
    pub(crate) fn set(&mut self, name: &[u8], value: Vec<u8>) -> bool {
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        let at = self.variables.iter().position(|(other, _)| *other == name);
        let before = at.map_or(0, |at| self.variables[at].1.len());
        if !self.takes(value.len().saturating_sub(before)) {
            return false;
        }
        self.bytes -= before.saturating_sub(value.len());
        match at {
            Some(at) => self.variables[at].1 = value,
            None => self.variables.push((name, value)),
        }
        true
    }

    /// Adds text to a block; what is too much for it is left out.
    pub(crate) fn append(&mut self, block: usize, text: &[u8]) {
        if self.takes(text.len())
            && let Some((_, block)) = self.blocks.get_mut(block)
        {
            block.extend_from_slice(text);
        }
    }

    /// Counts so many bytes more; false if there is no room for them.
    fn takes(&mut self, bytes: usize) -> bool {
        let fits = bytes <= MOST - self.bytes;
        self.bytes += if fits { bytes } else { 0 };
        fits
    }

    /// True if there were too many requests.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.requests >= REQUESTS
    }

    /// Counts a request more.
    pub(crate) fn count(&mut self) {
        self.requests += 1;
    }
}
