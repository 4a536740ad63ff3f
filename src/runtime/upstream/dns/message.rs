//! Questions to name servers and what their answers say.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, Question, TYPE, header_buffer};

/// Bytes that any datagram can hold (RFC 1035).
const LONGEST: usize = 512;

/// The content of an answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// 0: no error; 3: there is no such name.
    pub(super) code: u8,
    /// The response was truncated: the query is sent again over TCP.
    pub(super) truncated: bool,
    pub(super) addresses: Vec<IpAddr>,
    /// Target of a CNAME record.
    pub(super) alias: Option<String>,
    /// Seconds that it holds.
    pub(super) ttl: u32,
}

/// A question; `None` if the name cannot be asked for.
pub(super) fn question(id: u16, name: &str, kind: TYPE) -> Option<Vec<u8>> {
    // The library would leave out empty labels, and read escapes.
    if name.split('.').any(str::is_empty) || name.contains('\\') {
        return None;
    }
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    packet.questions.push(Question::new(Name::new(name).ok()?, kind.into(), CLASS::IN.into(), false));
    packet.build_bytes_vec().ok().filter(|out| out.len() <= LONGEST)
}

/// Reads the answer to a question; `None` if it is none, or none to this question.
pub(super) fn answer(question: &[u8], data: &[u8]) -> Option<Answer> {
    if header_buffer::id(data).ok()? != header_buffer::id(question).ok()?
        || !header_buffer::has_flags(data, PacketFlag::RESPONSE).ok()?
    {
        return None;
    }
    let code = data.get(3)? & 0xf;
    if header_buffer::has_flags(data, PacketFlag::TRUNCATION).ok()? {
        // The data may end anywhere.
        return Some(Answer { code, truncated: true, ..Answer::default() });
    }
    let (asked, packet) = (Packet::parse(question).ok()?, Packet::parse(data).ok()?);
    let ([asked], [about]) = (asked.questions.as_slice(), packet.questions.as_slice()) else { return None };
    // Names come back in the case they were asked for, or in another.
    let is_same = about.qname.to_string().eq_ignore_ascii_case(&asked.qname.to_string());
    if !is_same || about.qtype != asked.qtype || about.qclass != asked.qclass {
        return None;
    }
    let mut answer = Answer { code, ttl: u32::MAX, ..Answer::default() };
    for record in packet.answers.iter().filter(|record| record.class == CLASS::IN) {
        match &record.rdata {
            RData::A(a) => answer.addresses.push(IpAddr::V4(Ipv4Addr::from(a.address))),
            RData::AAAA(a) => answer.addresses.push(IpAddr::V6(Ipv6Addr::from(a.address))),
            RData::CNAME(name) => answer.alias = Some(name.0.to_string().to_ascii_lowercase()),
            _ => continue,
        }
        answer.ttl = answer.ttl.min(record.ttl & 0x7fff_ffff);
    }
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(question: &[u8], records: &[(TYPE, &[u8])]) -> Vec<u8> {
        let mut out = question.to_vec();
        out[2] |= 0x80;
        out[7] = records.len() as u8;
        for (kind, value) in records {
            out.extend_from_slice(&[0xc0, 12]);
            out.extend_from_slice(&u16::from(*kind).to_be_bytes());
            out.extend_from_slice(&[0, 1, 0, 0, 0, 60, 0, value.len() as u8]);
            out.extend_from_slice(value);
        }
        out
    }

    #[test]
    fn answers() {
        let asked = question(7, "a.example", TYPE::A).unwrap();
        assert_eq!(asked.len(), 12 + 11 + 4);
        let got =
            answer(&asked, &response(&asked, &[(TYPE::CNAME, b"\x01B\xc0\x0e"), (TYPE::A, &[127, 0, 0, 1])]))
                .unwrap();
        assert_eq!((got.code, got.ttl, got.alias.as_deref()), (0, 60, Some("b.example")));
        assert_eq!(got.addresses, [IpAddr::from([127, 0, 0, 1])]);
        assert_eq!(question(1, "a..b", TYPE::A), None);
        assert_eq!(question(1, &"a".repeat(64), TYPE::A), None);
    }

    #[test]
    fn what_is_no_answer() {
        let asked = question(7, "a.example", TYPE::A).unwrap();
        let good = response(&asked, &[(TYPE::A, &[127, 0, 0, 1])]);
        for end in 0..good.len() {
            assert_eq!(answer(&asked, &good[..end]), None, "{end}");
        }
        let other = question(8, "a.example", TYPE::A).unwrap();
        assert_eq!(answer(&other, &good), None);
        // A name that points to itself ends.
        let looping = response(&asked, &[(TYPE::CNAME, &[0xc0, 39])]);
        assert_eq!(answer(&asked, &looping), None);
        assert_eq!(answer(&asked, &asked), None);
    }
}
