//! Times as nginx prints them; what changes once a second is formatted once a second.

use std::cell::{Cell, RefCell};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A worker's clock.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    second: Cell<u64>,
    date: RefCell<String>,
}

impl Clock {
    /// Time since 1970.
    pub(crate) fn now() -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    /// Appends the time as in the Date header.
    pub(crate) fn date(&self, out: &mut Vec<u8>) {
        let now = Self::now().as_secs();
        if self.second.get() != now || now == 0 {
            self.second.set(now);
            let c = Civil::new(now);
            *self.date.borrow_mut() = format!(
                "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
                c.week_day,
                c.day,
                MONTHS[c.month - 1],
                c.year,
                c.hour,
                c.minute,
                c.second
            );
        }
        out.extend_from_slice(self.date.borrow().as_bytes());
    }
}

/// A point in time by the calendar, UTC: the runtime reads no time zone, as a container has none.
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

/// `$time_local`
pub(crate) fn local(now: Duration) -> String {
    let c = Civil::new(now.as_secs());
    format!(
        "{:02}/{}/{:04}:{:02}:{:02}:{:02} +0000",
        c.day,
        MONTHS[c.month - 1],
        c.year,
        c.hour,
        c.minute,
        c.second
    )
}

/// `$time_iso8601`
pub(crate) fn iso8601(now: Duration) -> String {
    let c = Civil::new(now.as_secs());
    format!("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}+00:00", c.year, c.month, c.day, c.hour, c.minute, c.second)
}

/// The time of an error log line.
pub(crate) fn error_log(now: Duration) -> String {
    let c = Civil::new(now.as_secs());
    format!("{:04}/{:02}/{:02} {:02}:{:02}:{:02}", c.year, c.month, c.day, c.hour, c.minute, c.second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00+00:00"),
            (951_782_400, "2000-02-29T00:00:00+00:00"),
            (1_709_251_199, "2024-02-29T23:59:59+00:00"),
            (4_102_444_800, "2100-01-01T00:00:00+00:00"),
        ] {
            assert_eq!(iso8601(Duration::from_secs(seconds)), expected);
        }
        assert_eq!(local(Duration::from_secs(951_782_400)), "29/Feb/2000:00:00:00 +0000");
    }
}
