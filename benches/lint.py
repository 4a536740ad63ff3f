#!/usr/bin/env python3
"""CPU time and memory of `ngxc lint` and `nginx -t` on one generated configuration, run in turn.

    benches/lint.py [--servers 2000] [--rounds 9] [--nginx PATH]

Builds ngxc in release mode, writes the configuration to a temporary directory, prints medians and their ratio.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def run(command, directory):
    """User and system seconds, and peak resident MiB."""
    with open(os.devnull, "wb") as null:
        process = subprocess.Popen(command, cwd=directory, stdout=null, stderr=null)
        _, status, usage = os.wait4(process.pid, 0)
    return os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--nginx", default=shutil.which("nginx"))
    arguments = parser.parse_args()
    cargo = ["cargo", "build", "--release", "--quiet", "--bin", "ngxc", "--example", "generate_config"]
    subprocess.run(cargo, cwd=ROOT, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
    with tempfile.TemporaryDirectory() as directory:
        # nginx opens logs and temporary directories below its prefix.
        for name in ("logs", "tmp"):
            os.mkdir(os.path.join(directory, name))
        configuration = os.path.join(directory, "big.conf")
        with open(configuration, "wb") as out:
            generator = target / "examples" / "generate_config"
            subprocess.run([generator, str(arguments.servers)], stdout=out, check=True)
        lines = sum(1 for _ in open(configuration, "rb"))
        print(f"{arguments.servers} servers, {lines} lines, {os.path.getsize(configuration) / 1e6:.1f} MB")
        commands = {
            "ngxc lint": ([target / "ngxc", "lint", "--format", "short", configuration], {0, 1}),
            "ngxc check": ([target / "ngxc", "check", configuration], {0}),
        }
        if arguments.nginx:
            commands["nginx -t"] = ([arguments.nginx, "-t", "-p", directory, "-c", configuration], {0})
        else:
            print("nginx not found: measured alone", file=sys.stderr)
        samples = {name: [] for name in commands}
        for _ in range(arguments.rounds):
            for name, (command, expected) in commands.items():
                status, cpu, memory = run(command, directory)
                if status not in expected:
                    sys.exit(f"{name} ended with status {status}")
                samples[name].append((cpu, memory))
    medians = {n: (statistics.median(c for c, _ in s), max(m for _, m in s)) for n, s in samples.items()}
    base = medians.get("nginx -t")
    print(f"{'':12} {'CPU s':>8} {'peak MiB':>9} {'CPU ratio to nginx -t':>22}")
    for name, (cpu, memory) in medians.items():
        ratio = f"{cpu / base[0]:.2f}" if base else "-"
        print(f"{name:12} {cpu:8.3f} {memory:9.0f} {ratio:>22}")


main()
