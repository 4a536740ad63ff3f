//! The reason of a value in words.

use super::part::{Open, Origin, Row};
use super::shape::Reason;

/// The steps to a way of a value, then what the request decides of it.
pub(super) fn reasons(row: &Row) -> Vec<Reason> {
    let mut all: Vec<Reason> =
        row.why.iter().map(|why| Reason { span: why.span, text: of_step(why.step).to_owned() }).collect();
    for open in row.opens() {
        let reason = Reason { span: None, text: of_open(open) };
        if !all.contains(&reason) {
            all.push(reason);
        }
    }
    all
}

fn of_step(step: Origin) -> &'static str {
    match step {
        Origin::Set => "`set` stores this value",
        Origin::Entry => "this entry has the value",
        Origin::Default => "the value where no entry fits",
        Origin::NoDefault => "empty where no entry fits: there is no `default`",
        Origin::Bucket => "one of the parts of `split_clients`",
        Origin::Group => "a group of this pattern",
        Origin::Rewrite => "`rewrite` puts this in place of the URI",
        Origin::Fact => "this condition leaves only such values",
        Origin::NeverSet => "empty where nothing has set it",
        Origin::NoGroup => "empty: the last pattern that matched has no such group",
    }
}

fn of_open(open: &Open) -> String {
    let from = if open.of.is_empty() || open.name == format!("${}", open.of) {
        String::new()
    } else {
        format!(", taken from `${}`", open.of)
    };
    let who = if open.client { "the client chooses" } else { "only the request decides" };
    let how = if open.decoded { ", with its escapes decoded" } else { "" };
    format!("{who} `{}`{from}{how}", open.name)
}
