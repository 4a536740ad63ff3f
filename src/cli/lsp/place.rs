//! The place of a cursor: its configuration, blocks, directive and word.

use lsp_types::{Position, Range, Uri};

use super::analysis::Analysed;
use super::index::Occurrence;
use super::state::State;
use super::{contexts, documents, position};
use crate::catalog::{self, Context, Directive as Entry};
use crate::source::{FileId, Span};
use crate::syntax::{Directive, Word};

/// Place of a cursor in a configuration.
pub(super) struct Place<'a> {
    pub(super) analysed: &'a Analysed,
    pub(super) file: FileId,
    pub(super) offset: u32,
    /// Blocks around the place, the outermost first.
    pub(super) blocks: Vec<Directive<'a>>,
    /// Directive whose words the place is among.
    pub(super) directive: Option<Directive<'a>>,
    /// Word at the place with its position in the directive: 0 is the name.
    pub(super) word: Option<(usize, Word<'a>)>,
}

impl State<'_> {
    /// The place of a cursor, in the first configuration that the file belongs to.
    pub(super) fn place(&self, uri: &Uri, position: Position) -> Option<Place<'_>> {
        let path = documents::path(uri)?;
        let (analysed, file) = self.analysis.of(&path).next()?;
        let offset = position::to_offset(analysed.configuration().sources.file(file), position);
        Some(Place::at(analysed, file, offset))
    }
}

impl<'a> Place<'a> {
    pub(super) fn at(analysed: &'a Analysed, file: FileId, offset: u32) -> Self {
        let mut blocks = analysed.around(file, offset);
        let directive = Self::directive_at(analysed, file, offset);
        if directive.is_some_and(|own| blocks.last().is_some_and(|last| last.head() == own.head())) {
            blocks.pop();
        }
        let word = directive.and_then(|directive| {
            let mut words = directive.words().enumerate();
            words.find(|(_, word)| word.span().start <= offset && offset <= word.span().end)
        });
        Self { analysed, file, offset, blocks, directive, word }
    }

    /// The directive whose head or terminator an offset touches.
    fn directive_at(analysed: &'a Analysed, file: FileId, offset: u32) -> Option<Directive<'a>> {
        let tree = analysed.configuration().tree(file);
        // A cursor behind the last letter still means the word.
        let candidates = [offset, offset.saturating_sub(1)];
        candidates.into_iter().find_map(|offset| {
            let directive = tree.enclosing(offset).pop()?;
            (offset <= directive.terminator_span().end && directive.head().file == file).then_some(directive)
        })
    }

    /// The name of the configuration at the place.
    pub(super) fn name(&self) -> Option<&'a Occurrence> {
        self.analysed.names().at(self.file, self.offset)
    }

    /// Context of the directive at the place.
    pub(super) fn context(&self) -> Option<Context> {
        contexts::context(&self.analysed.outer_contexts(), &self.blocks)
    }

    /// The catalog's entry of the directive at the place.
    pub(super) fn entry(&self) -> Option<&'static Entry> {
        let directive = self.directive?;
        let name = directive.name().value();
        match self.context() {
            Some(context) => {
                catalog::in_context(&name, context).or_else(|| catalog::directives(&name).first())
            }
            None => catalog::directives(&name).first(),
        }
    }

    /// Range of a span in this file.
    pub(super) fn range(&self, span: Span) -> Range {
        position::range(&self.analysed.configuration().sources, span)
    }
}
