//! `flush=` of access logs.

use std::sync::Arc;
use std::time::Duration;

use crate::model::Config;
use crate::model::log::AccessLogs;
use crate::runtime::net::log::Files;

/// Thread for `flush=` of access logs, whose buffers are shared by all workers.
pub(super) fn in_time(config: &Config, files: &Arc<Files>) {
    let levels = config.http.locations().map(|(_, l)| &l.settings.core.access_log.value);
    let servers = config.stream.iter().flat_map(|stream| &stream.shared.servers).chain(&config.http.servers);
    let levels = levels.chain(servers.map(|s| &s.settings.core.access_log.value));
    let times = levels.filter_map(|logs| match logs {
        AccessLogs::To(list) => list.iter().filter_map(|log| log.flush).min(),
        AccessLogs::Off => None,
    });
    let Some(time) = times.min().map(|time| time.max(Duration::from_millis(10))) else { return };
    let files = Arc::downgrade(files);
    let flush = move || {
        while let Some(files) = files.upgrade() {
            files.flush();
            drop(files);
            std::thread::sleep(time);
        }
    };
    // Without it lines are written when the buffer is full.
    let _ = std::thread::Builder::new().name("log flush".to_owned()).spawn(flush);
}
