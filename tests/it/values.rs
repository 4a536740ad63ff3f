//! Possible values of variables, and the rules that read them: shapes of real problem reports, each with the right answer.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use ngxc::catalog::NEWEST;
use ngxc::compile::{self, Options};
use ngxc::source::Memory;
use ngxc::syntax::{self, LoadOptions};
use ngxc::values::{self, Shape};

use crate::common::examples::lint;

/// The inside of a server, a rule, and whether the rule reports it.
type Case = (&'static str, &'static str, bool);

fn judge(cases: &[Case]) {
    for (inside, rule, reported) in cases {
        let text = format!(
            "events {{ }} http {{ upstream known {{ server 10.0.0.9; }} upstream with_line {{ server 10.0.0.9; }}\n\
             server {{ listen 80; server_name a.example; {inside} }} server {{ listen 80; server_name b.example; }} }}"
        );
        let (_, found) = lint(&text, true, NEWEST);
        assert_eq!(found.iter().any(|d| d.code == *rule), *reported, "{rule}: {text}\n{found:#?}");
    }
}

/// The ways of a text in the first location.
fn shapes(inside: &str, text: &str) -> Vec<Shape> {
    let whole = format!("events {{ }} http {{ server {{ listen 80; server_name a.example; {inside} }} }}");
    let files = Memory::default().with("nginx.conf", whole);
    let configuration = syntax::load(&files, "nginx.conf".as_ref(), &LoadOptions::default()).unwrap();
    let options = Options::new(NEWEST);
    let compiled = compile::compile(&configuration, &options);
    let place = compiled.config.http.servers[0].locations[0].span;
    values::at(&configuration, &compiled.config, place, text.as_bytes())
}

#[test]
fn a_value_comes_with_its_properties_and_reasons() {
    let found = shapes("location / { set $a x; if ($arg_a) { set $a $arg_a; } }", "u-$a");
    let texts: Vec<&str> = found.iter().map(|shape| shape.text.as_str()).collect();
    assert_eq!(texts, ["u-$a", "u-x"]);
    assert!(found[0].client && !found[0].decoded && found[0].prefix == b"u-" && found[0].has(b'/'));
    assert!(!found[0].has(b'\n') && !found[0].has(b' ') && !found[1].client);
    let reasons: Vec<&str> = found[0].reason.iter().map(|reason| reason.text.as_str()).collect();
    assert_eq!(reasons, ["`set` stores this value", "the client chooses `$a`, taken from `$arg_a`"]);
}

#[test]
fn set_escapes_the_groups_that_it_reads() {
    let found = shapes("location ~ ^/a/([^x]*)$ { set $b $1; }", "$b");
    assert!(!found[0].decoded && found[0].has(b'%') && found[0].has(b'/') && found[0].has(b'F'));
    assert!(b"\n\r ?#&+\x80".iter().all(|byte| !found[0].has(*byte)));
    // Text that was not decoded is not escaped, nor is a variable.
    let found = shapes("location / { if ($http_b ~ (.*)) { set $b $1; } }", "$b");
    assert!(found[0].has(b'?') && found[0].has(b' '));
    let found = shapes("location / { set $b $uri; }", "$b");
    assert!(found[0].decoded && found[0].has(b'\n'));
}

#[test]
fn values_follow_the_order_of_execution() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("location / { set $a 1; set $a 2; }", "$a", &["2"]),
        ("location / { set $a 1; if ($arg_x) { set $a 2; } }", "$a", &["2", "1"]),
        ("location / { set $a 1; if ($arg_x) { set $a 2; return 204; } }", "$a", &["1"]),
        ("set $a s; location / { }", "$a", &["s"]),
        ("location / { if ($arg_x) { set $a 2; } }", "$a", &["2", ""]),
        ("location / { set $a b; set $a x$a; }", "$a", &["xb"]),
        // A location that can come here, and one that cannot.
        ("location /here { } location /b { set $a b; rewrite ^ /here last; }", "$a", &["b", ""]),
        ("location /here { } location /b { set $a b; }", "$a", &[""]),
        // Groups: of the last pattern that was executed.
        ("location ~ ^/(a|b)/ { }", "$1", &["a", "b"]),
        ("location ~ ^/(a|b)/ { if ($arg_x ~ ^(c|d)$) { return 204; } }", "$1", &[""]),
        ("location ~ ^/(a|b)/ { if ($arg_x !~ ^(c|d)$) { return 400; } }", "$1", &["c", "d"]),
        ("location ~ ^/(?<n>a|b)/ { if ($arg_x ~ ^(c|d)$) { return 204; } }", "$n", &["a", "b"]),
        ("location / { rewrite ^/x/(.*)$ /y/$1 break; }", "$1", &["$1", ""]),
        // Values that the condition of an `if` admits.
        ("location / { if ($arg_x !~ ^(a|b)$) { return 400; } }", "$arg_x", &["a", "b"]),
        ("location / { if ($arg_x != a) { return 400; } }", "$arg_x", &["a"]),
        ("location = /a { }", "$uri", &["/a"]),
        ("location ~ ^/(a|b)$ { }", "$uri", &["/a", "/b"]),
        // The URI that was rewritten.
        ("location / { rewrite ^ /new; }", "$uri", &["/new"]),
    ];
    for (inside, text, expected) in cases {
        let found = shapes(inside, text);
        let texts: Vec<&str> = found.iter().map(|shape| shape.text.as_str()).collect();
        assert_eq!(texts, *expected, "{inside} {text}");
    }
    let raw = shapes("location / { rewrite ^ $request_uri; }", "$uri");
    assert!(raw.iter().all(|shape| shape.client && !shape.decoded && !shape.has(b' ')), "{raw:#?}");
}

