#!/usr/bin/env python3
"""Speed of `ngxc test`, `ngxc coverage --log` and `ngxc diff`: benches/behave.py PROGRAM [MEGABYTES].

Prints the median of three runs of 10,000 cases, of a log with hot and with unique paths, plain and packed, and of a diff
of 2,000 servers of which one was changed. Build the program with `cargo build --release`.
"""

import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

program = os.path.abspath(sys.argv[1])
megabytes = int(sys.argv[2]) if len(sys.argv) > 2 else 300
cores = len(os.sched_getaffinity(0))

SERVER = """    server {{
        listen 80;
        server_name s{number}.example.com www.s{number}.example.com;
        root /srv/s{number};
        location / {{ try_files $uri $uri/ @app; }}
        location @app {{ proxy_pass http://app; proxy_set_header Host $host; }}
        location /api/ {{ proxy_pass http://app; add_header X-Number {number}; }}
        location /old/ {{ rewrite ^/old/(.*)$ /new/$1 permanent; }}
        location ~ \\.(png|jpg)$ {{ expires 1h; }}
        location /bots {{ if ($bot) {{ return 403; }} return 200; }}
    }}
"""


def config(count, change=None):
    servers = "".join(SERVER.format(number=number) for number in range(count))
    if change:
        servers = servers.replace(*change, 1)
    return (
        "events {}\nhttp {\n    map $http_user_agent $bot { default 0; ~*bot 1; }\n"
        "    log_format hosts '$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent '\n"
        "        '\"$http_referer\" \"$http_user_agent\" $host \"$upstream_addr\"';\n"
        "    access_log /var/log/nginx/access.log hosts;\n    upstream app { server 10.0.0.1:80; }\n"
        f"{servers}}}\n"
    )


def median(words, expected):
    """Seconds of the middle one of three runs."""
    taken = []
    for _ in range(3):
        start = time.monotonic()
        done = subprocess.run([program, *words], capture_output=True, text=True)
        taken.append(time.monotonic() - start)
        assert done.returncode == expected, done.stdout[-500:] + done.stderr[-500:]
    return statistics.median(taken)


def log(path, unique):
    """A log of `megabytes`: paths of which a few are asked for often, or of which each is asked for once."""
    chance = random.Random(1)
    paths = [f"/{chance.choice(['api', 'shop', 'old', 'bots', 'img'])}/{chance.randrange(10**6)}" for _ in range(20000)]
    agents = [f"Mozilla/5.0 (X11; Linux x86_64; rv:{n}.0) Gecko/20100101 Firefox/{n}.0" for n in range(60, 140)] + ["a bot"]
    lines = []
    for number in range(100_000):
        asked = paths[int(len(paths) * chance.random() ** 4)]
        if unique:
            asked = f"{asked}/{number}x{chance.randrange(10**9)}?id={chance.randrange(10**9)}"
        status, upstream = chance.choice([(200, "-"), (200, "10.0.0.1:80"), (404, "-"), (200, "10.0.0.1:80")])
        lines.append(
            f"10.{number % 250}.{chance.randrange(250)}.{chance.randrange(250)} - - [10/Oct/2026:13:{number // 2000 % 60:02}:36 +0000] "
            f'"GET {asked} HTTP/1.1" {status} {chance.randrange(10**5)} "https://www.example.com/" "{chance.choice(agents)}" '
            f's{chance.randrange(20)}.example.com "{upstream}"\n'
        )
    block = "".join(lines).encode()
    with open(path, "wb") as file:
        for _ in range(max(1, megabytes * 1_000_000 // len(block))):
            file.write(block)
    return os.path.getsize(path) / 1e6


with tempfile.TemporaryDirectory() as directory:
    os.chdir(directory)
    print(f"{cores} cores")
    with open("nginx.conf", "w") as file:
        file.write(config(20))
    with open("www.test.toml", "w") as file:
        for number in range(10_000):
            file.write(
                f'[[case]]\nurl = "http://s{number % 20}.example.com/api/{number}"\nupstream = {{ status = 200 }}\n'
                f'[case.expect]\nstatus = 200\nlocation = "/api/"\nupstream_uri = "/api/{number}"\n'
                f'headers = {{ X-Number = "{number % 20}" }}\n'
            )
    print(f"test: 10,000 cases in {median(['test', 'nginx.conf'], 0):.2f} s")
    for unique in (False, True):
        size = log("access.log", unique)
        what = "unique" if unique else "hot"
        seconds = median(["coverage", "nginx.conf", "--log", "access.log"], 0)
        print(f"coverage: {size:.0f} MB of {what} paths in {seconds:.2f} s: {size / seconds:.0f} MB/s")
        if not unique:
            subprocess.run(["gzip", "-1", "access.log"], check=True)
            seconds = median(["coverage", "nginx.conf", "--log", "access.log.gz"], 0)
            print(f"coverage: the same packed in {seconds:.2f} s: {size / seconds:.0f} MB/s")
            os.remove("access.log.gz")
        else:
            os.remove("access.log")
    with open("old.conf", "w") as file:
        file.write(config(2000))
    with open("new.conf", "w") as file:
        file.write(config(2000, ("X-Number 1000;", "X-Number 7;")))
    print(f"diff: 2,000 servers, one changed, in {median(['diff', 'old.conf', 'new.conf'], 1):.2f} s")
