//! The choice of a peer: one algorithm a file.

mod round_robin;

pub(crate) use round_robin::RoundRobin;

/// What a request has tried so far (`ngx_http_upstream_rr_peer_data_t`).
#[derive(Debug, Default)]
pub(crate) struct Attempt {
    /// Peers that were tried, by position.
    pub(crate) tried: Vec<usize>,
    /// How many more may be tried.
    pub(crate) tries: usize,
    /// The backup peers have their turn.
    pub(crate) backup: bool,
}

/// How a peer was given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Good,
    /// It gave no valid response.
    Failed,
}

/// Chooses peers for requests; one per upstream and worker.
pub(crate) trait Balancer {
    /// A request begins.
    fn start(&self) -> Attempt;

    /// The next peer by its position in the upstream; `None`: no live upstreams. `now` in seconds.
    fn get(&mut self, attempt: &mut Attempt, now: u64) -> Option<usize>;

    /// Gives a peer back; true if it is disabled from now on.
    fn free(&mut self, attempt: &mut Attempt, peer: usize, outcome: Outcome, now: u64) -> bool;
}
