//! Questions to name servers and what their answers say (RFC 1035), read with every length checked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Types of records.
pub(super) const A: u16 = 1;
const CNAME: u16 = 5;
pub(super) const AAAA: u16 = 28;

/// Pointers that are followed in one name.
const MAX_POINTERS: usize = 128;

/// What an answer says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// 0: no error; 3: there is no such name.
    pub(super) code: u8,
    /// It did not fit: the question is asked again over TCP.
    pub(super) truncated: bool,
    pub(super) addresses: Vec<IpAddr>,
    /// The name that this one stands for.
    pub(super) alias: Option<String>,
    /// Seconds that it holds.
    pub(super) ttl: u32,
}

/// A question; `None` if the name cannot be asked for.
pub(super) fn question(id: u16, name: &str, kind: u16) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(name.len() + 18);
    out.extend_from_slice(&id.to_be_bytes());
    // Recursion desired; one question.
    out.extend_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.') {
        if label.is_empty() || label.len() > 63 {
            return None;
        }
        out.push(label.len() as u8);
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&1u16.to_be_bytes());
    // What a datagram has always held.
    (out.len() <= 512).then_some(out)
}

/// Reads the answer to a question; `None` if it is none, or none to this question.
pub(super) fn answer(question: &[u8], data: &[u8]) -> Option<Answer> {
    let is_ours = data.len() >= question.len() && data[..2] == question[..2] && data[2] & 0x80 != 0;
    if !is_ours || data[4..6] != [0, 1] {
        return None;
    }
    // Names come back in the case they were asked for, or in another.
    if !data[12..question.len()].eq_ignore_ascii_case(&question[12..]) {
        return None;
    }
    let mut answer =
        Answer { code: data[3] & 0xf, truncated: data[2] & 2 != 0, ttl: u32::MAX, ..Answer::default() };
    let count = u16::from_be_bytes([data[6], data[7]]);
    let mut at = question.len();
    for _ in 0..count {
        at = skip_name(data, at)?;
        let head = data.get(at..at + 10)?;
        let (kind, class) = (u16::from_be_bytes([head[0], head[1]]), u16::from_be_bytes([head[2], head[3]]));
        let ttl = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
        let length = usize::from(u16::from_be_bytes([head[8], head[9]]));
        let value = data.get(at + 10..at + 10 + length)?;
        match (class, kind) {
            (1, A) => answer.addresses.push(IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(value).ok()?))),
            (1, AAAA) => answer.addresses.push(IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(value).ok()?))),
            (1, CNAME) => answer.alias = Some(name(data, at + 10)?),
            _ => {}
        }
        if class == 1 && matches!(kind, A | AAAA | CNAME) {
            answer.ttl = answer.ttl.min(ttl & 0x7fff_ffff);
        }
        at += 10 + length;
    }
    Some(answer)
}

fn skip_name(data: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *data.get(at)? {
            0 => return Some(at + 1),
            length if length & 0xc0 == 0xc0 => return Some(at + 2),
            length if length & 0xc0 == 0 => at += 1 + usize::from(length),
            _ => return None,
        }
    }
}

/// A name in lower case, pointers followed.
fn name(data: &[u8], mut at: usize) -> Option<String> {
    let mut out = String::new();
    for _ in 0..MAX_POINTERS {
        let length = *data.get(at)?;
        match length & 0xc0 {
            0xc0 => at = usize::from(length & 0x3f) << 8 | usize::from(*data.get(at + 1)?),
            0 if length == 0 => return (!out.is_empty()).then_some(out),
            0 => {
                let label = data.get(at + 1..at + 1 + usize::from(length))?;
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(&String::from_utf8_lossy(label).to_ascii_lowercase());
                at += 1 + usize::from(length);
            }
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(question: &[u8], records: &[(u16, &[u8])]) -> Vec<u8> {
        let mut out = question.to_vec();
        out[2] |= 0x80;
        out[7] = records.len() as u8;
        for (kind, value) in records {
            out.extend_from_slice(&[0xc0, 12]);
            out.extend_from_slice(&kind.to_be_bytes());
            out.extend_from_slice(&[0, 1, 0, 0, 0, 60, 0, value.len() as u8]);
            out.extend_from_slice(value);
        }
        out
    }

    #[test]
    fn answers() {
        let asked = question(7, "a.example", A).unwrap();
        assert_eq!(asked.len(), 12 + 11 + 4);
        let got =
            answer(&asked, &response(&asked, &[(CNAME, b"\x01B\xc0\x0e"), (A, &[127, 0, 0, 1])])).unwrap();
        assert_eq!((got.code, got.ttl, got.alias.as_deref()), (0, 60, Some("b.example")));
        assert_eq!(got.addresses, [IpAddr::from([127, 0, 0, 1])]);
        assert_eq!(question(1, "a..b", A), None);
        assert_eq!(question(1, &"a".repeat(64), A), None);
    }

    #[test]
    fn what_is_no_answer() {
        let asked = question(7, "a.example", A).unwrap();
        let good = response(&asked, &[(A, &[127, 0, 0, 1])]);
        for end in 0..good.len() {
            assert_eq!(answer(&asked, &good[..end]), None, "{end}");
        }
        let other = question(8, "a.example", A).unwrap();
        assert_eq!(answer(&other, &good), None);
        // A name that points to itself ends.
        let looping = response(&asked, &[(CNAME, &[0xc0, 39])]);
        assert_eq!(answer(&asked, &looping), None);
        assert_eq!(answer(&asked, &asked), None);
    }
}
