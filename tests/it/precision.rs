//! Texts that a rule must report, and texts that it must not: known faults of other linters, rule by rule.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use ngxc::catalog::NEWEST;
use ngxc::diagnostic::Level;
use ngxc::lint::RULES;
use ngxc::version::Version;

use crate::common::examples::lint_files;

/// A fragment of `http` and the findings of a rule: `e` error, `w` warning, `i` note, in the order of the file.
pub(crate) type Case = (&'static str, &'static str);

pub(crate) fn judge(rule: &str, version: Version, cases: &[Case]) {
    assert!(RULES.iter().any(|r| r.name == rule), "no rule is called {rule}");
    for (text, expected) in cases {
        let files = [
            ("nginx.conf", *text),
            ("headers.conf", "add_header X-Frame-Options DENY;"),
            ("proxy.conf", "proxy_set_header Host $host; proxy_set_header X-Real-IP $remote_addr;"),
        ];
        let main = text.contains("events {");
        let (_, found) = lint_files(&files, main, version).unwrap_or_else(|e| panic!("{text}: {e:#?}"));
        let own = found.iter().filter(|d| d.code == rule);
        let levels: String = own
            .map(|d| match d.level {
                Level::Error => 'e',
                Level::Warning => 'w',
                Level::Info => 'i',
            })
            .collect();
        assert_eq!(levels, *expected, "{rule} for {version}: {text}\n{found:#?}");
    }
}

#[test]
fn header_redefinition() {
    judge(
        "header-redefinition",
        NEWEST,
        &[
            // Includes stand where they are included.
            ("server { include headers.conf; location / { add_header A a; } }", "w"),
            ("server { include headers.conf; location / { include headers.conf; add_header A a; } }", ""),
            // Another value is no loss; another case of the name neither.
            ("add_header X-Frame-Options DENY; server { add_header x-frame-options SAMEORIGIN; }", ""),
            // Nothing is lost where the outer levels have nothing.
            ("server { location / { add_header Cache-Control public; } }", ""),
            // Only names that are lost count; those that protect nothing are a note.
            ("server { add_header Cache-Control public; location / { add_header A a; } }", "i"),
            // The nearest list: what was lost two levels up is lost once.
            (
                "add_header X-Frame-Options DENY; server { add_header A a; location / { add_header B b; } }",
                "wi",
            ),
            // The backend may send it, unless nginx takes headers away.
            (
                "server { include headers.conf; location / { add_header A a; proxy_pass http://unix:/a; } }",
                "i",
            ),
            (
                "server { include headers.conf; location / { add_header A a; proxy_hide_header X-Frame-Options; proxy_pass \
                 http://unix:/a; } }",
                "w",
            ),
            // `add_header_inherit` decides, and is inherited itself.
            ("server { add_header_inherit merge; include headers.conf; location / { add_header A a; } }", ""),
            ("server { include headers.conf; location / { add_header_inherit off; add_header A a; } }", ""),
            ("server { include headers.conf; location / { add_header_inherit on; add_header A a; } }", "w"),
            // The answer to a preflight request has nothing to protect.
            (
                "server { include headers.conf; location / { if ($request_method = OPTIONS) { add_header A a; return 204; } } }",
                "",
            ),
        ],
    );
}

#[test]
fn proxy_set_header_redefinition() {
    let cases: &[Case] = &[
        (
            "server { include proxy.conf; location / { proxy_set_header A a; proxy_pass http://unix:/a; } }",
            "w",
        ),
        (
            "server { include proxy.conf; location / { include proxy.conf; proxy_set_header A a; proxy_pass http://unix:/a; } }",
            "",
        ),
        // Nothing passes requests on with this list.
        ("server { include proxy.conf; location / { proxy_set_header A a; } }", ""),
        // nginx's own value, and what other rules speak of, is no loss.
        (
            "proxy_set_header Host $proxy_host; server { location / { proxy_set_header A a; proxy_pass http://unix:/a; } }",
            "",
        ),
        (
            "proxy_set_header Connection \"\"; server { location / { proxy_set_header A a; proxy_pass http://unix:/a; } }",
            "",
        ),
        (
            "proxy_set_header X-App a; server { location / { proxy_set_header A a; proxy_pass http://unix:/a; } }",
            "i",
        ),
        // A header that was taken away comes back.
        (
            "proxy_set_header X-App \"\"; server { location / { proxy_set_header A a; proxy_pass http://unix:/a; } }",
            "w",
        ),
        // Headers that the level between has lost are lost here too; the finding is at the location that proxies.
        (
            "include proxy.conf; server { proxy_set_header B b; location / { proxy_set_header B c; proxy_pass http://unix:/a; } }",
            "w",
        ),
        (
            "include proxy.conf; server { proxy_set_header B b; location / { proxy_set_header B c; proxy_pass http://unix:/a; } \
             location /b { proxy_pass http://unix:/a; } }",
            "w",
        ),
    ];
    judge("proxy-set-header-redefinition", NEWEST, cases);
    judge("proxy-set-header-redefinition", Version::new(1, 28, 0), cases);
}

