//! Syntax: the text of one file becomes a lossless tree, and files become a configuration.
//!
//! Lexical rules are those of `ngx_conf_read_token` (`src/core/ngx_conf_file.c`); the grammar is
//! `grammar/nginx.ebnf`. Parsing never fails: a broken file gives a tree and all its errors.

// The tree and its handles.
mod ast;
mod tree;
mod word;

// One file: text to tree and back.
mod error;
mod format;
mod lexeme;
mod odd;
mod parser;
mod print;
mod recover;

// Files that are not, or not only, nginx's syntax.
mod doubt;
mod foreign;
mod reading;
mod template;
mod uncertain;
mod written;
mod yaml;

// All files.
mod configuration;
mod dump;
mod include;
mod printed;
mod unread;
mod visit;

pub use ast::{Block, Comment, Directive, DirectiveId, Item, Items};
pub use configuration::Configuration;
pub use dump::{Dump, DumpedFile};
pub use error::{MAX_ERRORS, SyntaxError};
pub use format::format;
pub use include::{FRAGMENT_DIRECTORIES, LoadError, LoadOptions, load, load_one};
pub use parser::{MAX_DEPTH, parse};
pub use print::print;
pub use reading::{embedded, is_template, layout};
pub use template::looked_through;
pub use template::{Language, Templates};
pub use tree::{Terminator, Tree};
pub use unread::UnreadPlaces;
pub use visit::{Expanded, IncludeChain};
pub use word::{Quote, Word, Words};
pub use yaml::{Embedded, MOST_MOUNTED, holds_configuration, is_yaml};
