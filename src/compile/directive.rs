//! A directive that passed the catalog's checks, and the words of it.

use std::borrow::Cow;
use std::rc::Rc;

use crate::catalog;
use crate::source::Span;
use crate::syntax;

/// A directive of the source with its entry in the catalog.
#[derive(Clone)]
pub(super) struct Directive<'t> {
    /// As written.
    pub(super) syntax: syntax::Directive<'t>,
    /// What nginx knows about it.
    pub(super) catalog: &'static catalog::Directive,
    /// The `include`s through which it was reached, outermost first.
    pub(super) includes: Rc<[Span]>,
    /// Its place in the order in which nginx reads directives.
    pub(super) order: u32,
}

impl<'t> Directive<'t> {
    /// Its name.
    pub(super) fn name(&self) -> &'static str {
        self.catalog.name
    }

    /// From the name to the last argument.
    pub(super) fn span(&self) -> Span {
        self.syntax.head()
    }

    /// Number of arguments.
    pub(super) fn len(&self) -> usize {
        self.syntax.args().len()
    }

    /// An argument, counted from 1 as in nginx's `value[1]`; empty if there is none.
    pub(super) fn arg(&self, n: usize) -> Cow<'t, [u8]> {
        self.syntax.arg(n - 1).map_or(Cow::Borrowed(b""), syntax::Word::value)
    }

    /// An argument for a message or a name; bytes that are not UTF-8 are replaced.
    pub(super) fn text(&self, n: usize) -> String {
        String::from_utf8_lossy(&self.arg(n)).into_owned()
    }

    /// Where an argument stands; the directive if there is none.
    pub(super) fn arg_span(&self, n: usize) -> Span {
        self.syntax.arg(n - 1).map_or(self.span(), syntax::Word::span)
    }

    /// All arguments from the `n`th on, with their numbers.
    pub(super) fn args_from(&self, n: usize) -> impl Iterator<Item = (usize, Cow<'t, [u8]>)> + use<'_, 't> {
        (n..=self.len()).map(|i| (i, self.arg(i)))
    }
}
