//! Beside a real nginx: whom a file of passwords lets in, and heads of more lines than two bytes count.

#![allow(clippy::unwrap_used, reason = "what helpers of tests unwrap is a failed test")]

use std::net::SocketAddr;

use ngxc::version::Version;

use crate::common::http::{Backend, once};
use crate::common::nginx;
use crate::common::proxy::Proxy;

/// A file of passwords, a name with its password, and whether it is let in.
const USERS: &[(&[u8], &[u8], bool)] = &[
    (b"#bob:{PLAIN}x\n", b"#bob:x", false),
    (b"#bob:{PLAIN}x\nbob:{PLAIN}x\n", b"bob:x", true),
    (b" bob:{PLAIN}x\n", b"bob:x", false),
    (b" bob:{PLAIN}x\n", b" bob:x", true),
    (b" #bob:{PLAIN}x\n", b" #bob:x", true),
    (b"\xef\xbb\xbfbob:{PLAIN}x\n", b"bob:x", false),
    (b"BOB:{PLAIN}x\n", b"bob:x", false),
    (b"\n\nbob:{PLAIN}x\n", b"bob:x", true),
    // Where a line ends too soon, the next one is skipped with it.
    (b"bo\nbob:{PLAIN}x\n", b"bob:x", false),
    (b"bob\nbob:{PLAIN}x\n", b"bob:x", false),
    (b"bob\n\nbob:{PLAIN}x\n", b"bob:x", true),
    (b"bob", b"bob:x", false),
    (b"bob:{PLAIN}x\r\n", b"bob:x", true),
    (b"\r\nbob:{PLAIN}x\r\n", b"bob:x", true),
    (b"\rbob:{PLAIN}x\n", b"\rbob:x", false),
    (b"bob:{PLAIN}x:a:b\n", b"bob:x", true),
    (b"bob:{PLAIN}x", b"bob:x", true),
    (b"bob:{PLAIN}x ", b"bob:x", false),
    (b"bob:{PLAIN}x \n", b"bob:x ", true),
    (b"bob:{PLAIN}x\t\n", b"bob:x", false),
    (b"bob:{PLAIN}x#y\n", b"bob:x", false),
    (b"bob: {PLAIN}x\n", b"bob:x", false),
    (b"bob:{plain}x\n", b"bob:x", false),
    (b"bob:\nbob:{PLAIN}x\n", b"bob:x", false),
    (b"bob:\n", b"bob:", false),
    (b"bob:{PLAIN}\n", b"bob:", true),
    (b":{PLAIN}x\n", b":x", false),
    (b"bob:{PLAIN}a\nbob:{PLAIN}x\n", b"bob:x", false),
    (b"a\nb:{PLAIN}x\n", b"a\nb:x", true),
    (b"bob:{PLAIN}a\0b\n", b"bob:a", true),
    (b"bob:{PLAIN}a\n", b"bob:a\0b", true),
    (b"bob:plain\n", b"bob:plain", false),
    (b"bob:*\n", b"bob:x", false),
    (b"bob:$1$\n", b"bob:x", false),
    (b"bob:abNANd1rDfiNc\n", b"bob:secret", true),
    (b"bob:abNANd1rDfiNcEXTRA\n", b"bob:secret", false),
    (b"bob:$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/\n", b"bob:secret", true),
    (b"bob:$apr1$abcdefghih9FWgUz3n9YxylKLlR5SQ/\n", b"bob:secret", false),
    (b"bob:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n", b"bob:secret", true),
    (b"bob:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ\n", b"bob:secret", false),
    (b"bob:{SHA}5en6G6MezRroT3XKqkdPOmY_BfQ=\n", b"bob:secret", false),
];

/// Whoever nginx lets in is let in, and nobody else.
#[test]
fn odd_files_of_passwords() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("users");
    let http = |listen: &str| {
        format!(
            "large_client_header_buffers 4 16k; server {{ listen {listen}; location / {{ auth_basic x;\n\
             auth_basic_user_file {}; try_files none =402; }} }}",
            file.display()
        )
    };
    let long = |n: usize| [b"bob:", &b"y".repeat(n)[..]].concat();
    let line = [&b"bob:{PLAIN}"[..], &b"y".repeat(3000), b"\n"].concat();
    let (comment, other) = ([&b"#".repeat(5000)[..], b"\nbob:{PLAIN}x"].concat(), b"z".repeat(5000));
    let other = [&other[..], b"\nbob:{PLAIN}x"].concat();
    // Of a long one counts what fits into 2,048 bytes.
    let (whole, most) = (long(3000), long(2041));
    let mut cases = USERS.to_vec();
    cases.extend([(&line[..], &whole[..], false), (&line, &most, true)]);
    cases.extend([(&comment[..], &b"bob:x"[..], true), (&other, b"bob:x", true)]);
    let check = |who: &str, to: SocketAddr| {
        for (text, credentials, is_allowed) in &cases {
            std::fs::write(&file, text).unwrap();
            let sent = base64(credentials);
            let response = once(to, &format!("GET / HTTP/1.0\r\nAuthorization: Basic {sent}\r\n\r\n"));
            let expected = if *is_allowed { "402" } else { "401" };
            let (text, user) = (String::from_utf8_lossy(text), String::from_utf8_lossy(credentials));
            assert_eq!(&response[9..12], expected, "{who}: {text:?} {user:?}");
        }
    };
    check("ngxc", Proxy::new(&http("127.0.0.1:9")).address);
    if let Some(real) = nginx::Nginx::start(&http("PORT")) {
        check("nginx", real.address);
    }
}

