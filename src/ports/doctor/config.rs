//! What the configuration alone says: flows whose every request leaves a port in `TIME_WAIT`.

use super::{Case, Finding, Severity};
use crate::ports::capacity::{Capacity, Load, Setup};
use crate::ports::flow::Closer;
use crate::reuse::Verdict;

pub(super) fn check(case: &Case<'_>, found: &mut Vec<Finding>) {
    for (position, flow) in case.flows.iter().enumerate() {
        let blamed = found.iter().any(|f| f.repair == Some(position));
        let (Verdict::NotReused(_), false, false) = (flow.verdict, flow.is_unix(), blamed) else { continue };
        let setup = Setup::new(case.config, flow, &case.evidence.host, None);
        let capacity = Capacity::of(&setup, &Load::default());
        let (name, severity, title) = match flow.closer {
            Closer::Nginx => (
                "every-request-leaves-time-wait",
                Severity::Warning,
                format!("every request to {} leaves a port in TIME_WAIT on this host", flow.name),
            ),
            Closer::Race => {
                ("no-reuse", Severity::Info, format!("every request to {} opens a connection", flow.name))
            }
        };
        let finding = Finding::new(name, severity, title).seen(format!(
            "{:.0} requests/s are safe, {:.0} the limit{}",
            capacity.safe_requests(),
            capacity.hard_requests(),
            if flow.closer == Closer::Race {
                ", if this host closes them all (the peer usually is first)"
            } else {
                ""
            }
        ));
        found.push(Finding { is_forecast: true, ..finding.blame(case, position) });
    }
}
