#!/usr/bin/env python3
"""CPU time per request of `ngxc run` beside nginx's, for all cases of docs/run.md, as the table that is there.

    benches/speed.py [--nginx NGINX] [--ngxc NGXC] [--rounds N] [--seconds N] [CASE ...]

Needs wrk, h2load and openssl. Same configuration, one worker each. In every round nginx and ngxc are asked one after the
other, and the figure is the median of the rounds' ratios of the CPU time of the whole process (/proc/PID/schedstat of
every thread, children included) per answered request. `--ngxc` can be given more than once. Exit status 1 if the ratio
of the last one misses a target.
"""

import argparse
import glob
import statistics
import sys
import tempfile

import servers


def cpu(pid):
    """Nanoseconds that a process and its children have run."""
    total = 0
    for one in servers.family(pid):
        for path in glob.glob(f"/proc/{one}/task/*/schedstat"):
            with open(path) as f:
                total += int(f.read().split()[0])
    return total


def cost(server, case, options):
    """Microseconds per request."""
    before = cpu(server.pid)
    done = servers.ask_for(server, case, options.seconds, options.connections)
    return (cpu(server.pid) - before) / done / 1000


def measure(all_servers, case, options):
    """The line of the table, and whether the target was missed."""
    figures = {server.name: [] for server in all_servers}
    for i in range(options.rounds + 1):
        for server in all_servers[:: 1 if i % 2 else -1]:
            figures[server.name].append(cost(server, case, options))
    # The first round warms up.
    figures = {name: rounds[1:] for name, rounds in figures.items()}
    base = figures.pop("nginx")
    line = f"| {case.what} | {statistics.median(base):.1f} |"
    for rounds in figures.values():
        ratios = [one / other for one, other in zip(rounds, base)]
        ratio = statistics.median(ratios)
        line += f" {ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f}) |"
    return line + f" {case.target:.2f} |", ratio > case.target


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nginx", default="nginx")
    parser.add_argument("--ngxc", action="append")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=1)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("cases", nargs="*", help=", ".join(case.name for case in servers.CASES))
    options = parser.parse_args()
    if unknown := set(options.cases) - {case.name for case in servers.CASES}:
        parser.error(f"unknown case: {', '.join(unknown)}")
    programs = options.ngxc or ["target/dist/ngxc"]
    children, missed = [], []
    with tempfile.TemporaryDirectory() as directory:
        servers.prepare(directory)
        try:
            backend = servers.start_backend(options.nginx, directory, children)
            command = f"{options.nginx} -p {{dir}} -c {{conf}}"
            started = [servers.start("nginx", command, directory, backend, children)]
            for i, program in enumerate(programs):
                command = f"{program} run --prefix {{dir}} --work-dir {{dir}} {{conf}}"
                started.append(servers.start(f"ngxc{i}", command, directory, backend, children))
            print(f"| CPU per request | nginx, µs | {' | '.join(programs)} | at most |")
            print("|---" * (len(programs) + 3) + "|", flush=True)
            for case in servers.CASES:
                if not options.cases or case.name in options.cases:
                    line, is_missed = measure(started, case, options)
                    print(line, flush=True)
                    missed += [case.name] * is_missed
        finally:
            servers.stop(children)
    if missed:
        print(f"missed: {', '.join(missed)}")
    sys.exit(bool(missed))


main()
