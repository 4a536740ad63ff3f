"""The cases of speed.py and instructions.py: one configuration for nginx and for ngxc, and who asks for what.

Needs wrk, h2load (nghttp2-client), openssl and an nginx for the backend.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import namedtuple

# `scheme`: http, https (HTTP/1.1 over TLS) or h2. `target`: highest ratio to nginx's CPU time of the build `dist`.
Case = namedtuple("Case", "name scheme path what target headers", defaults=((),))
CASES = [
    Case("return", "http", "/return", "`return 200`", 0.90),
    Case("return-log", "http", "/return-log", "`return 200`, access log", 1.0),
    Case("1k", "http", "/1k", "1 KiB proxied", 0.90),
    Case("1k-log", "http", "/log/1k", "1 KiB proxied, access log", 1.0),
    Case("10m", "http", "/10m", "10 MiB proxied", 1.0),
    Case("gzip", "http", "/gzip/64k", "64 KiB proxied, gzip", 1.0, ("Accept-Encoding: gzip",)),
    Case("file-1k", "http", "/files/1k", "file of 1 KiB", 1.0),
    Case("file-10m", "http", "/files/10m", "file of 10 MiB, sendfile", 1.0),
    Case("https-return", "https", "/return", "HTTPS, `return 200`", 1.0),
    Case("https-1k", "https", "/1k", "HTTPS, 1 KiB proxied", 1.0),
    Case("https-10m", "https", "/files/10m", "HTTPS, file of 10 MiB", 1.0),
    Case("handshake", "https", "/return", "HTTPS, a handshake per request", 1.0, ("Connection: close",)),
    Case("h2-return", "h2", "/return", "HTTP/2, `return 200`", 1.0),
    Case("h2-1k", "h2", "/1k", "HTTP/2, 1 KiB proxied", 0.80),
    Case("h2-64k", "h2", "/files/64k", "HTTP/2, file of 64 KiB", 1.0),
]
FILES = {"1k": 1 << 10, "64k": 64 << 10, "10m": 10 << 20}

PATHS = "".join(
    f"{module}_temp_path {{dir}}/{{name}}.{module}; " for module in ("proxy", "fastcgi", "uwsgi", "scgi")
)
BACKEND = f"""
worker_processes 1; error_log stderr crit; pid {{dir}}/backend.pid; daemon off; master_process off;
events {{{{ worker_connections 4096; }}}}
http {{{{ access_log off; keepalive_requests 100000000; sendfile on; tcp_nopush on; open_file_cache max=10;
  client_body_temp_path {{dir}}/{{name}}.body; {PATHS}
  server {{{{ listen 127.0.0.1:{{port}} backlog=4096; root {{dir}}/www; }}}} }}}}
