//! Ranges of a body (`ngx_http_range_filter_module.c`).

use crate::runtime::net::clock;
use crate::runtime::net::http1::field::KnownHeader;
use crate::runtime::net::text::put;
use crate::runtime::request::reply::{BodyPart, Reply};
use crate::runtime::request::state::Request;
use crate::runtime::request::worker::Worker;

#[derive(Debug, PartialEq, Eq)]
enum RequestedRanges {
    /// Start and end of each.
    Ranges(Vec<(u64, u64)>),
    /// The whole body is sent.
    Whole,
    Unsatisfiable,
}

/// Cuts the body to the ranges that were asked for.
///
/// # Errors
/// 416 if there is nothing in them.
pub(crate) fn filter(worker: &Worker, request: &mut Request) -> Result<(), u16> {
    let max = request.plan.content.max_ranges.value;
    let Some(length) = request.reply.content_length else { return Ok(()) };
    if !request.reply.allow_ranges
        || request.status != 200
        || request.head.line.version < 1000
        || max == Some(0)
    {
        return Ok(());
    }
    let max = if request.reply.single_range { Some(1) } else { max };
    match asked(request, length, max) {
        RequestedRanges::Whole => request.reply.push(b"Accept-Ranges", b"bytes"),
        RequestedRanges::Unsatisfiable => {
            let reply = &mut request.reply;
            reply.remove(b"Content-Range");
            let mut value = Vec::new();
            put(&mut value, format_args!("bytes */{length}"));
            reply.push(b"Content-Range", &value);
            reply.content_length = None;
            return Err(416);
        }
        RequestedRanges::Ranges(ranges) => {
            request.status = 206;
            let reply = &mut request.reply;
            reply.line.clear();
            if let [(start, end)] = ranges[..] {
                let mut value = Vec::new();
                put(&mut value, format_args!("bytes {start}-{}/{length}", end - 1));
                reply.set(b"Content-Range", &value);
                reply.content_length = Some(end - start);
                let parts = std::mem::take(&mut reply.parts);
                cut(&parts, start, end, &mut reply.parts);
            } else {
                multipart(reply, &ranges, length, worker.next_temporary());
            }
        }
    }
    Ok(())
}

fn asked(request: &Request, length: u64, max: Option<u32>) -> RequestedRanges {
    let buffer = request.buffer.all();
    let value = |known| request.head.value(known, buffer);
    let Some(list) =
        value(KnownHeader::Range).filter(|r| r.len() >= 7 && r[..6].eq_ignore_ascii_case(b"bytes="))
    else {
        return RequestedRanges::Whole;
    };
    if let Some(condition) = value(KnownHeader::IfRange) {
        let holds = if condition.len() >= 2 && condition.ends_with(b"\"") {
            request.reply.get(b"ETag") == Some(condition)
        } else {
            let modified = request.reply.modified();
            modified.is_some() && modified == clock::parse_http(condition)
        };
        if !holds {
            return RequestedRanges::Whole;
        }
    }
    parse(&list[6..], length, max)
}

/// `ngx_http_range_parse`
fn parse(text: &[u8], length: u64, max: Option<u32>) -> RequestedRanges {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    let mut total: i64 = 0;
    let mut left = max;
    for one in text.split(|b| *b == b',') {
        let Some((first, last)) = bounds(one) else { return RequestedRanges::Unsatisfiable };
        let (start, end) = match (first, last) {
            (Some(start), None) => (start, length),
            (Some(start), Some(last)) => (start, if last >= length { length } else { last + 1 }),
            (None, Some(suffix)) => (if suffix < length { length - suffix } else { 0 }, length),
            (None, None) => return RequestedRanges::Unsatisfiable,
        };
        if start < end {
            ranges.push((start.cast_unsigned(), end.cast_unsigned()));
            let Some(sum) = total.checked_add(end - start) else { return RequestedRanges::Unsatisfiable };
            total = sum;
            if let Some(left) = &mut left {
                if *left == 0 {
                    return RequestedRanges::Whole;
                }
                *left -= 1;
            }
        } else if start == 0 {
            return RequestedRanges::Whole;
        }
    }
    let boundaries = i64::try_from(ranges.len()).unwrap_or(i64::MAX).saturating_mul(256);
    match ranges.len() {
        0 => RequestedRanges::Unsatisfiable,
        1 => RequestedRanges::Ranges(ranges),
        _ if total > length => RequestedRanges::Whole,
        // More of boundaries than of body.
        _ if max.is_none() && total.saturating_add(boundaries) > length.saturating_add(4096) => {
            RequestedRanges::Whole
        }
        _ => RequestedRanges::Ranges(ranges),
    }
}

