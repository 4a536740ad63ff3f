//! Values of nginx's own variables.

use super::levels::Level;
use super::part::{Open, Row};
use super::pattern::Bytes;
use super::sources;
use super::view::View;

/// The ways a variable of nginx can be.
pub(super) fn builtin(view: View<'_>, level: Level<'_>, name: &str) -> Vec<Row> {
    let row = |open: Open| vec![Row::open(Open { of: name.to_owned(), ..open })];
    match name {
        "scheme" => vec![Row::text(b"http"), Row::text(b"https")],
        "is_args" => vec![Row::text(b"?"), Row::text(b"")],
        "https" => vec![Row::text(b"on"), Row::text(b"")],
        "uri" | "document_uri" => row(Open {
            client: true,
            link: true,
            decoded: true,
            empty: false,
            ..beginning([true; 256], b'/')
        }),
        "request_filename" | "fastcgi_script_name" | "fastcgi_path_info" => {
            row(Open { client: true, link: true, decoded: true, ..beginning([true; 256], b'/') })
        }
        "request_uri" => row(Open { client: true, link: true, empty: false, ..beginning(line(b" "), b'/') }),
        "host" | "http_host" => {
            let client = name == "http_host" || sources::accepts_any_host(view, level);
            let bytes = line(b"/? ");
            row(Open { client, empty: false, ..Open::new(bytes) })
        }
        "request_body" => row(Open { client: true, ..Open::new([true; 256]) }),
        _ if is_argument(name) => row(Open { client: true, link: true, ..Open::new(line(b" ")) }),
        _ if sources::is_from_client(name) => row(Open { client: true, ..Open::new(line(&[])) }),
        _ => match alphabet(name) {
            Some(bytes) => row(Open::new(bytes)),
            None => row(Open::new(line(&[]))),
        },
    }
}

/// Arguments, as they were sent: the request line ends before a space.
fn is_argument(name: &str) -> bool {
    name.starts_with("arg_") || matches!(name, "args" | "query_string")
}

/// Everything but line breaks, zero and some more bytes.
fn line(without: &[u8]) -> Bytes {
    let mut bytes = [true; 256];
    for byte in [0, b'\r', b'\n'].iter().chain(without) {
        bytes[usize::from(*byte)] = false;
    }
    bytes
}

fn beginning(bytes: Bytes, first: u8) -> Open {
    let mut open = Open::new(bytes);
    open.first = Box::new([false; 256]);
    open.first[usize::from(first)] = true;
    open
}

/// Of what numbers, addresses and the like consist.
fn alphabet(name: &str) -> Option<Bytes> {
    const NUMBERS: &[&str] = &[
        "server_port",
        "remote_port",
        "proxy_port",
        "status",
        "connection",
        "connection_requests",
        "pid",
        "body_bytes_sent",
        "bytes_sent",
        "request_length",
        "msec",
        "request_time",
    ];
    const ADDRESSES: &[&str] = &["remote_addr", "server_addr", "realip_remote_addr"];
    let of = |allowed: &dyn Fn(u8) -> bool| {
        let mut bytes = [false; 256];
        (0..=255_u8).filter(|b| allowed(*b)).for_each(|b| bytes[usize::from(b)] = true);
        bytes
    };
    match name {
        _ if NUMBERS.contains(&name) => Some(of(&|b| b.is_ascii_digit() || b == b'.')),
        _ if ADDRESSES.contains(&name) => Some(of(&|b| b.is_ascii_hexdigit() || b".:".contains(&b))),
        "request_id" => Some(of(&|b| b.is_ascii_hexdigit())),
        "nginx_version" => Some(of(&|b| b.is_ascii_digit() || b == b'.')),
        _ => None,
    }
}
