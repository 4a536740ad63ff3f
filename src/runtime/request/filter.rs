//! Filters of bodies, in the order in which a body passes them.
//!
//! A header filter that wants the body changed adds a [`BodyFilter`] to the reply; the order is that in which
//! `filters::head` runs the header filters. A filter that asks for other requests while the body passes is a
//! [`PageFilter`]: it writes to the connection itself, and what it writes passes the filters behind it.

use std::fmt::Debug;
use std::future::Future;
use std::io;
use std::mem::swap;
use std::pin::Pin;

use crate::runtime::request::connection::Connection;
use crate::runtime::request::state::Request;

/// Changes a body while it passes.
pub(crate) trait BodyFilter: Debug {
    /// Takes a piece of the body; appends what is ready, all of it when the piece is the last one.
    ///
    /// # Errors
    /// The body cannot be changed: a message for the error log. The response is not completed.
    fn push(&mut self, piece: &[u8], is_last: bool, out: &mut Vec<u8>) -> Result<(), &'static str>;

    /// Most bytes that a piece may have, where a piece can become much longer than it is.
    fn longest_piece(&self) -> usize {
        usize::MAX
    }
}

/// Body filters, one behind the other.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    filters: Vec<Box<dyn BodyFilter>>,
    changed: Vec<u8>,
}

impl Chain {
    pub(crate) fn add(&mut self, filter: impl BodyFilter + 'static) {
        self.filters.push(Box::new(filter));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.filters.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.filters.clear();
    }

    /// Most bytes that a piece may have.
    pub(crate) fn longest_piece(&self) -> usize {
        self.filters.iter().map(|filter| filter.longest_piece()).min().unwrap_or(usize::MAX)
    }

    /// Puts in place of a piece what the filters make of it.
    ///
    /// # Errors
    /// That of a filter.
    pub(crate) fn push(&mut self, piece: &mut Vec<u8>, is_last: bool) -> Result<(), &'static str> {
        for filter in &mut self.filters {
            self.changed.clear();
            filter.push(piece, is_last, &mut self.changed)?;
            swap(piece, &mut self.changed);
        }
        Ok(())
    }
}

/// The future that writes a page.
pub(crate) type PageFuture<'a> = Pin<Box<dyn Future<Output = io::Result<()>> + 'a>>;

/// Makes a page of several responses while its body passes.
pub(crate) trait PageFilter: Debug {
    /// Takes a piece of the body and writes what is ready; the head before the first piece and the end behind the last
    /// one are written too. The filter goes back to the reply afterwards.
    fn pass<'a>(
        self: Box<Self>,
        c: &'a mut Connection,
        r: &'a mut Request,
        piece: &'a [u8],
        is_last: bool,
    ) -> PageFuture<'a>;
}

/// Has the page filter of the reply take a piece of the body.
///
/// # Errors
/// The response cannot be completed.
pub(crate) async fn pass(c: &mut Connection, r: &mut Request, piece: &[u8], is_last: bool) -> io::Result<()> {
    match r.reply.page.take() {
        Some(page) => page.pass(c, r, piece, is_last).await,
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Twice(usize);

    impl BodyFilter for Twice {
        fn push(&mut self, piece: &[u8], is_last: bool, out: &mut Vec<u8>) -> Result<(), &'static str> {
            out.extend(piece.iter().flat_map(|byte| [*byte; 2]));
            if is_last {
                out.push(b'.');
            }
            if piece.contains(&b'!') { Err("no") } else { Ok(()) }
        }

        fn longest_piece(&self) -> usize {
            self.0
        }
    }

    #[test]
    fn filters_work_one_behind_the_other() {
        let mut chain = Chain::default();
        assert!(chain.is_empty() && chain.longest_piece() == usize::MAX);
        chain.add(Twice(9));
        chain.add(Twice(5));
        assert_eq!(chain.longest_piece(), 5);
        let mut piece = b"ab".to_vec();
        assert_eq!(chain.push(&mut piece, false), Ok(()));
        assert_eq!(piece, b"aaaabbbb");
        piece = b"c".to_vec();
        assert_eq!(chain.push(&mut piece, true), Ok(()));
        assert_eq!(piece, b"cccc...");
        assert_eq!(chain.push(&mut b"!".to_vec(), false), Err("no"));
    }
}
