//! The directives of a configuration without layout, comments and files: what `diff` compares first.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::source::Span;
use crate::syntax::{Block, Configuration, IncludeChain};

/// A directive with what stands in it, includes expanded.
#[derive(Clone, Debug)]
pub struct Node {
    /// Name and arguments, without quotes.
    pub words: Vec<String>,
    /// The directive up to its `{` or `;`.
    pub head: Span,
    /// Directives in its block.
    pub inner: Vec<Node>,
    /// The directive has a block.
    pub is_block: bool,
    /// Number that equal directives have in common.
    hash: u64,
}

/// A directive that only one side has, or that each side has in its own form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Name of the directive.
    pub name: String,
    /// Names of the blocks around it, outermost first.
    pub blocks: Vec<String>,
    /// The directive in the old configuration.
    pub old: Option<Span>,
    /// The directive in the new configuration.
    pub new: Option<Span>,
    /// Blocks around it in the old configuration, outermost first.
    pub old_owners: Vec<Span>,
    /// Blocks around it in the new configuration.
    pub new_owners: Vec<Span>,
}

/// Deepest nesting that is followed.
const MAX_DEPTH: usize = 64;

/// The directives of a configuration.
pub fn nodes(configuration: &Configuration) -> Vec<Node> {
    let root = configuration.tree(configuration.main).root();
    of_block(configuration, root, &IncludeChain::default(), 0)
}

fn of_block(
    configuration: &Configuration,
    block: Block<'_>,
    chain: &IncludeChain,
    depth: usize,
) -> Vec<Node> {
    if depth > MAX_DEPTH {
        return Vec::new();
    }
    let expanded = configuration.expanded_within(block, chain);
    let node = |(directive, chain): (crate::syntax::Directive<'_>, IncludeChain)| {
        let words: Vec<String> =
            directive.words().map(|word| String::from_utf8_lossy(word.content()).into_owned()).collect();
        let inner = directive.block();
        let inner = inner.map(|inner| of_block(configuration, inner, &chain, depth + 1));
        let mut hasher = DefaultHasher::new();
        words.hash(&mut hasher);
        directive.lua().hash(&mut hasher);
        for node in inner.iter().flatten() {
            node.hash.hash(&mut hasher);
        }
        let hash = hasher.finish();
        let is_block = inner.is_some();
        Node { words, head: directive.head(), inner: inner.unwrap_or_default(), is_block, hash }
    };
    expanded.map(node).collect()
}

impl Node {
    /// Name of the directive.
    pub fn name(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    /// Number that equal directives have in common, whatever is in front of and behind them.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// Parts that tell the block from others of its name: its arguments, of a server also its names and addresses.
    fn identity(&self) -> Vec<String> {
        let mut identity = self.words.clone();
        if self.name() == "server" && self.words.len() == 1 {
            for inner in self.inner.iter().filter(|inner| matches!(inner.name(), "server_name" | "listen")) {
                identity.extend(inner.words.iter().cloned());
            }
        }
        identity
    }
}

/// Directives of which one takes the place of another, in one edit.
const FAMILIES: &[&[&str]] = &[
    &["allow", "deny"],
    &["root", "alias"],
    // All that answers.
    &[
        "proxy_pass",
        "fastcgi_pass",
        "uwsgi_pass",
        "scgi_pass",
        "grpc_pass",
        "memcached_pass",
        "return",
        "try_files",
        "empty_gif",
        "stub_status",
    ],
];

/// Blocks whose entries are keys with values.
const TABLES: [&str; 4] = ["map", "geo", "split_clients", "types"];

/// Name that stands for all directives of a family.
fn family(name: &str) -> &str {
    FAMILIES.iter().find(|all| all.contains(&name)).map_or(name, |all| all[0])
}

/// All that differs; the order of equal directives does not matter here.
pub fn edits(old: &[Node], new: &[Node]) -> Vec<Edit> {
    let mut found = Vec::new();
    compare(old, new, &mut EnclosingBlocks::default(), &mut found);
    found
}

/// Blocks around what is compared.
#[derive(Clone, Default)]
struct EnclosingBlocks {
    names: Vec<String>,
    old: Vec<Span>,
    new: Vec<Span>,
}

impl EnclosingBlocks {
    fn edit(&self, name: &str, old: Option<&Node>, new: Option<&Node>) -> Edit {
        Edit {
            name: name.to_owned(),
            blocks: self.names.clone(),
            old: old.map(|node| node.head),
            new: new.map(|node| node.head),
            old_owners: self.old.clone(),
            new_owners: self.new.clone(),
        }
    }
}

/// Nodes of one side that the other side has not as often.
fn unmatched<'n>(own: &'n [Node], other: &[Node]) -> Vec<&'n Node> {
    let mut equal: HashMap<u64, usize> = HashMap::new();
    for node in other {
        *equal.entry(node.hash).or_default() += 1;
    }
    let mut rest = Vec::new();
    for node in own {
        match equal.get_mut(&node.hash).filter(|count| **count > 0) {
            Some(count) => *count -= 1,
            None => rest.push(node),
        }
    }
    rest
}

