//! Commands that an editor sends from a lens or a menu; each returns a text to show.

use lsp_types::{ExecuteCommandParams, Position, Range, Uri};

use super::analysis::{self, Analysed};
use super::state::State;
use super::{documents, position};
use crate::behaviour::case::Case;
use crate::cli::explain::{self, ExplainArgs};
use crate::cli::show;
use crate::cli::test::init;
use crate::simulate::walk::RoutingConfiguration;

/// The way of a URL through the configuration of a file.
pub(super) const SHOW: &str = "ngxc.show";
/// A test case of what happens to a URL today.
pub(super) const TEST: &str = "ngxc.test";
/// Findings in a range of a file.
pub(super) const FINDINGS: &str = "ngxc.findings";
/// Page about a rule, a diagnostic or a directive.
pub(super) const EXPLAIN: &str = "ngxc.explain";

/// All of them.
pub(super) const ALL: [&str; 4] = [SHOW, TEST, FINDINGS, EXPLAIN];

/// The text that a command answers.
///
/// # Errors
/// If the command or its arguments are none, in words for the user.
pub(super) fn execute(server: &State<'_>, params: &ExecuteCommandParams) -> Result<String, String> {
    let text = |at: usize| {
        let argument = params.arguments.get(at).and_then(serde_json::Value::as_str);
        argument.ok_or_else(|| format!("`{}` expects a text as argument {}", params.command, at + 1))
    };
    match params.command.as_str() {
        EXPLAIN => explained(text(0)?),
        SHOW => way(server, text(0)?, text(1)?),
        TEST => case(server, text(0)?, text(1)?),
        FINDINGS => {
            let range = params.arguments.get(1).cloned().unwrap_or_default();
            let whole = Range::new(Position::new(0, 0), Position::new(u32::MAX, 0));
            findings(server, text(0)?, serde_json::from_value(range).unwrap_or(whole))
        }
        other => Err(format!("no command is called `{other}`; expected one of {}", ALL.join(", "))),
    }
}

fn explained(name: &str) -> Result<String, String> {
    let mut out = Vec::new();
    explain::run(&ExplainArgs::of(name), &mut out).map_err(|failure| analysis::text(&failure))?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// The configuration of a file, ready for routing.
fn ground<'a>(server: &'a State<'_>, uri: &str) -> Result<(&'a Analysed, &'a RoutingConfiguration), String> {
    let uri: Uri = uri.parse().map_err(|_| format!("`{uri}` is no URI"))?;
    let path = documents::path(&uri).ok_or_else(|| format!("`{}` is no file", uri.as_str()))?;
    let mut all = server.analysis.of(&path).filter_map(|(one, _)| Some((one, one.ground()?)));
    all.next().ok_or_else(|| format!("`{}` belongs to no configuration that can be routed", path.display()))
}

fn way(server: &State<'_>, uri: &str, url: &str) -> Result<String, String> {
    let (analysed, ground) = ground(server, uri)?;
    let book = show::ModelNames { config: analysed.model(), sources: &analysed.configuration().sources };
    let mut out = Vec::new();
    show::write_way(book, analysed.configuration(), ground, url, &mut out)
        .map_err(|failure| analysis::text(&failure))?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn case(server: &State<'_>, uri: &str, url: &str) -> Result<String, String> {
    let (_, ground) = ground(server, uri)?;
    let case = Case { url: Some(url.to_owned()), ..Case::default() };
    let written = init::written(ground, case);
    written
        .map(|written| written.to_string())
        .ok_or_else(|| format!("no server of the configuration takes `{url}`"))
}

fn findings(server: &State<'_>, uri: &str, range: Range) -> Result<String, String> {
    let uri: Uri = uri.parse().map_err(|_| format!("`{uri}` is no URI"))?;
    let path = documents::path(&uri).ok_or_else(|| format!("`{}` is no file", uri.as_str()))?;
    let mut lines = Vec::new();
    for (analysed, file) in server.analysis.of(&path) {
        let sources = &analysed.configuration().sources;
        for finding in analysed.judged.findings.iter().filter(|one| one.span.file == file) {
            let own = position::range(sources, finding.span);
            if own.start <= range.end && range.start <= own.end {
                let (line, level) = (own.start.line + 1, finding.level.name());
                lines.push(format!("{line}: {level}: {} [{}]", finding.message, finding.code));
            }
        }
    }
    lines.sort();
    lines.dedup();
    Ok(lines.join("\n"))
}
