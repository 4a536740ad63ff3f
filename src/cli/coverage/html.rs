//! Coverage as a page: the tree of the configuration with heat, and a search that works without scripts' help too.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::behaviour::coverage::{Coverage, Kind, percent as share};
use crate::cli::page::{escape, head};
use crate::ports::dates::stamp;
use crate::source::{SourceMap, Span};

/// Rules beside the shared style: indented rows, and a bar of heat behind the number of requests.
const STYLE: &str = "<style>\n\
.tree td.part { padding-left: calc(.5rem + var(--depth) * 1.2rem); }\n\
@media (max-width: 44rem) { .tree tr { width: auto; margin-left: calc(var(--depth) * .8rem); } .tree td.part { padding-left: .5rem; } }\n\
#search { font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line); padding: .3rem .5rem; width: 100%; max-width: 24rem; margin-bottom: .5rem; }\n\
.tree tr.missed td.name { color: var(--bad); }\n\
.tree tr.shadowed td.part { color: var(--dim); border-left: 4px solid var(--wait); }\n\
.tree tr.shadowed small { display: block; }\n\
.heat { display: inline-block; height: .7em; margin-right: .5em; background: var(--good); }\n\
</style>\n";

/// Hides the rows that do not have the text of the search field.
const SCRIPT: &str = "<script>\n\
const field = document.getElementById('search');\n\
field.hidden = false;\n\
field.addEventListener('input', () => {\n\
  const wanted = field.value.toLowerCase();\n\
  for (const row of document.querySelectorAll('.tree tbody tr')) {\n\
    row.hidden = !row.textContent.toLowerCase().includes(wanted);\n\
  }\n\
});\n\
</script>\n";

fn counted(requests: u64) -> String {
    format!("{requests} {}", if requests == 1 { "request" } else { "requests" })
}

/// The whole page; `shadowed` has the locations that no request reaches, with what takes their requests.
pub(super) fn page(coverage: &Coverage, shadowed: &HashMap<Span, String>, sources: &SourceMap) -> String {
    let mut out = head("ngxc coverage");
    out.push_str(STYLE);
    let (reached, all) = coverage.share(None);
    // Writing into a string does not fail.
    let _ = writeln!(
        out,
        "<h1>Coverage of the configuration</h1>\n<p>{} reached {reached} of {all} parts, {:.1} %; the default server took {} \
         whose host no name fits.</p>",
        counted(coverage.requests),
        share((reached, all)),
        counted(coverage.by_default)
    );
    out.push_str(
        "<table>\n<thead><tr><th class=\"name\">parts</th><th>reached</th><th>all</th><th>share</th></tr></thead>\n<tbody>\n",
    );
    for kind in Kind::ALL {
        let (reached, all) = coverage.share(Some(kind));
        if all > 0 {
            let _ = writeln!(
                out,
                "<tr><td class=\"name\" data-label=\"parts\">{}</td><td data-label=\"reached\">{reached}</td><td \
                 data-label=\"all\">{all}</td><td data-label=\"share\">{:.1} %</td></tr>",
                kind.plural(),
                share((reached, all))
            );
        }
    }
    // Cases of a test have no times.
    let has_times = coverage.items.iter().any(|item| item.last.is_some());
    let _ = write!(
        out,
        "</tbody>\n</table>\n<h2>Parts</h2>\n<input id=\"search\" type=\"search\" placeholder=\"search\" aria-label=\"search\" \
         hidden>\n<table class=\"tree\">\n<thead><tr><th class=\"name\">part</th><th class=\"name\">place</th><th>requests</th>{}</tr></thead>\n\
         <tbody>\n",
        if has_times { "<th>last</th>" } else { "" }
    );
    #[expect(clippy::cast_precision_loss, reason = "a colour for people to look at")]
    let number = |hits: u64| hits as f64;
    let most = coverage.items.iter().map(|item| item.hits).max().unwrap_or(0).max(1);
    let most = number(most);
    for item in &coverage.items {
        // Requests differ by powers of ten: the logarithm shows them all.
        let last = item.last.map_or_else(|| "never".to_owned(), stamp);
        let last = if has_times { format!("<td data-label=\"last\">{last}</td>") } else { String::new() };
        let by = shadowed.get(&item.span).filter(|_| item.kind == Kind::Location && item.hits == 0);
        let note = by.map_or_else(String::new, |by| format!("<small>shadowed by {}</small>", escape(by)));
        let heat = (number(item.hits).ln_1p() / most.ln_1p() * 6.0).max(0.0);
        let _ = writeln!(
            out,
            "<tr{} style=\"--depth:{}\"><td class=\"name part\" data-label=\"part\">{}</td><td class=\"name\" \
             data-label=\"place\">{}</td><td data-label=\"requests\"><span class=\"heat\" style=\"width:{heat:.2}em\"></span>{}</td>{last}</tr>",
            match (item.hits, by) {
                (0, Some(_)) => " class=\"shadowed\"",
                (0, None) => " class=\"missed\"",
                _ => "",
            },
            item.depth,
            escape(&item.name) + &note,
            escape(&sources.place(item.span)),
            item.hits
        );
    }
    out.push_str("</tbody>\n</table>\n");
    out.push_str(SCRIPT);
    out.push_str("</html>\n");
    out
}
