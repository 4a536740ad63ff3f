//! Requests that show a difference: for a pair of servers, one request for each kind of path, and variations of it.

mod asks;
mod hosts;
mod request;

pub use asks::ProbeQuestions;
pub use hosts::hosts;
pub use request::Probe;

use crate::behaviour::witness::Kind;
use crate::eval::uri::escape;
use crate::simulate::facts::{Facts, Files, Response};
use request::{Variation, variation, varied};

/// Requests of a pair, and the expressions that no automaton decides.
pub struct Probes {
    /// Requests in order: each path first as it is, then varied.
    pub list: Vec<Probe>,
    /// Expressions that look around or refer back.
    pub undecided: Vec<String>,
    /// False if the search for paths ended at its bounds.
    pub is_complete: bool,
}

/// Most values of one variable that are tried.
const MAX_VALUES: usize = 40;
/// Most pairs of variations of a path.
const MAX_PAIRS: usize = 150;
/// Most paths of which pairs of variations are asked.
const MAX_PATHS: usize = 60;
/// Most requests for a pair of servers.
const MAX_PROBES: usize = 20_000;

impl ProbeQuestions {
    /// Requests for a host.
    pub fn probes(&self, host: &str) -> Probes {
        let mut questions = self.paths.clone();
        questions.literals.push(b"/".to_vec());
        let found = questions.witnesses(Kind::Path);
        let base = Probe {
            method: "GET".to_owned(),
            host: host.to_owned(),
            target: String::new(),
            headers: Vec::new(),
            client: self.stranger(),
            facts: Facts {
                files: Some(Files::default()),
                upstream: Some(Response { status: 200, headers: Vec::new() }),
                auth_request: Some(200),
                ..Facts::default()
            },
        };
        let mut all: Vec<Variation> = self.variations.iter().cloned().collect();
        let mut undecided = found.undecided;
        for (name, questions) in &self.values {
            let of_value = questions.witnesses(Kind::Value);
            undecided.extend(of_value.undecided);
            let texts = of_value.texts.into_iter().take(MAX_VALUES).filter_map(|t| String::from_utf8(t).ok());
            let texts = texts.filter(|text| !text.is_empty());
            all.extend(
                texts.filter_map(|text| variation(name, text)).filter(|one| !self.variations.contains(one)),
            );
        }
        all.extend([Variation::Files, Variation::Method("POST".to_owned())]);
        all.push(Variation::Argument("a".to_owned(), "b".to_owned()));
        let mut list = Vec::new();
        let mut is_complete = found.is_complete;
        for text in &found.texts {
            let mut path = Vec::new();
            escape(text, &mut path);
            let probe = Probe { target: String::from_utf8_lossy(&path).into_owned(), ..base.clone() };
            if list.len() + all.len() > MAX_PROBES {
                is_complete = false;
                break;
            }
            list.push(probe.clone());
            list.extend(all.iter().map(|variation| varied(&probe, variation)));
            let pairs = all.len() * all.len().saturating_sub(1) / 2;
            if pairs <= MAX_PAIRS && found.texts.len() <= MAX_PATHS {
                for (at, one) in all.iter().enumerate() {
                    let others = all[at + 1..].iter();
                    list.extend(others.map(|other| varied(&varied(&probe, one), other)));
                }
            }
        }
        Probes { list, undecided, is_complete }
    }
}