#[test]
fn alias_traversal() {
    judge(
        "alias-traversal",
        NEWEST,
        &[
            ("server { location /files { alias /srv/files/; } }", "e"),
            ("server { location ^~ /files { alias /srv/files/; } }", "e"),
            ("server { location /files/ { alias /srv/files/; } }", ""),
            ("server { location /files { alias /srv/files; } }", "i"),
            ("server { location /files { internal; alias /srv/files; } }", ""),
            // One file.
            ("server { location /favicon.ico { alias /srv/icon.ico; } }", "i"),
            ("server { location = /favicon.ico { alias /srv/icon.ico; } }", ""),
            ("server { location ~ ^/a(.*)$ { alias /srv/a/$1; } }", "e"),
            ("server { location ~ ^/a/(.*)$ { alias /srv/a/$1; } }", ""),
        ],
    );
}

#[test]
fn allow_without_deny() {
    judge(
        "allow-without-deny",
        NEWEST,
        &[
            ("server { location / { allow 10.0.0.0/8; } }", "w"),
            ("server { location / { allow 10.0.0.0/8; deny all; } }", ""),
            // The inner list replaces the outer one.
            ("server { deny all; location / { allow 10.0.0.0/8; } }", "w"),
            // Opens again what was closed.
            ("server { deny all; location / { allow all; } }", ""),
            // Exempts somebody from what follows.
            ("server { allow 10.1.0.0/16; deny 10.0.0.0/8; }", ""),
            ("server { deny 192.0.2.1; allow 10.0.0.0/8; }", "w"),
            ("server { deny 192.0.2.1; allow 10.0.0.0/8; allow all; }", ""),
            // The address replaces the password.
            (
                "server { satisfy any; auth_basic a; auth_basic_user_file b; location / { allow 10.0.0.0/8; } }",
                "",
            ),
            (
                "server { satisfy all; auth_basic a; auth_basic_user_file b; location / { allow 10.0.0.0/8; } }",
                "w",
            ),
            ("events { } stream { server { listen 1; allow 10.0.0.0/8; proxy_pass unix:/a; } }", "w"),
        ],
    );
}

#[test]
fn host_spoofing() {
    judge(
        "host-spoofing",
        NEWEST,
        &[
            ("server { location / { proxy_set_header Host $arg_host; proxy_pass http://unix:/a; } }", "w"),
            ("server { location / { proxy_set_header host $cookie_h; proxy_pass http://unix:/a; } }", "w"),
            (
                "server { location / { proxy_set_header Host $http_x_forwarded_host; proxy_pass http://unix:/a; } }",
                "w",
            ),
            ("server { location / { proxy_set_header X-Name $http_host; proxy_pass http://unix:/a; } }", ""),
            (
                "server { location / { proxy_set_header Host $host:$server_port; proxy_pass http://unix:/a; } }",
                "",
            ),
            // Only a server that foreign names reach.
            (
                "server { server_name a.example; location / { proxy_set_header Host $http_host; proxy_pass http://unix:/a; } } server { }",
                "",
            ),
            (
                "server { listen 80 default_server; server_name a.example; location / { proxy_set_header Host $http_host; proxy_pass \
                 http://unix:/a; } } server { }",
                "i",
            ),
            (
                "server { server_name ~^.+$; location / { proxy_set_header Host $http_host; proxy_pass http://unix:/a; } } server { }",
                "i",
            ),
            // A fragment that any server can include.
            ("proxy_set_header Host $HTTP_HOST; proxy_set_header X-Real-IP $remote_addr;", "i"),
            ("proxy_set_header Host $host;", ""),
        ],
    );
}

