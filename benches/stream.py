#!/usr/bin/env python3
"""`stream` of `ngxc run` beside nginx: CPU time for TCP connections of 1 KiB, for a stream of 1 GiB, and for UDP.

    NGINX_BIN=/path/to/nginx NGXC="target/dist/ngxc run" benches/stream.py [--rounds N] [CASE ...]

nginx has to know `stream`. Same configuration for both, one worker; the rounds measure each server in turns, and the
figure is the median of the rounds' ratios of user + system time of the whole process (/proc/PID/stat, children of
nginx's master included) for the same work. Backends and clients are threads of this program, whose time is not counted.
`NGXC` is a command that takes a configuration file; `{conf}` and `{dir}` in it are replaced. Exit status 1 if a ratio is
above 1.
"""

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from servers import TICK, cpu, free_port

NGINX = os.environ.get("NGINX_BIN", "nginx")
NGXC = os.environ.get("NGXC", "target/dist/ngxc run --prefix {dir} --work-dir {dir} {conf}")
CONNECTIONS, DATAGRAMS, GIB = 20_000, 20_000, 1 << 30
CONF = """
worker_processes 1; error_log stderr crit; pid {dir}/{name}.pid; daemon off; {user}
events {{ worker_connections 4096; }}
stream {{
  server {{ listen 127.0.0.1:{tcp}; proxy_pass 127.0.0.1:{small}; }}
  server {{ listen 127.0.0.1:{bulk}; proxy_pass 127.0.0.1:{large}; }}
  server {{ listen 127.0.0.1:{udp} udp; proxy_pass 127.0.0.1:{dns}; proxy_responses 1; proxy_timeout 1s; }}
}}
"""


def tcp_backend(answer):
    server = socket.create_server(("127.0.0.1", 0), backlog=4096)

    def serve():
        while True:
            client, _ = server.accept()
            with client:
                try:
                    answer(client)
                except OSError:
                    pass

    threading.Thread(target=serve, daemon=True).start()
    return server.getsockname()[1]


def small(client):
    client.recv(64)
    client.sendall(b"x" * 1024)


def large(client):
    piece, left = b"x" * (1 << 20), GIB
    while left:
        client.sendall(piece)
        left -= len(piece)


def udp_backend():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))

    def serve():
        while True:
            data, peer = server.recvfrom(2048)
            server.sendto(data + b"y" * 100, peer)

    threading.Thread(target=serve, daemon=True).start()
    return server.getsockname()[1]


def connections(ports):
    for _ in range(CONNECTIONS):
        with socket.create_connection(("127.0.0.1", ports["tcp"])) as s:
            s.sendall(b"get")
            got = 0
            while piece := s.recv(4096):
                got += len(piece)
            if got != 1024:
                sys.exit(f"{got} bytes came instead of 1024")


def bulk(ports):
    room, got = bytearray(1 << 20), 0
    with socket.create_connection(("127.0.0.1", ports["bulk"])) as s:
        while n := s.recv_into(room):
            got += n
    if got != GIB:
        sys.exit(f"{got} bytes came instead of {GIB}")


def datagrams(ports):
    for _ in range(DATAGRAMS):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(5)
            s.connect(("127.0.0.1", ports["udp"]))
            s.send(b"q" * 40)
            if len(s.recv(2048)) != 140:
                sys.exit("a wrong datagram came")


CASES = {
    "tcp": (connections, f"{CONNECTIONS} TCP connections of 1 KiB"),
    "bulk": (bulk, "a stream of 1 GiB"),
    "udp": (datagrams, f"{DATAGRAMS} UDP sessions of one datagram each way"),
}


def start(name, command, directory, backends):
    ports = {"tcp": free_port(), "bulk": free_port(), "udp": free_port(socket.SOCK_DGRAM)}
    user = "user root;" if os.geteuid() == 0 else ""
    conf = os.path.join(directory, f"{name}.conf")
    with open(conf, "w", encoding="ascii") as f:
        f.write(CONF.format(dir=directory, name=name, user=user, **ports, **backends))
    words = command.format(dir=directory, conf=conf).split()
    process = subprocess.Popen(words)
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", ports["tcp"])).close()
            return process, ports
        except OSError:
            time.sleep(0.05)
    sys.exit(f"{name} does not answer")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("cases", nargs="*", choices=[[], *CASES], default=[])
    args = parser.parse_args()
    backends = {"small": tcp_backend(small), "large": tcp_backend(large), "dns": udp_backend()}
    failed = False
    with tempfile.TemporaryDirectory() as directory:
        os.mkdir(os.path.join(directory, "logs"))
        servers = {
            "nginx": start("nginx", NGINX + " -p {dir} -e {dir}/nginx.log -c {conf}", directory, backends),
            "ngxc": start("ngxc", NGXC, directory, backends),
        }
        try:
            for case in args.cases or CASES:
                work, title = CASES[case]
                ratios, spent = [], {}
                for _ in range(args.rounds):
                    for name, (process, ports) in servers.items():
                        before = cpu(process.pid)
                        work(ports)
                        spent[name] = cpu(process.pid) - before
                    ratios.append(spent["ngxc"] / max(spent["nginx"], 1 / TICK))
                ratio = statistics.median(ratios)
                failed |= ratio > 1
                rounds = " ".join(f"{one:.2f}" for one in ratios)
                print(f"{case:5} {title}: {ratio:.2f} of nginx's CPU time (rounds {rounds}); last: "
                      f"nginx {spent['nginx']:.2f} s, ngxc {spent['ngxc']:.2f} s", flush=True)
        finally:
            for process, _ in servers.values():
                process.terminate()
                process.wait()
    sys.exit(failed)


if __name__ == "__main__":
    main()
