//! Times as nginx prints them; what changes once a second is formatted once a second.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Readings of a turn's time before the system is asked again: a worker that never sleeps is late by this.
const TOLD: u32 = 100;

/// The time of a turn of a worker's event loop, as in `ngx_time_update`.
struct Turn {
    /// False: the thread has no turns.
    is_known: Cell<bool>,
    /// Readings that are left.
    left: Cell<u32>,
    instant: Cell<Option<Instant>>,
    time: Cell<Duration>,
}

thread_local! {
    static TURN: Turn = const {
        Turn {
            is_known: Cell::new(false),
            left: Cell::new(0),
            instant: Cell::new(None),
            time: Cell::new(Duration::ZERO),
        }
    };
}

/// From now on this thread's time is that of its turns; called at the beginning of each.
pub(crate) fn turn() {
    TURN.with(|turn| {
        turn.is_known.set(true);
        turn.left.set(0);
    });
}

impl Turn {
    #[inline]
    fn tell(&self) -> Instant {
        match (self.left.get().checked_sub(1), self.instant.get()) {
            (Some(left), Some(instant)) => {
                self.left.set(left);
                instant
            }
            _ => self.ask(),
        }
    }

    #[cold]
    fn ask(&self) -> Instant {
        let now = Instant::now();
        self.instant.set(Some(now));
        self.time.set(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default());
        self.left.set(if self.is_known.get() { TOLD } else { 0 });
        now
    }
}

/// The time of the turn, for measuring.
pub(crate) fn instant() -> Instant {
    TURN.with(Turn::tell)
}

/// Time since an instant, at the time of the turn.
pub(crate) fn since(earlier: Instant) -> Duration {
    instant().saturating_duration_since(earlier)
}

/// A text that changes once a second.
#[derive(Debug, Default)]
struct CachedTime {
    second: Cell<u64>,
    text: RefCell<String>,
}

impl CachedTime {
    /// Appends the text of this second, which `make` is asked for if it is a new one.
    fn append(&self, make: fn(Duration) -> String, out: &mut Vec<u8>) {
        let now = Clock::now();
        // The second of an empty one is 0.
        if self.second.get() != now.as_secs() || now.as_secs() == 0 {
            self.second.set(now.as_secs());
            *self.text.borrow_mut() = make(now);
        }
        out.extend_from_slice(self.text.borrow().as_bytes());
    }
}

/// A worker's clock.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    date: CachedTime,
    local: CachedTime,
    iso8601: CachedTime,
}

impl Clock {
    /// Time since 1970.
    pub(crate) fn now() -> Duration {
        TURN.with(|turn| {
            turn.tell();
            turn.time.get()
        })
    }

    /// Appends the time as in the Date header.
    pub(crate) fn date(&self, out: &mut Vec<u8>) {
        self.date.append(|now| http_date(now.as_secs().cast_signed()), out);
    }

    /// `$time_local`
    pub(crate) fn local(&self, out: &mut Vec<u8>) {
        self.local.append(local, out);
    }

    /// `$time_iso8601`
    pub(crate) fn iso8601(&self, out: &mut Vec<u8>) {
        self.iso8601.append(iso8601, out);
    }
}

/// A point in time by the calendar.
struct Civil {
    year: u64,
    month: usize,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
    week_day: &'static str,
}

impl Civil {
    fn new(seconds: u64) -> Self {
        let (days, rest) = (seconds / 86_400, seconds % 86_400);
        // Days since 0000-03-01, so that a leap day is the last of its year.
        let z = days + 719_468;
        let (era, day_of_era) = (z / 146_097, z % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 } as usize;
        Self {
            year: year_of_era + era * 400 + u64::from(month <= 2),
            month,
            day: day_of_year - (153 * shifted + 2) / 5 + 1,
            hour: rest / 3600,
            minute: rest / 60 % 60,
            second: rest % 60,
            week_day: DAYS[(days % 7) as usize],
        }
    }
}

impl Civil {
    /// A time before 1970 is 1970.
    fn of(seconds: i64) -> Self {
        Self::new(u64::try_from(seconds).unwrap_or(0))
    }
}

/// A time in the zone of this host, with the zone's distance from UTC in minutes.
fn zoned(now: Duration) -> (Civil, i64) {
    thread_local! {
        static ZONE: jiff::tz::TimeZone = jiff::tz::TimeZone::system();
    }
    let seconds = now.as_secs().cast_signed();
    let offset = jiff::Timestamp::from_second(seconds)
        .map_or(0, |timestamp| i64::from(ZONE.with(|zone| zone.to_offset(timestamp).seconds())));
    (Civil::of(seconds + offset), offset / 60)
}

fn sign(minutes: i64) -> char {
    if minutes < 0 { '-' } else { '+' }
}

fn local(now: Duration) -> String {
    let (c, offset) = zoned(now);
    format!(
        "{:02}/{}/{:04}:{:02}:{:02}:{:02} {}{:02}{:02}",
        c.day,
        MONTHS[c.month - 1],
        c.year,
        c.hour,
        c.minute,
        c.second,
        sign(offset),
        offset.abs() / 60,
        offset.abs() % 60
    )
}