#[test]
fn http_splitting() {
    judge(
        "http-splitting",
        NEWEST,
        &[
            // A fragment does not show what ends such requests around it.
            ("events { } http { server { return 301 https://a.example$uri; } }", "e"),
            ("server { return 301 https://a.example$uri; }", "w"),
            ("server { return https://a.example$document_uri; }", "w"),
            ("server { return 301 https://a.example$request_uri; }", ""),
            // The text of an answer is no header.
            ("server { return 200 $uri; }", ""),
            // The target stays inside, and nginx escapes it when it is passed on.
            ("server { rewrite ^ /x$uri last; }", ""),
            ("server { rewrite ^ https://a.example$uri permanent; }", "w"),
            ("server { location ~ ^/a/(.*)$ { add_header X-Path $1; } }", ""),
            ("server { location ~ ^/a/([^/]*)$ { add_header X-Path $1; } }", "w"),
            // `set` escapes a group that it reads, and no named one.
            ("server { location ~ ^/a/([^/]*)$ { set $a $1; add_header X-Path $a; } }", ""),
            ("server { location ~ ^/a/(?<g>[^/]*)$ { set $a $g; add_header X-Path $a; } }", "w"),
            // The texts that a pattern of PCRE alone matches are not known.
            ("server { location ~ ^/(?!x)[^/]*$ { return 301 /new$uri; } }", ""),
            // Another variable that only begins so.
            ("server { set $uri_suffix x; return 301 https://a.example/$uri_suffix; }", ""),
            ("map $uri $to { ~^/a /b; } server { return 301 https://a.example$to; }", ""),
            ("server { location / { proxy_pass http://unix:/a:$uri; } }", "w"),
            // A target with `/` stays here; one with a host is a redirect.
            ("server { error_page 405 =200 $uri; }", ""),
            ("server { error_page 404 https://a.example$uri; }", "w"),
        ],
    );
}

#[test]
fn ssrf() {
    judge(
        "ssrf",
        NEWEST,
        &[
            ("server { location / { proxy_pass http://$arg_host; } }", "e"),
            ("server { location / { proxy_pass http://$cookie_backend/x; } }", "e"),
            ("server { location / { proxy_pass http://$http_x_host$request_uri; } }", "e"),
            ("server { location / { fastcgi_pass $arg_socket; } }", "e"),
            // `$host`, where any name is taken.
            ("server { listen 80 default_server; location / { proxy_pass http://$host; } } server { }", "e"),
            ("server { server_name a.example; location / { proxy_pass http://$host; } } server { }", ""),
            // Known values.
            (
                "map $arg_b $b { default 10.0.0.1; x 10.0.0.2; } server { location / { proxy_pass http://$b; } }",
                "",
            ),
            ("server { set $b 10.0.0.1; location / { proxy_pass http://$b; } }", ""),
            (
                "server { set $b 10.0.0.1; if ($arg_x) { set $b $arg_x; } location / { proxy_pass http://$b; } }",
                "e",
            ),
            (
                "split_clients $arg_a $b { 50% 10.0.0.1; * 10.0.0.2; } server { location / { proxy_pass http://$b; } }",
                "",
            ),
            // Groups.
            ("server { location ~ ^/to/([^/]+)/(.*)$ { proxy_pass http://$1/$2; } }", "e"),
            ("server { location ~ ^/to/(a\\.example|b\\.example)/ { proxy_pass http://$1; } }", ""),
            ("server { location ~ ^/to/([a-z]+\\.a\\.example)/ { proxy_pass http://$1; } }", ""),
            ("server { location ~ ^/to/([a-z]+)/ { proxy_pass http://$1.a.example; } }", ""),
            ("server { location ~ ^/to/(.+\\.php)$ { proxy_pass http://$1; } }", "e"),
            // Only nginx itself comes here; only what is a file.
            ("server { location / { internal; proxy_pass http://$arg_host; } }", ""),
            ("server { location ~ ^/s/(.*)$ { try_files $uri =404; fastcgi_pass $1; } }", ""),
        ],
    );
}

#[test]
fn resolver_without_effect() {
    let cases = [
        ("resolver 10.0.0.53; server { location / { proxy_pass http://app:80; } }", "w"),
        ("resolver 10.0.0.53; server { location / { proxy_pass http://app:80$request_uri; } }", ""),
        // Files that match a mask on the machine itself may use the resolver.
        (
            "resolver 10.0.0.53; include none-here/*.conf; server { location / { proxy_pass http://app:80; } }",
            "",
        ),
    ];
    for (inside, expected) in cases {
        let text = format!("events {{ }} http {{ {inside} }}");
        judge("resolver-without-effect", NEWEST, &[(Box::leak(text.into_boxed_str()), expected)]);
    }
}

