#!/usr/bin/env python3
"""`ngxc run` beside nginx (and haproxy, if it is installed): CPU time per request, latency, memory.

Beside them what is built of the following: `target/released/ngxc`, which `.ci/release` makes; with one worker also
`target/dist/examples/floor` (`cargo build --profile dist --example floor`): four system calls a request and nothing else.

    NGINX_BIN=/path/to/nginx NGXC="target/dist/ngxc run" benches/proxy.py [--rounds N] [--workers 1,2] [CASE ...]

Needs wrk. Same configuration for both; every round measures each server for a while, in turns first, and the figure
is the median of the rounds' ratios of user + system time of the whole process (/proc/PID/stat, children of nginx's
master included) per answered request. Then the latency at half of the load that the slower one takes (wrk with as many
paused connections as that needs), and resident memory. `NGXC` is a command that takes a configuration file; `{conf}`
and `{dir}` in it are replaced; `RELEASED` is the same for the other build. Exit status 1 if a ratio misses its target.
"""

import argparse
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from servers import cpu, family, free_port

NGINX = os.environ.get("NGINX_BIN", "nginx")
NGXC = os.environ.get("NGXC", "target/dist/ngxc run --prefix {dir} --work-dir {dir} {conf}")
RELEASED = os.environ.get("RELEASED", "target/released/ngxc run --prefix {dir} --work-dir {dir} {conf}")
HAPROXY = shutil.which("haproxy")
FLOOR = os.environ.get("FLOOR", "target/dist/examples/floor")
# Name, path, what it is, target of the ratio to nginx.
CASES = [
    ("1k", "/1k", "1 KiB proxied, keepalive", 0.80),
    ("log", "/log", "1 KiB proxied, keepalive, access log", None),
    ("64k", "/64k", "64 KiB proxied, keepalive", 0.70),
    ("close", "/close", "1 KiB proxied, a connection each", None),
    ("static", "/static", "return 200", 0.85),
    ("logged", "/logged", "return 200, access log", None),
]
# What the others can be asked for, where that is not all.
KNOWN = {"floor": ["/1k", "/static"], "haproxy": ["/1k", "/64k", "/close", "/static"]}

BACKEND = """
worker_processes 1; error_log stderr crit; pid {dir}/backend.pid; daemon off; master_process off;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 100000000; sendfile on; tcp_nopush on; open_file_cache max=10;
  client_body_temp_path {dir}/bb; proxy_temp_path {dir}/bp; fastcgi_temp_path {dir}/bf; uwsgi_temp_path {dir}/bu;
  scgi_temp_path {dir}/bs;
  server {{ listen 127.0.0.1:{backend} backlog=4096; root {dir}/www; }} }}
"""
CONF = """
worker_processes {workers}; error_log stderr crit; pid {dir}/{name}.pid; daemon off;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 100000000;
  client_body_temp_path {dir}/{name}b; proxy_temp_path {dir}/{name}p; fastcgi_temp_path {dir}/{name}f;
  uwsgi_temp_path {dir}/{name}u; scgi_temp_path {dir}/{name}s;
  upstream kept {{ server 127.0.0.1:{backend}; keepalive 128; keepalive_requests 100000000; }}
  server {{ listen 127.0.0.1:{port} reuseport;
    proxy_http_version 1.1; proxy_set_header Connection "";
    location /1k {{ proxy_pass http://kept; }}
    location /log {{ proxy_pass http://kept/1k; access_log {dir}/{name}.log; }}
    location /64k {{ proxy_pass http://kept; }}
    location /close {{ proxy_pass http://127.0.0.1:{backend}/1k; proxy_set_header Connection close; }}
    location /static {{ return 200 "hello"; }}
    location /logged {{ return 200 "hello"; access_log {dir}/{name}.log; }} }} }}
"""
HACONF = """
global
  nbthread {workers}
defaults
  mode http
  timeout connect 60s
  timeout client 60s
  timeout server 60s
frontend f
  bind 127.0.0.1:{port}
  http-request return status 200 content-type text/plain string hello if {{ path /static }}
  use_backend close if {{ path /close }}
  default_backend kept
backend kept
  http-reuse always
  server a 127.0.0.1:{backend} pool-max-conn 128
backend close
  http-request set-path /1k
  option http-server-close
  http-reuse never
  server a 127.0.0.1:{backend} pool-max-conn 0
"""


def memory(pid):
    """Resident kB of a process and its children; pages that they share count once each."""
    total = 0
    for one in family(pid):
        with open(f"/proc/{one}/smaps_rollup") as f:
            total += int(re.search(r"^Pss:\s+(\d+)", f.read(), re.M).group(1))
    return total


