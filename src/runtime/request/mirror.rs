//! A copy of a request for another location (`mirror`).

/// A copy that is to be made.
#[derive(Debug)]
pub(crate) struct Mirror {
    pub(crate) uri: String,
    pub(crate) args: Vec<u8>,
    pub(crate) with_body: bool,
}