#[test]
fn origin_regex() {
    judge(
        "origin-regex",
        NEWEST,
        &[
            ("server { if ($http_origin ~ ^https://a\\.example) { set $c 1; } }", "w"),
            ("server { if ($http_origin ~ a\\.example$) { set $c 1; } }", "w"),
            ("server { if ($http_origin ~ ^https://www.a\\.example$) { set $c 1; } }", "w"),
            ("server { if ($http_origin ~ ^https://(www\\.)?a\\.example(:[0-9]+)?$) { set $c 1; } }", ""),
            ("server { if ($http_origin ~ ^https://[^/]+\\.a\\.example$) { set $c 1; } }", ""),
            ("server { if ($http_referer !~ ^https://a\\.example/) { return 403; } }", ""),
            ("server { if ($http_referer !~ a\\.example) { return 403; } }", "w"),
            // An origin has a scheme and no path.
            ("server { if ($http_origin ~ ^a\\.example$) { set $c 1; } }", "w"),
            ("server { if ($http_origin ~ ^[^/:]*a\\.example$) { set $c 1; } }", "w"),
            ("server { if ($http_origin ~ ^(https://)?a\\.example$) { set $c 1; } }", ""),
            // A map counts where its result is sent.
            (
                "map $http_origin $c { ~^https://a\\.example $http_origin; } server { add_header Access-Control-Allow-Origin $c; }",
                "w",
            ),
            ("map $http_origin $c { ~^https://a\\.example 1; } server { return 200 $c; }", ""),
            // Text that is no expression cannot be wrong in this way.
            (
                "map $http_origin $c { https://a.example $http_origin; } server { add_header Access-Control-Allow-Origin $c; }",
                "",
            ),
        ],
    );
}

#[test]
fn if_in_location() {
    judge(
        "if-in-location",
        NEWEST,
        &[
            // All of the rewrite module is safe.
            ("server { location / { if ($arg_a) { set $a 1; } try_files $uri =404; } }", "w"),
            ("server { location / { if ($arg_a) { set $a 1; } } }", ""),
            ("server { location / { if ($arg_a) { return 403; } try_files $uri =404; } }", ""),
            ("server { location / { if ($arg_a) { rewrite ^ /x permanent; } try_files $uri =404; } }", ""),
            ("server { location / { if ($arg_a) { rewrite ^ /x break; } } }", ""),
            ("server { location / { if ($arg_a) { access_log off; return 200; } } }", ""),
            // An `if` of a server is not a location.
            ("server { if ($arg_a) { return 403; } location / { try_files $uri =404; } }", ""),
            // Two that set the same.
            ("server { location / { if ($arg_a) { expires 1d; } if ($arg_b) { expires 2d; } } }", "w"),
            ("server { location / { if ($arg_a = 1) { expires 1d; } if ($arg_a = 2) { expires 2d; } } }", ""),
            // `alias` works in it (tried with 1.22.1 and 1.31.5).
            ("server { location /a/ { alias /b/; if ($arg_a) { add_header A a; } } }", ""),
        ],
    );
    judge(
        "capture-overwritten",
        NEWEST,
        &[
            ("server { location ~ ^/a/(.*)$ { alias /b/$1; if ($arg_a ~ (x)) { add_header A a; } } }", "w"),
            // A pattern without groups clears them, whether it matches or not (tried with 1.22.1 and 1.31.5).
            ("server { location ~ ^/a/(.*)$ { alias /b/$1; if ($arg_a ~ x) { add_header A a; } } }", "w"),
            ("server { location ~ ^/a/(?<f>.*)$ { alias /b/$f; if ($arg_a ~ x) { add_header A a; } } }", ""),
            ("server { location ~ ^/a/(.*)$ { alias /b/$1; if ($arg_a = (x)) { add_header A a; } } }", ""),
            (
                "server { location ~ ^/a/(.*)$ { set $f $1; if ($arg_a ~ (x)) { return 403; } alias /b/$f; } }",
                "",
            ),
            (
                "server { location ~ ^/a/(.*)$ { if ($arg_a ~ (x)) { return 403; } set $f $1; alias /b/$f; } }",
                "w",
            ),
        ],
    );
}

