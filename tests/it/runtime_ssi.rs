//! SSI: commands in pages, and the requests that they make.

#![allow(clippy::unwrap_used, reason = "what helpers of tests unwrap is a failed test")]

use crate::common::http::{Backend, once};
use crate::common::proxy::Proxy;

const ERROR: &str = "[an error occurred while processing the directive]";

/// The body of what HTTP/1.0 gets for a page.
fn page(text: &str) -> String {
    let backend = Backend::new(|request| {
        let body = request.lines().next().unwrap().to_owned();
        format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    });
    let proxy = Proxy::with_files(
        &format!(
            "server {{ listen 127.0.0.1:9; ssi on; default_type text/html;\n\
             location /peer {{ proxy_pass http://{}; }}\n\
             location /text {{ return 200 \"text of $uri, $args;\"; }}\n\
             location /hidden {{ internal; return 200 hidden; }}\n\
             location /gone {{ return 404; error_page 404 =200 /text/gone; }} }}",
            backend.address
        ),
        &[("page.html", text), ("other.html", "other <!--#echo var='uri' -->"), ("loop.html", LOOP)],
    );
    let response = once(proxy.address, "GET /page.html?a=b HTTP/1.0\r\nHost: h\r\n\r\n");
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK") && !head.contains("Content-Length"), "{head}");
    body.to_owned()
}

const LOOP: &str = "x<!--#include virtual='/loop.html' -->";

#[test]
fn commands() {
    for (text, expected) in [
        ("no command <!-- comment -->", "no command <!-- comment -->".to_owned()),
        ("<!--#echo var='arg_a' -->, <!--#echo var=\"no\" -->", "b, (none)".to_owned()),
        ("<!--#echo var='no' default='<' -->", "&lt;".to_owned()),
        ("<!--#echo var='no' default='<' encoding='none' -->", "<".to_owned()),
        ("<!--#set var='v' value='${arg_a}&c' --><!--#echo var='v' encoding='url' -->", "b&c".to_owned()),
        ("<!--#if expr='$arg_a = b' -->yes<!--#else -->no<!--#endif -->", "yes".to_owned()),
        (
            "<!--#if expr='$arg_a != b' -->1<!--#elif expr='$arg_a = /^(.)/' -->$<!--#echo var='1' --><!--#endif -->",
            "$b".to_owned(),
        ),
        ("<!--#if expr='$no' -->1<!--#else -->2<!--#endif -->3", "23".to_owned()),
        ("<!--#if expr='$arg_a = /^(?<first>.)/' --><!--#endif --><!--#echo var='first' -->", "b".to_owned()),
        ("<!--#nothing --> <!--#echo -->", format!("{ERROR} {ERROR}")),
        ("<!--#config errmsg='!' --><!--#endif -->", "!".to_owned()),
        (
            "<!--#config timefmt='%Y' --><!--#if expr='$date_gmt = /^2/' -->now<!--#endif -->",
            "now".to_owned(),
        ),
    ] {
        assert_eq!(page(text), expected, "{text}");
    }
}

#[test]
fn included() {
    for (text, expected) in [
        ("<!--#include virtual='/text/x?y' -->.", "text of /text/x, y;."),
        ("<!--#include virtual='/peer/x' -->", "GET /peer/x HTTP/1.1"),
        ("<!--#include file='other.html' -->", "other /other.html"),
        ("<!--#include virtual='/hidden' -->", "hidden"),
        ("<!--#include virtual='/gone' -->", "text of /text/gone, ;"),
        ("a<!--#include virtual='/text/b' set='x' -->b<!--#echo var='x' -->", "abtext of /text/b, ;"),
    ] {
        let body = page(text);
        assert!(body.ends_with(expected), "{text}: {body}");
    }
    // Instead of a page of an error, not behind it.
    let block = "<!--#block name='b' -->stub<!--#endblock -->";
    for (uri, expected) in [("missing", "x stub"), ("gone", "x stub"), ("hidden", "x hidden")] {
        let text = format!("{block}x <!--#include virtual='/{uri}' stub='b' -->");
        assert_eq!(page(&text), expected, "{uri}");
    }
    assert_eq!(page("<!--#include virtual='/../x' -->"), ERROR);
    // As deep as nginx goes; then comes the text of an error, and the rest of each page.
    let body = page("<!--#include virtual='/loop.html' -->.");
    assert_eq!(body, format!("{}{ERROR}.", "x".repeat(51)));
}

#[test]
fn values_and_requests_are_bounded() {
    let doubled = "<!--#set var='a' value='$a$a' -->".repeat(40);
    let body = page(&format!(
        "<!--#set var='a' value='0123456789' -->{doubled}<!--#if expr='$a' -->.<!--#endif -->"
    ));
    assert!(body.ends_with('.') && body.starts_with(ERROR), "{}", &body[..body.len().min(200)]);
    assert_eq!(body.len(), ERROR.len() * 20 + 1);
    // Many variables of a megabyte each.
    let large =
        format!("<!--#set var='a' value='{}' -->", "y".repeat(128)) + &doubled[..doubled.len() / 40 * 13];
    let copies = (0..60).map(|n| format!("<!--#set var='v{n}' value='$a' -->")).collect::<Vec<_>>().concat();
    let body = page(&format!("{large}{copies}"));
    assert_eq!(body.len() / ERROR.len(), 60 - 31);
}

#[test]
fn what_is_put_together_is_chunked_and_kept() {
    let proxy = Proxy::with_files(
        "server { listen 127.0.0.1:9; ssi on; default_type text/html; gzip on; gzip_min_length 0;\n\
         location /text { return 200 text; } }",
        &[("page.html", "<<!--#include virtual='/text' -->>")],
    );
    let request = "GET /page.html HTTP/1.1\r\nHost: h\r\n\r\nGET /text HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    let response = once(proxy.address, request);
    assert!(
        response.contains("\r\n1\r\n<\r\n4\r\ntext\r\n1\r\n>\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n"),
        "{response}"
    );
    assert!(!response.contains("ETag") && !response.contains("Last-Modified: "), "{response}");
    let packed = "GET /page.html HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n";
    let response = once(proxy.address, packed);
    assert!(response.contains("Content-Encoding: gzip") && !response.contains("text\r\n"), "{response}");
}
