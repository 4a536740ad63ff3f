//! Times and numbers in nginx's notation (`ngx_parse_time`, `ngx_atoi`); the runtime needs them too, for values that
//! are evaluated per request.

use std::time::Duration;

/// Decimal digits only (`ngx_atoi`).
pub fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    let number = text.iter().try_fold(0u64, |n, b| {
        b.is_ascii_digit().then(|| n.checked_mul(10)?.checked_add(u64::from(b - b'0'))).flatten()
    })?;
    (number <= i64::MAX as u64).then_some(number)
}

/// Time in milliseconds, or in whole seconds (`ngx_parse_time`): units from large to small, each once; a number without
/// a unit is in seconds.
pub fn time(text: &[u8], seconds_only: bool) -> Option<Duration> {
    // Position, validity in whole-second settings, validity in the others, milliseconds.
    const UNITS: [(&[u8], u8, bool, bool, u64); 8] = [
        (b"y", 1, true, false, 365 * 86_400_000),
        (b"M", 2, true, false, 30 * 86_400_000),
        (b"w", 3, true, true, 7 * 86_400_000),
        (b"d", 4, true, true, 86_400_000),
        (b"h", 5, true, true, 3_600_000),
        (b"ms", 8, false, true, 1),
        (b"m", 6, true, true, 60_000),
        (b"s", 7, true, true, 1_000),
    ];
    let mut rest = text;
    let mut total: u64 = 0;
    let mut step = 0;
    let mut valid = false;
    loop {
        let end = rest.iter().position(|b| !b.is_ascii_digit()).unwrap_or(rest.len());
        let (number, tail) = rest.split_at(end);
        valid |= end > 0;
        let value = if number.is_empty() { 0 } else { digits(number)? };
        if tail.is_empty() {
            total = total.checked_add(value.checked_mul(1000)?)?;
            break;
        }
        let (length, scale) = if tail[0] == b' ' {
            // A space ends the number, which is in seconds; only a plain number may follow.
            if step >= 7 {
                return None;
            }
            step = 9;
            (1, 1_000)
        } else {
            let &(unit, position, in_seconds, in_msec, scale) =
                UNITS.iter().find(|(unit, ..)| tail.starts_with(unit))?;
            if step >= position || !(if seconds_only { in_seconds } else { in_msec }) {
                return None;
            }
            step = position;
            (unit.len(), scale)
        };
        total = total.checked_add(value.checked_mul(scale)?)?;
        rest = &tail[length..];
        while let [b' ', after @ ..] = rest {
            rest = after;
        }
        if rest.is_empty() {
            break;
        }
    }
    (valid && total <= i64::MAX as u64).then(|| Duration::from_millis(total))
}

/// Bytes, with `k` or `m` (`ngx_parse_size`).
pub fn size(text: &[u8]) -> Option<u64> {
    scaled(text, &[(b'k', 1 << 10), (b'm', 1 << 20)])
}

/// Bytes, with `k`, `m` or `g` (`ngx_parse_offset`).
pub fn offset(text: &[u8]) -> Option<u64> {
    scaled(text, &[(b'k', 1 << 10), (b'm', 1 << 20), (b'g', 1 << 30)])
}

fn scaled(text: &[u8], units: &[(u8, u64)]) -> Option<u64> {
    let (last, init) = text.split_last()?;
    let unit = units.iter().find(|(unit, _)| last.eq_ignore_ascii_case(unit));
    let (number, scale) = unit.map_or((text, 1), |(_, scale)| (init, *scale));
    digits(number)?.checked_mul(scale).filter(|&n| n <= i64::MAX as u64)
}
