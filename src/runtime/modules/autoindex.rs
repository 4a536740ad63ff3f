//! The list of a directory (`ngx_http_autoindex_module.c`).

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::rc::Rc;

use crate::eval::uri::escape_component;
use crate::model::log::Severity;
use crate::runtime::net::clock;
use crate::runtime::net::log::escape;
use crate::runtime::net::path::{self, ENOENT};
use crate::runtime::net::text::{escape_html, put};
use crate::runtime::request::connection::Connection;
use crate::runtime::request::flow::Flow;
use crate::runtime::request::reply::BodyPart;
use crate::runtime::request::state::Request;
use crate::runtime::request::{file, variable};

/// Width of the names' column.
const NAME: usize = 50;

struct Entry {
    name: Vec<u8>,
    is_directory: bool,
    is_file: bool,
    modified: i64,
    size: u64,
}

/// Lists the directory of the URI; `None` if the URI names none.
pub(crate) fn send(c: &Connection, r: &mut Request) -> Option<Flow> {
    if !r.uri.ends_with(b"/") || !matches!(r.method(), b"GET" | b"HEAD") {
        return None;
    }
    let plan = Rc::clone(&r.plan);
    let mut scope = c.scope(r);
    let Some(mapped) = file::map(&mut scope) else { return Some(Flow::Status(500)) };
    let path = mapped.path.strip_suffix(b"/").filter(|p| !p.is_empty()).unwrap_or(&mapped.path);
    let content = &plan.content;
    let format = content.autoindex_format.value.0;
    let mut callback = Vec::new();
    if format == "jsonp" {
        variable::argument(scope.request, "callback", &mut callback);
        if let Some(fault) = fault_of_callback(&callback) {
            let shown = String::from_utf8_lossy(&callback);
            scope.log(Severity::Info, &format!("client sent {fault} callback name: \"{shown}\""), "");
            return Some(Flow::Status(400));
        }
    }
    let read = match std::fs::read_dir(path::os(path)) {
        Ok(read) => read,
        Err(error) => {
            let status = file::failed(&mut scope, "opendir()", path, &error);
            return Some(Flow::Status(if error.raw_os_error() == Some(ENOENT) { 404 } else { status }));
        }
    };
    let mut entries: Vec<Entry> = read
        .flatten()
        .filter(|entry| !entry.file_name().as_bytes().starts_with(b"."))
        .filter_map(|entry| {
            // A dangling link is listed as a link.
            let metadata = std::fs::metadata(entry.path()).or_else(|_| entry.metadata()).ok()?;
            Some(Entry {
                name: entry.file_name().as_bytes().to_vec(),
                is_directory: metadata.is_dir(),
                is_file: metadata.is_file(),
                modified: metadata.mtime(),
                size: metadata.size(),
            })
        })
        .collect();
    entries.sort_by(|a, b| b.is_directory.cmp(&a.is_directory).then_with(|| a.name.cmp(&b.name)));
    let r = scope.request;
    r.status = 200;
    let reply = &mut r.reply;
    reply.clear_body();
    reply.content_type.clear();
    let (kind, charset): (&[u8], _) = match format {
        "json" => (b"application/json", true),
        "jsonp" if callback.is_empty() => (b"application/json", true),
        "jsonp" => (b"application/javascript", true),
        "xml" => (b"text/xml", true),
        _ => (b"text/html", false),
    };
    reply.content_type.extend_from_slice(kind);
    if charset {
        reply.charset.extend_from_slice(b"utf-8");
    }
    match format {
        "json" | "jsonp" => json(&entries, &callback, &mut reply.text),
        "xml" => xml(&entries, &mut reply.text),
        _ => {
            let (exact, local) = (content.autoindex_exact_size.value, content.autoindex_localtime.value);
            html(&r.uri, &entries, exact, local, &mut reply.text);
        }
    }
    reply.content_length = None;
    reply.parts.push(BodyPart::Text(0, reply.text.len()));
    Some(Flow::Reply)
}

/// Longest name of a callback.
const CALLBACK: usize = 128;

/// Fault of the callback's name in the arguments (`ngx_http_autoindex_jsonp_callback`): the page calls it.
fn fault_of_callback(name: &[u8]) -> Option<&'static str> {
    let is_valid = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.');
    if name.len() > CALLBACK { Some("too long") } else { (!name.iter().all(is_valid)).then_some("invalid") }
}