#[test]
fn names_resolved_once() {
    judge(
        "static-dns-proxy-pass",
        NEWEST,
        &[
            ("server { location / { proxy_pass http://app.example.org; } }", "i"),
            ("server { location / { proxy_pass http://bucket.s3.amazonaws.com; } }", "w"),
            ("server { location / { proxy_pass http://localhost:80; } }", ""),
            ("server { location / { proxy_pass http://[2001:db8::1]:80; } }", ""),
            ("server { location / { proxy_pass http://unix:/run/a.sock; } }", ""),
            ("server { location / { proxy_pass http://app; } }", ""),
            ("server { location / { proxy_pass http://app.default.svc.cluster.local; } }", ""),
            (
                "upstream app.example.org { server 10.0.0.1; } server { location / { proxy_pass http://app.example.org; } }",
                "",
            ),
        ],
    );
    let whole = |inside: &str| format!("events {{ }} http {{ {inside} }}");
    let cases = [
        ("server { set $b 10.0.0.1:8080; location / { proxy_pass http://$b; } }", ""),
        ("server { set $b [2001:db8::1]:8080; location / { proxy_pass http://$b; } }", ""),
        ("server { set $b app.example.org; location / { proxy_pass http://$b; } }", "e"),
        ("resolver 10.0.0.1; server { set $b app.example.org; location / { proxy_pass http://$b; } }", ""),
        (
            "upstream app.example.org { server 10.0.0.1; } server { set $b app.example.org; location / { proxy_pass http://$b; } }",
            "",
        ),
    ];
    for (inside, expected) in cases {
        let text: &'static str = Box::leak(whole(inside).into_boxed_str());
        judge("variable-proxy-without-resolver", NEWEST, &[(text, expected)]);
    }
}

#[test]
fn map_missing_default() {
    judge(
        "map-missing-default",
        NEWEST,
        &[
            // One entry, and what an empty value switches off, are meant.
            ("map $host $b { a.example unix:/a; } server { location / { proxy_pass http://$b; } }", ""),
            ("map $arg_a $h { a 1; b 2; } server { add_header A $h; }", ""),
            ("map $arg_a $k { a $binary_remote_addr; b $uri; } limit_req_zone $k zone=z:1m rate=1r/s;", ""),
            ("map $arg_a $n { a 1; b 1; } server { if ($n) { return 403; } }", ""),
            // It is a host, a directory, a target.
            (
                "map $host $b { a.example unix:/a; b.example unix:/b; } server { location / { proxy_pass http://$b; } }",
                "i",
            ),
            ("map $host $d { a.example /a; b.example /b; } server { root $d; }", "i"),
            ("map $uri $t { /a /b; /c /d; } server { return 301 $t; }", "i"),
            (
                "map $host $b { default unix:/c; a.example unix:/a; b.example unix:/b; } server { location / { proxy_pass http://$b; } }",
                "",
            ),
            ("map $host $b { ~^a unix:/a; ~. unix:/b; } server { location / { proxy_pass http://$b; } }", ""),
        ],
    );
}

#[test]
fn return_bypasses_acl() {
    judge(
        "return-bypasses-acl",
        NEWEST,
        &[
            ("server { location / { allow 10.0.0.0/8; deny all; return 200 secret; } }", "w"),
            ("server { location / { deny all; return 403; } }", ""),
            ("server { location / { allow 10.0.0.0/8; return 200 open; } }", ""),
            // A redirect to https is no secret.
            ("server { allow 10.0.0.0/8; deny all; return 301 https://a.example$request_uri; }", "i"),
            // The rules are inherited; nobody is denied where the location has rules of its own.
            ("server { allow 10.0.0.0/8; deny all; location = /health { return 200 ok; } }", "i"),
            ("server { deny all; location = /health { allow all; return 200 ok; } }", ""),
            ("server { deny all; location / { error_page 403 @no; } location @no { return 200 no; } }", ""),
            (
                "server { deny all; error_page 418 = @h; location / { return 418; } location @h { return 200 hi; } }",
                "i",
            ),
            (
                "server { deny all; error_page 418 = @h; location / { return 418; } location @h { root /a; } }",
                "",
            ),
            // Rules beside an answer are for nothing, also where another location leads there.
            ("server { location @h { deny all; return 200 secret; } }", "w"),
            ("server { location /h { internal; allow 10.0.0.0/8; deny all; return 200 secret; } }", "w"),
            ("server { deny all; location @h { return 200 secret; } }", ""),
        ],
    );
}

