//! Maps that nginx looks into although they decide nothing about the route: in headers, logs and source addresses.

use crate::behaviour::outcome::Outcome;
use crate::model::location::Handler;
use crate::model::log::AccessLogs;
use crate::model::proxy::Bind;
use crate::model::{ComplexValue, VariableId, VariableSource};

/// Looks into the maps whose results are sent or logged at the end of a route.
pub fn look_up(outcome: &mut Outcome<'_>) {
    let (config, settings) = (outcome.config(), outcome.settings());
    if config.http.maps.is_empty() {
        return;
    }
    let mut values: Vec<&ComplexValue> = Vec::new();
    if matches!(outcome.upstream(), Ok(Some(_))) {
        match outcome.handler() {
            Some(Handler::Proxy(_)) => {
                values.extend(settings.proxy.set_header.value.iter().map(|header| &header.value));
                if let Bind::Value { value, .. } = &settings.proxy.bind.value {
                    values.push(value);
                }
            }
            Some(Handler::Pass(pass)) if pass.directive == "fastcgi_pass" => {
                values.extend(settings.fastcgi.param.value.iter().map(|param| &param.value));
            }
            _ => {}
        }
    }
    values.extend(settings.content.add_header.value.iter().map(|header| &header.value));
    if let AccessLogs::To(logs) = &settings.core.access_log.value {
        for log in logs {
            values.extend(&log.condition);
            values.extend(&log.path);
            values.extend(config.http.log_formats.get(log.format).map(|format| &format.value));
        }
    }
    // Only maps: another variable would be taken for a part that decides.
    let is_map = |id: &VariableId| matches!(config.http.variables.get(*id).source, VariableSource::Map(_));
    let maps: Vec<VariableId> = values.into_iter().flat_map(ComplexValue::variables).filter(is_map).collect();
    for id in maps {
        let mut out = Vec::new();
        outcome.ground.program.variable(id, &mut outcome.request, &mut out);
        outcome.request.unknown.clear();
        outcome.request.needs_client = false;
    }
}