fn html(uri: &[u8], entries: &[Entry], exact: bool, local: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(b"<html>\r\n<head><title>Index of ");
    escape_html(uri, out);
    out.extend_from_slice(b"</title></head>\r\n<body>\r\n<h1>Index of ");
    escape_html(uri, out);
    out.extend_from_slice(b"</h1><hr><pre><a href=\"../\">../</a>\r\n");
    for entry in entries {
        out.extend_from_slice(b"<a href=\"");
        let mut name = Vec::new();
        escape_component(&entry.name, &mut name);
        escape_html(&name, out);
        if entry.is_directory {
            out.push(b'/');
        }
        out.extend_from_slice(b"\">");
        let text = String::from_utf8_lossy(&entry.name);
        let length = text.chars().count();
        if length > NAME {
            let cut: String = text.chars().take(NAME - 3).collect();
            escape_html(cut.as_bytes(), out);
            out.extend_from_slice(b"..&gt;</a>");
        } else {
            escape_html(&entry.name, out);
            if entry.is_directory && length < NAME {
                out.push(b'/');
            }
            out.extend_from_slice(b"</a>");
            let shown = length + usize::from(entry.is_directory && length < NAME);
            out.extend(std::iter::repeat_n(b' ', NAME - shown));
        }
        out.push(b' ');
        out.extend_from_slice(clock::listing(entry.modified, local).as_bytes());
        match (entry.is_directory, exact) {
            (true, true) => out.extend_from_slice(b"                   -"),
            (true, false) => out.extend_from_slice(b"      -"),
            (false, true) => put(out, format_args!("{:>20}", entry.size)),
            (false, false) => rounded(entry.size, out),
        }
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"</pre><hr></body>\r\n</html>\r\n");
}

fn rounded(size: u64, out: &mut Vec<u8>) {
    let divided = |unit: u64| size / unit + u64::from(size % unit > unit / 2 - 1);
    if size > 1_073_741_823 {
        put(out, format_args!("{:>6}G", divided(1 << 30)));
    } else if size > 1_048_575 {
        put(out, format_args!("{:>6}M", divided(1 << 20)));
    } else if size > 9_999 {
        put(out, format_args!("{:>6}K", divided(1 << 10)));
    } else {
        put(out, format_args!(" {size:>6}"));
    }
}

fn json(entries: &[Entry], callback: &[u8], out: &mut Vec<u8>) {
    if !callback.is_empty() {
        out.extend_from_slice(callback);
        out.push(b'(');
    }
    out.push(b'[');
    for (i, entry) in entries.iter().enumerate() {
        out.extend_from_slice(if i == 0 { b"\r\n{ \"name\":\"" } else { b",\r\n{ \"name\":\"" });
        let start = out.len();
        out.extend_from_slice(&entry.name);
        escape::from(start, crate::model::log::Escape::Json, out);
        put(
            out,
            format_args!(
                "\", \"type\":\"{}\", \"mtime\":\"{}\"",
                kind(entry),
                clock::http_date(entry.modified)
            ),
        );
        if entry.is_file {
            put(out, format_args!(", \"size\":{}", entry.size));
        }
        out.extend_from_slice(b" }");
    }
    out.extend_from_slice(b"\r\n]");
    if !callback.is_empty() {
        out.extend_from_slice(b");");
    }
}

fn xml(entries: &[Entry], out: &mut Vec<u8>) {
    out.extend_from_slice(b"<?xml version=\"1.0\"?>\r\n<list>\r\n");
    for entry in entries {
        let kind = kind(entry);
        put(out, format_args!("<{kind} mtime=\"{}\"", clock::iso_utc(entry.modified)));
        if entry.is_file {
            put(out, format_args!(" size=\"{}\"", entry.size));
        }
        out.push(b'>');
        escape_html(&entry.name, out);
        put(out, format_args!("</{kind}>\r\n"));
    }
    out.extend_from_slice(b"</list>\r\n");
}

fn kind(entry: &Entry) -> &'static str {
    match (entry.is_directory, entry.is_file) {
        (true, _) => "directory",
        (_, true) => "file",
        _ => "other",
    }
}
