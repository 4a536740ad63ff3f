//! `sticky`: requests of a session go to one peer.

#![allow(clippy::unwrap_used, reason = "what helpers of tests unwrap is a failed test")]

use std::net::SocketAddr;

use crate::common::http::{Backend, once};
use crate::common::proxy::Proxy;

/// A peer that answers with its name, and with the session that the URI asks for.
fn peer(name: &'static str) -> Backend {
    Backend::new(move |request| {
        let uri = request.split(' ').nth(1).unwrap_or_default();
        let session = uri.strip_prefix("/new/").map(|id| format!("Set-Cookie: session={id}; path=/\r\n"));
        let session = session.unwrap_or_default();
        format!("HTTP/1.1 200 OK\r\n{session}Connection: close\r\nContent-Length: 1\r\n\r\n{name}")
    })
}

fn ask(to: SocketAddr, uri: &str, cookie: &str) -> String {
    once(to, &format!("GET {uri} HTTP/1.1\r\nHost: a\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"))
}

/// The names of the peers that answered.
fn who(to: SocketAddr, uri: &str, cookie: &str, times: usize) -> String {
    (0..times).map(|_| ask(to, uri, cookie).chars().last().unwrap()).collect()
}

fn cookie_of(response: &str) -> Option<&str> {
    response.split("\r\n").find_map(|line| line.strip_prefix("Set-Cookie: "))
}

#[test]
fn a_cookie_names_the_peer() {
    let (a, b) = (peer("a"), peer("b"));
    let proxy = Proxy::new(&format!(
        "upstream u {{ server {}; server {} route=second; sticky cookie at expires=1h domain=.a.test httponly secure\n\
         samesite=lax path=/p; }} server {{ listen 127.0.0.1:9; location / {{ proxy_pass http://u; }} }}",
        a.address, b.address
    ));
    let first = ask(proxy.address, "/", "");
    let set = cookie_of(&first).unwrap();
    let (name, attributes) = set.split_once("; expires=").unwrap();
    assert!(name.starts_with("at=") && name.len() == "at=".len() + 32, "{set}");
    assert!(
        attributes.ends_with("; max-age=3600; domain=.a.test; httponly; secure; samesite=lax; path=/p"),
        "{set}"
    );
    assert_eq!(who(proxy.address, "/", name, 4), "aaaa");
    assert_eq!(who(proxy.address, "/", "at=second", 4), "bbbb");
    assert!(cookie_of(&ask(proxy.address, "/", "at=second")).unwrap().starts_with("at=second; "));
    // A peer that is not known: as without the cookie.
    let others = who(proxy.address, "/", "at=unknown", 4);
    assert!(others.contains('a') && others.contains('b'), "{others}");
}

#[test]
fn a_route_names_the_peer_and_a_draining_peer_serves_its_sessions() {
    for method in
        ["", "least_conn;", "hash $request_uri;", "hash $request_uri consistent;", "random;", "ip_hash;"]
    {
        let (a, b) = (peer("a"), peer("b"));
        let proxy = Proxy::new(&format!(
            "upstream u {{ {method} server {} route=x drain; server {} route=y; sticky route $arg_none $arg_r; }}\n\
             server {{ listen 127.0.0.1:9; location / {{ proxy_pass http://u; }} }}",
            a.address, b.address
        ));
        assert_eq!(who(proxy.address, "/?r=x", "", 3), "aaa", "{method}");
        assert_eq!(who(proxy.address, "/?r=y", "", 3), "bbb", "{method}");
        assert_eq!(who(proxy.address, "/", "", 3), "bbb", "{method}");
    }
}

#[test]
fn a_peer_that_fails_does_not_hold_its_sessions() {
    let (dead, b) = (crate::common::port::free(), peer("b"));
    let proxy = Proxy::new(&format!(
        "upstream u {{ server {dead} route=x; server {} route=y; sticky cookie at; }}\n\
         server {{ listen 127.0.0.1:9; location / {{ proxy_pass http://u; }} }}",
        b.address
    ));
    let response = ask(proxy.address, "/", "at=x");
    assert!(response.ends_with('b'), "{response}");
    let cookies: Vec<_> = response.matches("Set-Cookie: ").collect();
    assert_eq!((cookies.len(), cookie_of(&response)), (1, Some("at=y")));
}

#[test]
fn a_session_is_learned() {
    let (a, b) = (peer("a"), peer("b"));
    let proxy = Proxy::new(&format!(
        "upstream u {{ server {}; server {};\n\
         sticky learn create=$upstream_cookie_session lookup=$cookie_session zone=s:64k timeout=1h; }}\n\
         server {{ listen 127.0.0.1:9; location / {{ proxy_pass http://u; }} }}",
        a.address, b.address
    ));
    let of = |response: String| response.chars().last().unwrap();
    let one = of(ask(proxy.address, "/new/one", ""));
    let two = of(ask(proxy.address, "/new/two", ""));
    assert_ne!(one, two);
    for (session, peer) in [("one", one), ("two", two)] {
        let found = who(proxy.address, "/", &format!("session={session}"), 3);
        assert_eq!(found, peer.to_string().repeat(3));
    }
    let others = who(proxy.address, "/", "session=other", 4);
    assert!(others.contains('a') && others.contains('b'), "{others}");
}