/// Test for two nodes that are one before and after the edit.
type Same<'t> = &'t dyn Fn(&Node, &Node) -> bool;

fn compare(old: &[Node], new: &[Node], around: &mut EnclosingBlocks, found: &mut Vec<Edit>) {
    let (mut rest_old, mut rest_new) = (unmatched(old, new), unmatched(new, old));
    // First blocks of the same identity, then blocks of which only the head differs, then directives for the same
    // header or variable, then blocks and directives of the same name, then of one family.
    let mut pairs: Vec<(&Node, &Node)> = Vec::new();
    let same_identity = |a: &Node, b: &Node| a.identity() == b.identity();
    let same_words = |a: &Node, b: &Node| a.words == b.words;
    let same_name = |a: &Node, b: &Node| a.name() == b.name() && a.inner.is_empty() == b.inner.is_empty();
    let same_family =
        |a: &Node, b: &Node| family(a.name()) == family(b.name()) && a.inner.is_empty() == b.inner.is_empty();
    let same_inside = |a: &Node, b: &Node| {
        let numbers = |node: &Node| node.inner.iter().map(Node::hash).collect::<Vec<_>>();
        let is_kind = matches!(a.name(), "location" | "if" | "limit_except");
        is_kind && a.name() == b.name() && !a.inner.is_empty() && numbers(a) == numbers(b)
    };
    let same_first = |a: &Node, b: &Node| {
        !a.is_block && !b.is_block && a.words.len() > 1 && a.words[..2] == b.words[..b.words.len().min(2)]
    };
    let is_table = around.names.last().is_some_and(|name| TABLES.contains(&name.as_str()));
    // An entry with another key.
    let same_value = |a: &Node, b: &Node| is_table && a.words.len() == 2 && a.words[1..] == b.words[1..];
    let rules: [Same<'_>; 7] =
        [&same_identity, &same_words, &same_inside, &same_first, &same_name, &same_family, &same_value];
    for (rank, rule) in rules.into_iter().enumerate() {
        rest_old.retain(|node| {
            let other = rest_new.iter().position(|other| {
                // A location with another name is another location.
                let is_location = rank >= 4 && matches!(node.name(), "location" | "upstream" | "map");
                !is_location && rule(node, other)
            });
            match other {
                Some(at) => {
                    pairs.push((node, rest_new.remove(at)));
                    false
                }
                None => true,
            }
        });
    }
    for (a, b) in pairs {
        if a.inner.is_empty() && b.inner.is_empty() {
            found.push(around.edit(a.name(), Some(a), Some(b)));
            continue;
        }
        if a.words != b.words {
            found.push(around.edit(a.name(), Some(a), Some(b)));
        }
        let mut inside = around.clone();
        inside.names.push(a.name().to_owned());
        inside.old.push(a.head);
        inside.new.push(b.head);
        compare(&a.inner, &b.inner, &mut inside, found);
    }
    found.extend(rest_old.iter().map(|node| around.edit(node.name(), Some(node), None)));
    found.extend(rest_new.iter().map(|node| around.edit(node.name(), None, Some(node))));
}
