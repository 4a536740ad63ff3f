//! The default number of workers.

use crate::catalog::Context;
use crate::diagnostic::Diagnostic;
use crate::edit::Fix;
use crate::lint::levels::Level as Block;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, place};

declare_rule! {
    /// ## What it does
    ///
    /// Reports a whole configuration with servers that does not set `worker_processes`. Off unless it is
    /// switched on: in a container, or in front of a pool that is counted by worker, one can be right.
    ///
    /// ## Why is this bad
    ///
    /// The default is 1: one processor does all the work.
    ///
    /// ## Example
    ///
    /// ```nginx bad main
    /// events { }
    /// http { server { listen 80; } }
    /// ```
    ///
    /// ```nginx good main
    /// worker_processes auto;
    /// events { }
    /// http { server { listen 80; } }
    /// ```
    WORKER_PROCESSES_UNSET {
        name: "worker-processes-unset",
        category: Performance,
        level: Info,
        summary: "one worker, whatever the machine",
        doc: "/en/docs/ngx_core_module.html#worker_processes",
        recommended: false,
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let levels = target.levels();
    let Some(http) = levels.of(Context::Http).find_map(Block::head) else { return };
    let main = levels.of(Context::Main).next().is_some() && levels.of(Context::Server).next().is_some();
    if !main || levels.has("worker_processes") || !target.reads_everything() {
        return;
    }
    let first =
        levels.of(Context::Main).find_map(|level| level.directives().first().copied()).unwrap_or(http);
    let finding = WORKER_PROCESSES_UNSET
        .finding(first.head(), "nothing sets `worker_processes`: one worker uses one processor")
        .help("add `worker_processes auto;`");
    let main = target.configuration.main;
    found.push(match place::before(target.configuration, first.head(), "worker_processes auto;") {
        Some(mut edit) if first.head().file == main => {
            if edit.text.ends_with(' ') && first.head().start == 0 {
                edit.text = String::from("worker_processes auto;\n");
            }
            finding.fix(Fix::unsafe_("add `worker_processes auto;`", vec![edit]))
        }
        _ => finding,
    });
}
