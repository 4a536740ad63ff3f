//! Handles of a [`Tree`]: blocks, directives and comments. They are small and can be copied.

use super::tree::{DirectiveData, ItemData, NOWHERE, Terminator, Tree};
use super::word::{Word, Words};
use crate::source::{FileId, Span};

/// Id of a directive within a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DirectiveId {
    /// File with the directive.
    pub file: FileId,
    /// Position in that file's tree.
    pub index: u32,
}

impl Tree {
    /// Top level of the file.
    pub fn root(&self) -> Block<'_> {
        Block { tree: self, owner: None }
    }

    /// All directives of the file in source order, those inside blocks included.
    pub fn directives(&self) -> impl Iterator<Item = Directive<'_>> + Clone {
        (0..self.items.len() as u32).filter_map(|i| self.directive(i))
    }

    /// All comments of the file in source order, those inside blocks and directives included.
    pub fn comments(&self) -> impl Iterator<Item = Comment<'_>> {
        self.items.iter().filter_map(|item| match *item {
            ItemData::Comment { start, end } => Some(Comment { tree: self, range: (start, end) }),
            _ => None,
        })
    }

    /// Directive with that [`DirectiveId::index`].
    pub fn directive(&self, index: u32) -> Option<Directive<'_>> {
        match self.items.get(index as usize)? {
            ItemData::Directive(_) => Some(Directive { tree: self, index }),
            ItemData::Comment { .. } | ItemData::Skipped { .. } => None,
        }
    }

    /// Directive whose name begins at `offset`.
    pub fn directive_at(&self, offset: u32) -> Option<Directive<'_>> {
        let start = |item: &ItemData| match item {
            ItemData::Directive(d) => self.words[d.first_word as usize].range().start as u32,
            ItemData::Comment { start, .. } | ItemData::Skipped { start, .. } => *start,
        };
        let index = self.items.partition_point(|item| start(item) < offset);
        self.directive(index as u32).filter(|d| d.name().span().start == offset)
    }

    /// Directives that an offset lies in, the outermost first.
    pub fn enclosing(&self, offset: u32) -> Vec<Directive<'_>> {
        let mut around = Vec::new();
        let mut block = self.root();
        // A block is entered once a level; the parser bounds their number.
        while let Some(found) = block.directives().find(|d| {
            let span = d.span();
            span.start <= offset && offset < span.end
        }) {
            around.push(found);
            match found.block() {
                Some(inner) => block = inner,
                None => break,
            }
        }
        around
    }

    fn at(&self, offset: u32) -> Span {
        self.span(offset as usize..offset as usize + 1)
    }

    /// Position of the first child of a directive: past the comments between its words.
    pub(super) fn first_child(&self, index: u32, directive: &DirectiveData) -> u32 {
        let mut child = index + 1;
        while child < directive.next
            && matches!(self.items[child as usize], ItemData::Comment { start, .. } if start < directive.at)
        {
            child += 1;
        }
        child
    }
}

/// Top level of a file, or the content between a directive's braces.
#[derive(Clone, Copy)]
pub struct Block<'t> {
    tree: &'t Tree,
    owner: Option<Directive<'t>>,
}

impl<'t> Block<'t> {
    /// Items of the block, in order.
    pub fn items(self) -> Items<'t> {
        match self.owner {
            None => Items { tree: self.tree, next: 0, end: self.tree.items.len() as u32 },
            Some(owner) => {
                let data = owner.data();
                let first = self.tree.first_child(owner.index, data);
                Items { tree: self.tree, next: first, end: data.next }
            }
        }
    }

    /// Directives directly in the block, in order; `include` is one of them.
    pub fn directives(self) -> impl Iterator<Item = Directive<'t>> + Clone {
        self.items().filter_map(|item| match item {
            Item::Directive(directive) => Some(directive),
            Item::Comment(_) | Item::Skipped(_) => None,
        })
    }

    /// Span between the braces, or of the whole file.
    pub fn span(self) -> Span {
        let start = self.open().map_or(0, |open| open.end);
        let end = self.close().map_or(self.tree.text.len() as u32, |close| close.start);
        self.tree.span(start as usize..end as usize)
    }

    /// The `{`; `None` for a file.
    pub fn open(self) -> Option<Span> {
        self.owner.map(|owner| self.tree.at(owner.data().at))
    }

    /// The `}`; `None` for a file, and for a block that is not closed.
    pub fn close(self) -> Option<Span> {
        let close = self.owner?.data().close;
        (close != NOWHERE).then(|| self.tree.at(close))
    }

    /// Directive of the block; `None` for a file.
    pub fn owner(self) -> Option<Directive<'t>> {
        self.owner
    }

    /// Tree with the block.
    pub fn tree(self) -> &'t Tree {
        self.tree
    }
}

/// Item of a block.
#[derive(Clone, Copy)]
pub enum Item<'t> {
    /// `listen 80;` or `server { … }`
    Directive(Directive<'t>),
    /// `# …`
    Comment(Comment<'t>),
    /// Text that could not be part of a directive; a syntax error has been reported.
    Skipped(Span),
}

impl Items<'_> {
    /// Iterator without further items.
    pub(super) fn end(self) -> Self {
        Self { next: self.end, ..self }
    }
}

