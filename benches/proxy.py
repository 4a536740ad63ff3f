#!/usr/bin/env python3
"""CPU time per request of `ngxc run` relative to nginx, same configuration, interleaved rounds.

    NGINX_BIN=/path/to/nginx NGXC="target/release/ngxc run" benches/proxy.py [rounds [requests]]

`NGXC` is a command that takes a configuration file; `{conf}` and `{dir}` in it are replaced.
Needs wrk. Each round measures both servers, in turns first; the figure is the median of the rounds'
ratios of user + system time (/proc/PID/stat) per answered request.
"""

import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 9
SECONDS = int(os.environ.get("SECONDS_PER_RUN", "2"))
NGINX = os.environ.get("NGINX_BIN", "nginx")
NGXC = os.environ.get("NGXC", "target/release/ngxc run --prefix {dir} --work-dir {dir} {conf}")
CONNECTIONS = os.environ.get("CONNECTIONS", "32")
TICK = os.sysconf("SC_CLK_TCK")

BACKEND = """
worker_processes 1; error_log stderr crit; pid {dir}/b.pid; daemon off; master_process off;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 100000000;
  server {{ listen 127.0.0.1:{backend}; location / {{ return 200 "{body}"; }} }} }}
"""
CONF = """
worker_processes 1; error_log stderr crit; pid {dir}/{name}.pid; daemon off;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 100000000;
  upstream b {{ server 127.0.0.1:{backend}; keepalive 64; keepalive_requests 100000000; }}
  server {{ listen 127.0.0.1:{port};
    location / {{ proxy_pass http://b; proxy_http_version 1.1; proxy_set_header Connection ""; }}
    location /static {{ return 200 "hello"; }} }} }}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def rss(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


def load(port, path, pid):
    before = cpu(pid)
    out = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", f"http://127.0.0.1:{port}{path}"],
        capture_output=True, text=True, check=True).stdout
    done = int(re.search(r"(\d+) requests in", out).group(1))
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    if bad or "Socket errors" in out:
        sys.exit(f"errors under load:\n{out}")
    return (cpu(pid) - before) / done * 1e6, done / SECONDS


def main():
    children = []
    with tempfile.TemporaryDirectory() as directory:
        os.mkdir(f"{directory}/logs")
        backend = free_port()

        def write(name, text):
            path = f"{directory}/{name}.conf"
            with open(path, "w") as f:
                f.write(text)
            return path

        conf = write("backend", BACKEND.format(dir=directory, backend=backend, body="x" * 1024))
        children.append(subprocess.Popen([NGINX, "-p", directory, "-c", conf]))
        servers = {}
        for name in ("nginx", "ngxc"):
            port = free_port()
            conf = write(name, CONF.format(dir=directory, name=name, backend=backend, port=port))
            if name == "nginx":
                command = [NGINX, "-p", directory, "-c", conf, "-g", "master_process off;"]
            else:
                command = [word.format(conf=conf, dir=directory) for word in NGXC.split()]
            child = subprocess.Popen(command)
            children.append(child)
            servers[name] = (port, child.pid)
        time.sleep(1)
        try:
            for path, what in (("/", "1 KiB proxied, keepalive"), ("/static", "return 200")):
                ratios, figures = [], {"nginx": [], "ngxc": []}
                for i in range(ROUNDS + 1):
                    this = {}
                    for name in list(servers)[:: 1 if i % 2 else -1]:
                        this[name] = load(servers[name][0], path, servers[name][1])
                    if i == 0:
                        continue  # warm up
                    ratios.append(this["ngxc"][0] / this["nginx"][0])
                    for name in figures:
                        figures[name].append(this[name])
                print(f"{what}: ratio {statistics.median(ratios):.3f} (from {min(ratios):.3f} to {max(ratios):.3f})")
                for name, all_rounds in figures.items():
                    micros = statistics.median(f[0] for f in all_rounds)
                    rate = statistics.median(f[1] for f in all_rounds)
                    print(f"  {name:6} {micros:6.2f} us CPU/request, {rate:8.0f} requests/s, RSS {rss(servers[name][1])} kB")
        finally:
            for child in children:
                child.send_signal(signal.SIGTERM)
                child.wait()


main()
