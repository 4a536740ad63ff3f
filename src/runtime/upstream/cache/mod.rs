//! Responses kept in files (`ngx_http_file_cache.c`), in nginx's own format: a cache directory can be taken over.
//!
//! `zone` knows the keys, `key` what a key is, `header` what a file begins with, `validity` how long a response is
//! fresh, `keeper` removes what is too old or too much, `writer` makes files.

pub(crate) mod header;
pub(crate) mod keeper;
pub(crate) mod key;
pub(crate) mod validity;
pub(crate) mod writer;
pub(crate) mod zone;
