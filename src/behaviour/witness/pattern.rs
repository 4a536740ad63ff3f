//! A regular expression as an automaton that is followed byte by byte.

use regex_automata::dfa::Automaton as _;
use regex_automata::dfa::dense::{Config, DFA};
use regex_automata::util::primitives::StateID;
use regex_automata::util::{start, syntax};

/// Largest automaton in bytes.
const MAX_SIZE: usize = 2 << 20;

/// State of a pattern's automaton.
pub(super) type State = StateID;

/// Expression of PCRE whose automaton is known.
#[derive(Debug)]
pub struct Pattern {
    dfa: DFA<Vec<u32>>,
    start: StateID,
}

impl Pattern {
    /// The automaton; `None` for an expression that looks around, refers back, or needs too large an automaton.
    pub fn new(text: &str, caseless: bool) -> Option<Self> {
        let syntax = syntax::Config::new().unicode(false).utf8(false).case_insensitive(caseless);
        let config = Config::new().dfa_size_limit(Some(MAX_SIZE)).determinize_size_limit(Some(4 * MAX_SIZE));
        let thompson = regex_automata::nfa::thompson::Config::new().utf8(false);
        let dfa = DFA::builder().configure(config).syntax(syntax).thompson(thompson).build(text).ok()?;
        let start = dfa.start_state(&start::Config::new()).ok()?;
        Some(Self { dfa, start })
    }

    /// True if the expression matches a text.
    pub fn matches(&self, text: &[u8]) -> bool {
        let step = |state: Option<State>, byte: &u8| state.and_then(|state| self.step(state, *byte));
        text.iter().fold(self.start(), step).is_none_or(|state| self.ends(state))
    }

    /// State before the first byte; `None`: the expression matches any text.
    pub(super) fn start(&self) -> Option<State> {
        (!self.dfa.is_match_state(self.start)).then_some(self.start)
    }

    /// State after one more byte; `None`: it matches whatever follows.
    pub(super) fn step(&self, state: State, byte: u8) -> Option<State> {
        let next = self.dfa.next_state(state, byte);
        // The automaton says one byte late that it has matched.
        (!self.dfa.is_match_state(next)).then_some(next)
    }

    /// True if the expression matches a text that ends here.
    pub(super) fn ends(&self, state: State) -> bool {
        self.dfa.is_match_state(self.dfa.next_eoi_state(state))
    }

    /// Class of a byte: bytes of one class are not distinguished.
    pub(super) fn class(&self, byte: u8) -> u8 {
        self.dfa.byte_classes().get(byte)
    }
}