"""
CONF = f"""
user root; worker_processes 1; error_log stderr crit; pid {{dir}}/{{name}}.pid; daemon off; {{more}}
events {{{{ worker_connections 4096; }}}}
http {{{{ access_log off; keepalive_requests 100000000; sendfile on;
  client_body_temp_path {{dir}}/{{name}}.body; {PATHS}
  upstream kept {{{{ server 127.0.0.1:{{backend}}; keepalive 128; keepalive_requests 100000000; }}}}
  server {{{{ listen 127.0.0.1:{{port}}; listen 127.0.0.1:{{tls}} ssl; http2 on;
    ssl_certificate {{dir}}/cert.pem; ssl_certificate_key {{dir}}/key.pem;
    proxy_http_version 1.1; proxy_set_header Connection "";
    location /return {{{{ return 200 "hello"; }}}}
    location /return-log {{{{ return 200 "hello"; access_log {{dir}}/{{name}}.log; }}}}
    location /1k {{{{ proxy_pass http://kept; }}}}
    location /10m {{{{ proxy_pass http://kept; }}}}
    location /log/ {{{{ proxy_pass http://kept/; access_log {{dir}}/{{name}}.log; }}}}
    location /gzip/ {{{{ gzip on; gzip_types *; proxy_pass http://kept/; }}}}
    location /files/ {{{{ alias {{dir}}/www/; }}}} }}}} }}}}
"""
WORDS = "server location proxy_pass upstream keepalive worker listen header request answer".split()

# Steps of the kernel's clock a second.
TICK = os.sysconf("SC_CLK_TCK")

Server = namedtuple("Server", "name pid port tls")


def family(pid):
    """A process and its children."""
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return [pid] + [int(child) for child in f.read().split()]


def cpu(pid):
    """Seconds of a process and its children on the processor."""
    total = 0
    for one in family(pid):
        with open(f"/proc/{one}/stat", encoding="ascii", errors="replace") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def prepare(directory):
    """Files to be served, and a certificate."""
    os.chmod(directory, 0o755)
    for name in ("logs", "www"):
        os.mkdir(f"{directory}/{name}")
    for name, size in FILES.items():
        text = " ".join(f"{WORDS[i * i % 97 % len(WORDS)]} {i * 7919 % 1009}" for i in range(size // 8))
        with open(f"{directory}/www/{name}", "w") as f:
            f.write((text * 2)[:size])
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN=localhost"
    command = [*command.split(), "-keyout", f"{directory}/key.pem", "-out", f"{directory}/cert.pem"]
    subprocess.run(command, check=True, capture_output=True)


def start_backend(nginx, directory, children):
    port, path = free_port(), f"{directory}/backend.conf"
    with open(path, "w") as f:
        f.write(BACKEND.format(dir=directory, name="backend", port=port))
    children.append(subprocess.Popen([nginx, "-p", directory, "-c", path]))
    return port


def start(name, command, directory, backend, children, more=""):
    """Starts a server by a command in which `{conf}` and `{dir}` are replaced, and waits until it answers."""
    port, tls, path = free_port(), free_port(), f"{directory}/{name}.conf"
    with open(path, "w") as f:
        f.write(CONF.format(dir=directory, name=name, port=port, tls=tls, backend=backend, more=more))
    command = [word.format(conf=path, dir=directory) for word in command.split()]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    children.append(child)
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", tls), timeout=1).close()
            return Server(name, child.pid, port, tls)
        except OSError:
            time.sleep(0.05)
        if child.poll() is not None:
            break
    sys.exit(f"{name} does not serve: {' '.join(command)}")


def stop(children):
    for child in reversed(children):
        child.send_signal(signal.SIGTERM)
    for child in children:
        child.wait()


def url(server, case):
    if case.scheme == "http":
        return f"http://127.0.0.1:{server.port}{case.path}"
    return f"https://127.0.0.1:{server.tls}{case.path}"


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr or done.stdout}")
    return done.stdout


def ask_for(server, case, seconds, connections):
    """Asks as fast as it can for so many seconds; the number of answers."""
    if case.scheme == "h2":
        return h2load(server, case, "-D", f"{seconds}", "-c", f"{max(1, connections // 4)}", "-m", "10")
    headers = [word for header in case.headers for word in ("-H", header)]
    # A large body takes all that a client can read: more of them only wait.
    connections = min(connections, 8) if case.path.endswith("10m") else connections
    out = run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", *headers, url(server, case)])
    done = int(re.search(r"(\d+) requests in", out).group(1))
    if not done or "Non-2xx" in out or re.search(r"connect [1-9]|write [1-9]|timeout [1-9]", out):
        sys.exit(f"{case.name}, {server.name}: errors under load:\n{out}")
    return done


def ask_times(server, case, times):
    """Asks so many times on one connection, one after the other, but with ten streams in HTTP/2."""
    if case.scheme == "h2":
        return h2load(server, case, "-n", f"{times}", "-c", "1", "-m", "10")
    clients = f"{times}" if "Connection: close" in case.headers else "1"
    return h2load(server, case, "--h1", "-n", f"{times}", "-c", clients, "-m", "1")


def h2load(server, case, *options):
    headers = [word for header in case.headers for word in ("-H", header)]
    out = run(["h2load", *options, *headers, url(server, case)])
    done, failed = (int(re.search(rf"(\d+) {word}", out).group(1)) for word in ("succeeded", "failed"))
    if not done or failed or re.search(r"[1-9]\d* [345]xx", out):
        sys.exit(f"{case.name}, {server.name}: errors under load:\n{out}")
    return done
