//! Opening files, and asking about them, by the rules of a request's location: `disable_symlinks`, `open_file_cache`.

use std::io;
use std::rc::Rc;

use crate::model::content::LinkPolicy;
use crate::runtime::net::file_cache::{Cache, Info, OpenMode, OpenedFile, Rules};
use crate::runtime::net::symlink::Links;
use crate::runtime::request::scope::Scope;

/// Opens a file as the request's location says.
pub(crate) fn open(scope: &mut Scope<'_>, path: &[u8]) -> (Links, io::Result<OpenedFile>) {
    let links = links(scope, path);
    let way = OpenMode::Read(links);
    (links, with_cache(scope, |cache, rules| cache.open(path, rules, way)).unwrap_or_else(|| way.open(path)))
}

/// The file that a path leads to.
pub(crate) fn info(scope: &mut Scope<'_>, path: &[u8]) -> io::Result<Info> {
    let way = OpenMode::Read(links(scope, path));
    let cached = with_cache(scope, |cache, rules| cache.open(path, rules, way).map(|opened| opened.info));
    cached.unwrap_or_else(|| way.info(path))
}

/// A log whose path is known per request.
pub(crate) fn log(scope: &mut Scope<'_>, path: &[u8]) -> io::Result<OpenedFile> {
    let setting = &scope.request.plan.files.log_cache;
    let (Some(log), Some(span)) = (setting.value, setting.origin.span()) else {
        return OpenMode::Append.open(path);
    };
    let rules = Rules { valid: log.valid.as_secs(), min_uses: log.min_uses, errors: false };
    scope.worker.files_open.of(span, log.cache).borrow_mut().open(path, rules, OpenMode::Append)
}

fn with_cache<T>(scope: &Scope<'_>, work: impl FnOnce(&mut Cache, Rules) -> T) -> Option<T> {
    let files = &scope.request.plan.files;
    let (cache, span) = (files.cache.value?, files.cache.origin.span()?);
    let rules = Rules {
        valid: files.cache_valid.value.as_secs(),
        min_uses: files.cache_min_uses.value,
        errors: files.cache_errors.value,
    };
    let cache = scope.worker.files_open.of(span, cache);
    let mut cache = cache.borrow_mut();
    Some(work(&mut cache, rules))
}

/// The links that may be followed on the way to a path (`ngx_http_set_disable_symlinks`).
fn links(scope: &mut Scope<'_>, path: &[u8]) -> Links {
    let plan = Rc::clone(&scope.request.plan);
    let symlinks = &plan.content.disable_symlinks.value;
    let Some(from) = &symlinks.from else { return Links::new(symlinks.policy, 0) };
    let mut part = Vec::new();
    scope.evaluate(from, &mut part);
    match path.strip_prefix(&part[..]) {
        _ if part.is_empty() => Links::new(symlinks.policy, 0),
        Some([]) => Links::new(LinkPolicy::Follow, 0),
        Some([b'/', ..]) => Links::new(symlinks.policy, part.len()),
        Some(_) if part.ends_with(b"/") => Links::new(symlinks.policy, part.len() - 1),
        _ => Links::new(symlinks.policy, 0),
    }
}
