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

/// Memory that a chain keeps between two pieces, at most.
const MOST: usize = 16 << 10;

/// Changes a body while it passes.
pub(crate) trait BodyFilter: Debug {
    /// Takes a piece of the body; appends what is ready, all of it when the piece is the last one.
    ///
    /// # Errors
    /// The body cannot be changed: a message for the error log. The response is not completed.
    fn push(&mut self, piece: &[u8], is_last: bool, out: &mut Vec<u8>) -> Result<(), &'static str>;

    /// True if a part of the last piece has still to be changed: an empty piece lets the filter go on. For a filter that
    /// makes much more of a piece than it is, and so never more at a time than a client can be made to wait for.
    fn holds(&self) -> bool {
        false
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

    /// True if a filter goes on with an empty piece.
    pub(crate) fn holds(&self) -> bool {
        self.filters.iter().any(|filter| filter.holds())
    }

    /// Puts in place of a piece what the filters make of it. The last piece is the last one also for what the filters hold
    /// of it ([`Chain::holds`]).
    ///
    /// # Errors
    /// That of a filter.
    pub(crate) fn push(&mut self, piece: &mut Vec<u8>, is_last: bool) -> Result<(), &'static str> {
        let mut is_last = is_last;
        for filter in &mut self.filters {
            self.changed.clear();
            filter.push(piece, is_last, &mut self.changed)?;
            is_last &= !filter.holds();
            swap(piece, &mut self.changed);
        }
        if self.changed.capacity() > MOST {
            self.changed = Vec::new();
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

    /// Doubles each byte, so many of them at a time.
    #[derive(Debug)]
    struct Twice(usize, Vec<u8>);

    impl BodyFilter for Twice {
        fn push(&mut self, piece: &[u8], is_last: bool, out: &mut Vec<u8>) -> Result<(), &'static str> {
            self.1.extend_from_slice(piece);
            let rest = self.1.split_off(self.0.min(self.1.len()));
            out.extend(self.1.iter().flat_map(|byte| [*byte; 2]));
            self.1 = rest;
            if is_last && self.1.is_empty() {
                out.push(b'.');
            }
            if piece.contains(&b'!') { Err("no") } else { Ok(()) }
        }

        fn holds(&self) -> bool {
            !self.1.is_empty()
        }
    }

    #[test]
    fn filters_work_one_behind_the_other() {
        let mut chain = Chain::default();
        assert!(chain.is_empty() && !chain.holds());
        chain.add(Twice(9, Vec::new()));
        chain.add(Twice(9, Vec::new()));
        let mut piece = b"ab".to_vec();
        assert_eq!(chain.push(&mut piece, false), Ok(()));
        assert_eq!(piece, b"aaaabbbb");
        piece = b"c".to_vec();
        assert_eq!(chain.push(&mut piece, true), Ok(()));
        assert_eq!(piece, b"cccc...");
        assert_eq!(chain.push(&mut b"!".to_vec(), false), Err("no"));
    }

    #[test]
    fn a_filter_that_holds_goes_on() {
        let mut chain = Chain::default();
        chain.add(Twice(2, Vec::new()));
        chain.add(Twice(100, Vec::new()));
        let mut out = Vec::new();
        let mut piece = b"abc".to_vec();
        loop {
            assert_eq!(chain.push(&mut piece, true), Ok(()));
            out.extend_from_slice(&piece);
            piece.clear();
            if !chain.holds() {
                break;
            }
        }
        assert_eq!(out, b"aaaabbbbcccc...");
    }
}
