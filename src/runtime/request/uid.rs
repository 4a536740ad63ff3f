//! The cookie of `userid` that a request has or gets.

/// A client's cookie.
#[derive(Debug, Default)]
pub(crate) struct Uid {
    /// The cookie that the client sent, and the cookie that it gets; without the last four bytes there is none.
    pub(crate) got: [u8; 16],
    pub(crate) set: [u8; 16],
    /// The cookie as it came.
    pub(crate) cookie: Vec<u8>,
    /// `$uid_reset` said so.
    pub(crate) reset: bool,
    /// `$uid_reset` is being evaluated, which may depend on the cookie again.
    pub(crate) asks: bool,
}