#[test]
fn requests_to_a_host_that_the_client_names() {
    judge(&[
        // The `?` is there wherever there are arguments.
        ("location / { proxy_pass http://known$is_args$args; }", "ssrf", false),
        ("location / { proxy_pass http://known$args; }", "ssrf", true),
        ("location / { set $args $arg_a; proxy_pass http://known$is_args$query_string; }", "ssrf", false),
        ("location ~ ^/p/(.+)/x$ { set $proxy_host $1; proxy_pass http://$proxy_host/x; }", "ssrf", true),
        ("location / { proxy_pass $http_x_scheme://10.0.0.9/a; }", "ssrf", true),
        ("location / { proxy_pass $scheme://10.0.0.9/a; }", "ssrf", false),
        (
            "location / { if ($request_uri ~ \"^/(.+)/b\") { set $a $1; } proxy_pass http://$a.store.example/b; }",
            "ssrf",
            true,
        ),
        (
            "location / { if ($arg_h !~ ^[a-z]+$) { return 400; } proxy_pass http://$arg_h.store.example/b; }",
            "ssrf",
            false,
        ),
        (
            "location / { if ($arg_h !~ ^(a|b)\\.example$) { return 400; } proxy_pass http://$arg_h; }",
            "ssrf",
            false,
        ),
        ("location / { if ($arg_h = a.example) { proxy_pass http://$arg_h; } }", "ssrf", false),
        (
            "location / { set $end \"\"; if ($arg_a) { set $end ?$args; } proxy_pass http://known$end; }",
            "ssrf",
            false,
        ),
        ("location / { set $u http://known$request_uri; proxy_pass $u; }", "ssrf", false),
        ("location ~ ^/c(?<rest>/.*)?$ { proxy_pass http://known$rest; }", "ssrf", false),
        ("location ~ ^/c(?<rest>.*)$ { proxy_pass http://10.0.0.9$rest; }", "ssrf", true),
        ("set $h $arg_h; location / { proxy_pass http://$h; }", "ssrf", true),
        ("set $h $arg_h; location / { set $h 10.0.0.9; proxy_pass http://$h; }", "ssrf", false),
    ]);
}

#[test]
fn names_that_need_a_resolver() {
    let rule = "variable-proxy-without-resolver";
    judge(&[
        ("location / { proxy_pass http://localhost:8000$request_uri; }", rule, true),
        ("location / { set $a php:9000; fastcgi_pass $a; }", rule, true),
        ("location / { set $a app; uwsgi_pass $a:3031; }", rule, true),
        ("location / { set $a app; grpc_pass grpc://$a:50051; }", rule, true),
        ("location ~ ^/e/(\\w+)/ { proxy_pass http://$1.store.example/; }", rule, true),
        ("location / { proxy_pass https://store.example/$request_uri; }", rule, true),
        ("location / { proxy_pass http://store.example/y?$args; }", rule, true),
        ("location / { proxy_pass http://known$request_uri; }", rule, false),
        ("location / { set $a 10.0.0.9:90; fastcgi_pass $a; }", rule, false),
        ("resolver 10.0.0.1; location / { proxy_pass http://store.example/y?$args; }", rule, false),
        ("location / { resolver 10.0.0.1; proxy_pass http://app:3000/; }", "resolver-without-effect", true),
        (
            "location / { resolver 10.0.0.1; set $a app; proxy_pass http://$a; }",
            "resolver-without-effect",
            false,
        ),
    ]);
}

