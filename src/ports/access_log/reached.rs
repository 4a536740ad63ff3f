//! Peers that requests reached: what nginx answers by itself says nothing of the load of peers.

/// The last party that a request came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReachedParty {
    /// A peer answered, or took the request.
    Peer,
    /// A peer was chosen and could not be connected to.
    NoPeer,
    /// No peer was asked: `return`, a file, `no live upstreams`, a cache.
    Nobody,
}

/// Texts of a line that say it; `None`: the format lacks the variable.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PartyTexts<'l> {
    pub(super) status: &'l [u8],
    pub(super) peer: Option<&'l [u8]>,
    pub(super) peer_status: Option<&'l [u8]>,
    pub(super) connect_time: Option<&'l [u8]>,
    pub(super) response_time: Option<&'l [u8]>,
}

/// Judges a line by its last attempt.
pub(super) fn reached(said: PartyTexts<'_>) -> ReachedParty {
    let is_none = |text: &[u8]| text.is_empty() || text == b"-";
    let texts = [said.peer_status, said.connect_time, said.response_time];
    let mut known = texts.iter().flatten().peekable();
    let tells = known.peek().is_some();
    let is_local = match said.peer {
        // The name of an upstream in place of an address: no peer of it was to be asked.
        Some(peer) => is_none(peer) || !last(peer).contains(&b':'),
        None => tells && known.all(|text| is_none(last(text))),
    };
    if is_local {
        return ReachedParty::Nobody;
    }
    let is_error = said.status.first() == Some(&b'5');
    if said.peer.is_none() && !tells {
        // Such a format does not tell who answered: what fails is mostly nginx's own.
        return if is_error { ReachedParty::Nobody } else { ReachedParty::Peer };
    }
    let is_at_once = said.response_time.is_none_or(|t| is_none(last(t)) || last(t) == b"0.000");
    let is_unconnected = match said.connect_time {
        Some(time) => is_none(last(time)),
        None => matches!(said.status, b"500" | b"502") && is_at_once,
    };
    if is_unconnected && is_error { ReachedParty::NoPeer } else { ReachedParty::Peer }
}

/// The last of several values: `a, b : c`.
pub(super) fn last(text: &[u8]) -> &[u8] {
    text.rsplit(|b| *b == b' ').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_nginx_itself_are_told_apart() {
        let of = |text: &'static str| {
            let parts: Vec<&[u8]> = text.split('|').map(str::as_bytes).collect();
            let part = |n: usize| Some(parts[n]).filter(|t| *t != b"?");
            reached(PartyTexts {
                status: parts[0],
                peer: part(1),
                peer_status: part(2),
                connect_time: part(3),
                response_time: part(4),
            })
        };
        let cases = [
            // Status, peer, its status, time to connect, time to answer; `?`: not in the format.
            ("200|10.0.0.1:80|200|0.001|0.040", ReachedParty::Peer),
            ("200|unix:/run/app.sock|200|0.000|0.040", ReachedParty::Peer),
            ("200|10.0.0.1:80, 10.0.0.2:80|502, 200|-, 0.001|0.000, 0.040", ReachedParty::Peer),
            ("503|10.0.0.1:80|503|0.001|0.000", ReachedParty::Peer),
            ("504|10.0.0.1:80|504|0.001|60.000", ReachedParty::Peer),
            ("499|10.0.0.1:80|-|-|0.300", ReachedParty::Peer),
            ("502|10.0.0.1:80|502|-|0.000", ReachedParty::NoPeer),
            ("502|10.0.0.1:80|502|?|0.000", ReachedParty::NoPeer),
            ("502|10.0.0.1:80|?|?|?", ReachedParty::NoPeer),
            ("502|app|502|-|0.000", ReachedParty::Nobody),
            ("502|10.0.0.1:80, app|502, 502|-, -|0.000, 0.000", ReachedParty::Nobody),
            ("500|-|-|-|-", ReachedParty::Nobody),
            ("200|-|?|?|?", ReachedParty::Nobody),
            ("301|?|-|-|-", ReachedParty::Nobody),
            ("200|?|?|?|-", ReachedParty::Nobody),
            ("200|?|?|?|0.040", ReachedParty::Peer),
            ("200|?|?|?|?", ReachedParty::Peer),
            ("502|?|?|?|?", ReachedParty::Nobody),
        ];
        for (text, expected) in cases {
            assert_eq!(of(text), expected, "{text}");
        }
    }
}
