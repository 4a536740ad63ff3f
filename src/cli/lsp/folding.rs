//! Ranges of a document: blocks and comments that fold, and the ranges around a cursor.

use lsp_types::{
    FoldingRange, FoldingRangeKind, FoldingRangeParams, Position, Range, SelectionRange, SelectionRangeParams,
};

use super::place::Place;
use super::state::State;
use super::{documents, position};
use crate::syntax::Block;

/// Blocks and runs of comments, by lines.
pub(super) fn ranges(server: &State<'_>, params: &FoldingRangeParams) -> Option<Vec<FoldingRange>> {
    let path = documents::path(&params.text_document.uri)?;
    let (analysed, file) = server.analysis.of(&path).next()?;
    let sources = &analysed.configuration().sources;
    let tree = analysed.configuration().tree(file);
    let mut found = Vec::new();
    for directive in tree.directives() {
        let Some(close) = directive.block().and_then(Block::close) else { continue };
        let (first, last) = (sources.position(directive.head()).line, sources.position(close).line);
        found.extend(fold(first, last.saturating_sub(1), None));
    }
    let mut run: Option<(u32, u32)> = None;
    for comment in tree.comments() {
        let line = sources.position(comment.span()).line;
        match &mut run {
            Some((_, last)) if *last + 1 == line => *last = line,
            _ => {
                let before = run.replace((line, line));
                found.extend(
                    before.and_then(|(first, last)| fold(first, last, Some(FoldingRangeKind::Comment))),
                );
            }
        }
    }
    found.extend(run.and_then(|(first, last)| fold(first, last, Some(FoldingRangeKind::Comment))));
    Some(found)
}

/// Lines that count from 1.
fn fold(first: u32, last: u32, kind: Option<FoldingRangeKind>) -> Option<FoldingRange> {
    (last > first).then(|| FoldingRange {
        start_line: first - 1,
        end_line: last - 1,
        kind,
        ..FoldingRange::default()
    })
}

/// For each cursor the word, the directive and the blocks around it, innermost first.
pub(super) fn selections(server: &State<'_>, params: &SelectionRangeParams) -> Option<Vec<SelectionRange>> {
    let path = documents::path(&params.text_document.uri)?;
    let (analysed, file) = server.analysis.of(&path).next()?;
    let selection = |at: &Position| {
        let sources = &analysed.configuration().sources;
        let place = Place::at(analysed, file, position::to_offset(sources.file(file), *at));
        let word = place.word.map(|(_, word)| word.span());
        let directive = place.directive.into_iter().flat_map(|own| [own.head(), own.span()]);
        let blocks = place.blocks.iter().rev().filter(|block| block.head().file == file);
        let around =
            blocks.flat_map(|block| block.block().map(Block::span).into_iter().chain([block.span()]));
        let all = word.into_iter().chain(directive).chain(around);
        let mut ranges: Vec<Range> = all.map(|span| position::range(sources, span)).collect();
        ranges.dedup();
        let outer_first = ranges.into_iter().rev();
        let nested = outer_first.fold(None, |parent: Option<Box<SelectionRange>>, range| {
            Some(Box::new(SelectionRange { range, parent }))
        });
        nested.map_or_else(|| SelectionRange { range: Range::new(*at, *at), parent: None }, |one| *one)
    };
    Some(params.positions.iter().map(selection).collect())
}
