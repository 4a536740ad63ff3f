//! Walk over a block in the order of nginx's execution: at an `include`, the directives of the included files.

use std::sync::Arc;

use super::ast::{Block, Directive, Item, Items};
use super::configuration::Configuration;
use super::word::Word;
use crate::source::{FileId, Span};

/// `include` directives that lead to a directive. Cloning the chain costs no allocation.
#[derive(Clone, Debug, Default)]
pub struct IncludeChain(Option<Arc<Link>>);

#[derive(Debug)]
struct Link {
    outer: IncludeChain,
    include: Span,
}

impl IncludeChain {
    /// True if the directive is in the main file.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Arguments of the `include` directives, outermost first:
    /// [`Diagnostic::includes`](crate::diagnostic::Diagnostic::includes).
    pub fn spans(&self) -> Vec<Span> {
        let mut spans = Vec::new();
        let mut link = &self.0;
        while let Some(inner) = link {
            spans.push(inner.include);
            link = &inner.outer.0;
        }
        spans.reverse();
        spans
    }
}

impl Configuration {
    /// Directives at the top level of the configuration.
    pub fn expanded_root(&self) -> Expanded<'_> {
        self.expanded(self.tree(self.main).root())
    }

    /// Directives of a block of the main file, with includes expanded.
    pub fn expanded<'c>(&'c self, block: Block<'c>) -> Expanded<'c> {
        self.expanded_within(block, &IncludeChain::default())
    }

    /// Directives of a block that was reached through `chain`: the chain that [`Expanded`] returned with the directive
    /// of the block.
    pub fn expanded_within<'c>(&'c self, block: Block<'c>, chain: &IncludeChain) -> Expanded<'c> {
        Expanded { configuration: self, items: block.items(), chain: chain.clone(), outer: Vec::new() }
    }
}

/// Directives of a block with includes expanded, each with the includes that lead to it. An `include` that
/// [`Configuration::inclusions`] does not have, such as one with two arguments, is returned itself.
pub struct Expanded<'c> {
    configuration: &'c Configuration,
    items: Items<'c>,
    chain: IncludeChain,
    /// Remaining items of the outer blocks.
    outer: Vec<EnclosingBlocks<'c>>,
}

struct EnclosingBlocks<'c> {
    items: Items<'c>,
    chain: IncludeChain,
    include: Span,
    /// Remaining files of the same `include`.
    files: &'c [FileId],
}

impl<'c> Expanded<'c> {
    /// Continues with the next file of the innermost `include`, or after it.
    fn leave_file(&mut self) -> Option<()> {
        let around = self.outer.last_mut()?;
        if let Some((&file, left)) = around.files.split_first() {
            around.files = left;
            self.items = self.configuration.tree(file).root().items();
            if self.chain.0.as_ref().is_none_or(|link| link.include != around.include) {
                self.chain = IncludeChain(Some(Arc::new(Link {
                    outer: around.chain.clone(),
                    include: around.include,
                })));
            }
        } else {
            let around = self.outer.pop()?;
            (self.items, self.chain) = (around.items, around.chain);
        }
        Some(())
    }

    fn enter(&mut self, include: Directive<'c>, files: &'c [FileId]) {
        let span = include.arg(0).map_or_else(|| include.head(), Word::span);
        let nothing = self.configuration.tree(self.configuration.main).root().items().end();
        self.outer.push(EnclosingBlocks {
            items: std::mem::replace(&mut self.items, nothing),
            chain: self.chain.clone(),
            include: span,
            files,
        });
    }
}

impl<'c> Iterator for Expanded<'c> {
    type Item = (Directive<'c>, IncludeChain);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some(item) = self.items.next() else {
                self.leave_file()?;
                continue;
            };
            let Item::Directive(directive) = item else { continue };
            // The name is compared first: looking up every directive would cost more than reading it.
            if directive.name().is("include")
                && let Some(files) = self.configuration.inclusions.get(&directive.id())
            {
                self.enter(directive, files);
                continue;
            }
            return Some((directive, self.chain.clone()));
        }
    }
}
