//! Findings from the configuration alone: flows of which every request, or some, open a connection.

use super::load::{latency, milliseconds};
use super::{Case, Finding, Severity};
use crate::ports::capacity::{Capacity, Load, Setup};
use crate::ports::flow::ClosingSide;
use crate::reuse::Verdict;

pub(super) fn check(case: &Case<'_>, found: &mut Vec<Finding>) {
    for (position, flow) in case.flows.iter().enumerate() {
        let blamed = found.iter().any(|f| f.repair == Some(position));
        // Each session of stream has a connection of its own: that is no fault.
        if flow.is_unix() || blamed || flow.session.is_some() {
            continue;
        }
        let setup = Setup::new(case.config, flow, &case.evidence.host, None);
        let (latency, latency_from) = latency(case.evidence);
        let capacity = Capacity::of(&setup, &Load { latency, ..Load::default() });
        let (name, severity, title) = match (flow.verdict, flow.closer) {
            (Verdict::Reused | Verdict::Unknown, _) => continue,
            (Verdict::Partly(_), closer) => (
                "reused-in-part",
                if closer == ClosingSide::Nginx { Severity::Warning } else { Severity::Info },
                format!("connections to {} are used again in part at best", flow.name),
            ),
            (Verdict::NotReused(_), ClosingSide::Nginx) => (
                "every-request-leaves-time-wait",
                Severity::Warning,
                format!("every request to {} leaves a port in TIME_WAIT on this host", flow.name),
            ),
            (Verdict::NotReused(_), ClosingSide::Race) => {
                ("no-reuse", Severity::Info, format!("every request to {} opens a connection", flow.name))
            }
        };
        let finding = Finding::new(name, severity, title).seen(format!(
            "at {} each ({latency_from}) {} requests/s are safe, {} the limit{}",
            milliseconds(latency),
            whole(capacity.safe_requests()),
            whole(capacity.hard_requests()),
            match (flow.verdict, flow.closer) {
                (Verdict::Partly(_), _) => ", if none is used again",
                (_, ClosingSide::Race) => ", if this host closes them all (the peer usually is first)",
                (_, ClosingSide::Nginx) => "",
            }
        ));
        let mut finding = Finding { is_forecast: true, ..finding.blame(case, position) };
        // The host was given the ports that were missing, and they suffice.
        if super::drain::over_since(case).is_some() {
            finding.severity = Severity::Info;
        }
        found.push(finding);
    }
}

/// A rate, rounded down; small ones with a decimal.
fn whole(rate: f64) -> String {
    if rate < 10.0 { format!("{rate:.1}") } else { format!("{:.0}", rate.floor()) }
}
