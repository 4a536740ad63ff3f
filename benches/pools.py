#!/usr/bin/env python3
"""Counts the connections that a real nginx opens to a backend, for pools of different size, and writes the table that
tests/it/pools.rs holds the model of `ngxc ports` against.

    benches/pools.py --nginx /usr/sbin/nginx --out tests/fixtures/pools.tsv [--quick]

Makes a network namespace of its own (unshare -n) with only a loopback in it. The programs of closed loads are scheduled in
real time: who waits for a processor answers many at once, and nginx then closes more connections. Bursts are not, because
the worker that runs would accept them all. The backend answers after a fixed time
and counts what it accepts; the clients hold their connections to nginx. Three kinds of load:
    closed    N clients, each sends again as soon as it has its answer (wrk, which has to be installed); what happens in
              the second second and after it is counted, because all of the first requests come at one moment
    burst     every 100 ms N requests at one moment, whatever is still under way (open loop)
    poisson   requests at random moments, so many a second that N are under way in the mean (open loop)
Each line is the median of five runs with a fresh nginx, of more where those differed much (--again). `share` is the
busiest worker's share of the requests in the median run.
"""

import argparse
import collections
import multiprocessing
import os
import random
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time

RUNS = 5
# Seconds of the backend. Requests at random moments come as fast as this makes them, so they take longer.
LATENCY = {"closed": 0.03, "burst": 0.03, "poisson": 0.1}
# Backend and clients share the processors with nginx: as many as this at once take longer, so that none is busy.
MANY, LATENCY_OF_MANY = 200, 0.1
BURST_EVERY = 0.1
# Seconds of a closed load that are not counted, and that are; where a pool holds all requests, or none is there.
TIMES, TIMES_OF_PLAIN = (2.0, 3.0), (0.2, 0.5)
POOLS = [0, 4, 16, 32, 64, 128, 256]
AT_ONCE = [1, 8, 40, 100, 200, 400]
WORKERS = [1, 2, 4]

CONF = """
user root root; daemon off; worker_processes {workers}; worker_rlimit_nofile 8192;
error_log {dir}/error.log; pid {dir}/pid;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 1000000; keepalive_timeout 600s;
    client_body_temp_path {dir}/1; proxy_temp_path {dir}/2; fastcgi_temp_path {dir}/3; uwsgi_temp_path {dir}/4;
    scgi_temp_path {dir}/5;
    upstream backend {{ server 127.0.0.1:{backend}; {pool} }}
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        location / {{
            proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://backend;
            add_header X-Worker $pid;
        }}
    }}
}}
"""
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def backend(listener, accepted, answered, latency):
    """Answers each request after a time; counts connections and answers."""
    poll, open_, due = select.epoll(), {}, collections.deque()
    poll.register(listener, select.EPOLLIN)
    listener.setblocking(False)
    while True:
        wait = max(0.0, due[0][0] - time.monotonic()) if due else -1
        for fd, _ in poll.poll(wait):
            if fd == listener.fileno():
                try:
                    while True:
                        peer, _ = listener.accept()
                        accepted.value += 1
                        open_[peer.fileno()] = peer
                        poll.register(peer, select.EPOLLIN)
                except BlockingIOError:
                    continue
            peer = open_[fd]
            try:
                got = peer.recv(65536)
            except OSError:
                got = b""
            if got:
                due.append((time.monotonic() + latency, peer))
            else:
                del open_[fd]
                poll.unregister(fd)
                peer.close()
        now = time.monotonic()
        while due and due[0][0] <= now:
            peer = due.popleft()[1]
            answered.value += 1
            try:
                peer.send(ANSWER)
            except OSError:
                pass


def schedule(kind):
    """In real time or not, for this program and all that it starts."""
    policy, priority = (os.SCHED_RR, 20) if kind == "closed" else (os.SCHED_OTHER, 0)
    os.sched_setscheduler(0, policy, os.sched_param(priority))


class Failed(Exception):
    """A run in which a request got no answer says nothing."""