#[test]
fn status_page_exposed() {
    judge(
        "status-page-exposed",
        NEWEST,
        &[
            ("server { location /s { stub_status; } }", "w"),
            ("server { allow 127.0.0.1; deny all; location /s { stub_status; } }", ""),
            ("server { deny all; location /s { allow 127.0.0.1; stub_status; } }", "w"),
            ("server { location /s { allow all; deny all; stub_status; } }", "w"),
            ("server { location /s { auth_basic a; auth_basic_user_file b; stub_status; } }", ""),
            // A rule for everybody of one family.
            ("server { listen 80; location /s { allow 127.0.0.1; deny 0.0.0.0/0; stub_status; } }", ""),
            (
                "server { listen 80; listen [::]:80; location /s { allow 127.0.0.1; deny 0.0.0.0/0; stub_status; } }",
                "w",
            ),
            ("server { listen unix:/run/s.sock; location /s { stub_status; } }", ""),
            ("server { listen 127.0.0.1:81; location /s { stub_status; } }", ""),
            ("server { location /s { internal; stub_status; } }", ""),
            // Something else answers, or an `if` refuses.
            ("server { location /s { stub_status; return 200 well; } }", ""),
            ("server { location /s { stub_status; fastcgi_pass unix:/a; } }", ""),
            ("server { location /s { fastcgi_pass unix:/a; stub_status; } }", "w"),
            (
                "geo $no { default 1; 127.0.0.1 0; } server { location /s { if ($no) { return 404; } stub_status; } }",
                "",
            ),
        ],
    );
}

#[test]
fn satisfy_any_allow_all() {
    const PASSWORD: &str = "satisfy any; auth_basic a; auth_basic_user_file b;";
    let cases = [
        ("location /s { PASSWORD allow all; }", "w"),
        ("location /s { PASSWORD allow 10.0.0.0/8; allow all; deny all; }", "w"),
        ("location /s { PASSWORD allow 10.0.0.0/8; deny all; allow all; }", ""),
        // A rule for everybody of a family counts where the server has an address of that family.
        ("location /s { PASSWORD allow ::/0; }", ""),
        ("listen 80; location /s { PASSWORD allow ::/0; }", ""),
        ("listen [::]:80; location /s { PASSWORD allow ::/0; }", "w"),
        ("listen [::]:80; location /s { PASSWORD allow 0.0.0.0/0; }", ""),
        ("listen localhost:80; location /s { PASSWORD allow ::/0; }", "w"),
    ];
    for (inside, expected) in cases {
        let text = format!("server {{ {} }}", inside.replace("PASSWORD", PASSWORD));
        judge("satisfy-any-allow-all", NEWEST, &[(Box::leak(text.into_boxed_str()), expected)]);
    }
}

#[test]
fn texts_that_mean_something_else() {
    let cases: &[(&str, &str, &str)] = &[
        ("strict-location", "location \"~ \\.php$\" { return 200; }", "i"),
        ("strict-location", "location \"= /h\" { return 200; }", "i"),
        ("strict-location", "location /a|/b { return 200; }", "i"),
        ("strict-location", "location ~ \\.php$ { return 200; }", ""),
        ("strict-location", "location \"~/ \" { return 200; }", ""),
        ("list-with-commas", "server_name \"a.example, b.example\";", "w"),
        ("list-with-commas", "index \"a, b.html\";", ""),
        ("redirect-to-itself", "listen 80; rewrite ^ http://a.example$request_uri? permanent;", "w"),
        ("redirect-to-itself", "listen 80; rewrite ^(.*)$ http://a.example$1 redirect;", "w"),
        ("redirect-to-itself", "listen 80; rewrite ^/(.*)$ http://a.example/$1 permanent;", "w"),
        ("redirect-to-itself", "listen 80; rewrite ^/(.*)$ https://a.example/$1 permanent;", ""),
        ("redirect-to-itself", "listen 80; rewrite ^/(.*)$ http://a.example/new/$1 permanent;", ""),
        ("redirect-to-itself", "listen 80; rewrite ^/old(.*)$ http://a.example$1 permanent;", ""),
        (
            "redirect-to-itself",
            "listen 80; rewrite ^/x /y; rewrite ^ http://a.example$request_uri? permanent;",
            "",
        ),
    ];
    for (rule, inside, expected) in cases {
        let text =
            format!("server {{ server_name a.example; {inside} }} server {{ server_name b.example; }}");
        judge(rule, NEWEST, &[(Box::leak(text.into_boxed_str()), expected)]);
    }
}