/// Items of a block.
#[derive(Clone)]
pub struct Items<'t> {
    tree: &'t Tree,
    next: u32,
    end: u32,
}

impl<'t> Iterator for Items<'t> {
    type Item = Item<'t>;

    fn next(&mut self) -> Option<Item<'t>> {
        if self.next >= self.end {
            return None;
        }
        let (tree, index) = (self.tree, self.next);
        self.next += 1;
        Some(match tree.items[index as usize] {
            ItemData::Directive(data) => {
                self.next = data.next;
                Item::Directive(Directive { tree, index })
            }
            ItemData::Comment { start, end } => Item::Comment(Comment { tree, range: (start, end) }),
            ItemData::Skipped { start, end } => Item::Skipped(tree.span(start as usize..end as usize)),
        })
    }
}

/// A comment, from its `#` to the end of the line.
#[derive(Clone, Copy)]
pub struct Comment<'t> {
    tree: &'t Tree,
    range: (u32, u32),
}

impl<'t> Comment<'t> {
    /// Span of the comment, without the line end.
    pub fn span(self) -> Span {
        self.tree.span(self.range.0 as usize..self.range.1 as usize)
    }

    /// Text as written, from the `#`.
    pub fn raw(self) -> &'t [u8] {
        &self.tree.text[self.span().range()]
    }
}

/// Directive: its words and their terminator.
#[derive(Clone, Copy)]
pub struct Directive<'t> {
    tree: &'t Tree,
    index: u32,
}

impl<'t> Directive<'t> {
    fn data(self) -> &'t DirectiveData {
        match &self.tree.items[self.index as usize] {
            ItemData::Directive(data) => data,
            // Only `Tree::directive` and `Items` make handles, both after a check of the kind.
            ItemData::Comment { .. } | ItemData::Skipped { .. } => unreachable!("not a directive"),
        }
    }

    /// Id of the directive in a configuration.
    pub fn id(self) -> DirectiveId {
        DirectiveId { file: self.tree.file, index: self.index }
    }

    /// Tree with the directive.
    pub fn tree(self) -> &'t Tree {
        self.tree
    }

    /// Name and arguments; never empty.
    pub fn words(self) -> Words<'t> {
        let data = self.data();
        Words::new(self.tree, &self.tree.words[data.first_word as usize..data.end_word as usize])
    }

    /// First word.
    pub fn name(self) -> Word<'t> {
        Word::new(self.tree, self.tree.words[self.data().first_word as usize])
    }

    /// Words after the name.
    pub fn args(self) -> Words<'t> {
        let mut words = self.words();
        words.next();
        words
    }

    /// Argument, counted from 0: `arg(0)` is nginx's `value[1]`.
    pub fn arg(self, index: usize) -> Option<Word<'t>> {
        self.words().get(index + 1)
    }

    /// Span from the first word to the end of the `;` or of the closing `}`, or of the existing text.
    pub fn span(self) -> Span {
        let data = self.data();
        let end = match data.terminator {
            Terminator::Semicolon => data.at as usize + 1,
            Terminator::Missing => data.at as usize,
            Terminator::Block if data.close == NOWHERE => self.tree.text.len(),
            Terminator::Block => data.close as usize + 1,
        };
        self.tree.span(self.head().start as usize..end)
    }

    /// Span from the first word to the last.
    pub fn head(self) -> Span {
        let data = self.data();
        let first = self.tree.words[data.first_word as usize].range().start;
        self.tree.span(first..self.tree.words[data.end_word as usize - 1].end())
    }

    /// Terminator of the words.
    pub fn terminator(self) -> Terminator {
        self.data().terminator
    }

    /// Span of the `;` or `{`; the empty span of its place if it is missing.
    pub fn terminator_span(self) -> Span {
        let data = self.data();
        let at = self.tree.at(data.at);
        if data.terminator == Terminator::Missing { Span { end: at.start, ..at } } else { at }
    }

    /// Block of the directive, if there is one; the block of a Lua directive has no items.
    pub fn block(self) -> Option<Block<'t>> {
        (self.data().terminator == Terminator::Block).then_some(Block { tree: self.tree, owner: Some(self) })
    }

    /// Lua source between the braces of a `*_by_lua_block`.
    pub fn lua(self) -> Option<&'t [u8]> {
        let block = self.block().filter(|_| self.data().lua)?;
        Some(&self.tree.text[block.span().range()])
    }

    /// Comments between the words, or before the `;` or `{`.
    pub fn comments(self) -> impl Iterator<Item = Comment<'t>> {
        let data = self.data();
        let items = self.index + 1..self.tree.first_child(self.index, data);
        items.filter_map(move |i| match self.tree.items[i as usize] {
            ItemData::Comment { start, end } => Some(Comment { tree: self.tree, range: (start, end) }),
            ItemData::Directive(_) | ItemData::Skipped { .. } => None,
        })
    }
}