#[test]
fn decoded_text_in_lines() {
    judge(&[
        ("location ~ ^/i(/.*)$ { proxy_pass http://10.0.0.9$1; }", "proxy-pass-decoded", true),
        ("location ~ ^/n/(?<rest>.*)$ { proxy_pass http://10.0.0.9/$rest; }", "proxy-pass-decoded", true),
        // `set` escapes `$1`, and a name in place of it is as it was.
        ("location ~ ^/n/(.*)$ { set $p $1; proxy_pass http://10.0.0.9/$p; }", "proxy-pass-decoded", false),
        (
            "location ~ ^/n/(?<r>.*)$ { set $p $r; proxy_pass http://10.0.0.9/$p; }",
            "proxy-pass-decoded",
            true,
        ),
        (
            "location ~ ^/n/(?<rest>[a-z/]*)$ { proxy_pass http://10.0.0.9/$rest; }",
            "proxy-pass-decoded",
            false,
        ),
        (
            "location / { if ($request_uri ~ ^/n(/[^?]*)) { proxy_pass http://10.0.0.9$1; } }",
            "proxy-pass-decoded",
            false,
        ),
        (
            "location / { rewrite ^ $request_uri; rewrite ^/a(/.*)$ $1 break; return 400; proxy_pass http://10.0.0.9$uri; }",
            "http-splitting",
            false,
        ),
        (
            "location / { rewrite ^ $request_uri; rewrite ^/a(/.*)$ $1 break; return 400; proxy_pass http://10.0.0.9$uri; }",
            "uri-escaped-twice",
            false,
        ),
        (
            "location / { rewrite ^ $request_uri break; proxy_pass http://10.0.0.9; }",
            "uri-escaped-twice",
            true,
        ),
        (
            "location / { rewrite ^/a/(.*)$ /$1 break; proxy_pass http://10.0.0.9; }",
            "uri-escaped-twice",
            false,
        ),
        ("location ~ ^/api/(?<s>[^/]+) { set $u ${s}_a; proxy_pass http://$u; }", "http-splitting", false),
        (
            "if ($uri ~ \"[\\r\\n]\") { return 400; } location / { return 301 https://b.example$uri; }",
            "http-splitting",
            false,
        ),
        (
            "if ($request_uri ~* \"%0[ad]\") { return 400; } location / { return 301 https://b.example$uri; }",
            "http-splitting",
            false,
        ),
        ("location ~ ^/[a-z]+$ { return 301 https://b.example$uri; }", "http-splitting", false),
        ("location / { if ($uri ~ (.*)) { return 301 https://b.example$uri; } }", "http-splitting", true),
        (
            "location / { if ($uri ~ ^/([^/]+)/x) { return 301 https://b.example/$1; } }",
            "http-splitting",
            true,
        ),
    ]);
}

#[test]
fn redirects_to_a_site_that_a_link_names() {
    judge(&[
        ("location ~ ^/to/(https?://.+)$ { return 301 $1; }", "open-redirect", true),
        ("location / { return 302 $arg_next; }", "open-redirect", true),
        ("location ~ ^/old(.*)$ { return 301 https://b.example$1; }", "open-redirect", true),
        ("location ~ ^/s/([^/]+)/ { return 301 https://$1/; }", "open-redirect", true),
        ("location ~ ^/s/([a-z]+)/ { return 301 https://$1.b.example/; }", "open-redirect", false),
        ("location / { return 301 https://$host$request_uri; }", "open-redirect", false),
        ("location / { return 301 /login?next=$arg_next; }", "open-redirect", false),
        ("location / { rewrite ^(.+)/index\\.html$ $1 permanent; }", "open-redirect", false),
        ("location / { rewrite ^(.*) https://b.example$1/ permanent; }", "open-redirect", false),
        ("location / { rewrite (.*)/index\\.html https://b.example$1/ permanent; }", "open-redirect", false),
        ("location / { rewrite ^/out/(.*)$ https://b.example/$1 permanent; }", "open-redirect", false),
    ]);
}