#[test]
fn patterns_of_locations() {
    judge(
        "unanchored-regex",
        NEWEST,
        &[
            ("server { location ~ ^/a|/b { proxy_pass http://unix:/a; } }", "i"),
            ("server { location ~ /x|/y$ { proxy_pass http://unix:/a; } }", "i"),
            // Each has the anchor that it needs.
            ("server { location ~ ^/a|/b$ { proxy_pass http://unix:/a; } }", ""),
            ("server { location ~ ^/a|^/b { proxy_pass http://unix:/a; } }", ""),
            ("server { location ~ ^/(a|b) { proxy_pass http://unix:/a; } }", ""),
            ("server { location ~ /v1/ { proxy_pass http://unix:/a; } }", "i"),
            ("server { location ~ /v1/ { deny all; } }", ""),
            ("server { location ~ ^/v1/ { proxy_pass http://unix:/a; } }", ""),
            // One of several alternatives ends where it is meant to.
            ("server { location ~* ^/(lib/|files/|robots\\.txt) { root /a; } }", ""),
            ("server { location ~ ^/(a|b)/.*\\.php { fastcgi_pass unix:/a; } }", "i"),
        ],
    );
    judge(
        "rewrite-to-itself",
        NEWEST,
        &[
            ("server { location /r { rewrite ^ $request_uri; proxy_pass http://unix:/a:$uri; } }", "w"),
            ("server { location /r { rewrite ^ $request_uri break; proxy_pass http://unix:/a; } }", ""),
            ("server { location @r { rewrite ^ $request_uri; } }", ""),
            ("server { rewrite ^/x /r; location /r { rewrite ^ $request_uri; } }", ""),
        ],
    );
    judge(
        "capture-overwritten",
        NEWEST,
        &[
            ("map $host $m { ~^(.+)\\.a$ $1; } server { location ~ ^/(.*)$ { root /$m/$1; } }", "w"),
            ("map $host $m { ~^(.+)\\.a$ $1; } server { location ~ ^/(.*)$ { return 301 /$1/$m; } }", "w"),
            ("map $host $m { ~^(.+)\\.a$ $1; } server { location ~ ^/(?<g>.*)$ { root /$m/$g; } }", ""),
            ("map $host $m { a b; } server { location ~ ^/(.*)$ { root /$m/$1; } }", ""),
            ("map $host $m { ~^a$ $host; } server { location ~ ^/(.*)$ { root /$m; } }", ""),
        ],
    );
}

#[test]
fn what_nginx_does_anyway_is_no_loss() {
    const THEIRS: &str =
        "ssl_certificate /etc/letsencrypt/live/a/f.pem; ssl_certificate_key b; ssl_stapling on;";
    judge(
        "upgrade-headers-lost",
        NEWEST,
        &[
            // These are the values that nginx sends where nothing is set.
            (
                "proxy_set_header Upgrade \"\"; proxy_set_header Connection \"\"; proxy_set_header Host $proxy_host; \
                 server { location / { proxy_set_header X-Real-IP $remote_addr; proxy_pass http://10.0.0.1; } }",
                "",
            ),
            (
                "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; server { location / { \
                 proxy_set_header X-Real-IP $remote_addr; proxy_pass http://10.0.0.1; } }",
                "w",
            ),
        ],
    );
    // Without TLS nothing is stapled, and there is no handshake to refuse.
    for (listen, expected) in [("listen 80;", ""), ("listen 443 ssl;", "i")] {
        let text = format!("server {{ {listen} {THEIRS} }}");
        judge("stapling-letsencrypt", NEWEST, &[(Box::leak(text.into_boxed_str()), expected)]);
    }
    judge(
        "http2-misdirected",
        NEWEST,
        &[
            ("http2 on; server { listen 80 default_server; ssl_reject_handshake on; }", ""),
            ("http2 on; server { listen 443 ssl default_server; ssl_reject_handshake on; }", "i"),
        ],
    );
    judge("header-multiline", NEWEST, &[("server { add_header A \"b\nC: d\"; }", "w")]);
    judge(
        "cors-reflection",
        NEWEST,
        &[
            ("server { add_header Access-Control-Allow-Origin $http_origin; }", "i"),
            // A pattern that only PCRE knows may admit a few.
            (
                "map $http_origin $o { ~^https://(?>a|b)\\.example$ $http_origin; } server { add_header \
                 Access-Control-Allow-Origin $o; }",
                "",
            ),
        ],
    );
}

#[test]
fn an_upstream_is_unused_only_where_every_file_was_read() {
    let main =
        |inside: &str| format!("events {{ }} http {{ upstream pool {{ server 10.0.0.1; }} {inside} }}");
    let cases = [
        ("server { }", "i"),
        ("server { } include conf.d/none-here/*.conf;", ""),
        ("server { location / { fastcgi_pass pool; } }", ""),
    ];
    for (inside, expected) in cases {
        judge("upstream-unused", NEWEST, &[(Box::leak(main(inside).into_boxed_str()), expected)]);
    }
}