fn iso8601(now: Duration) -> String {
    let (c, offset) = zoned(now);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}{:02}:{:02}",
        c.year,
        c.month,
        c.day,
        c.hour,
        c.minute,
        c.second,
        sign(offset),
        offset.abs() / 60,
        offset.abs() % 60
    )
}

/// The time of an error log line.
pub(crate) fn error_log(now: Duration) -> String {
    let (c, _) = zoned(now);
    format!("{:04}/{:02}/{:02} {:02}:{:02}:{:02}", c.year, c.month, c.day, c.hour, c.minute, c.second)
}

/// The time of a syslog message.
pub(crate) fn syslog(now: Duration) -> String {
    let (c, _) = zoned(now);
    format!("{} {:2} {:02}:{:02}:{:02}", MONTHS[c.month - 1], c.day, c.hour, c.minute, c.second)
}

/// As in Last-Modified (`ngx_http_time`).
pub(crate) fn http_date(seconds: i64) -> String {
    let c = Civil::of(seconds);
    format!(
        "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
        c.week_day,
        c.day,
        MONTHS[c.month - 1],
        c.year,
        c.hour,
        c.minute,
        c.second
    )
}

/// As in `expires` of a cookie (`ngx_http_cookie_time`).
pub(crate) fn cookie_date(seconds: i64) -> String {
    let c = Civil::of(seconds);
    // Old clients know no years but those of two digits, up to this one.
    let year = if c.year > 2037 { format!("{}", c.year) } else { format!("{:02}", c.year % 100) };
    let (day, month) = (c.day, MONTHS[c.month - 1]);
    format!("{}, {day:02}-{month}-{year} {:02}:{:02}:{:02} GMT", c.week_day, c.hour, c.minute, c.second)
}

/// As in the list of a directory.
pub(crate) fn listing(seconds: i64, local: bool) -> String {
    let seconds = seconds.max(0);
    let c = if local { zoned(Duration::from_secs(seconds.cast_unsigned())).0 } else { Civil::of(seconds) };
    format!("{:02}-{}-{:04} {:02}:{:02}", c.day, MONTHS[c.month - 1], c.year, c.hour, c.minute)
}

/// `2000-01-01T00:00:00Z`
pub(crate) fn iso_utc(seconds: i64) -> String {
    let c = Civil::of(seconds);
    format!("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", c.year, c.month, c.day, c.hour, c.minute, c.second)
}

/// Next time at which the local clock shows this second of the day (`ngx_next_time`).
pub(crate) fn next_time_of_day(now: i64, second: i64) -> i64 {
    let (c, offset) = zoned(Duration::from_secs(now.cast_unsigned()));
    let today = (c.hour * 3600 + c.minute * 60 + c.second).cast_signed();
    let _ = offset;
    let at = now - today + second;
    if at > now { at } else { at + 86_400 }
}

/// Seconds since 1970 of a date in one of HTTP's three forms (`ngx_parse_http_time`).
pub(crate) fn parse_http(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let comma = text.find(',');
    let rest = comma.map_or(text, |at| &text[at + 1..]).trim_start();
    let (day, month, year, time) = if comma.is_none() {
        // Sun Nov  6 08:49:37 1994
        let mut words = rest.split_ascii_whitespace().skip(1);
        let (month, day, time) = (words.next()?, words.next()?, words.next()?);
        (day, month, words.next()?, time)
    } else {
        // 06 Nov 1994 08:49:37 GMT, 06-Nov-94 08:49:37 GMT
        let mut words = rest.split([' ', '-']).filter(|word| !word.is_empty());
        (words.next()?, words.next()?, words.next()?, words.next()?)
    };
    let day: i64 = day.parse().ok()?;
    let month = i64::try_from(MONTHS.iter().position(|m| month.starts_with(m))?).ok()? + 1;
    let mut year: i64 = year.parse().ok()?;
    if year < 100 {
        year += if year >= 70 { 1900 } else { 2000 };
    }
    let mut parts = time.split(':').map(str::parse::<i64>);
    let (hour, minute, second) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if !(1..=longest).contains(&day) || hour > 23 || minute > 59 || second > 59 || !(1..=9999).contains(&year)
    {
        return None;
    }
    // Days since 0000-03-01, as in `Civil::new`.
    let (y, m) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calendar() {
        for (seconds, expected) in [
            (0_i64, "1970-01-01T00:00:00Z"),
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (4_102_444_800, "2100-01-01T00:00:00Z"),
        ] {
            assert_eq!(iso_utc(seconds), expected);
            assert_eq!(parse_http(http_date(seconds).as_bytes()), Some(seconds));
        }
        for text in
            ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
        {
            assert_eq!(parse_http(text.as_bytes()), Some(784_111_777), "{text}");
        }
        for text in ["", "foo", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT"] {
            assert_eq!(parse_http(text.as_bytes()), None, "{text}");
        }
    }
}
