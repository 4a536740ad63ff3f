#!/usr/bin/env python3
"""Whether `ngxc run` stays as it is under load and with peers that fail: the long version of tests/it/runtime_reliability.rs.

    NGINX_BIN=/path/to/nginx NGXC="target/dist/ngxc run --prefix {dir} --work-dir {dir} {conf}" benches/reliability.py

Needs wrk and nginx (as the good peer). A pair of workers of `ngxc run` in front of a good peer and one that fails; what
must hold: no idempotent request without an answer, whatever the other peer does (gone, hangs, resets, answers garbage,
stops in the middle of a head, answers a byte at a time) and while the configuration is loaded again; the log names the fault; clients that send a byte
a second or never read are closed in time; memory and file descriptors are the same after a million requests. Exit
status 1 if one of them does not.
"""

import argparse
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

NGINX = os.environ.get("NGINX_BIN", "nginx")
NGXC = os.environ.get("NGXC", "target/dist/ngxc run --prefix {dir} --work-dir {dir} {conf}")

PEER = """
worker_processes 1; error_log stderr crit; pid {dir}/peer.pid; daemon off; master_process off;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 100000000;
  client_body_temp_path {dir}/a; proxy_temp_path {dir}/b; fastcgi_temp_path {dir}/c; uwsgi_temp_path {dir}/d;
  scgi_temp_path {dir}/e;
  server {{ listen 127.0.0.1:{good}; location / {{ return 200 "{body}"; }}
    location = /large {{ root {dir}/www; }} }} }}
"""
CONF = """
user root; worker_processes 2; error_log {dir}/error.log warn; pid {dir}/ngxc.pid;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 100000000;
  client_header_timeout 2s; client_body_timeout 2s; send_timeout 2s; lingering_close off;
  proxy_connect_timeout 300ms; proxy_read_timeout 300ms; proxy_http_version 1.1; proxy_set_header Connection "";
  proxy_next_upstream error timeout invalid_header;
  upstream both {{ server 127.0.0.1:{bad} fail_timeout=1s; server 127.0.0.1:{good}; keepalive 64; keepalive_timeout 1s; }}
  upstream one {{ server 127.0.0.1:{good}; keepalive 64; keepalive_timeout 1s; keepalive_requests 100000000; }}
  server {{ listen 127.0.0.1:{port};
    location / {{ proxy_pass http://one; }}
    location = /large {{ proxy_pass http://one; proxy_read_timeout 10s; }}
    location /both {{ proxy_pass http://both; }} }} }}
"""
FAULTS = {
    "gone": "111: Connection refused",
    "hangs": "upstream timed out",
    "resets": "104: Connection reset by peer",
    "garbage": "upstream sent no valid HTTP/1.0 header",
    "closes": "upstream prematurely closed connection",
    "stalls": "while reading response header from upstream",
    # In time, if only just: there is nothing to say.
    "slow": "",
}
failures = []


def expect(holds, what):
    print(f"{'ok' if holds else 'FAILED':7}{what}", flush=True)
    if not holds:
        failures.append(what)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def misbehave(connection, fault):
    with connection:
        request = connection.recv(1 if fault == "resets" else 65536)
        if fault == "resets":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif fault == "hangs":
            time.sleep(2)
        elif fault == "garbage":
            connection.sendall(b"no HTTP at all\r\n\r\n")
        elif fault == "stalls":
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")
            time.sleep(2)
        elif fault == "slow" and request:
            for byte in b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok":
                connection.sendall(bytes([byte]))
                time.sleep(0.01)


