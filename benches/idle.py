#!/usr/bin/env python3
"""Memory per idle keepalive connection, of nginx and of `ngxc run`.

    NGINX_BIN=/path/to/nginx NGXC="target/dist/ngxc run --prefix {dir} --work-dir {dir} {conf}" benches/idle.py [connections]

Opens the connections (10,000 unless told), sends a request on each, and prints by how much the resident memory of the
server grew per connection; the kernel's memory of sockets is not in it. At the end each connection is asked again:
all must still be held. Exit status 1 if one is not, or if ours takes 2 KiB or more.
"""

import os
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time

NUMBER = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
NGINX = os.environ.get("NGINX_BIN", "nginx")
NGXC = os.environ.get("NGXC", "target/dist/ngxc run --prefix {dir} --work-dir {dir} {conf}")
REQUEST = b"GET / HTTP/1.1\r\nHost: idle\r\n\r\n"

CONF = """
worker_processes 1; error_log stderr crit; pid {dir}/{name}.pid; daemon off; worker_rlimit_nofile {files};
events {{ worker_connections {files}; }}
http {{ access_log off; keepalive_timeout 600s;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
  uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
  server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 200 "hello"; }} }} }}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def worker(pid):
    """The worker process of a master process; itself if it has none."""
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return next(iter(f.read().split()), pid)


def rss(pid):
    with open(f"/proc/{worker(pid)}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1)) * 1024


def ask(connection):
    connection.sendall(REQUEST)
    return connection.recv(4096).startswith(b"HTTP/1.1 200")


def measure(name, command, port):
    child = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    held = []
    try:
        time.sleep(1)
        for _ in range(100):  # what the first requests need is no cost of a connection
            with socket.create_connection(("127.0.0.1", port)) as first:
                ask(first)
        before = rss(child.pid)
        for _ in range(NUMBER):
            held.append(socket.create_connection(("127.0.0.1", port), timeout=20))
            if not ask(held[-1]):
                sys.exit(f"{name}: connection {len(held)} was not answered")
        time.sleep(2)
        each = (rss(child.pid) - before) / NUMBER
        answered = sum(ask(connection) for connection in held)
        print(f"{name:6} {each:6.0f} bytes per idle connection, {answered} of {NUMBER} held", flush=True)
        return each, answered
    finally:
        for connection in held:
            connection.close()
        child.send_signal(signal.SIGTERM)
        child.wait()


def main():
    # nginx closes idle connections when less than a sixteenth is free.
    files = NUMBER + NUMBER // 8 + 200
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, max(files, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    results = {}
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        os.mkdir(f"{directory}/logs")
        for name in ("nginx", "ngxc"):
            port, conf = free_port(), f"{directory}/{name}.conf"
            with open(conf, "w") as f:
                f.write(CONF.format(dir=directory, name=name, port=port, files=files))
            if name == "nginx":
                command = [NGINX, "-p", directory, "-c", conf, "-g", "master_process off;"]
            else:
                command = [word.format(conf=conf, dir=directory) for word in NGXC.split()]
            results[name] = measure(name, command, port)
    each, answered = results["ngxc"]
    sys.exit(each >= 2 * 1024 or answered != NUMBER)


main()
