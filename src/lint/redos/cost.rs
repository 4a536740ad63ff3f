//! PCRE2 counts its steps: how many a text costs. nginx's own engine judges each witness, with all that it knows to
//! avoid steps.

use pcre2::bytes::{Regex, RegexBuilder};

use super::witness::Witness;

/// Steps after which PCRE2 gives up unless it was built with another number; nginx sets none
/// (`ngx_regex_exec_array`, `ngx_http_regex_exec`).
pub(super) const LIMIT: u64 = 10_000_000;

/// A pattern whose steps are counted.
pub(super) struct Counter<'p> {
    /// `(*UTF)` and the like.
    verbs: &'p str,
    pattern: &'p str,
    caseless: bool,
    /// Matches begin anywhere: PCRE2 counts anew at each place, we count them together.
    anywhere: bool,
}

impl<'p> Counter<'p> {
    /// `start`: where the pattern begins behind its verbs.
    pub(super) fn new(pattern: &'p str, start: usize, caseless: bool, anywhere: bool) -> Self {
        let (verbs, pattern) = pattern.split_at(start);
        Self { verbs, pattern, caseless, anywhere }
    }

    /// A pattern without a place of its own.
    pub(super) fn of(pattern: &'p str, caseless: bool) -> Option<Self> {
        Some(Self::new(pattern, 0, caseless, false)).filter(|own| own.one_start(1).is_some())
    }

    /// True if a text matches.
    pub(super) fn matches(&self, text: &[u8]) -> bool {
        self.one_start(LIMIT).is_some_and(|own| own.0.is_match(text).unwrap_or(false))
    }

    /// The pattern that gives up after so many steps at one place where a match can begin, as PCRE2 counts.
    pub(super) fn one_start(&self, steps: u64) -> Option<Limited> {
        self.limited(steps, self.pattern)
    }

    /// The pattern that gives up after so many steps at all places together.
    pub(super) fn all_starts(&self, steps: u64) -> Option<Limited> {
        if self.anywhere {
            self.limited(steps, &format!("^(?s:.*?)(?:{})", self.pattern))
        } else {
            self.limited(steps, self.pattern)
        }
    }

    fn limited(&self, steps: u64, pattern: &str) -> Option<Limited> {
        let text = format!("(*LIMIT_MATCH={steps}){}{pattern}", self.verbs);
        Some(Limited(RegexBuilder::new().caseless(self.caseless).build(&text).ok()?))
    }
}

/// A pattern with a limit.
pub(super) struct Limited(Regex);

impl Limited {
    /// True if a text costs more steps than the limit.
    pub(super) fn exceeds(&self, text: &[u8]) -> bool {
        self.0.is_match(text).is_err_and(|error| error.code() == MATCH_LIMIT)
    }

    /// The number of repetitions, up to a highest, at which a witness costs more steps than the limit; not quite exact.
    pub(super) fn first(&self, witness: &Witness, highest: usize) -> Option<usize> {
        let exceeds = |count: usize| self.exceeds(&witness.text(count));
        let mut low = 0;
        let mut high = 16.min(highest);
        while !exceeds(high) {
            if high == highest {
                return None;
            }
            low = high;
            high = (high * 2).min(highest);
        }
        while high - low > 1 + high / 64 {
            let middle = usize::midpoint(low, high);
            if exceeds(middle) {
                high = middle;
            } else {
                low = middle;
            }
        }
        Some(high)
    }
}

/// `PCRE2_ERROR_MATCHLIMIT`
const MATCH_LIMIT: i32 = -47;
