//! Findings from the configuration alone: flows of which every request, or some, open a connection.

use super::{Case, Finding, Severity};
use crate::ports::capacity::{Capacity, Load, Setup};
use crate::ports::flow::Closer;
use crate::reuse::Verdict;

pub(super) fn check(case: &Case<'_>, found: &mut Vec<Finding>) {
    for (position, flow) in case.flows.iter().enumerate() {
        let blamed = found.iter().any(|f| f.repair == Some(position));
        if flow.is_unix() || blamed {
            continue;
        }
        let setup = Setup::new(case.config, flow, &case.evidence.host, None);
        let capacity = Capacity::of(&setup, &Load::default());
        let (name, severity, title) = match (flow.verdict, flow.closer) {
            (Verdict::Reused | Verdict::Unknown, _) => continue,
            (Verdict::Partly(_), closer) => (
                "reused-in-part",
                if closer == Closer::Nginx { Severity::Warning } else { Severity::Info },
                format!("connections to {} are used again in part at best", flow.name),
            ),
            (Verdict::NotReused(_), Closer::Nginx) => (
                "every-request-leaves-time-wait",
                Severity::Warning,
                format!("every request to {} leaves a port in TIME_WAIT on this host", flow.name),
            ),
            (Verdict::NotReused(_), Closer::Race) => {
                ("no-reuse", Severity::Info, format!("every request to {} opens a connection", flow.name))
            }
        };
        let finding = Finding::new(name, severity, title).seen(format!(
            "{:.0} requests/s are safe, {:.0} the limit{}",
            capacity.safe_requests(),
            capacity.hard_requests(),
            match (flow.verdict, flow.closer) {
                (Verdict::Partly(_), _) => ", if none is used again",
                (_, Closer::Race) => ", if this host closes them all (the peer usually is first)",
                (_, Closer::Nginx) => "",
            }
        ));
        found.push(Finding { is_forecast: true, ..finding.blame(case, position) });
    }
}
