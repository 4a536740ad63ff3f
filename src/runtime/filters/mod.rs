//! Filters of responses: `response` has their order, each is one file.

pub(crate) mod charset;
pub(crate) mod gunzip;
pub(crate) mod gzip;
pub(crate) mod head;
pub(crate) mod headers;
pub(crate) mod not_modified;
pub(crate) mod range;
pub(crate) mod response;
pub(crate) mod ssi;
pub(crate) mod sub;
pub(crate) mod userid;