def wrk(port, path, connections, seconds, *more):
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", *more, f"http://127.0.0.1:{port}{path}"]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    done = int(re.search(r"(\d+) requests in", out).group(1))
    if "Non-2xx" in out or re.search(r"connect [1-9]|read [1-9]|write [1-9]", out):
        sys.exit(f"errors under load:\n{out}")
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", out).groups()
    return done, float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def load(server, path, options):
    port, pid = server
    before = cpu(pid)
    done, _ = wrk(port, path, options.connections, options.seconds)
    return (cpu(pid) - before) / done * 1e6, done / options.seconds


def latency(server, path, rate, directory):
    """99 % at a rate: each connection pauses so long that all of them together ask so often."""
    pause = 10
    script = f"{directory}/pause.lua"
    with open(script, "w") as f:
        f.write(f"function delay() return {pause} end\n")
    done, p99 = wrk(server[0], path, max(1, round(rate * pause / 1000)), 3, "-s", script)
    return done / 3, p99


def start(directory, backend, workers, children):
    servers = {}
    names = {"nginx": True, "ngxc": True, "released": os.path.exists(RELEASED.split()[0]), "haproxy": HAPROXY}
    names["floor"] = workers == 1 and os.path.exists(FLOOR)
    for name in (name for name, is_here in names.items() if is_here):
        port = free_port()
        path = f"{directory}/{name}.conf"
        text = HACONF if name == "haproxy" else CONF
        with open(path, "w") as f:
            f.write(text.format(dir=directory, name=name, backend=backend, port=port, workers=workers))
        if name == "nginx":
            command = [NGINX, "-p", directory, "-c", path]
        elif name in ("ngxc", "released"):
            line = NGXC if name == "ngxc" else RELEASED
            command = [word.format(conf=path, dir=directory) for word in line.split()]
        elif name == "haproxy":
            command = [HAPROXY, "-db", "-f", path]
        else:
            command = [FLOOR, str(port), str(backend)]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        children.append(child)
        servers[name] = (port, child.pid)
    time.sleep(1)
    return servers


def measure(servers, case, workers, options, directory):
    _, path, what, target = case
    servers = {name: server for name, server in servers.items() if path in KNOWN.get(name, path)}
    figures = {name: [] for name in servers}
    for i in range(options.rounds + 1):
        for name in list(servers)[:: 1 if i % 2 else -1]:
            figures[name].append(load(servers[name], path, options))
    missed = False
    # The first round warms up.
    figures = {name: rounds[1:] for name, rounds in figures.items()}
    half = min(statistics.median(rate for _, rate in rounds) for rounds in figures.values()) / 2
    print(f"\n{what}, {workers} worker{'s' * (workers > 1)}")
    for name, rounds in figures.items():
        micros = statistics.median(cost for cost, _ in rounds)
        rate = statistics.median(rate for _, rate in rounds)
        ratios = [one[0] / base[0] for one, base in zip(rounds, figures["nginx"])]
        ratio = statistics.median(ratios)
        asked, p99 = latency(servers[name], path, half, directory)
        note = f"ratio {ratio:.3f} ({min(ratios):.3f} to {max(ratios):.3f})" if name != "nginx" else ""
        if name in ("ngxc", "released") and target:
            # The build that is fastest has to reach it.
            missed = ratio > target
            note += f", target {target:.2f}" + " MISSED" * missed
        print(f"  {name:8}{micros:7.2f} us/request {rate:8.0f}/s  p99 {p99:6.2f} ms at {asked:.0f}/s"
              f"  {memory(servers[name][1]):6} kB  {note}", flush=True)
    return missed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("cases", nargs="*", help=", ".join(case[0] for case in CASES))
    options = parser.parse_args()
    options.seconds = int(options.seconds) if options.seconds == int(options.seconds) else options.seconds
    cases = [case for case in CASES if not options.cases or case[0] in options.cases]
    missed = False
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        for name in ("logs", "www"):
            os.mkdir(f"{directory}/{name}")
        for name, size in (("1k", 1 << 10), ("64k", 64 << 10)):
            with open(f"{directory}/www/{name}", "w") as f:
                f.write("x" * size)
        backend = free_port()
        with open(f"{directory}/backend.conf", "w") as f:
            f.write(BACKEND.format(dir=directory, backend=backend))
        children = [subprocess.Popen([NGINX, "-p", directory, "-c", f"{directory}/backend.conf"])]
        try:
            for workers in map(int, options.workers.split(",")):
                servers = start(directory, backend, workers, children)
                for case in cases:
                    missed |= measure(servers, case, workers, options, directory)
                while len(children) > 1:
                    stop(children.pop())
        finally:
            for child in children:
                stop(child)
    sys.exit(missed)


def stop(child):
    child.send_signal(signal.SIGTERM)
    child.wait()


main()
