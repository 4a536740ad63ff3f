//! The levels of a configuration as it is written: what stands directly in each block, includes expanded, and what an
//! inner level gets from an outer one. For directives that the model does not hold.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use super::codes::{Code, Codes, Index};
use super::fragment;
use super::memo::Memo;
use super::pattern::{Pattern, Patterns};
use crate::catalog::{self, Body, Context};
use crate::diagnostic::Class;
use crate::syntax::{Block, Configuration, Directive, IncludeChain};
use maps::PatternMaps;

/// Every block that contains directives, outer before inner.
pub(crate) struct Levels<'a> {
    configuration: &'a Configuration,
    blocks: Vec<BlockData<'a>>,
    /// The place of each directive, in the order of the levels; those of one level in their own order.
    by_name: HashMap<&'a [u8], Vec<Found<'a>>>,
    /// The place of each `set`, by its variable in lower case.
    sets: HashMap<Vec<u8>, Vec<Found<'a>>>,
    patterns: Patterns,
    codes: RefCell<HashMap<u32, Rc<Index>>>,
    /// The instructions of most blocks.
    no_codes: Rc<Index>,
    maps: OnceCell<PatternMaps>,
    /// Values that were asked for.
    pub(super) memo: Memo,
}

struct BlockData<'a> {
    context: Context,
    head: Option<Directive<'a>>,
    outer: Option<u32>,
    /// The position behind the last block in it.
    end: u32,
    directives: Vec<Directive<'a>>,
    inner: Vec<u32>,
    /// Every file that is included here or around was read.
    complete: bool,
}

type Found<'a> = (u32, Directive<'a>);

/// A block.
#[derive(Clone, Copy)]
pub(crate) struct Level<'a> {
    levels: &'a Levels<'a>,
    index: u32,
}

impl Levels<'_> {
    /// True if a text reads a variable that matches patterns of a `map` when it is read.
    pub(crate) fn reads_pattern_map(&self, text: &[u8]) -> bool {
        self.pattern_maps().are_read_by(text)
    }

    /// True if a pattern of a `map` has a group of that name.
    pub(crate) fn map_with_group(&self, name: &str) -> bool {
        self.pattern_maps().have_group(name)
    }

    fn pattern_maps(&self) -> &PatternMaps {
        self.maps.get_or_init(|| {
            let mut found = PatternMaps::default();
            for (_, map) in self.by_name.get(&b"map"[..]).into_iter().flatten() {
                let Some(variable) = map.arg(1).map(|word| word.value().to_ascii_lowercase()) else {
                    continue;
                };
                for entry in self.entries(*map) {
                    let key = entry.name().value();
                    let Some(pattern) = key.strip_prefix(b"~") else { continue };
                    let caseless = pattern.strip_prefix(b"*");
                    let pattern = self.pattern(caseless.unwrap_or(pattern), caseless.is_some());
                    found.add(&variable, pattern.into_iter().flat_map(|pattern| pattern.names()));
                }
            }
            found
        })
    }
}

impl<'a> Levels<'a> {
    /// `whole`: the configuration has an `http` block.
    pub(crate) fn new(configuration: &'a Configuration, whole: bool) -> Self {
        let mut levels = Self {
            configuration,
            blocks: Vec::new(),
            by_name: HashMap::new(),
            sets: HashMap::new(),
            patterns: Patterns::default(),
            codes: RefCell::default(),
            no_codes: Rc::default(),
            maps: OnceCell::new(),
            memo: Memo::default(),
        };
        let root = configuration.tree(configuration.main).root();
        let context = if whole { Context::Main } else { fragment::guessed(configuration) };
        levels.walk(configuration, root, &IncludeChain::default(), BlockData::new(context, None, None));
        for found in levels.by_name.values_mut() {
            found.sort_by_key(|(level, _)| *level);
        }
        for &(level, set) in levels.by_name.get(&b"set"[..]).into_iter().flatten() {
            if let Some(name) = set.arg(0).and_then(|w| w.content().strip_prefix(b"$")) {
                levels.sets.entry(name.to_ascii_lowercase()).or_default().push((level, set));
            }
        }
        levels.memo.allow(levels.blocks.iter().map(|block| block.directives.len()).sum());
        if configuration.diagnostics.iter().any(|d| d.class == Class::Environment) {
            levels.mark_incomplete(configuration, root);
        }
        levels
    }

