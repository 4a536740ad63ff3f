//! Commas in lists.

use crate::diagnostic::Diagnostic;
use crate::edit::{Edit, Fix};
use crate::lint::Target;
use crate::lint::rule::declare_rule;
use crate::syntax::{Quote, Word};

declare_rule! {
    /// ## What it does
    ///
    /// Reports commas behind the words of a list, where nginx takes them as part of the word: `server_name`, `index`,
    /// `try_files`, types and the like.
    ///
    /// ## Why is this bad
    ///
    /// nginx separates words by spaces. It looks for a file `index.php,` and answers for a host `a.example,`.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     server_name a.example, www.a.example;
    ///     index index.php, index.html;
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     server_name a.example www.a.example "~^[a-z]{1,3}\.example$";
    ///     index index.php index.html;
    /// }
    /// ```
    LIST_WITH_COMMAS {
        name: "list-with-commas",
        category: Correctness,
        level: Warning,
        summary: "words of a list are separated by commas, which are part of the words",
        doc: "/en/docs/http/ngx_http_core_module.html#server_name",
    }
}

const LISTS: [&str; 14] = [
    "server_name",
    "index",
    "try_files",
    "gzip_types",
    "brotli_types",
    "zstd_types",
    "sub_filter_types",
    "ssi_types",
    "charset_types",
    "addition_types",
    "valid_referers",
    "proxy_ignore_headers",
    "fastcgi_index",
    "default_type",
];

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for name in LISTS {
        for (_, list) in target.levels().http(name) {
            let wrong: Vec<Word<'_>> = list.args().filter(|word| has_comma(name, &word.value())).collect();
            let Some(first) = wrong.first() else { continue };
            let finding = LIST_WITH_COMMAS
                .finding(first.span(), format!("`{first}` is one word of `{name}`, with its comma"))
                .label("the comma is part of it")
                .help("separate the words by spaces");
            let plain = wrong.iter().all(|word| word.quote() == Quote::None && !word.has_escapes());
            let without = |word: &Word<'_>| {
                let words = word.to_string();
                let words: Vec<&str> = words.split(',').filter(|part| !part.is_empty()).collect();
                Edit::replace(word.span(), words.join(" "))
            };
            found.push(if plain {
                finding.fix(Fix::unsafe_("write spaces", wrong.iter().map(without).collect()))
            } else {
                finding
            });
        }
    }
}

/// A comma behind a word, or between two: not in a pattern. A file can have one in its name.
fn has_comma(name: &str, word: &[u8]) -> bool {
    let files = matches!(name, "index" | "try_files" | "fastcgi_index");
    let inside = !files && !word.contains(&b'$') && word.contains(&b',');
    // `"a, b"` is one name; a file can have a space too.
    let space = word.contains(&b' ') && (files || !inside);
    !word.starts_with(b"~") && !space && word.len() > 1 && (inside || word.ends_with(b","))
}
