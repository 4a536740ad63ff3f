//! The parser against nginx's own verdicts, against arbitrary bytes, and message by message.

// The lint spares functions marked #[test] only; a failing unwrap is a failing test all the same.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod include;
mod property;
mod recovery;
mod shape;
mod vectors;

use ngxc::source::SourceMap;
use ngxc::syntax::{SyntaxError, Tree, parse};

/// A text parsed on its own.
struct Parsed {
    sources: SourceMap,
    tree: Tree,
    errors: Vec<SyntaxError>,
}

impl Parsed {
    fn new(text: impl AsRef<[u8]>) -> Self {
        let mut sources = SourceMap::default();
        let file = sources.add("CONF", text.as_ref());
        let (tree, errors) = parse(file, sources.file(file).text.clone());
        Self { sources, tree, errors }
    }

    /// As nginx logs it.
    fn nginx(&self, error: &SyntaxError) -> String {
        format!("{} in {}", error.nginx_message(), self.sources.place(error.nginx_place()))
    }

    /// As `path:line:column: message`.
    fn ours(&self, error: &SyntaxError) -> String {
        let diagnostic = &error.diagnostic;
        let at = self.sources.position(diagnostic.span);
        format!("{}:{}: {}", at.line, at.column, diagnostic.message)
    }
}
