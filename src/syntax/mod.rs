//! Syntax: the text of one file becomes a lossless tree, and files become a configuration.
//!
//! Lexical rules are those of `ngx_conf_read_token` (`src/core/ngx_conf_file.c`); the grammar is
//! `grammar/nginx.ebnf`. Parsing never fails: a broken file gives a tree and all its errors.

mod ast;
mod word;

mod error;
mod lexeme;
mod parser;
mod recover;

mod format;
mod print;

mod dump;
mod include;
mod odd;
mod reading;
mod template;
mod visit;
mod yaml;

pub use ast::{Block, Comment, Directive, DirectiveId, Item, Items, Terminator, Tree};
pub use dump::{Dump, DumpedFile};
pub use error::{MAX_ERRORS, SyntaxError};
pub use format::format;
pub use include::{Configuration, FRAGMENT_DIRECTORIES, LoadError, LoadOptions, load, load_one};
pub use parser::{MAX_DEPTH, parse};
pub use print::print;
pub use reading::{is_template, layout};
pub use template::{Language, Templates};
pub use visit::{Expanded, IncludeChain};
pub use word::{Quote, Word, Words};
pub use yaml::{Embedded, MOST_MOUNTED, embedded, holds_configuration, is_yaml};
