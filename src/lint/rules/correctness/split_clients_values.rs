//! Values that repeat, or are taken literally.

use std::collections::HashMap;

use super::split_clients_key::spreads_sources;
use crate::diagnostic::{Diagnostic, Level};
use crate::edit::{Edit, Fix};
use crate::lint::rule::declare_rule;
use crate::lint::{Target, place};
use crate::model::SplitClients;
use crate::model::split_clients::Bucket;

declare_rule! {
    /// ## What it does
    ///
    /// Reports a `split_clients` with the same value in two buckets, or with a `$` in a value, which nginx takes
    /// literally. As an info, one with a single value, and one that spreads source addresses in shares that differ by
    /// more than a factor of 2.
    ///
    /// ## Why is this bad
    ///
    /// A value in two buckets gets the sum of their shares, which nothing says. Source addresses with unequal shares
    /// run out of ports one after the other.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// split_clients $request_id $source { 25% 10.0.0.8; 25% 10.0.0.8; * 10.0.0.9; }
    /// upstream backend { server 10.0.0.1:80; keepalive 16; }
    /// server {
    ///     location / {
    ///         proxy_http_version 1.1;
    ///         proxy_set_header Connection "";
    ///         proxy_bind $source;
    ///         proxy_pass http://backend;
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx bad
    /// split_clients $remote_addr $variant { 50% /srv/$host; * /srv/other; }
    /// server {
    ///     location / { root $variant; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// split_clients $request_id $source { 50% 10.0.0.8; * 10.0.0.9; }
    /// upstream backend { server 10.0.0.1:80; keepalive 16; }
    /// server {
    ///     location / {
    ///         proxy_http_version 1.1;
    ///         proxy_set_header Connection "";
    ///         proxy_bind $source;
    ///         proxy_pass http://backend;
    ///     }
    /// }
    /// ```
    SPLIT_CLIENTS_VALUES {
        name: "split-clients-values",
        category: Correctness,
        level: Warning,
        summary: "values of a `split_clients` that are not what they seem",
        doc: "/en/docs/http/ngx_http_split_clients_module.html#split_clients",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for split in &target.config.http.split_clients {
        of_each(target, split, found);
        of_all(target, split, found);
    }
}

fn of_each(target: Target<'_>, split: &SplitClients, found: &mut Vec<Diagnostic>) {
    let mut seen: HashMap<&[u8], usize> = HashMap::new();
    for (n, bucket) in split.buckets.iter().enumerate() {
        let value = String::from_utf8_lossy(&bucket.value);
        if bucket.value.contains(&b'$') {
            let finding = SPLIT_CLIENTS_VALUES
                .finding(
                    bucket.span,
                    format!("`{value}` is taken literally: values of `split_clients` have no variables"),
                )
                .label("`$` stands for itself")
                .help("give the buckets plain names, and let a `map` make values of them");
            found.push(finding);
        }
        // An empty value may well have several shares.
        if let Some(&before) = seen.get(&*bucket.value)
            && !bucket.value.is_empty()
        {
            found.push(twice(target, split, before, n));
        }
        seen.insert(&bucket.value, n);
    }
}

fn twice(target: Target<'_>, split: &SplitClients, before: usize, n: usize) -> Diagnostic {
    let (first, second) = (&split.buckets[before], &split.buckets[n]);
    let value = String::from_utf8_lossy(&first.value);
    let finding = SPLIT_CLIENTS_VALUES
        .finding(second.span, format!("`{value}` is in two buckets: it gets the sum of their shares"))
        .label("the same value again")
        .related(first.span, "first here")
        .help("add the shares up in one entry, or correct the value");
    match merge(target, first, second).filter(|_| before + 1 == n) {
        Some(fix) => finding.fix(fix),
        None => finding,
    }
}

/// Neighbours can be one entry without moving anybody else.
fn merge(target: Target<'_>, first: &Bucket, second: &Bucket) -> Option<Fix> {
    let share = place::find(target.configuration, first.span)?.name().span();
    let sum = first.percent + second.percent;
    let text = match (second.percent, sum % 100) {
        (0, _) => "*".to_owned(),
        (_, 0) => format!("{}%", sum / 100),
        (_, rest) => format!("{}.{rest:02}%", sum / 100),
    };
    let edits = vec![Edit::replace(share, text), place::remove(target.configuration, second.span)?];
    Some(Fix::safe("add the shares up", edits))
}

fn of_all(target: Target<'_>, split: &SplitClients, found: &mut Vec<Diagnostic>) {
    let first = split.buckets.first().map(|b| &b.value);
    let one = split.buckets.iter().all(|b| Some(&b.value) == first);
    let taken: u32 = split.buckets.iter().map(|b| b.percent).sum();
    let share = |b: &Bucket| if b.percent == 0 { 10_000u32.saturating_sub(taken) } else { b.percent };
    let shares = split.buckets.iter().map(share).filter(|share| *share > 0);
    let (least, most) = (shares.clone().min().unwrap_or(0), shares.max().unwrap_or(0));
    // A bucket for some and nothing for the rest is a choice between two values.
    let text = if one && taken_whole(split, taken) {
        "all requests get one value"
    } else if most > 2 * least && spreads_sources(target, split) {
        "source addresses get very different shares: one runs out of ports before the others"
    } else {
        return;
    };
    let mut finding = SPLIT_CLIENTS_VALUES.finding(split.span, text).label("the shares of these values");
    finding.level = Level::Info;
    found.push(finding);
}

fn taken_whole(split: &SplitClients, taken: u32) -> bool {
    taken >= 10_000 || split.buckets.iter().any(|b| b.percent == 0)
}
