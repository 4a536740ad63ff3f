//! HTTP/2 towards clients: heads as h2 has them, and the stream of one request.

pub(crate) mod head;
pub(crate) mod stream;