class Clients:
    """Connections to nginx, and what came back on them."""

    def __init__(self, port):
        self.port, self.poll, self.sockets, self.got = port, select.epoll(), {}, {}
        self.workers, self.answers, self.failed = collections.Counter(), 0, 0

    def connect(self):
        s = socket.create_connection(("127.0.0.1", self.port))
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sockets[s.fileno()], self.got[s.fileno()] = s, b""
        self.poll.register(s, select.EPOLLIN)
        return s.fileno()

    def send(self, fd):
        self.sockets[fd].send(REQUEST)

    def answered(self, wait):
        """The connections that have a whole answer."""
        done = []
        for fd, _ in self.poll.poll(wait):
            text = self.got[fd] + self.sockets[fd].recv(65536)
            self.got[fd] = text
            head, found, body = text.partition(b"\r\n\r\n")
            length = head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0]
            if found and len(body) >= int(length or 0):
                self.answers += 1
                self.failed += not text.startswith(b"HTTP/1.1 200")
                self.workers[head.partition(b"X-Worker: ")[2].partition(b"\r\n")[0]] += 1
                self.got[fd] = b""
                done.append(fd)
        return done


def closed(port, at_once, times, counts, master):
    """Requests, connections and the busiest worker's share of the clients, once all of them are under way."""
    url = f"http://127.0.0.1:{port}/"
    wrk = subprocess.Popen(["wrk", "-t1", f"-c{at_once}", "-d30", url], stdout=subprocess.PIPE, text=True)
    warm, counted = times
    time.sleep(warm)
    accepted, answered = (count.value for count in counts)
    begun = time.monotonic()
    time.sleep(counted)
    opened, requests = counts[0].value - accepted, counts[1].value - answered
    took = time.monotonic() - begun
    share = busiest(port, master)
    wrk.send_signal(signal.SIGINT)
    output = wrk.communicate()[0]
    if "Non-2xx" in output or "Socket errors" in output:
        raise Failed(output)
    return requests, opened, share, took


def busiest(port, master):
    """The busiest worker's share of the connections of clients."""
    with open("/proc/net/tcp") as file:
        lines = [line.split() for line in file][1:]
    inodes = {line[9] for line in lines if line[3] == "01" and int(line[1].rpartition(":")[2], 16) == port}
    with open(f"/proc/{master}/task/{master}/children") as file:
        workers = file.read().split()
    counts = []
    for pid in workers:
        count = 0
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                link = os.readlink(f"/proc/{pid}/fd/{fd}")
            except FileNotFoundError:  # A connection to the backend that was closed meanwhile.
                continue
            count += link.startswith("socket:[") and link[8:-1] in inodes
        counts.append(count)
    return max(counts) / max(1, sum(counts))


def open_loop(clients, moments):
    """Sends at each moment, on a connection that is free or on a new one."""
    free, n, begun = [], 0, time.monotonic()
    while clients.answers < len(moments):
        now = time.monotonic() - begun
        while n < len(moments) and moments[n] <= now:
            fd = free.pop(random.randrange(len(free))) if free else clients.connect()
            clients.send(fd)
            n += 1
        wait = max(0.0, moments[n] - (time.monotonic() - begun)) if n < len(moments) else 10
        free.extend(clients.answered(wait))


def moments(kind, at_once):
    """When requests of an open loop come, in seconds."""
    if kind == "burst":
        return [n * BURST_EVERY for n in range(8) for _ in range(at_once)]
    found, now, end = [], 0.0, 2.0
    while now < end:
        found.append(now)
        now += random.expovariate(at_once / LATENCY[kind])
    return found


def latency(kind, at_once):
    return LATENCY_OF_MANY if kind == "closed" and at_once >= MANY else LATENCY[kind]


def run(nginx, kind, workers, size, at_once):
    """One run: requests, connections that were opened, the busiest worker's share, seconds."""
    schedule(kind)
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    counts = [multiprocessing.Value("i", 0, lock=False) for _ in range(2)]
    server = multiprocessing.Process(target=backend, args=(listener, *counts, latency(kind, at_once)), daemon=True)
    server.start()
    with tempfile.TemporaryDirectory() as directory:
        pool = f"keepalive {size};" if size else ("" if old(nginx) else "keepalive 0;")
        text = CONF.format(workers=workers, dir=directory, backend=listener.getsockname()[1], pool=pool, port=port)
        with open(f"{directory}/nginx.conf", "w") as file:
            file.write(text)
        proxy = subprocess.Popen([nginx, "-p", directory, "-c", f"{directory}/nginx.conf"], stderr=subprocess.DEVNULL)
        try:
            for _ in range(500):
                with socket.socket() as s:
                    if os.path.exists(f"{directory}/pid") and s.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.01)
            time.sleep(0.05)
            if kind == "closed":
                times = TIMES if 0 < size < at_once else TIMES_OF_PLAIN
                return closed(port, at_once, times, counts, proxy.pid)
            clients = Clients(port)
            times = moments(kind, at_once)
            begun = time.monotonic()
            open_loop(clients, times)
            took = time.monotonic() - begun
            if clients.failed:
                with open(f"{directory}/error.log") as log:
                    raise Failed(f"{clients.failed} requests failed: {log.readline().strip()}")
            return len(times), counts[0].value, max(clients.workers.values()) / clients.answers, took
        finally:
            proxy.kill() if proxy.poll() is not None else proxy.terminate()
            proxy.wait()
            server.kill()
            server.join()


