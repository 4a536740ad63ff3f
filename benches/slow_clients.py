#!/usr/bin/env python3
"""Slow clients behind nginx and behind `ngxc run`: CPU time, memory, and how long the backend is held.

    benches/slow_clients.py [--ngxc target/dist/ngxc] [--nginx NGINX] [--clients 300] [--megabytes 10] [--rounds 3]

Each client asks for one response and reads nothing until the backend has sent all responses, or has waited for a client
for five seconds; then all clients read to the end. Printed are the CPU time of the server from the first request to the
last byte, by how much its resident memory grew at most (the kernel's memory of sockets and files is not in it), and the
time until the backend was free, each as the median of the rounds, and the ratio to nginx. Exit status 1 if a ratio is above
1.0 or a response is not whole.
"""

import argparse
import os
import re
import resource
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from servers import cpu, family, free_port

CONF = """
user root; worker_processes 1; error_log stderr crit; pid {dir}/{name}.pid; daemon off; worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{ access_log off; client_body_temp_path {dir}/{name}.body; proxy_temp_path {dir}/{name}.proxy;
  fastcgi_temp_path {dir}/{name}.fastcgi; uwsgi_temp_path {dir}/{name}.uwsgi; scgi_temp_path {dir}/{name}.scgi;
  server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ proxy_pass http://127.0.0.1:{backend}; }} }} }}
"""


class Backend:
    """Answers all requests from one thread; knows how many responses have left."""

    def __init__(self, size):
        self.piece = b"0123456789abcde\n" * 4096
        self.size, self.done, self.moved = size, 0, time.monotonic()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        events = selectors.DefaultSelector()
        events.register(self.listener, selectors.EVENT_READ, None)
        while True:
            for key, _ in events.select():
                if key.data is None:
                    connection, _ = self.listener.accept()
                    connection.setblocking(False)
                    events.register(connection, selectors.EVENT_READ, [0])
                elif key.events == selectors.EVENT_READ:
                    if key.fileobj.recv(65536):
                        head = f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {self.size}\r\n\r\n"
                        key.fileobj.send(head.encode())
                        events.modify(key.fileobj, selectors.EVENT_WRITE, key.data)
                    else:
                        events.unregister(key.fileobj)
                        key.fileobj.close()
                else:
                    self.send(events, key)

    def send(self, events, key):
        left = self.size - key.data[0]
        try:
            key.data[0] += key.fileobj.send(self.piece[: min(left, len(self.piece))])
            self.moved = time.monotonic()
        except BlockingIOError:
            return
        except OSError:
            key.data[0] = self.size
        if key.data[0] >= self.size:
            events.unregister(key.fileobj)
            key.fileobj.close()
            self.done += 1


def memory(pid):
    highest = 0
    for one in family(pid):
        with open(f"/proc/{one}/status") as f:
            highest = max(highest, int(re.search(r"VmHWM:\s+(\d+)", f.read()).group(1)))
    return highest / 1024


def run(name, command, clients, size, directory):
    backend = Backend(size)
    port = free_port()
    conf = f"{directory}/{name}.conf"
    with open(conf, "w") as f:
        f.write(CONF.format(dir=directory, name=name, port=port, backend=backend.port))
    child = subprocess.Popen(command.format(dir=directory, conf=conf).split(), stderr=subprocess.DEVNULL)
    held = []
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.1)
        idle = memory(child.pid)
        before, begun = cpu(child.pid), time.monotonic()
        for _ in range(clients):
            s = socket.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.connect(("127.0.0.1", port))
            s.sendall(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n")
            held.append(s)
        while backend.done < clients and time.monotonic() - backend.moved < 5:
            time.sleep(0.01)
        free = time.monotonic() - begun
        freed = backend.done
        got = read_all(held)
        whole = sum(n > size for n in got)
        return cpu(child.pid) - before, memory(child.pid) - idle, free, freed, whole
    finally:
        for s in held:
            s.close()
        child.send_signal(signal.SIGTERM)
        child.wait()


def read_all(sockets):
    """Reads all to the end; bytes of each."""
    events = selectors.DefaultSelector()
    got = [0] * len(sockets)
    for n, s in enumerate(sockets):
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        s.setblocking(False)
        events.register(s, selectors.EVENT_READ, n)
    room = bytearray(1 << 20)
    while events.get_map():
        ready = events.select(60)
        if not ready:
            break
        for key, _ in ready:
            try:
                n = key.fileobj.recv_into(room)
            except BlockingIOError:
                continue
            except OSError:
                n = 0
            got[key.data] += n
            if n == 0:
                events.unregister(key.fileobj)
    return got


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ngxc", default="target/dist/ngxc")
    parser.add_argument("--nginx", default="nginx")
    parser.add_argument("--clients", type=int, default=300)
    parser.add_argument("--megabytes", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    commands = {
        "nginx": f"{options.nginx} -p {{dir}} -c {{conf}}",
        "ngxc": f"{os.path.abspath(options.ngxc)} nginx -p {{dir}} -c {{conf}}",
    }
    results, is_good = {name: [] for name in commands}, True
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        for _ in range(options.rounds):
            for name, command in commands.items():
                *values, freed, whole = run(name, command, options.clients, options.megabytes << 20, directory)
                is_good &= freed == whole == options.clients
                results[name].append(values)
                print(f"{name:6} {freed} of {options.clients} sent, {whole} whole: {values}", flush=True)
    for at, what in enumerate(("CPU seconds", "MiB of memory for the clients", "seconds until the backend is free")):
        theirs, ours = (statistics.median(values[at] for values in results[name]) for name in commands)
        is_good &= ours <= theirs
        print(f"{what:34} nginx {theirs:8.2f}  ngxc {ours:8.2f}  ratio {ours / theirs:.2f}")
    sys.exit(0 if is_good else 1)


if __name__ == "__main__":
    main()
