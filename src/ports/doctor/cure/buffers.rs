//! Buffers and limits that are too small for what peers and clients send.

use super::{Case, Edit, Finding};
use crate::model::argument::Buffers;
use crate::model::{Location, Setting};
use crate::ports::error_log::MessageGroup;

const KIB: u64 = 1 << 10;

/// Smallest buffer for the head of a response that is prescribed: its size is not in the log.
const HEAD: u64 = 32 * KIB;

/// A buffer that takes the head of the responses of some peers, and the buffers that nginx wants with it.
pub(super) fn head(case: &Case<'_>, targets: &[&str], mut finding: Finding) -> Finding {
    let mut sizes = Vec::new();
    for leaf in case.leaves_to(targets) {
        let Some(Buffering { prefix, size, buffers }) = settings(leaf.directive, leaf.location) else {
            continue;
        };
        let needed = (size.value * 4).max(HEAD);
        let text = format!("{prefix}_buffer_size {}k;", needed / KIB);
        let mut edits = vec![Edit::set_or_before(size.origin.span(), leaf.span, text)];
        // Two buffers may be busy, and all but one have to be as large together.
        let all = |b: &Buffers| b.size * u64::from(b.number.saturating_sub(1));
        if buffers.is_none_or(|b| all(&b.value) < 2 * needed) {
            let text = format!("{prefix}_buffers 8 {}k;", needed / 2 / KIB);
            edits.push(Edit::set_or_before(buffers.and_then(|b| b.origin.span()), leaf.span, text));
        }
        finding.edits.extend(edits);
        sizes.push(needed / KIB);
    }
    finding.edits.dedup();
    if let Some(largest) = sizes.iter().max() {
        finding.effect = Some(format!(
            "heads of up to {largest} KiB are taken, with up to {} KiB more memory for each request under way; if it is not \
             enough either, the peer sends too much (cookies)",
            4 * largest
        ));
    }
    finding
}

/// The buffers of a protocol.
struct Buffering<'a> {
    /// The first word of its directives.
    prefix: &'static str,
    /// For the head.
    size: &'a Setting<u64>,
    /// The others, if the model has them.
    buffers: Option<&'a Setting<Buffers>>,
}

fn settings<'a>(directive: &str, location: &'a Location) -> Option<Buffering<'a>> {
    let settings = &location.settings;
    match directive {
        "proxy_pass" => Some(Buffering {
            prefix: "proxy",
            size: &settings.pass.buffer_size,
            buffers: Some(&settings.pass.buffers),
        }),
        "fastcgi_pass" => {
            Some(Buffering { prefix: "fastcgi", size: &settings.fastcgi_proxy.buffer_size, buffers: None })
        }
        _ => None,
    }
}

/// A larger limit for the bodies of requests, where the servers that the log names have one that is too small.
pub(super) fn body(case: &Case<'_>, seen: &MessageGroup, targets: &[&str], mut finding: Finding) -> Finding {
    let Some(largest) = seen.largest else { return finding };
    let text = format!("client_max_body_size {}m;", largest.div_ceil(KIB * KIB));
    let servers = case.config.http.servers.iter();
    let named = |server: &&crate::model::Server| {
        server.names.first().is_some_and(|name| targets.contains(&name.to_string().as_str()))
    };
    let any = targets.is_empty();
    for server in servers.filter(|server| any || named(server)) {
        let first = server.locations.first().map_or(server.span, |location| location.span);
        let inner = case.config.http.locations().filter(|(s, _)| s.span == server.span);
        let of = |settings: &crate::model::HttpSettings| settings.core.client_max_body_size.clone();
        let limits = inner.map(|(_, location)| of(&location.settings)).chain([of(&server.settings)]);
        for limit in limits.filter(|limit| limit.value != 0 && limit.value < largest) {
            let edit = Edit::set_or_before(limit.origin.span(), first, text.clone());
            if !finding.edits.contains(&edit) {
                finding.edits.push(edit);
            }
        }
    }
    if !finding.edits.is_empty() {
        finding.effect = Some(format!(
            "bodies of up to {largest} bytes are taken, the largest that the log has; each may be written to a file first \
             (client_body_temp_path)"
        ));
    }
    finding
}
