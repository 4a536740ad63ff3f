//! Fewer files than connections.

use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::rule::declare_rule;
use crate::syntax::Directive;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `worker_rlimit_nofile` below `worker_connections`, which counts connections to backends too. If nothing sets it, the limit is the
    /// system's, which the configuration does not show, and there is no finding.
    ///
    /// ## Why is this bad
    ///
    /// A proxied request needs two descriptors, one for a file more. Without them, connections fail with `too many
    /// open files`.
    ///
    /// ## Example
    ///
    /// ```nginx bad main
    /// worker_rlimit_nofile 512;
    /// events { worker_connections 1024; }
    /// http { }
    /// ```
    ///
    /// ```nginx good main
    /// worker_rlimit_nofile 4096;
    /// events { worker_connections 1024; }
    /// http { }
    /// ```
    WORKER_RLIMIT_NOFILE {
        name: "worker-rlimit-nofile",
        category: Performance,
        level: Info,
        summary: "a worker may open fewer files than it needs for its connections",
        doc: "/en/docs/ngx_core_module.html#worker_rlimit_nofile",
        absence: true,
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    const DEFAULT: u64 = 512;
    let number = |d: Directive<'_>| d.arg(0).and_then(|w| w.to_string().parse::<u64>().ok());
    let connections =
        target.levels().named("worker_connections").find_map(|(_, d)| number(d)).unwrap_or(DEFAULT);
    for (_, directive) in target.levels().named("worker_rlimit_nofile") {
        if let Some(files) = number(directive).filter(|files| *files < connections) {
            found.push(
                WORKER_RLIMIT_NOFILE
                    .finding(
                        directive.head(),
                        format!("{files} files for {connections} connections: each needs one"),
                    )
                    .help(format!("set at least {connections}, and more for files")),
            );
        }
    }
}