fn base64(data: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = |three: &[u8]| -> String {
        let bits = three.iter().fold(0u32, |bits, b| bits << 8 | u32::from(*b)) << (8 * (3 - three.len()));
        let digit = |i: usize| char::from(DIGITS[(bits >> (18 - 6 * i) & 63) as usize]);
        (0..4).map(|i| if i > three.len() { '=' } else { digit(i) }).collect()
    };
    data.chunks(3).map(digits).collect()
}

/// A line of the head counts as the first one does, whatever its number: what it frames is no second request.
#[test]
fn heads_of_very_many_lines() {
    let http = |listen: &str, more: &str| {
        format!(
            "large_client_header_buffers 8 1m; client_header_buffer_size 1m; {more}\n\
             server {{ listen {listen}; location / {{ return 200 \"<$uri $content_length $http_transfer_encoding>\"; }} }}"
        )
    };
    let second = "GET /second HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n";
    let length = format!("Content-Length: {}\r\nConnection: close\r\n\r\n{second}", second.len());
    let cases = [
        (length.as_str(), "200", "</first 52 >"),
        ("Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n", "200", "</first "),
        ("Host: evil\r\nConnection: close\r\n\r\n", "400", ""),
        ("Content-Length: 0\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n", "400", ""),
    ];
    assert_eq!(second.len(), 52);
    let check = |who: &str, to: SocketAddr, most: usize| {
        let counts = [250, 254, 255, 65_533, 65_534, 65_535, 65_536, 131_071];
        for lines in counts.into_iter().filter(|lines| *lines < most) {
            for (last, status, shown) in cases {
                let head = format!("GET /first HTTP/1.1\r\nHost: a\r\n{}", "X:\r\n".repeat(lines));
                let response = once(to, &(head + last));
                let what = format!("{who}: {lines} lines, then {last:?}");
                assert_eq!(response.get(9..12), Some(status), "{what}: {response}");
                assert_eq!(response.matches("HTTP/1.1 ").count(), 1, "{what}: {response}");
                assert!(response.contains(shown), "{what}: {response}");
            }
        }
    };
    check("ngxc", Proxy::new(&http("127.0.0.1:9", "max_headers 1000000;")).address, usize::MAX);
    let release = nginx::program().map(|_| nginx::Nginx::start("server { listen PORT; }").unwrap().version);
    let Some(release) = release else { return };
    // Distributions have put the limit into older releases, without the directive.
    let is_old = release < Version::new(1, 29, 8);
    let (more, most) = if is_old { ("", 1000) } else { ("max_headers 1000000;", usize::MAX) };
    if let Some(real) = nginx::Nginx::start(&http("PORT", more)) {
        check("nginx", real.address, most);
    }
}

/// A subrequest speaks of the client's method and connection, and of nothing that only the main request has.
#[test]
fn variables_of_a_subrequest() {
    let http = |listen: &str| {
        format!(
            "server {{ listen {listen}; set_real_ip_from 127.0.0.1; real_ip_header X-Real-IP;\n\
             location / {{ auth_request /auth; add_header X-Told $told always; try_files none =402;\n\
             auth_request_set $told '<$request_method $request_length $realip_remote_addr $remote_addr \
             $request_completion $uri $args>'; }}\n\
             location = /auth {{ return 204; }} }}"
        )
    };
    let check = |who: &str, to: SocketAddr| {
        for (method, body) in [("GET", ""), ("HEAD", ""), ("DELETE", ""), ("POST", "body")] {
            let request = format!(
                "{method} /page?a=b HTTP/1.0\r\nX-Real-IP: 192.0.2.7\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            let response = once(to, &request);
            let told = format!("X-Told: <{method} 0 127.0.0.1 192.0.2.7  /auth >");
            assert!(response.contains(&told), "{who}: {told} in {response}");
        }
    };
    check("ngxc", Proxy::new(&http("127.0.0.1:9")).address);
    if let Some(real) = nginx::Nginx::start(&http("PORT")) {
        check("nginx", real.address);
    }
}

/// A length is shown as it was sent; that of a chunked body when the body was read, and the request is as long as its bytes.
#[test]
fn lengths_of_bodies() {
    let backend = Backend::new(|request| {
        let lengths = request.lines().find(|line| line.starts_with("X-Lengths")).unwrap_or_default();
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{lengths}", lengths.len())
    });
    let http = |listen: &str| {
        format!(
            "server {{ listen {listen}; proxy_set_header X-Lengths \"$content_length $request_length\";\n\
             location / {{ proxy_pass http://{}; }} }}",
            backend.address
        )
    };
    let head = "POST /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    let cases = [
        ("Content-Length: 005\r\n\r\nhello", "005"),
        ("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3;x=y\r\nabc\r\n0\r\n\r\n", "8"),
        ("Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "0"),
        ("\r\n", ""),
    ];
    let check = |who: &str, to: SocketAddr| {
        for (rest, shown) in cases {
            let request = format!("{head}{rest}");
            let response = once(to, &request);
            let expected = format!("X-Lengths: {shown} {}", request.len());
            assert!(response.ends_with(&expected), "{who}: {expected} in {response}");
        }
    };
    check("ngxc", Proxy::new(&http("127.0.0.1:9")).address);
    if let Some(real) = nginx::Nginx::start(&http("PORT")) {
        check("nginx", real.address);
    }
}
