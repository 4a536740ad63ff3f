//! Answer of `ngxc ports`, for a person and as JSON.

use serde::Serialize;

/// The JSON schema, described in docs/ports.md.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    pub(super) schema: u32,
    /// Assumptions, in words.
    pub(super) assumptions: Vec<String>,
    pub(super) nginx_version: String,
    /// Judged nginx and its source, in words.
    pub(super) nginx: String,
    pub(super) host: HostFacts,
    pub(super) flows: Vec<FlowAnswer>,
}

#[derive(Debug, Serialize)]
pub(super) struct HostFacts {
    /// Where the facts come from.
    pub(super) source: String,
    /// Settings that were not read and are Linux's defaults.
    pub(super) assumed: Vec<&'static str>,
    pub(super) port_range: [u16; 2],
    pub(super) reserved: String,
    pub(super) listening_in_range: Vec<u16>,
    /// Ports of one source to one destination.
    pub(super) ports: u32,
    /// Ports that `connect()` tries first.
    pub(super) cliff: u32,
    pub(super) tcp_tw_reuse: u32,
    pub(super) tcp_timestamps: u32,
    pub(super) time_wait_seconds: f64,
    pub(super) tcp_max_tw_buckets: u32,
    pub(super) workers_if_auto: u32,
}

#[derive(Debug, Serialize)]
pub(super) struct FlowAnswer {
    pub(super) name: String,
    /// `http`, or `tcp` and `udp` for sessions of `stream`, of which the words request and connection then speak.
    pub(super) protocol: &'static str,
    pub(super) places: Vec<String>,
    pub(super) reused: String,
    pub(super) time_wait: String,
    pub(super) workers: u32,
    pub(super) sources: Vec<Share>,
    pub(super) destinations: Vec<Share>,
    pub(super) notes: Vec<String>,
    /// Null if the flow needs no ports.
    pub(super) limits: Option<Limits>,
    pub(super) tuples: Vec<Tuple>,
    pub(super) load: Option<LoadAnswer>,
    pub(super) rows: Vec<RowAnswer>,
    pub(super) solutions: Vec<SolutionAnswer>,
    pub(super) nat: Option<Nat>,
}

#[derive(Debug, Serialize)]
pub(super) struct Share {
    pub(super) name: String,
    pub(super) share: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct Limits {
    #[serde(serialize_with = "whole_if_it_is")]
    pub(super) requests_per_connection: f64,
    /// Seconds that a connection holds its port once it is open.
    pub(super) hold_seconds: f64,
    pub(super) hard_connections_per_second: f64,
    pub(super) safe_connections_per_second: f64,
    pub(super) hard_requests_per_second: f64,
    pub(super) safe_requests_per_second: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct Tuple {
    pub(super) source: String,
    pub(super) destination: String,
    pub(super) share: f64,
    pub(super) ports: u32,
    pub(super) cliff: u32,
    pub(super) hard_connections_per_second: f64,
    pub(super) safe_connections_per_second: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct LoadAnswer {
    pub(super) requests_per_second: f64,
    pub(super) requests_at_once: f64,
    /// Expectation while requests keep coming.
    pub(super) new_connections_per_second: f64,
    /// If they come in bursts; the verdict counts these.
    pub(super) new_connections_per_second_at_worst: f64,
    /// Ports that the heaviest tuple has in use in steady state, at worst.
    pub(super) ports_in_use: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct RowAnswer {
    pub(super) name: String,
    pub(super) hard_requests_per_second: f64,
    pub(super) safe_requests_per_second: f64,
    /// The load as a fraction of the safe limit; null without a load, or if nothing is safe.
    pub(super) used: Option<f64>,
    /// `fits`, `tight`, `cliff`, `exhausted`; null without a load.
    pub(super) verdict: Option<&'static str>,
    pub(super) head_room: Option<f64>,
    pub(super) cliff_after_seconds: Option<f64>,
    pub(super) exhausted_after_seconds: Option<f64>,
    /// The pool is too small for the load: what it would have to be.
    pub(super) pool_needed: Option<u32>,
}

#[derive(Debug, Serialize)]
pub(super) struct SolutionAnswer {
    pub(super) solve_for: String,
    /// `enough`, `change`, `impossible`.
    pub(super) result: &'static str,
    pub(super) text: String,
    /// Lines for the configuration or for sysctl.conf.
    pub(super) lines: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Nat {
    pub(super) gateway: &'static str,
    pub(super) addresses: u32,
    pub(super) requests_per_second: f64,
    /// True if it is less than the host itself carries safely.
    pub(super) is_binding: bool,
    pub(super) remark: &'static str,
}

impl Answer {
    /// True if a load that was said does not fit.
    pub(super) fn suffers(&self) -> bool {
        let is_bad = |row: &RowAnswer| matches!(row.verdict, Some("cliff" | "exhausted"));
        let since = super::answer::since_name();
        let is_now = |(n, row): &(usize, &RowAnswer)| *n == 0 || row.name == since;
        self.flows.iter().any(|f| f.rows.iter().enumerate().filter(is_now).any(|(_, row)| is_bad(row)))
    }
}

/// A whole number without a fraction, as most are.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
fn whole_if_it_is<S: serde::Serializer>(number: &f64, to: S) -> Result<S::Ok, S::Error> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive; a cast saturates")]
    if number.fract() == 0.0 { to.serialize_u64(*number as u64) } else { to.serialize_f64(*number) }
}
