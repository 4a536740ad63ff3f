//! Chunked bodies (`ngx_http_parse_chunked`): CR LF only, sizes bounded, trailers skipped or left to others.

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum ChunkState {
    #[default]
    ChunkStart,
    Size,
    Extension,
    ExtensionLf,
    Data,
    AfterData,
    AfterDataLf,
    LastExtension,
    LastExtensionLf,
    Trailer,
    TrailerLf,
    TrailerHeader,
    TrailerHeaderLf,
}

/// Position of the reader in a chunked body.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Chunked {
    state: ChunkState,
    size: u64,
    /// Trailers stay in the input, for the caller.
    keeps_trailers: bool,
}

/// The result of the parser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chunk {
    /// This many bytes of data follow, of which the input has at least one.
    Data(usize),
    /// The input is used up.
    More,
    /// The body has ended.
    Done,
    /// The last chunk has ended, and trailers may follow, which end with an empty line.
    Trailers,
    /// The input is no chunked body.
    Invalid,
}

/// Longest run of trailer bytes and chunk extensions that is read over; nginx bounds it by its buffers.
const MAX_SIZE: u64 = i64::MAX as u64 / 16;

impl Chunked {
    /// Bytes of the present chunk behind those that [`Chunk::Data`] told of; 0 as long as its size is not known.
    pub(crate) fn left(&self) -> u64 {
        if self.state == ChunkState::Data { self.size } else { 0 }
    }

    /// A parser that ends with [`Chunk::Trailers`].
    pub(crate) fn keeping_trailers() -> Self {
        Self { keeps_trailers: true, ..Self::default() }
    }

    /// Reads from `input`; returns how much of it was framing, and what comes then. After `Data(n)` the caller
    /// takes `n` bytes away and calls again.
    pub(crate) fn parse(&mut self, input: &[u8]) -> (usize, Chunk) {
        let mut i = 0;
        while i < input.len() {
            let b = input[i];
            let next = match self.state {
                ChunkState::ChunkStart => match hex(b) {
                    Some(digit) => {
                        self.size = digit;
                        ChunkState::Size
                    }
                    None => return (i, Chunk::Invalid),
                },
                ChunkState::Size => match (hex(b), b) {
                    (Some(_), _) if self.size > MAX_SIZE => return (i, Chunk::Invalid),
                    (Some(digit), _) => {
                        self.size = self.size * 16 + digit;
                        ChunkState::Size
                    }
                    (None, b'\r') if self.size == 0 => ChunkState::LastExtensionLf,
                    (None, b';' | b' ' | b'\t') if self.size == 0 => ChunkState::LastExtension,
                    (None, b'\r') => ChunkState::ExtensionLf,
                    (None, b';' | b' ' | b'\t') => ChunkState::Extension,
                    _ => return (i, Chunk::Invalid),
                },
                ChunkState::Data => {
                    let length = usize::try_from(self.size).unwrap_or(usize::MAX).min(input.len() - i);
                    self.size -= length as u64;
                    if self.size == 0 {
                        self.state = ChunkState::AfterData;
                    }
                    return (i, Chunk::Data(length));
                }
                ChunkState::LastExtensionLf if b == b'\n' && self.keeps_trailers => {
                    return (i + 1, Chunk::Trailers);
                }
                state => match step(state, b) {
                    Some(state) => state,
                    None if state == ChunkState::TrailerLf && b == b'\n' => return (i + 1, Chunk::Done),
                    None => return (i, Chunk::Invalid),
                },
            };
            self.state = next;
            i += 1;
        }
        (i, Chunk::More)
    }
}

/// The states that only compare a byte.
fn step(state: ChunkState, b: u8) -> Option<ChunkState> {
    Some(match (state, b) {
        (ChunkState::Extension, b'\r') => ChunkState::ExtensionLf,
        (
            ChunkState::Extension
            | ChunkState::LastExtension
            | ChunkState::TrailerHeader
            | ChunkState::Trailer,
            b'\n',
        ) => {
            return None;
        }
        (ChunkState::Extension, _) => ChunkState::Extension,
        (ChunkState::ExtensionLf, b'\n') => ChunkState::Data,
        (ChunkState::AfterData, b'\r') => ChunkState::AfterDataLf,
        (ChunkState::AfterDataLf, b'\n') => ChunkState::ChunkStart,
        (ChunkState::LastExtension, b'\r') => ChunkState::LastExtensionLf,
        (ChunkState::LastExtension, _) => ChunkState::LastExtension,
        (ChunkState::LastExtensionLf | ChunkState::TrailerHeaderLf, b'\n') => ChunkState::Trailer,
        (ChunkState::Trailer, b'\r') => ChunkState::TrailerLf,
        (ChunkState::TrailerHeader, b'\r') => ChunkState::TrailerHeaderLf,
        (ChunkState::Trailer | ChunkState::TrailerHeader, _) => ChunkState::TrailerHeader,
        _ => return None,
    })
}

fn hex(b: u8) -> Option<u64> {
    char::from(b).to_digit(16).map(u64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(input: &[u8], step: usize) -> Result<Vec<u8>, Chunk> {
        let mut chunked = Chunked::default();
        let mut out = Vec::new();
        for part in input.chunks(step) {
            let mut rest = part;
            loop {
                let (used, chunk) = chunked.parse(rest);
                rest = &rest[used..];
                match chunk {
                    Chunk::Data(n) => {
                        out.extend_from_slice(&rest[..n]);
                        rest = &rest[n..];
                    }
                    Chunk::More => break,
                    Chunk::Done | Chunk::Trailers => return Ok(out),
                    Chunk::Invalid => return Err(chunk),
                }
            }
        }
        Err(Chunk::More)
    }

    #[test]
    fn bodies() {
        for step in 1..20 {
            assert_eq!(decode(b"3\r\nabc\r\n0\r\n\r\n", step).unwrap(), b"abc");
            assert_eq!(
                decode(b"a;x=y\r\n0123456789\r\n1\r\nz\r\n0;q\r\nT: v\r\n\r\n", step).unwrap(),
                b"0123456789z"
            );
            for bad in [
                "g\r\n",
                "\r\n",
                "3\nabc",
                "3\r\nabcd\r\n",
                "0\r\n\n",
                "ffffffffffffffffff\r\n",
                "-1\r\n",
                "3;\n",
                "0x3\r\n",
            ] {
                assert_eq!(decode(bad.as_bytes(), step), Err(Chunk::Invalid), "{bad:?} {step}");
            }
        }
    }
}