class Bad:
    """A peer with a fault."""

    def __init__(self, port, fault):
        self.socket = socket.create_server(("127.0.0.1", port), backlog=1024)
        self.fault = fault
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.one, args=(connection,), daemon=True).start()

    def one(self, connection):
        try:
            misbehave(connection, self.fault)
        except OSError:
            pass

    def stop(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def ask(port, path):
    """The status of one request on a connection of its own; `None`: there was no answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as s:
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        out = b""
        while piece := s.recv(65536):
            out += piece
    found = re.match(rb"HTTP/1.1 (\d+)", out)
    return int(found.group(1)) if found else None


def ask_kept(port, path, connections):
    """The status of a request on the connection of before. One that was closed between two requests is opened again,
    as clients do: the server cannot know that a request is on its way."""
    for s in (connections.pop() if connections else None, None):
        is_new = s is None
        s = s or socket.create_connection(("127.0.0.1", port), timeout=20)
        out = b""
        try:
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            while not (end := out.find(b"\r\n\r\n") + 4) > 3 or len(out) - end < 1024:
                if not (piece := s.recv(65536)):
                    break
                out += piece
            else:
                (s.close if b"Connection: close" in out else lambda: connections.append(s))()
                return int(out.split(b" ", 2)[1])
        except OSError:
            pass
        s.close()
        if is_new or out:
            return None


def wrk(port, path, seconds):
    command = ["wrk", "-t1", "-c32", f"-d{seconds}s", "--timeout", "10s", f"http://127.0.0.1:{port}{path}"]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    lost = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", out)
    return int(re.search(r"(\d+) requests in", out).group(1)), int(bad.group(1)) if bad else 0, \
        sum(map(int, lost.groups())) if lost else 0


def state(pid):
    """Resident kB and descriptors of the worker process."""
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        pid = next(iter(f.read().split()), pid)
    with open(f"/proc/{pid}/status") as f:
        memory = int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))
    return memory, len(os.listdir(f"/proc/{pid}/fd"))


def faults(pid, ports, log, seconds):
    for fault, words in FAULTS.items():
        size = os.path.getsize(log)
        bad = Bad(ports["bad"], fault) if fault != "gone" else None
        # What the one before did is forgiven after `fail_timeout`.
        time.sleep(1.1)
        end = time.time() + seconds
        asked, statuses = 0, set()
        while time.time() < end:
            statuses.add(ask(ports["port"], "/both"))
            asked += 1
        if bad:
            bad.stop()
        with open(log) as f:
            f.seek(size)
            new = f.read()
        expect(statuses == {200}, f"a peer ({fault}): {asked} requests, answers {statuses}")
        expect(words in new, f"  the log says so ({words or 'nothing to say'})")


def reloads(pid, ports, seconds, is_kept):
    """The configuration is loaded again and again under load, on connections that are kept or not."""
    stop, statuses = threading.Event(), []

    def client():
        connections = []
        while not stop.is_set():
            try:
                one = ask_kept(ports["port"], "/", connections) if is_kept else ask(ports["port"], "/")
                statuses.append(one)
            except OSError as error:
                statuses.append(error)

    clients = [threading.Thread(target=client) for _ in range(4)]
    for one in clients:
        one.start()
    end, count = time.time() + seconds, 0
    while time.time() < end:
        os.kill(pid, signal.SIGHUP)
        count += 1
        time.sleep(0.2)
    stop.set()
    for one in clients:
        one.join()
    lost = [status for status in statuses if status != 200]
    kind = "kept connections" if is_kept else "a connection each"
    expect(not lost, f"{count} reloads under load, {kind}: {len(statuses)} requests, lost {lost[:3]}")


def settled(pid, files):
    """Memory and descriptors when idle connections to peers are closed: as many as there were, or what is left."""
    end = time.time() + 10
    while state(pid)[1] > files and time.time() < end:
        time.sleep(0.1)
    return state(pid)


def slow_clients(pid, ports, before):
    settled(pid, before)
    clients = []
    for text in [b"", b"GET / HT", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"]:
        clients += [socket.create_connection(("127.0.0.1", ports["port"])) for _ in range(50)]
        for one in clients[-50:]:
            one.sendall(text)
    begun = time.time()
    while state(pid)[1] > before and time.time() - begun < 20:
        for one in clients[:100]:
            try:
                one.sendall(b"G")
            except OSError:
                pass
        time.sleep(1)
    took = time.time() - begun
    expect(took < 10, f"150 clients that send nothing or a byte a second are gone after {took:.0f} s")


def deaf_clients(pid, ports, before):
    """They ask for more than the kernel's buffers hold, and read nothing of it."""
    memory = state(pid)[0]
    clients, most = [], 0
    for _ in range(100):
        clients.append(socket.socket())
        clients[-1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        clients[-1].connect(("127.0.0.1", ports["port"]))
        clients[-1].sendall(b"GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    begun = time.time()
    while state(pid)[1] > before and time.time() - begun < 20:
        most = max(most, state(pid)[0])
        time.sleep(0.1)
    took = time.time() - begun
    expect(took < 10, f"100 clients that never read are gone after {took:.0f} s")
    each = max(0, most - memory) / len(clients)
    expect(each < 256, f"  {each:.0f} kB for each of them, of a response of 64 MiB")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=int, default=3)
    options = parser.parse_args()
    ports = {name: free_port() for name in ("good", "bad", "port")}
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        for name in ("logs", "www"):
            os.mkdir(f"{directory}/{name}")
        with open(f"{directory}/www/large", "wb") as f:
            f.truncate(64 << 20)
        for name, text in (("peer", PEER), ("ngxc", CONF)):
            with open(f"{directory}/{name}.conf", "w") as f:
                f.write(text.format(dir=directory, body="x" * 1024, **ports))
        peer = subprocess.Popen([NGINX, "-p", directory, "-c", f"{directory}/peer.conf"])
        command = [word.format(conf=f"{directory}/ngxc.conf", dir=directory) for word in NGXC.split()]
        ngxc = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        pid, log = ngxc.pid, f"{directory}/error.log"
        try:
            time.sleep(1)
            files = state(pid)[1]
            faults(pid, ports, log, options.seconds)
            reloads(pid, ports, options.seconds, False)
            reloads(pid, ports, options.seconds, True)
            slow_clients(pid, ports, files)
            deaf_clients(pid, ports, files)
            wrk(ports["port"], "/", 2)
            before, done, bad = settled(pid, files), 0, 0
            while done < options.requests:
                more, wrong, lost = wrk(ports["port"], "/", 5)
                done, bad = done + more, bad + wrong + lost
            after = settled(pid, files)
            expect(bad == 0, f"{done} requests, {bad} bad")
            # A leak is a block a request or more, and the smallest has 16 bytes. Pages that reloads and deaf clients left
            # to the allocator come into use in steps of 2 to 5 MB over a million or two of requests, and not beyond.
            grown = (after[0] - before[0]) * 1024 / done
            expect(grown < 8, f"  memory {before[0]} kB before, {after[0]} kB after: {grown:.1f} bytes a request")
            expect(after[1] <= files, f"  {files} file descriptors at the start, {after[1]} at the end")
            expect(ngxc.poll() is None, "it still runs")
        finally:
            for child in (ngxc, peer):
                child.terminate()
                child.wait()
    sys.exit(bool(failures))


main()
