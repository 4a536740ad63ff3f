//! Directories that workers write into, made while the process may (`ngx_create_paths`).

use std::collections::HashSet;
use std::fs::{DirBuilder, Permissions, metadata, set_permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use crate::model::Config;
use crate::model::location::Handler;
use crate::runtime::net::log::errno;
use crate::runtime::server::start::account::Account;
use crate::runtime::server::start::{StartError, failed};

/// Mode of a directory that is made.
const MODE: u32 = 0o700;

/// Makes the directories of caches, of request bodies and of responses that are not there, and gives them to the account.
///
/// # Errors
/// A directory that the configuration names cannot be made or given away. One that it does not name is told when it is
/// needed.
pub(super) fn make(config: &Config, prefix: &Path, account: Option<&Account>) -> Result<(), StartError> {
    let caches = config.http.caches.iter().map(|cache| (&cache.path, Some(cache.span)));
    let bodies = config.http.locations().map(|(_, location)| &location.settings);
    let bodies = bodies.chain(config.http.servers.iter().map(|server| &server.settings));
    let bodies = bodies.map(|settings| {
        let path = &settings.core.client_body_temp_path;
        (&path.value.path, path.origin.span())
    });
    let responses = config.http.locations().filter_map(|(_, location)| {
        let path = match &location.handler {
            Some(Handler::Proxy(_)) => &location.settings.pass.temp_path,
            Some(Handler::Pass(pass)) => match pass.directive {
                "scgi_pass" => &location.settings.scgi.temp_path,
                "uwsgi_pass" => &location.settings.uwsgi.temp_path,
                _ => &location.settings.fastcgi_proxy.temp_path,
            },
            _ => return None,
        };
        Some((&path.value.path, path.origin.span()))
    });
    let mut seen = HashSet::new();
    for (path, span) in caches.chain(bodies).chain(responses).filter(|(path, _)| seen.insert(*path)) {
        // Without root the directory of bodies is made when there is the first: as it was always.
        if account.is_none() && span.is_none() {
            continue;
        }
        let path = prefix.join(path);
        match directory(&path, account) {
            Err((call, error)) if span.is_some() => {
                let message = format!("{call}() \"{}\" failed{}", path.display(), errno(&error));
                return Err(failed(message, span));
            }
            _ => {}
        }
    }
    Ok(())
}

fn directory(path: &PathBuf, account: Option<&Account>) -> Result<(), (&'static str, io::Error)> {
    DirBuilder::new().recursive(true).mode(MODE).create(path).map_err(|e| ("mkdir", e))?;
    let Some(account) = account else { return Ok(()) };
    let info = metadata(path).map_err(|e| ("stat", e))?;
    let uid = account.uid.as_raw();
    if info.uid() != uid {
        chown(path, Some(uid), None).map_err(|e| ("chown", e))?;
    }
    let mode = info.mode() & 0o7777;
    if mode & MODE != MODE {
        set_permissions(path, Permissions::from_mode(mode | MODE)).map_err(|e| ("chmod", e))?;
    }
    Ok(())
}
