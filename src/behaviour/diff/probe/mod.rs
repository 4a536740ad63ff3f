//! Requests that show a difference: for a pair of servers, one request for each kind of path, and variations of it.

mod asks;
mod captured;
mod hosts;
mod joint;
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
/// Most hosts that are tried for what maps and conditions ask of the host.
const MAX_HOSTS: usize = 80;
/// Most pairs of variations of a path.
const MAX_PAIRS: usize = 250;
/// Most paths of which pairs of variations are asked.
const MAX_PATHS: usize = 60;
/// Most requests for a pair of servers.
const MAX_PROBES: usize = 20_000;

impl ProbeQuestions {
    /// Requests for a host.
    pub fn probes(&self, host: &str) -> Probes {
        let mut questions = self.paths.clone();
        questions.literals.push(b"/".to_vec());
        questions.patterns.extend(captured::patterns(&self.paths.patterns, &self.captures));
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
            let is_host = matches!(name.as_str(), "host" | "http_host");
            let of_value = if is_host {
                // Only hosts of these servers show it.
                let mut questions = questions.clone();
                questions.extend(self.names.clone());
                questions.patterns.extend(captured::patterns(&self.names.patterns, &self.captures));
                questions.witnesses(Kind::Host)
            } else {
                questions.witnesses(Kind::Value)
            };
            undecided.extend(of_value.undecided);
            let most = if is_host { MAX_HOSTS } else { MAX_VALUES };
            let texts = of_value.texts.into_iter().take(most).filter_map(|t| String::from_utf8(t).ok());
            let texts = texts.filter(|text| !text.is_empty());
            all.extend(
                texts.filter_map(|text| variation(name, text)).filter(|one| !self.variations.contains(one)),
            );
        }
        all.extend([Variation::Files, Variation::Method("POST".to_owned())]);
        all.push(Variation::Argument("a".to_owned(), "b".to_owned()));
        let joint = self.joints.variations(host);
        let of_paths = |one: &Vec<Variation>| one.iter().any(|own| matches!(own, Variation::Path(_)));
        let mut list = Vec::new();
        let mut is_complete = found.is_complete;
        let with = |probe: &Probe, all: &[Variation]| {
            all.iter().fold(probe.clone(), |probe, one| varied(&probe, one))
        };
        for text in &found.texts {
            let mut path = Vec::new();
            escape(text, &mut path);
            let probe = Probe { target: String::from_utf8_lossy(&path).into_owned(), ..base.clone() };
            if list.len() + all.len() + joint.len() > MAX_PROBES {
                is_complete = false;
                break;
            }
            list.push(probe.clone());
            list.extend(all.iter().map(|variation| varied(&probe, variation)));
            // One path is enough for those that replace it.
            let is_first = list.len() == all.len() + 1;
            list.extend(joint.iter().filter(|one| is_first || !of_paths(one)).map(|one| with(&probe, one)));
            let pairs = all.len() * all.len().saturating_sub(1) / 2;
            let has_room = list.len() + pairs <= MAX_PROBES / 2;
            if pairs <= MAX_PAIRS && found.texts.len() <= MAX_PATHS && has_room {
                for (at, one) in all.iter().enumerate() {
                    let others = all[at + 1..].iter();
                    list.extend(others.map(|other| varied(&varied(&probe, one), other)));
                }
            }
        }
        Probes { list, undecided, is_complete }
    }
}