def version(nginx):
    return subprocess.run([nginx, "-v"], capture_output=True, text=True).stderr.strip().rpartition("/")[2].split()[0]


def old(nginx):
    return tuple(map(int, version(nginx).split("."))) < (1, 29, 7)


def cells(quick):
    if quick:
        return [("closed", w, p, c) for w in (1, 4) for p in (0, 16, 128) for c in (40, 200)] + [
            ("burst", 2, 16, 100), ("poisson", 2, 16, 100)]
    grid = [("closed", w, p, c) for w in WORKERS for p in POOLS for c in AT_ONCE]
    loads = [(k, w, p, c) for k in ("burst", "poisson") for w in WORKERS for p in (16, 64) for c in (40, 100, 200)]
    return grid + [cell for cell in loads if cell[:2] != ("poisson", 2)]


HEAD = ["nginx", "load", "workers", "pool", "at_once", "latency_ms", "requests", "opened", "share", "seconds", "runs"]


def measured(nginx, cell, count, known=()):
    """The line of a cell, with runs that are known already."""
    runs = list(known)
    failures = 0
    while len(runs) < count:
        try:
            runs.append(run(nginx, *cell))
        except Failed as why:
            failures += 1
            print(f"{cell}: {why}", file=sys.stderr)
            if failures == 3:
                sys.exit("three runs of a cell failed")
    requests, opened, share, took = sorted(runs, key=lambda r: r[1])[(len(runs) - 1) // 2]
    line = [version(nginx), *cell, round(latency(cell[0], cell[3]) * 1000), requests, opened, f"{share:.3f}", f"{took:.2f}"]
    line += [" ".join(str(n) for n in sorted(r[1] for r in runs))]
    return list(map(str, line))


def is_unsteady(line):
    """Whether the middle half of the runs is wider than a quarter of the median, and than 20 connections."""
    runs = [int(n) for n in line[10].split()]
    quarter = len(runs) // 4
    return runs[-1 - quarter] - runs[quarter] > max(20, 0.25 * int(line[7]))


def again(nginx, line, count):
    """The line with more runs; of the known ones only the connections were kept, and the rest of the median one."""
    cell = (line[1], *map(int, line[2:5]))
    known = [(int(line[6]), int(n), float(line[8]), float(line[9])) for n in line[10].split()]
    return measured(nginx, cell, len(known) + count, known)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nginx", required=True)
    parser.add_argument("--out", required=True, help="cells that the file has already are not measured again")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--again", type=int, metavar="N", help="N more runs of each cell whose runs differ much")
    parser.add_argument("--quick", action="store_true", help="a few cells only")
    args = parser.parse_args()
    if os.environ.get("NGXC_POOLS_INSIDE") != "1":
        os.environ["NGXC_POOLS_INSIDE"] = "1"
        try:
            schedule("closed")
        except PermissionError:
            sys.exit("real time needs root")
        os.execvp("unshare", ["unshare", "-n", sys.executable, *sys.argv])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    lines = []
    if os.path.exists(args.out):
        with open(args.out) as file:
            lines = [line.rstrip("\n").split("\t") for line in file][1:]
    known = {tuple(line[1:5]) for line in lines}

    def save():
        with open(args.out, "w") as file:
            file.writelines("\t".join(line) + "\n" for line in [HEAD, *lines])

    for cell in cells(args.quick):
        if tuple(map(str, cell)) not in known:
            lines.append(measured(args.nginx, cell, args.runs))
            save()
    for n, line in enumerate(lines):
        if args.again and is_unsteady(line):
            lines[n] = again(args.nginx, line, args.again)
            save()


if __name__ == "__main__":
    main()