    /// Marks the blocks in which, or around which, something is included that was not read.
    fn mark_incomplete(&mut self, configuration: &'a Configuration, root: Block<'a>) {
        let unread = configuration.unread();
        let is_missing = |d: Directive<'a>| {
            let is_pattern = || d.arg(0).is_some_and(|w| w.content().contains(&b'*'));
            d.name().is("include") && configuration.included(d).is_empty() && !is_pattern()
        };
        for index in 0..self.blocks.len() {
            let data = &self.blocks[index];
            let around = data.outer.is_none_or(|outer| self.blocks[outer as usize].complete);
            let block = data.head.map_or(Some(root), Directive::block);
            let place = data.head.map_or_else(|| root.span(), Directive::head);
            let complete = around
                && unread.around(place).is_none()
                && !block.into_iter().flat_map(Block::directives).any(is_missing);
            self.blocks[index].complete = complete;
        }
    }

    /// Reads a pattern, each once; `None` if it is not understood.
    pub(crate) fn pattern(&self, text: &[u8], caseless: bool) -> Option<Rc<Pattern>> {
        self.patterns.read(text, caseless)
    }

    fn walk(
        &mut self,
        configuration: &'a Configuration,
        block: Block<'a>,
        chain: &IncludeChain,
        data: BlockData<'a>,
    ) -> u32 {
        let (index, context) = (self.blocks.len() as u32, data.context);
        self.blocks.push(data);
        for (directive, chain) in configuration.expanded_within(block, chain) {
            let name = directive.name().content();
            self.blocks[index as usize].directives.push(directive);
            self.by_name.entry(name).or_default().push((index, directive));
            let Some(inside) = directive.block() else { continue };
            // An `if` of a location is another directive than that of a server.
            let known = catalog::in_context(name, context);
            if let Some(Body::Directives(inner)) = known.map(|d| d.body) {
                let inner = BlockData::new(inner, Some(directive), Some(index));
                let inner = self.walk(configuration, inside, &chain, inner);
                self.blocks[index as usize].inner.push(inner);
            }
        }
        let end = self.blocks.len() as u32;
        let data = &mut self.blocks[index as usize];
        data.end = end;
        data.directives.shrink_to_fit();
        data.inner.shrink_to_fit();
        index
    }

    /// Every directive of a name, with the level it stands in.
    pub(crate) fn named(&'a self, name: &str) -> impl Iterator<Item = (Level<'a>, Directive<'a>)> {
        let found = self.by_name.get(name.as_bytes()).map_or(&[][..], Vec::as_slice);
        found.iter().map(|&(index, directive)| (Level { levels: self, index }, directive))
    }

    /// Every directive of a name that `http` contains.
    pub(crate) fn http(&'a self, name: &str) -> impl Iterator<Item = (Level<'a>, Directive<'a>)> {
        self.named(name).filter(|(level, _)| level.is_http())
    }

    /// Every `set` of a variable in `http`.
    pub(crate) fn sets(&'a self, variable: &str) -> impl Iterator<Item = (Level<'a>, Directive<'a>)> {
        let found = self.sets.get(variable.to_ascii_lowercase().as_bytes()).map_or(&[][..], Vec::as_slice);
        let all = found.iter().map(|&(index, set)| (Level { levels: self, index }, set));
        all.filter(|(level, _)| level.is_http())
    }

    /// The same of one server, or of all where there is none around.
    pub(crate) fn sets_of(
        &'a self,
        server: Option<Level<'a>>,
        variable: &str,
    ) -> impl Iterator<Item = (Level<'a>, Directive<'a>)> {
        /// The most that are looked at: a server can have a hundred thousand.
        const MOST: usize = 200;
        let found = self.sets.get(variable.to_ascii_lowercase().as_bytes()).map_or(&[][..], Vec::as_slice);
        let range = server.map_or(0..u32::MAX, |server| server.index..server.data().end);
        let start = found.partition_point(|(level, _)| *level < range.start);
        let of_server = found[start..].iter().take_while(move |(level, _)| *level < range.end).take(MOST);
        of_server.map(|&(index, set)| (Level { levels: self, index }, set))
    }

    /// The entries of a `map` and the like, which are no directives: includes expanded.
    pub(crate) fn entries(&self, head: Directive<'a>) -> impl Iterator<Item = Directive<'a>> + use<'a> {
        let configuration = self.configuration;
        head.block().into_iter().flat_map(move |block| configuration.expanded(block)).map(|(entry, _)| entry)
    }

    /// True if any directive has that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name.as_bytes())
    }

    /// Every block.
    pub(crate) fn all(&'a self) -> impl Iterator<Item = Level<'a>> {
        (0..self.blocks.len() as u32).map(|index| Level { levels: self, index })
    }

    /// Every block of a context.
    pub(crate) fn of(&'a self, context: Context) -> impl Iterator<Item = Level<'a>> {
        self.all().filter(move |level| level.context() == context)
    }
}

impl<'a> BlockData<'a> {
    fn new(context: Context, head: Option<Directive<'a>>, outer: Option<u32>) -> Self {
        Self { context, head, outer, end: 0, directives: Vec::new(), inner: Vec::new(), complete: true }
    }
}

impl<'a> Level<'a> {
    fn data(self) -> &'a BlockData<'a> {
        &self.levels.blocks[self.index as usize]
    }

    /// Kind of the block.
    pub(crate) fn context(self) -> Context {
        self.data().context
    }

    /// The directive that opens it; the outermost level has none.
    pub(crate) fn head(self) -> Option<Directive<'a>> {
        self.data().head
    }

    /// The level around it.
    pub(crate) fn outer(self) -> Option<Level<'a>> {
        self.data().outer.map(|index| Level { index, ..self })
    }

    /// Itself and all around it, innermost first.
    pub(crate) fn outward(self) -> impl Iterator<Item = Level<'a>> {
        std::iter::successors(Some(self), |level| level.outer())
    }

    /// The blocks directly in it.
    pub(crate) fn inner(self) -> impl Iterator<Item = Level<'a>> {
        self.data().inner.iter().map(move |&index| Level { index, ..self })
    }

    /// Position of the block among all blocks.
    pub(crate) fn position(self) -> u32 {
        self.index
    }

    /// The instructions of the rewrite module in it.
    pub(crate) fn codes(self) -> Codes<'a> {
        if let Some(index) = self.levels.codes.borrow().get(&self.index) {
            return Codes { level: self, index: index.clone() };
        }
        let heads = self.inner().filter_map(|inner| Some((inner.head()?.id(), inner.index)));
        let index = Index::new(self.directives(), heads);
        let index = if index.is_empty() { self.levels.no_codes.clone() } else { Rc::new(index) };
        self.levels.codes.borrow_mut().insert(self.index, index.clone());
        Codes { level: self, index }
    }

    /// The block of an `if` among its instructions.
    pub(crate) fn inside(self, code: Code<'a>) -> Option<Level<'a>> {
        code.inner.map(|index| Level { index, ..self })
    }

    /// True if it is a server, or an `if` of one.
    pub(crate) fn is_of_server(self) -> bool {
        matches!(self.context(), Context::Server | Context::IfInServer)
    }

    /// The block of a directive that stands directly in it.
    pub(crate) fn below(self, head: Directive<'a>) -> Option<Level<'a>> {
        self.inner().find(|level| level.head().is_some_and(|own| own.id() == head.id()))
    }

    /// Itself and every block in it.
    pub(crate) fn inward(self) -> Vec<Level<'a>> {
        let mut all = vec![self];
        let mut at = 0;
        while let Some(level) = all.get(at) {
            let inner: Vec<_> = level.inner().collect();
            all.extend(inner);
            at += 1;
        }
        all
    }

    /// The directives that stand directly in it.
    pub(crate) fn directives(self) -> &'a [Directive<'a>] {
        &self.data().directives
    }

    /// The directives of a name that stand directly in it.
    pub(crate) fn own(self, name: &str) -> impl DoubleEndedIterator<Item = Directive<'a>> + use<'a> {
        let all = self.levels.by_name.get(name.as_bytes()).map_or(&[][..], Vec::as_slice);
        let start = all.partition_point(|(level, _)| *level < self.index);
        let count = all[start..].partition_point(|(level, _)| *level == self.index);
        all[start..start + count].iter().map(|(_, directive)| *directive)
    }

    /// The first of them.
    pub(crate) fn get(self, name: &str) -> Option<Directive<'a>> {
        let all = self.levels.by_name.get(name.as_bytes())?;
        let start = all.partition_point(|(level, _)| *level < self.index);
        all.get(start).filter(|(level, _)| *level == self.index).map(|(_, directive)| *directive)
    }

    /// The nearest level, from this one outwards, that has a directive.
    pub(crate) fn holder(self, name: &str) -> Option<Level<'a>> {
        let all = self.levels.by_name.get(name.as_bytes())?;
        self.outward().find(|level| all.binary_search_by_key(&level.index, |(index, _)| *index).is_ok())
    }

    /// The directive that decides here: the nearest one outwards. nginx merges most values in this way, and lists too
    /// (`ngx_conf_merge_ptr_value`): a level that has any of a list inherits none.
    pub(crate) fn effective(self, name: &str) -> Option<Directive<'a>> {
        self.holder(name)?.get(name)
    }

    /// The list of directives that holds here.
    pub(crate) fn list(self, name: &str) -> Vec<Directive<'a>> {
        self.holder(name).map(|level| level.own(name).collect()).unwrap_or_default()
    }

    /// True if the first argument of the directive that decides is `value`.
    pub(crate) fn is(self, name: &str, value: &str) -> bool {
        self.effective(name)
            .and_then(|d| d.arg(0))
            .is_some_and(|w| w.value().eq_ignore_ascii_case(value.as_bytes()))
    }

    /// The named location, `server` or `http` around an `if` or `limit_except`; itself if it is none of them.
    pub(crate) fn block(self) -> Level<'a> {
        let conditional = |c| matches!(c, Context::IfInLocation | Context::IfInServer | Context::LimitExcept);
        self.outward().find(|level| !conditional(level.context())).unwrap_or(self)
    }

    /// True if every file that is included in it or around it was read.
    pub(crate) fn is_complete(self) -> bool {
        self.data().complete
    }

    /// Reads a pattern, as [`Levels::pattern`].
    pub(crate) fn pattern(self, text: &[u8], caseless: bool) -> Option<Rc<Pattern>> {
        self.levels.pattern(text, caseless)
    }

    /// The nearest level of a context, from this one outwards.
    pub(crate) fn around(self, context: Context) -> Option<Level<'a>> {
        self.outward().find(|level| level.context() == context)
    }

    /// True if everything around it is known: the configuration is no fragment.
    pub(crate) fn is_rooted(self) -> bool {
        self.levels.blocks.first().is_some_and(|root| root.context == Context::Main)
    }

    /// True if it is `http` or in it.
    pub(crate) fn is_http(self) -> bool {
        matches!(
            self.context(),
            Context::Http
                | Context::Server
                | Context::Location
                | Context::IfInServer
                | Context::IfInLocation
                | Context::LimitExcept
                | Context::Upstream
        )
    }
}

impl PartialEq for Level<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index
    }
}

mod maps;
#[cfg(test)]
mod tests;
