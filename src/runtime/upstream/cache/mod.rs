//! Responses kept in files (`ngx_http_file_cache.c`), in nginx's own format: a cache directory can be taken over.
//!
//! `zone` has the entries by key, `key` makes keys, `header` reads and writes the head of a file, `validity` is the time
//! that a response stays fresh, `keeper` removes inactive entries and those over `max_size`, `writer` makes files.

pub(crate) mod header;
pub(crate) mod keeper;
pub(crate) mod key;
pub(crate) mod validity;
pub(crate) mod writer;
pub(crate) mod zone;
