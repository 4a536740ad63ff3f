#!/usr/bin/env python3
"""Requests that are lost when a worker process is killed ten times, and when the program is upgraded ten times, under load.

    NGINX_BIN=/path/to/nginx NGXC="target/dist/ngxc nginx" benches/processes.py

Both programs run as daemons with nginx's command line and two workers. Eight clients ask, one connection a request; lost is
what gets no whole answer. The time to recover is that from the kill to the first answer to a request that began after it. An
upgrade is SIGUSR2 to the master, and SIGQUIT to it when the new one has written its pid file. Exit status 1 if ngxc loses a
request in an upgrade, or is not there again after a kill.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

NGINX = os.environ.get("NGINX_BIN", "nginx")
NGXC = os.environ.get("NGXC", "target/dist/ngxc nginx")
TIMES, CLIENTS = 10, 8

CONF = """
user root; worker_processes 2; error_log {dir}/error.log notice; pid {dir}/pid;
events {{ worker_connections 1024; }}
http {{ access_log off; client_body_temp_path {dir}/a; proxy_temp_path {dir}/b; fastcgi_temp_path {dir}/c;
  uwsgi_temp_path {dir}/d; scgi_temp_path {dir}/e;
  server {{ listen 127.0.0.1:{port} backlog=1024; location / {{ return 200 "{body}"; }} }} }}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return [int(child) for child in f.read().split()]


def pid_in(path):
    try:
        with open(path) as f:
            return int(f.read())
    except (OSError, ValueError):
        return None


def until(holds, what):
    end = time.time() + 20
    while not holds():
        if time.time() > end:
            sys.exit(f"in vain: {what}")
        time.sleep(0.005)


def lives(pid):
    try:
        with open(f"/proc/{pid}/status") as f:
            return "State:\tZ" not in f.read()
    except OSError:
        return False


class Load:
    """Clients that ask as long as they are not told to stop; each answer's begin and end, and each loss."""

    def __init__(self, port):
        self.port, self.answers, self.lost, self.stops = port, [], [], False
        self.threads = [threading.Thread(target=self.ask) for _ in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def ask(self):
        while not self.stops:
            begun, got = time.time(), b""
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=20) as s:
                    s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                    while data := s.recv(65536):
                        got += data
            except OSError:
                pass
            (self.answers if got.endswith(b"x" * 100) else self.lost).append((begun, time.time()))

    def recovered(self, since):
        """Seconds from a moment to the first answer to a request that began later."""
        until(lambda: any(begun > since for begun, _ in self.answers[-CLIENTS * 4:]), "no answer after a kill")
        return min(end for begun, end in list(self.answers) if begun > since) - since

    def stop(self):
        self.stops = True
        for thread in self.threads:
            thread.join()


def kills(directory, load):
    times = []
    for _ in range(TIMES):
        # Older than a second: it is started again at once.
        time.sleep(1.2)
        worker = children(pid_in(f"{directory}/pid"))[0]
        since = time.time()
        os.kill(worker, signal.SIGKILL)
        times.append(load.recovered(since))
    return times


def upgrades(directory, _):
    times = []
    for _ in range(TIMES):
        old, since = pid_in(f"{directory}/pid"), time.time()
        os.kill(old, signal.SIGUSR2)
        until(lambda: pid_in(f"{directory}/pid") not in (None, old), "another program writes its pid file")
        until(lambda: children(pid_in(f"{directory}/pid")), "it has workers")
        time.sleep(0.2)
        os.kill(old, signal.SIGQUIT)
        until(lambda: not lives(old), "the old program ends")
        times.append(time.time() - since)
    return times


def main():
    failed = False
    for name, program in (("nginx", [NGINX]), ("ngxc", NGXC.split())):
        for what, disturb in (("worker killed", kills), ("program upgraded", upgrades)):
            with tempfile.TemporaryDirectory() as directory:
                port = free_port()
                with open(f"{directory}/conf", "w") as f:
                    f.write(CONF.format(dir=directory, port=port, body="x" * 100))
                program[0] = os.path.abspath(program[0]) if "/" in program[0] else program[0]
                subprocess.run([*program, "-p", directory, "-e", "error.log", "-c", f"{directory}/conf"], check=True)
                load = Load(port)
                try:
                    time.sleep(0.5)
                    times = disturb(directory, load)
                    time.sleep(0.5)
                finally:
                    load.stop()
                    os.kill(pid_in(f"{directory}/pid"), signal.SIGTERM)
                    time.sleep(0.5)
                milliseconds = sorted(1000 * t for t in times)
                print(f"{name}: {what} {TIMES} times: {len(load.lost)} of {len(load.answers) + len(load.lost)} requests lost, "
                      f"{milliseconds[TIMES // 2]:.0f} ms (at most {milliseconds[-1]:.0f}) "
                      f"{'until the next answer' if disturb is kills else 'each'}")
                failed |= name == "ngxc" and disturb is upgrades and bool(load.lost)
    sys.exit(failed)


if __name__ == "__main__":
    main()
