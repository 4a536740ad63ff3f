//! A large configuration such as hosting platforms generate: what the benchmarks read.
//!
//! `nginx -t` accepts it as an ordinary user: ports above 1024, no certificates, logs go nowhere.

use std::fmt::Write as _;

/// A configuration of that many servers, 50 upstreams and a map; about 29 lines and 1 KB a server.
pub(crate) fn generate(servers: usize) -> String {
    let mut text = String::with_capacity(servers * 1100 + 20_000);
    text.push_str(HEAD);
    text.push_str("    map $http_upgrade $connection_upgrade {\n        default upgrade;\n        \"\" \"\";\n    }\n\n");
    text.push_str("    map $host $tenant {\n        hostnames;\n        default none;\n");
    for i in 0..200 {
        writeln!(text, "        .tenant{i}.example.com tenant-{i};").expect("writing to a string");
    }
    text.push_str("    }\n\n");
    for i in 0..50 {
        write!(text, "    upstream backend{i} {{\n        least_conn;\n").expect("writing to a string");
        for peer in 0..4 {
            writeln!(text, "        server 10.{i}.0.{peer}:8080 max_fails=3 fail_timeout=10s;")
                .expect("writing to a string");
        }
        text.push_str("        keepalive 32;\n    }\n\n");
    }
    for i in 0..servers {
        let server = SERVER.replace("{i}", &i.to_string()).replace("{u}", &(i % 50).to_string());
        text.push_str(&server);
    }
    text.push_str("}\n");
    text
}

const HEAD: &str = "\
# Generated: do not edit.
worker_processes auto;
pid nginx.pid;
error_log /dev/null;

events {
    worker_connections 4096;
}

http {
    include       mime.types*;
    default_type  application/octet-stream;
    access_log    /dev/null;
    log_format main '$remote_addr - $remote_user [$time_local] \"$request\" '
                    '$status $body_bytes_sent \"$http_referer\" '
                    '\"$http_user_agent\" \"$http_x_forwarded_for\"';
    sendfile on;
    keepalive_timeout 65;
    server_names_hash_max_size 65536;
    server_names_hash_bucket_size 128;
    client_body_temp_path tmp/body;
    proxy_temp_path tmp/proxy;
    fastcgi_temp_path tmp/fastcgi;
    uwsgi_temp_path tmp/uwsgi;
    scgi_temp_path tmp/scgi;

";

const SERVER: &str = r#"    # Customer {i}
    server {
        listen 8080;
        listen 8443 ssl;
        ssl_reject_handshake on;
        server_name site{i}.example.com www.site{i}.example.com;
        root /var/www/site{i}/public;
        index index.php index.html;

        if ($host = site{i}.example.com) { return 301 https://www.site{i}.example.com$request_uri; }

        location / { try_files $uri $uri/ /index.php?$query_string; }

        location ~ \.php$ {
            fastcgi_pass unix:/run/php/site{i}.sock;
            fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
        }

        location /api/ {
            proxy_pass http://backend{u};
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For "$proxy_add_x_forwarded_for";
        }

        location ~* \.(?:css|js|png|jpe?g|gif|ico|woff2)$ { expires 30d; add_header Cache-Control "public"; }

        location = /health { return 200 "ok\n"; }
    }
"#;