#[test]
fn server_tokens_and_tls() {
    const SERVER: &str = "listen 443 ssl; ssl_certificate a; ssl_certificate_key b;";
    judge(
        "server-tokens",
        NEWEST,
        &[
            ("server_tokens on;", "i"),
            // `build` says even more.
            ("server { server_tokens build; }", "i"),
            ("server_tokens off;", ""),
        ],
    );
    let cases = [
        ("weak-tls-protocols", "ssl_protocols TLSv1 TLSv1.2;", "w"),
        ("weak-tls-protocols", "ssl_protocols TLSv1.2 TLSv1.3;", ""),
        ("weak-tls-ciphers", "ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256;", ""),
        ("weak-tls-ciphers", "ssl_ciphers ALL:!aNULL:!eNULL:!EXPORT:!LOW:!RC4:!3DES:!MD5;", ""),
        ("weak-tls-ciphers", "ssl_ciphers RC4-SHA:ECDHE-RSA-AES128-GCM-SHA256;", "w"),
        ("weak-tls-ciphers", "ssl_protocols TLSv1.3; ssl_ciphers RC4-SHA;", ""),
    ];
    for (rule, inside, expected) in cases {
        let text = format!("server {{ {SERVER} {inside} }}");
        judge(rule, NEWEST, &[(Box::leak(text.into_boxed_str()), expected)]);
    }
    // A port that looks like one of TLS is none; a server that refuses handshakes has no headers.
    judge("hsts-missing", NEWEST, &[("events { } http { server { listen 8443; root /a; } }", "")]);
}

#[test]
fn default_server_missing() {
    let cases = [
        ("server { listen 80; server_name a; } server { listen 80; server_name b; }", "i"),
        ("server { listen 80; server_name a; } server { listen 81; server_name b; }", ""),
        ("server { listen 80 default_server; server_name a; } server { listen 80; server_name b; }", ""),
        ("server { server_name a; } server { listen *:80; server_name b; }", "i"),
        // TCP and UDP are two sockets.
        (
            "server { listen 443 ssl; listen 443 quic; ssl_certificate a; ssl_certificate_key b; server_name a; } server { listen 80; \
             server_name b; }",
            "",
        ),
    ];
    for (inside, expected) in cases {
        let text = format!("events {{ }} http {{ {inside} }}");
        judge("default-server-missing", NEWEST, &[(Box::leak(text.into_boxed_str()), expected)]);
    }
}

#[test]
fn proxy_pass() {
    judge(
        "proxy-pass-slash-mismatch",
        NEWEST,
        &[
            ("server { location /a/ { proxy_pass http://unix:/s:/b; } }", "w"),
            ("server { location /a/ { proxy_pass http://unix:/s:/b/; } }", ""),
            ("server { location /a/ { proxy_pass http://unix:/s; } }", ""),
            ("server { location = /a/ { proxy_pass http://unix:/s:/b; } }", ""),
            ("server { location /a { proxy_pass http://10.0.0.1/; } }", "i"),
        ],
    );
    judge(
        "proxy-missing-host-header",
        NEWEST,
        &[
            ("server { server_name a.example b.example; location / { proxy_pass http://unix:/a; } }", "i"),
            ("server { server_name a.example; location / { proxy_pass http://unix:/a; } }", ""),
            (
                "server { server_name a.example b.example; include proxy.conf; location / { proxy_pass http://unix:/a; } }",
                "",
            ),
            // The location's own list drops the inherited line.
            (
                "server { server_name a.example b.example; include proxy.conf; location / { proxy_set_header A a; proxy_pass \
                 http://unix:/a; } }",
                "i",
            ),
            ("events { } stream { server { listen 1; server_name a b; proxy_pass unix:/a; } }", ""),
        ],
    );
    judge(
        "proxy-pass-constant-uri",
        NEWEST,
        &[
            ("server { set $b 10.0.0.1; location / { proxy_pass http://$b/; } }", "w"),
            ("server { set $b 10.0.0.1; location /api/ { proxy_pass http://$b/v1; } }", "w"),
            ("server { set $b 10.0.0.1; location /auth { proxy_pass http://$b/check; } }", ""),
            ("server { set $b 10.0.0.1/base; location / { proxy_pass http://$b/; } }", ""),
            ("server { location / { proxy_pass http://10.0.0.1/; } }", ""),
            ("server { set $b 10.0.0.1; location / { internal; proxy_pass http://$b/; } }", ""),
        ],
    );
}
