//! Dates and times of logs: seconds since 1970 of the local time that is written.

/// Seconds since 1970 of `YYYY/MM/DD hh:mm:ss`.
pub fn seconds_of(text: &str) -> Option<i64> {
    let digits = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let marks = [(4, b'/'), (7, b'/'), (10, b' '), (13, b':'), (16, b':')];
    if text.len() != 19 || marks.iter().any(|(at, mark)| text.as_bytes()[*at] != *mark) {
        return None;
    }
    let (y, m, d) = (digits(0, 4)?, digits(5, 7)?, digits(8, 10)?);
    let (hour, minute, second) = (digits(11, 13)?, digits(14, 16)?, digits(17, 19)?);
    Some(seconds((y, m, d), (hour, minute, second)))
}

/// Seconds since 1970 of a date and a time.
pub fn seconds((y, m, d): (i64, i64, i64), (hour, minute, second): (i64, i64, i64)) -> i64 {
    // Days from civil: years begin in March, so that the leap day is the last.
    let y = if m <= 2 { y - 1 } else { y };
    let era = y.div_euclid(400);
    let year = y.rem_euclid(400);
    let day = (153 * (m + if m > 2 { -3 } else { 9 }) + 2) / 5 + d - 1;
    let days = era * 146_097 + year * 365 + year / 4 - year / 100 + day - 719_468;
    days * 86_400 + hour * 3600 + minute * 60 + second
}

/// A time of day, as logs show it.
pub fn clock(seconds: i64) -> String {
    let s = seconds.rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
}

/// Date and time, as logs show them, with `-` in the date.
pub fn stamp(seconds: i64) -> String {
    // The inverse of `seconds`: civil from days.
    let days = seconds.div_euclid(86_400) + 719_468;
    let era = days.div_euclid(146_097);
    let day = days.rem_euclid(146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (m, d) = (if month < 10 { month + 3 } else { month - 9 }, day - (153 * month + 2) / 5 + 1);
    let y = era * 400 + year + i64::from(m <= 2);
    format!("{y:04}-{m:02}-{d:02} {}", clock(seconds))
}

/// From one time to another; the date is said once if it is the same.
pub fn from_to(first: i64, last: i64) -> String {
    match () {
        () if first == last => stamp(first),
        () if first.div_euclid(86_400) == last.div_euclid(86_400) => {
            format!("{} to {}", stamp(first), clock(last))
        }
        () => format!("{} to {}", stamp(first), stamp(last)),
    }
}

/// Seconds that a log tells apart; a longer one is summed in coarser steps.
const MOST_SECONDS: usize = 200_000;

/// The second under which a line is counted, when so many are known.
pub fn step(known: usize, time: i64) -> i64 {
    if known < MOST_SECONDS { time } else { time - time.rem_euclid(3600) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(seconds_of("1970/01/01 00:00:00"), Some(0));
        assert_eq!(seconds_of("2000/03/01 00:00:00"), Some(951_868_800));
        assert_eq!(seconds_of("2026/11/22 17:46:02"), Some(1_795_369_562));
        assert_eq!(clock(1_795_369_562), "17:46:02");
        for text in
            ["1970/01/01 00:00:00", "2000/02/29 23:59:59", "2000/03/01 00:00:00", "2026/11/22 17:46:02"]
        {
            assert_eq!(stamp(seconds_of(text).unwrap()), text.replace('/', "-"));
        }
        assert_eq!(from_to(1_795_369_562, 1_795_369_563), "2026-11-22 17:46:02 to 17:46:03");
    }
}