#[test]
fn origins_that_anybody_can_have() {
    let allow = "add_header Access-Control-Allow-Origin $http_origin; add_header Access-Control-Allow-Credentials true;";
    let cases = [
        (format!("location / {{ if ($http_origin ~ b.example) {{ {allow} }} }}"), "origin-regex", true),
        (format!("location / {{ if ($http_origin != \"\") {{ {allow} }} }}"), "cors-reflection", true),
        (format!("location / {{ if ($http_origin ~* \".*\") {{ {allow} }} }}"), "cors-reflection", true),
        (format!("location / {{ if ($http_origin ~ ^https?://) {{ {allow} }} }}"), "cors-reflection", true),
        (format!("location / {{ if ($http_origin = https://b.example) {{ {allow} }} }}"), "cors-reflection", false),
        (format!("location / {{ if ($http_origin ~ ^https://b\\.example$) {{ {allow} }} }}"), "cors-reflection", false),
        (format!("location / {{ if ($http_origin ~ ^https://b\\.example$) {{ {allow} }} }}"), "origin-regex", false),
        ("location / { if ($http_origin !~ 'b.example') { return 403; } }".to_owned(), "origin-regex", true),
        ("location / { set $o $http_origin; if ($o ~ 'b.example') { set $ok 1; } }".to_owned(), "origin-regex", true),
        ("location / { if ($http_origin ~ 'b.example') { return 403; } }".to_owned(), "origin-regex", false),
        ("location / { if ($http_referer !~ \"https://b\\.example/\") { return 403; } }".to_owned(), "origin-regex", true),
        ("location / { if ($http_referer !~ \"^https://b\\.example/\") { return 403; } }".to_owned(), "origin-regex", false),
        (
            "location / { set $cors \"\"; if ($http_origin) { set $cors $http_origin; } add_header \
             Access-Control-Allow-Origin $cors always; add_header Access-Control-Allow-Credentials true; }"
                .to_owned(),
            "cors-reflection",
            true,
        ),
        (
            "location / { set $cors \"\"; if ($http_origin ~ ^https://b\\.example$) { set $cors $http_origin; } add_header \
             Access-Control-Allow-Origin $cors always; add_header Access-Control-Allow-Credentials true; }"
                .to_owned(),
            "cors-reflection",
            false,
        ),
    ];
    for (inside, rule, reported) in cases {
        judge(&[(Box::leak(inside.into_boxed_str()), rule, reported)]);
    }
}

#[test]
fn files_outside_of_the_directory() {
    judge(&[
        ("location ~ ^/files(.*)$ { alias /srv/files/$1; }", "alias-traversal", true),
        ("location ~ ^/files/?(.*)$ { alias /srv/files/$1; }", "alias-traversal", true),
        ("location ~ ^/files-(\\w+)-(.*)$ { alias /srv/$1/$2; }", "alias-traversal", true),
        ("location ~ ^/files(?<rest>.*)$ { alias /srv/files/$rest; }", "alias-traversal", true),
        ("location ~ ^/files/(.*)$ { alias /srv/files/$1; }", "alias-traversal", false),
        ("location ~ ^/files/(.*\\.js)?$ { alias /srv/files/$1; }", "alias-traversal", false),
        ("location ~ ^/files(/.*)$ { alias /srv/files/$1; }", "alias-traversal", false),
        ("location ~ ^/files/([^/]+)/(.*)$ { alias /srv/$1/$2; }", "alias-traversal", false),
        ("location ~ ^/any(/.*)$ { alias $1; }", "alias-traversal", true),
        ("location /a { alias /srv/a/; proxy_pass http://known; }", "alias-traversal", false),
        ("location / { root /usr/..; }", "filesystem-root", true),
    ]);
}

#[test]
fn groups_that_are_always_empty() {
    judge(&[
        ("location / { if ($uri !~ ^/(a)/b) { set $x $1; } return 200 $x; }", "capture-missing", true),
        ("location / { if ($uri ~ ^/(a)/b) { set $x $1; } return 200 $x; }", "capture-missing", false),
        ("location / { root /srv; try_files $uri /f/$1 =404; }", "capture-missing", true),
        ("location ~ ^/(a) { root /srv; try_files $uri /f/$1 =404; }", "capture-missing", false),
        ("location ~ ^/(a) { if ($arg_b ~ c) { set $x 1; } return 200 $1; }", "capture-overwritten", true),
        ("location ~ ^/(a) { if ($arg_b ~ c) { return 301 /$1; } }", "capture-missing", true),
    ]);
    let map = "map $uri $to { ~^/old/ /new$1; ~^/more/(.*) /new/$1; default /; } server { return 301 $to; }";
    let (_, found) = lint(map, false, NEWEST);
    assert_eq!(found.iter().filter(|d| d.code == "capture-missing").count(), 1, "{found:#?}");
}

