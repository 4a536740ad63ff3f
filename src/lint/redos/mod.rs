//! Patterns that take long: decided on the automaton of the pattern, proved by a text for which PCRE2 counts its steps.
//!
//! The automaton (`automaton.rs`) allows more than PCRE: it forgets assertions, and takes atomic groups for ordinary
//! ones. So it finds every text that can be divided in many ways (`ambiguity.rs`), and some that PCRE divides in one way
//! only. `witness.rs` makes whole texts of them, `cost.rs` lets PCRE2 count.

mod ambiguity;
mod automaton;
mod cost;
mod escape;
mod set;
mod syntax;
mod text;
mod witness;

pub(in crate::lint) use set::Bytes;
pub use text::{Text, shown};
pub use witness::Witness;

use cost::{Counter, LIMIT};

/// A pattern that costs more steps than PCRE2 allows by default.
#[derive(Clone, Debug, PartialEq)]
pub struct CostlyPattern {
    /// A text that costs so much with [`CostlyPattern::pumps`] repetitions.
    pub witness: Witness,
    /// The number of repetitions of its middle.
    pub pumps: usize,
    /// The growth of the steps with the length of the text.
    pub growth: Growth,
}

/// The growth of steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Growth {
    /// Each repetition multiplies them.
    Exponential,
    /// As a power of the length, estimated: 2 is the square.
    Power(u32),
}

/// The most texts that are tried for a pattern.
const MOST_TRIES: usize = 40;
/// Steeper is no power of the length but a check that PCRE leaves out for long texts.
const HIGHEST_POWER: f64 = 16.0;

/// Repetitions with which an exponential witness is shown: each doubles the steps at least.
const SHOWN: usize = 40;

impl CostlyPattern {
    /// The text.
    pub fn text(&self) -> Vec<u8> {
        self.witness.text(self.pumps)
    }
}

/// Judges a pattern for texts that a client can choose; `None` if none costs 10,000,000 steps, PCRE2's limit, or if the
/// pattern is not understood.
pub fn judge(pattern: &str, caseless: bool, text: &Text) -> Option<CostlyPattern> {
    if !pattern.contains(['*', '+', '{']) {
        return None;
    }
    let parsed = syntax::parse(pattern.as_bytes(), caseless)?;
    let automaton =
        automaton::build(&parsed.node, text.bytes.or(Bytes::of(&text.before)).or(Bytes::of(&text.after)))?;
    let required: Option<Vec<Counter<'_>>> =
        text.matching.iter().map(|(own, caseless)| Counter::of(own, *caseless)).collect();
    let required = required?;
    let comes_here = |costly: &CostlyPattern| required.iter().all(|own| own.matches(&costly.text()));
    let counter = Counter::new(pattern, parsed.start, caseless, automaton.skipping.is_some());
    let mut best: Option<CostlyPattern> = None;
    let mut tries = MOST_TRIES;
    for pump in ambiguity::pumps(&automaton) {
        let witnesses = witness::witnesses(&automaton, &pump, text);
        for (witness, _) in witnesses.iter().filter(|_| pump.is_exponential).take(tries) {
            tries -= 1;
            if let Some(costly) = exponential(&counter, witness, text).filter(&comes_here) {
                return Some(costly);
            }
        }
        for (witness, fails) in witnesses.iter().take(tries) {
            tries -= 1;
            let is_better =
                |costly: &CostlyPattern| best.as_ref().is_none_or(|best| costly.power() > best.power());
            if let Some(costly) = power(&counter, witness, *fails, text).filter(is_better).filter(&comes_here)
            {
                best = Some(costly);
                break;
            }
        }
    }
    best
}

impl CostlyPattern {
    /// The exponent of a growth that is a power.
    fn power(&self) -> u32 {
        match self.growth {
            Growth::Power(power) => power,
            Growth::Exponential => u32::MAX,
        }
    }
}

/// The number of times that a witness can be repeated.
fn highest(witness: &Witness, text: &Text) -> usize {
    let around = text.sent(&witness.start) + text.sent(&witness.end);
    text.longest.saturating_sub(around) / text.sent(&witness.pump).max(1)
}

/// Lets PCRE2 say that few repetitions cost much.
fn exponential(counter: &Counter<'_>, witness: &Witness, text: &Text) -> Option<CostlyPattern> {
    let highest = highest(witness, text);
    // A power of the length is far from that: 24 to the third is 14,000.
    let is_much = highest >= 24 && counter.one_start(50_000)?.exceeds(&witness.text(24));
    let pumps = SHOWN.min(highest);
    is_much.then(|| CostlyPattern { witness: witness.clone(), pumps, growth: Growth::Exponential })
}

/// Lets PCRE2 count the steps of two lengths, and concludes to the longest.
#[expect(clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "a few thousand repetitions")]
fn power(counter: &Counter<'_>, witness: &Witness, fails: bool, text: &Text) -> Option<CostlyPattern> {
    let highest = highest(witness, text);
    // A text that matches somewhere seldom costs anything.
    // A text that matches somewhere seldom costs anything.
    let few = counter.all_starts(1_000)?.first(witness, if fails { highest } else { highest.min(256) })?;
    let many = counter.all_starts(8_000)?.first(witness, highest)?;
    let length = |pumps: usize| witness.text(pumps).len() as f64;
    let power = |few: usize, many: usize| 8_f64.ln() / (length(many) / length(few)).ln();
    let (mut base, mut longest, mut power_of) = (8_000.0, many, power(few, many));
    if (0.25..0.75).contains(&power_of.fract()) && power_of < HIGHEST_POWER {
        // Short texts say too little.
        longest = counter.all_starts(64_000)?.first(witness, highest)?;
        (base, power_of) = (64_000.0, power(many, longest));
    }
    let (power, steps) = (power_of, base * (length(highest) / length(longest)).powf(power_of));
    if power > HIGHEST_POWER || steps < LIMIT as f64 {
        return None;
    }
    // With matches that begin anywhere PCRE may know at once that there is none.
    let is_tried = counter.one_start((highest / 16) as u64)?.exceeds(&witness.text(highest));
    let growth = Growth::Power(power.round() as u32);
    is_tried.then(|| CostlyPattern { witness: witness.clone(), pumps: highest, growth })
}
