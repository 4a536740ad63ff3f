//! The hosts of a fleet, for a person.

use std::fmt::Write as _;
use std::path::Path;

use super::super::gathered::printable;
use super::super::human::wrap;
use super::{BundleResult, Cause, HostShare, diffs, errors, title};
use crate::ports::doctor::Severity;

/// Hosts that are named of each cause; the rest is counted.
const MOST_HOSTS: usize = 10;

pub(super) fn text(
    directory: &Path,
    members: &[BundleResult],
    groups: &[(&'static str, Vec<(&BundleResult, &Cause)>)],
    sums: &[HostShare],
    unread: &[String],
) -> String {
    let mut out = String::new();
    let of = |severity| members.iter().filter(|member| member.worst == Some(severity)).count();
    let (critical, warning) = (of(Severity::Critical), of(Severity::Warning));
    let hosts = if members.len() == 1 { "host" } else { "hosts" };
    let _ = writeln!(
        out,
        "{} {hosts}: {critical} in danger, {warning} with warnings, {} well{}",
        members.len(),
        members.len() - critical - warning,
        if unread.is_empty() {
            String::new()
        } else {
            format!(", {} files that are no bundle", unread.len())
        }
    );
    let width = members.iter().map(|member| member.name.chars().count()).max().unwrap_or(0).max(4);
    let _ = writeln!(out, "\n{:<width$}  {:<8}  {:<40}  causes", "host", "state", "fullest");
    for member in members {
        let causes: Vec<&str> = member.causes.iter().map(|cause| cause.name).collect();
        let fullest = member.fullest.as_ref().map_or("-", |(_, text)| text);
        let causes = if causes.is_empty() { "-".to_owned() } else { causes.join(", ") };
        let name = printable(&member.name, 100);
        let _ = writeln!(out, "{name:<width$}  {:<8}  {fullest:<40}  {causes}", member.state());
    }
    for (name, hosts) in groups {
        cause(&mut out, directory, name, hosts);
    }
    if !sums.is_empty() {
        upstreams(&mut out, sums);
    }
    out
}

fn cause(out: &mut String, directory: &Path, name: &str, hosts: &[(&BundleResult, &Cause)]) {
    let (first, one) = hosts[0];
    let severity = one.severity.name().to_uppercase();
    let count = match errors(hosts) {
        0 => String::new(),
        count => format!(", {count} lines of error logs"),
    };
    let number = hosts.len();
    let plural = if number == 1 { "host" } else { "hosts" };
    let _ = writeln!(
        out,
        "\n{severity}  {number} {plural}{count}: {}  [{name}]",
        printable(&title(name, hosts), 200)
    );
    let names: Vec<&str> = hosts.iter().map(|(member, _)| member.name.as_str()).collect();
    wrap(out, "hosts", &list(&names));
    let diffs = diffs(hosts);
    for (_, names) in &diffs {
        let same = if names.len() > 1 { "the same diff" } else { "a diff" };
        let path = directory.join(names[0]);
        wrap(
            out,
            "cure",
            &format!("{same}: {}; `ngxc doctor --from {}` prints it", list(names), path.display()),
        );
    }
    for command in
        one.commands.iter().filter(|command| hosts.iter().all(|(_, c)| c.commands.contains(command)))
    {
        wrap(out, "run", command);
    }
    if diffs.is_empty() && one.commands.is_empty() {
        for remedy in &one.remedy {
            wrap(out, "do", remedy);
        }
        wrap(out, "more", &format!("`ngxc doctor --from {}`", directory.join(&first.name).display()));
    }
}

fn list(names: &[&str]) -> String {
    let shown: Vec<String> = names.iter().take(MOST_HOSTS).map(|name| printable(name, 100)).collect();
    let more = if names.len() > MOST_HOSTS {
        format!(" and {} more", names.len() - MOST_HOSTS)
    } else {
        String::new()
    };
    format!("{}{more}", shown.join(", "))
}

fn upstreams(out: &mut String, sums: &[HostShare]) {
    let width = sums.iter().map(|sum| sum.name.chars().count()).max().unwrap_or(0).max(8);
    let _ = writeln!(
        out,
        "\n{:<width$}  {:>6}  {:>9}  {:>9}  {:>9}  {:>9}  {:>12}",
        "upstream", "hosts", "attempts", "failed", "TIME_WAIT", "open", "idle at most"
    );
    for sum in sums {
        let _ = writeln!(
            out,
            "{:<width$}  {:>6}  {:>9}  {:>9}  {:>9}  {:>9}  {:>12}",
            printable(&sum.name, 100),
            sum.hosts,
            known(sum.attempts.map(|(all, _)| all)),
            known(sum.attempts.map(|(_, failed)| failed)),
            known(sum.sockets.map(|(closed, _)| closed)),
            known(sum.sockets.map(|(_, open)| open)),
            sum.idle
        );
    }
}

/// A number, or a dash for what nobody counted.
fn known(number: Option<impl ToString>) -> String {
    number.map_or("-".to_owned(), |number| number.to_string())
}
