//! `user`: whom the process becomes when root has started it (`ngx_set_user`, `ngx_worker_process_init`).
//!
//! One process binds sockets and serves requests, so all of its threads change, before the first worker starts. What
//! only root may do is done by then; a reload that needs root again fails and says so.

use caps::{CapSet, Capability, CapsHashSet};
use nix::errno::Errno;
use nix::unistd::{Gid, Group, Uid, User, geteuid, initgroups, setgid, setuid};

use crate::model::log::Severity;
use crate::model::proxy::Bind;
use crate::model::{Config, HttpSettings};
use crate::runtime::net::log::{ErrorLogs, errno};
use crate::runtime::server::start::{StartError, failed};
use crate::source::Span;

/// nginx's account if the configuration names none (`NGX_USER`).
const USER: &str = "nobody";
/// Group of the default user: nginx's configure script takes the first that the host has (`NGX_GROUP`).
const GROUPS: [&str; 2] = ["nobody", "nogroup"];

/// Whom the workers are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) uid: Uid,
    pub(crate) gid: Gid,
}

/// The account that `user` means; `None` if root did not start the process: then `user` is ignored, as by nginx.
///
/// # Errors
/// An account or a group that the host does not have.
pub(crate) fn find(config: &Config, was_root: bool) -> Result<Option<Account>, StartError> {
    if !was_root && !geteuid().is_root() {
        return Ok(None);
    }
    let span = config.core.user.origin.span();
    let (name, groups) = match &config.core.user.value {
        Some(user) => (user.name.as_str(), vec![user.group.as_deref().unwrap_or(&user.name)]),
        None => (USER, GROUPS.to_vec()),
    };
    let unknown = |call: &str, name: &str, error: Option<Errno>| {
        let reason = error.map_or_else(String::new, |e| errno(&e.into()));
        failed(format!("{call}(\"{name}\") failed{reason}"), span)
    };
    // No user has a name with a NUL.
    let look_up = |name: &str| if name.contains('\0') { Ok(None) } else { User::from_name(name) };
    let user = look_up(name).map_err(|e| unknown("getpwnam", name, Some(e)))?;
    let user = user.ok_or_else(|| unknown("getpwnam", name, None))?;
    for group in &groups {
        let look_up = |name: &str| if name.contains('\0') { Ok(None) } else { Group::from_name(name) };
        if let Some(group) = look_up(group).map_err(|e| unknown("getgrnam", group, Some(e)))? {
            return Ok(Some(Account { name: name.to_owned(), uid: user.uid, gid: group.gid }));
        }
    }
    Err(unknown("getgrnam", groups.last().unwrap_or(&USER), None))
}

/// Becomes the account: group, supplementary groups, user, for all threads of the process. Capabilities are gone but
/// for `CAP_NET_RAW`, if a `proxy_bind … transparent` needs it.
///
/// # Errors
/// The call that failed; the process must not serve then.
pub(crate) fn become_it(account: &Account, config: &Config, log: &ErrorLogs) -> Result<(), StartError> {
    let Account { name, uid, gid } = account;
    let span = config.core.user.origin.span();
    let call_failed = |call: String, error: &std::io::Error| {
        let advice = if uid.is_root() { "" } else { "; `user root;` would serve requests as root" };
        failed(format!("{call} failed{}: cannot become \"{name}\"{advice}", errno(error)), span)
    };
    setgid(*gid).map_err(|e| call_failed(format!("setgid({gid})"), &e.into()))?;
    if let Err(error) = initgroups(&std::ffi::CString::new(name.as_str()).unwrap_or_default(), *gid) {
        let call = format!("initgroups({name}, {gid})");
        if !uid.is_root() {
            return Err(call_failed(call, &error.into()));
        }
        // A user namespace may forbid it, and nothing is gained by groups that root has beside.
        log.write(Severity::Emerg, None, &format!("{call} failed{}", errno(&error.into())));
    }
    if uid.is_root() {
        return setuid(*uid).map_err(|e| call_failed(format!("setuid({uid})"), &e.into()));
    }
    let keeps = is_transparent(config);
    let capabilities = |error: caps::errors::CapsError| {
        failed(format!("capset() failed: {error}: cannot become \"{name}\""), span)
    };
    if keeps {
        caps::securebits::set_keepcaps(true).map_err(capabilities)?;
    }
    setuid(*uid).map_err(|e| call_failed(format!("setuid({uid})"), &e.into()))?;
    let (none, kept) = (CapsHashSet::new(), keeps.then_some(Capability::CAP_NET_RAW).into_iter().collect());
    // An effective capability has to be permitted at any time.
    let steps = [
        (CapSet::Effective, &none),
        (CapSet::Permitted, &kept),
        (CapSet::Inheritable, &none),
        (CapSet::Effective, &kept),
    ];
    for (set, capabilities_of) in steps {
        caps::set(None, set, capabilities_of).map_err(capabilities)?;
    }
    // As nginx: core files may be written in spite of the change.
    if let Err(error) = nix::sys::prctl::set_dumpable(true) {
        log.write(Severity::Alert, None, &format!("prctl(PR_SET_DUMPABLE) failed{}", errno(&error.into())));
    }
    Ok(())
}

/// True if a level binds upstream connections to addresses that are not the host's.
fn is_transparent(config: &Config) -> bool {
    let is = |settings: &HttpSettings| {
        let binds = [
            &settings.proxy.bind.value,
            &settings.reuse.fastcgi_bind.value,
            &settings.scgi.bind.value,
            &settings.uwsgi.bind.value,
        ];
        binds.iter().any(|bind| {
            matches!(bind, Bind::Address { transparent: true, .. } | Bind::Value { transparent: true, .. })
        })
    };
    config.http.locations().any(|(_, location)| is(&location.settings))
        || config.http.servers.iter().any(|server| is(&server.settings))
}

/// True if the account of a reload is the one that the process has.
///
/// # Errors
/// It is another one, and the process may not change any more.
pub(crate) fn same(before: &Account, next: &Account, span: Option<Span>) -> Result<(), StartError> {
    if geteuid().is_root() || (before.uid, before.gid) == (next.uid, next.gid) {
        return Ok(());
    }
    let (old, new) = (&before.name, &next.name);
    let message = format!(
        "\"user\" cannot become \"{new}\" ({}:{}): the process gave up root for \"{old}\" ({}:{}) when it started; \
         restart it",
        next.uid, next.gid, before.uid, before.gid
    );
    Err(failed(message, span))
}
