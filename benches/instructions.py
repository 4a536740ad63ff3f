#!/usr/bin/env python3
"""Instructions outside the kernel per request of `ngxc run`, for the cases of speed.py, beside what is stored.

    benches/instructions.py [--ngxc target/dist/ngxc] [--nginx NGINX] [--nginx-too] [--store] [CASE ...]

Needs valgrind, h2load and openssl. One process (`master_process off`) is asked over one connection, in HTTP/2 with ten
streams; the count is that of callgrind, so the load of the machine is not in it. benches/instructions.tsv has the counts of
the build `dist`: exit status 1 if one has risen by more than 3 %. `--store` writes what was counted there; the reason
of a rise belongs into the commit that stores it. `--nginx-too` counts nginx as well.
"""

import argparse
import glob
import os
import re
import sys
import tempfile

import servers

STORED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "instructions.tsv")
# Highest rise that needs no reason.
MOST = 1.03
VALGRIND = "valgrind --tool=callgrind --separate-threads=yes --callgrind-out-file={dir}/counts --log-file=/dev/null "


def run(name, command, case, times, directory, backend):
    """Instructions of a process that answers so many requests."""
    children = []
    try:
        server = servers.start(name, VALGRIND + command, directory, backend, children, "master_process off;")
        servers.ask_times(server, case, times)
    finally:
        servers.stop(children)
    counts = []
    # One file a thread. The first thread of ngxc only starts: its keys cost a different number each time.
    for path in sorted(glob.glob(f"{directory}/counts*")):
        with open(path) as f:
            counts += [int(number) for number in re.findall(r"^(?:totals|summary): (\d+)", f.read(), re.M)[:1]]
        os.remove(path)
    return sum(counts[1:] or counts)


def count(name, command, case, directory, backend):
    """Instructions per request: what the process needs beyond its start and its first requests."""
    few, more = (2, 6) if case.path.endswith("10m") else (100, 600)
    few_took, more_took = (run(name, command, case, times, directory, backend) for times in (few, more))
    return (more_took - few_took) // (more - few)


def stored():
    try:
        with open(STORED) as f:
            return {name: int(number) for name, number in (line.split("\t") for line in f)}
    except FileNotFoundError:
        return {}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nginx", default="nginx")
    parser.add_argument("--ngxc", default="target/dist/ngxc")
    parser.add_argument("--nginx-too", action="store_true")
    parser.add_argument("--store", action="store_true")
    parser.add_argument("cases", nargs="*", help=", ".join(case.name for case in servers.CASES))
    options = parser.parse_args()
    if unknown := set(options.cases) - {case.name for case in servers.CASES}:
        parser.error(f"unknown case: {', '.join(unknown)}")
    cases = [case for case in servers.CASES if not options.cases or case.name in options.cases]
    children, kept, risen = [], stored(), []
    with tempfile.TemporaryDirectory() as directory:
        servers.prepare(directory)
        try:
            backend = servers.start_backend(options.nginx, directory, children)
            commands = {"ngxc": f"{options.ngxc} run --prefix {{dir}} --work-dir {{dir}} {{conf}}"}
            if options.nginx_too:
                commands["nginx"] = f"{options.nginx} -p {{dir}} -c {{conf}}"
            print(f"| instructions per request | {' | '.join(commands)} | stored |")
            print("|---" * (len(commands) + 2) + "|", flush=True)
            for case in cases:
                counts = [count(name, line, case, directory, backend) for name, line in commands.items()]
                was = kept.get(case.name)
                if was and counts[0] > was * MOST:
                    risen.append(case.name)
                numbers = " | ".join(f"{number:,}" for number in counts)
                change = f"{was:,} ({counts[0] / was - 1:+.1%})" if was else "none"
                print(f"| {case.what} | {numbers} | {change} |", flush=True)
                kept[case.name] = counts[0] if options.store else was
        finally:
            servers.stop(children)
    if options.store:
        with open(STORED, "w") as f:
            f.writelines(f"{case.name}\t{kept[case.name]}\n" for case in servers.CASES if kept.get(case.name))
    elif risen:
        print(f"more than {MOST - 1:.0%} above what is stored: {', '.join(risen)}")
    sys.exit(bool(risen) and not options.store)


main()