#[test]
fn answers_that_do_not_wait_for_access_rules() {
    let rule = "return-bypasses-acl";
    judge(&[
        ("location /a { allow 10.0.0.0/8; deny all; rewrite ^ https://b.example/x permanent; }", rule, true),
        (
            "location /a { deny all; error_page 418 = @h; return 418; } location @h { deny all; return 200 x; }",
            rule,
            true,
        ),
        (
            "location /a { deny all; error_page 418 = @h; return 418; } location @h { proxy_pass http://known; }",
            rule,
            true,
        ),
        (
            "location /a { deny all; error_page 418 = @h; return 418; } location @h { deny all; proxy_pass http://known; }",
            rule,
            false,
        ),
        ("location /a { deny all; return 404; }", rule, false),
    ]);
}

#[test]
fn texts_that_nginx_accepts_and_nobody_means() {
    judge(&[
        ("gzip_types text/css, text/plain;", "list-with-commas", true),
        ("index a.php, a.html;", "list-with-commas", true),
        ("location / { root /srv; try_files $uri, $uri/, =404; }", "list-with-commas", true),
        ("location / { root /srv; try_files $uri /a,b.html; }", "list-with-commas", false),
        ("location / { proxy_set_header Host: $host; proxy_pass http://known; }", "header-name-colon", true),
        ("add_header X-A: b;", "header-name-colon", true),
        ("location \"= /h\" { return 204; }", "strict-location", true),
        ("location /*.jpg { return 204; }", "strict-location", true),
        ("location ~ ^/(:?v1|v2)/ { return 204; }", "group-typo", true),
        ("location ~ ^/a(:?\\d+)?/ { return 204; }", "group-typo", false),
        ("if ($http_user_agent = \"*bot*\") { return 403; }", "if-compares-pattern", true),
        ("if ($request_method = GET|POST) { return 403; }", "if-compares-pattern", true),
        ("if ($request_method = GET) { return 403; }", "if-compares-pattern", false),
        ("add_header Cache-Control \"public; max-age=1\";", "cache-control-semicolon", true),
        ("error_page 404 = 404.html;", "error-page-relative", true),
        ("error_log /tmp/$host.log;", "variable-not-expanded", true),
        ("add_header $host value;", "variable-not-expanded", true),
        (
            "location / { if ($arg_a) { add_header A a; } if ($arg_a) { add_header B b; } }",
            "if-repeated",
            true,
        ),
        (
            "location / { if ($arg_a) { set $x 1; } set $arg_b 2; if ($arg_b) { set $y 1; } }",
            "if-repeated",
            false,
        ),
        ("location / { rewrite ^/(.*)$ /app/$1 last; }", "rewrite-to-itself", true),
        (
            "location / { rewrite ^/(.*)$ /app/$1 last; } location /app/ { return 204; }",
            "rewrite-to-itself",
            false,
        ),
        ("location / { rewrite ^/(.*)$ /app/$1 break; root /srv; }", "rewrite-to-itself", false),
        (
            "location / { rewrite ^ /index.php?q=$uri last; } location ~ \\.php$ { return 204; }",
            "rewrite-to-itself",
            false,
        ),
        ("location / { rewrite ^/old/(.*)$ /new/$1 last; }", "rewrite-to-itself", false),
        ("return 301 http://a.example$request_uri;", "redirect-to-itself", true),
        ("return 301 https://a.example$request_uri;", "redirect-to-itself", false),
        ("location / { return 301 http://$host$request_uri; }", "redirect-to-itself", true),
        ("location /docs { return 301 /docs/a; }", "redirect-to-itself", true),
        ("location = /docs { return 301 /docs/a; }", "redirect-to-itself", false),
        (
            "location /docs { return 301 /docs/a; } location /docs/ { return 204; }",
            "redirect-to-itself",
            false,
        ),
        ("location / { proxy_pass http://with_line; }", "upstream-name-as-host", true),
        (
            "location / { proxy_set_header Host $host; proxy_pass http://with_line; }",
            "upstream-name-as-host",
            false,
        ),
        ("location / { proxy_pass http://known; }", "upstream-name-as-host", false),
        (
            "satisfy any; location /s { allow all; auth_basic x; auth_basic_user_file f; stub_status; }",
            "satisfy-any-allow-all",
            true,
        ),
    ]);
    let names = "server { server_name a.example, b.example:8080 $host; }";
    let (_, found) = lint(names, false, NEWEST);
    for rule in ["list-with-commas", "server-name-port", "variable-not-expanded"] {
        assert!(found.iter().any(|d| d.code == rule), "{rule}: {found:#?}");
    }
    let tls = "server { listen 80; listen 443 ssl; ssl_certificate a; ssl_certificate_key b; server_name c.example; return 301 \
               https://c.example$request_uri; }";
    let (_, found) = lint(tls, false, NEWEST);
    assert!(found.iter().any(|d| d.code == "redirect-to-itself"), "{found:#?}");
}
