#!/usr/bin/env python3
"""CPU time per request of `ngxc run` relative to nginx for what needs no upstream: `return 200` and a file of 1 KiB.

    NGINX_BIN=/path/to/nginx NGXC="target/dist/ngxc run --prefix {dir} --work-dir {dir} {conf}" benches/static.py [rounds]

Needs wrk. Same configuration, one worker each, rounds interleaved; the figure is the median of the rounds' ratios of
user + system time (/proc/PID/stat) per answered request. Exit status 1 if nginx needs less for one of them.
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
SECONDS = os.environ.get("SECONDS_PER_RUN", "2")
NGINX = os.environ.get("NGINX_BIN", "nginx")
NGXC = os.environ.get("NGXC", "target/dist/ngxc run --prefix {dir} --work-dir {dir} {conf}")
CONNECTIONS = os.environ.get("CONNECTIONS", "32")
TICK = os.sysconf("SC_CLK_TCK")

CONF = """
worker_processes 1; error_log stderr crit; pid {dir}/{name}.pid; daemon off;
events {{ worker_connections 1024; }}
http {{ access_log off; sendfile on; keepalive_requests 100000000;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
  uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
  server {{ listen 127.0.0.1:{port}; root {dir};
    location /return {{ return 200 "hello"; }} }} }}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu(pid):
    """User and system time of a process and its children."""
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        family, total = [pid, *f.read().split()], 0
    for one in family:
        with open(f"/proc/{one}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def load(port, path, pid):
    before = cpu(pid)
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", f"http://127.0.0.1:{port}{path}"]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    done = int(re.search(r"(\d+) requests in", out).group(1))
    if "Non-2xx" in out or "Socket errors" in out or not done:
        sys.exit(f"errors under load:\n{out}")
    return (cpu(pid) - before) / done * 1e6


def main():
    children, servers, worse = [], {}, False
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        os.mkdir(f"{directory}/logs")
        with open(f"{directory}/1k.bin", "wb") as f:
            f.write(b"x" * 1024)
        for name in ("nginx", "ngxc"):
            port, conf = free_port(), f"{directory}/{name}.conf"
            with open(conf, "w") as f:
                f.write(CONF.format(dir=directory, name=name, port=port))
            if name == "nginx":
                command = [NGINX, "-p", directory, "-c", conf, "-g", "master_process off;"]
            else:
                command = [word.format(conf=conf, dir=directory) for word in NGXC.split()]
            children.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
            servers[name] = (port, children[-1].pid)
        time.sleep(1)
        try:
            for path, what in (("/return", "return 200"), ("/1k.bin", "file of 1 KiB")):
                ratios, figures = [], {name: [] for name in servers}
                for i in range(ROUNDS + 1):
                    this = {}
                    for name in list(servers)[:: 1 if i % 2 else -1]:
                        this[name] = load(servers[name][0], path, servers[name][1])
                    if i == 0:
                        continue  # warm up
                    ratios.append(this["ngxc"] / this["nginx"])
                    for name, figure in this.items():
                        figures[name].append(figure)
                ratio = statistics.median(ratios)
                worse |= ratio >= 1
                medians = ", ".join(f"{name} {statistics.median(f):.2f} us" for name, f in figures.items())
                print(f"{what}: ratio {ratio:.3f} (from {min(ratios):.3f} to {max(ratios):.3f}); {medians}", flush=True)
        finally:
            for child in children:
                child.send_signal(signal.SIGTERM)
                child.wait()
    sys.exit(worse)


main()