/// First and last position as written; `None` if it is no range.
fn bounds(text: &[u8]) -> Option<(Option<i64>, Option<i64>)> {
    let text = trim(text);
    let dash = text.iter().position(|b| *b == b'-')?;
    let (first, last) = (trim(&text[..dash]), &text[dash + 1..]);
    if first.is_empty() {
        let suffix = last.strip_suffix(b" ").map_or(last, trim);
        return Some((None, Some(number(suffix)?)));
    }
    let last = trim(last);
    Some((Some(number(first)?), if last.is_empty() { None } else { Some(number(last)?) }))
}

fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] | [rest @ .., b' '] = text {
        text = rest;
    }
    text
}

fn number(text: &[u8]) -> Option<i64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0i64, |n, b| {
        let digit = i64::from(b.is_ascii_digit().then(|| b - b'0')?);
        n.checked_mul(10)?.checked_add(digit)
    })
}

/// Appends what of `parts` is between two positions.
fn cut(parts: &[BodyPart], start: u64, end: u64, out: &mut Vec<BodyPart>) {
    let mut at = 0;
    for part in parts {
        let (from, to) = match *part {
            BodyPart::Text(from, to) => (from as u64, to as u64),
            BodyPart::File(from, to) => (from, to),
        };
        let next = at + (to - from);
        let (a, b) = (start.max(at), end.min(next));
        if a < b {
            let (a, b) = (from + a - at, from + b - at);
            out.push(match part {
                BodyPart::Text(..) => BodyPart::Text(a as usize, b as usize),
                BodyPart::File(..) => BodyPart::File(a, b),
            });
        }
        at = next;
    }
}

/// `multipart/byteranges`
fn multipart(reply: &mut Reply, ranges: &[(u64, u64)], length: u64, boundary: u64) {
    let parts = std::mem::take(&mut reply.parts);
    let mut kind = Vec::new();
    if !reply.content_type.is_empty() {
        kind.extend_from_slice(b"Content-Type: ");
        kind.extend_from_slice(&reply.content_type);
        if !reply.charset.is_empty() {
            kind.extend_from_slice(b"; charset=");
            kind.extend_from_slice(&reply.charset);
        }
        kind.extend_from_slice(b"\r\n");
    }
    let mut total = 0;
    for (start, end) in ranges {
        let from = reply.text.len();
        let text = &mut reply.text;
        put(text, format_args!("\r\n--{boundary:020}\r\n"));
        text.extend_from_slice(&kind);
        put(text, format_args!("Content-Range: bytes {start}-{}/{length}\r\n\r\n", end - 1));
        total += (text.len() - from) as u64 + (end - start);
        reply.parts.push(BodyPart::Text(from, reply.text.len()));
        cut(&parts, *start, *end, &mut reply.parts);
    }
    let from = reply.text.len();
    put(&mut reply.text, format_args!("\r\n--{boundary:020}--\r\n"));
    reply.parts.push(BodyPart::Text(from, reply.text.len()));
    reply.content_length = Some(total + (reply.text.len() - from) as u64);
    reply.remove(b"Content-Range");
    reply.content_type.clear();
    put(&mut reply.content_type, format_args!("multipart/byteranges; boundary={boundary:020}"));
    reply.charset.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let of = |list: &[(u64, u64)]| RequestedRanges::Ranges(list.to_vec());
        for (text, max, expected) in [
            ("0-8", None, of(&[(0, 9)])),
            ("5-", None, of(&[(5, 100)])),
            ("-5", None, of(&[(95, 100)])),
            ("-500", None, of(&[(0, 100)])),
            ("90-1000", None, of(&[(90, 100)])),
            ("99-99", None, of(&[(99, 100)])),
            ("100-", None, RequestedRanges::Unsatisfiable),
            ("0-0,-1", None, of(&[(0, 1), (99, 100)])),
            ("0 - 4 , 5-9", None, of(&[(0, 5), (5, 10)])),
            ("0-9,100-200", None, of(&[(0, 10)])),
            ("0-60,40-99", None, RequestedRanges::Whole),
            ("0-1,2-3,4-5", Some(2), RequestedRanges::Whole),
            ("0-1,2-3", Some(2), of(&[(0, 2), (2, 4)])),
            ("", None, RequestedRanges::Unsatisfiable),
            ("a-b", None, RequestedRanges::Unsatisfiable),
            ("-", None, RequestedRanges::Unsatisfiable),
            ("-0", None, RequestedRanges::Unsatisfiable),
            ("5-2", None, RequestedRanges::Unsatisfiable),
            ("0-1,", None, RequestedRanges::Unsatisfiable),
            ("99999999999999999999-", None, RequestedRanges::Unsatisfiable),
        ] {
            assert_eq!(parse(text.as_bytes(), 100, max), expected, "{text}");
        }
        // An empty body has no ranges.
        assert_eq!(parse(b"0-8", 0, None), RequestedRanges::Whole);
    }

    #[test]
    fn parts_are_cut() {
        let mut out = Vec::new();
        cut(&[BodyPart::Text(10, 20), BodyPart::File(5, 15)], 5, 12, &mut out);
        assert_eq!(out, [BodyPart::Text(15, 20), BodyPart::File(5, 7)]);
    }
}
