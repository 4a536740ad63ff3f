#!/usr/bin/env python3
"""CPU time and memory of `ngxc check`, `ngxc lint` and `nginx -t` on a generated configuration, run in turn: in one
file, and with each server in a file of its own.

    benches/lint.py [--servers 2000] [--rounds 9] [--nginx PATH] [--target DIR]

Builds ngxc with the `dist` profile, unless `--target` names a directory where it is; writes the configurations to a temporary
directory; prints medians and their ratio.
"""

import argparse
import os
import re
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
    parser.add_argument("--target", help="the target directory of a build")
    arguments = parser.parse_args()
    target = Path(arguments.target or os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "dist"
    if not arguments.target:
        cargo = ["cargo", "build", "--profile", "dist", "--quiet", "--bin", "ngxc", "--example", "generate_config"]
        subprocess.run(cargo, cwd=ROOT, check=True)
    if not arguments.nginx:
        print("nginx not found: measured alone", file=sys.stderr)
    with tempfile.TemporaryDirectory() as directory:
        # nginx opens logs and temporary directories below its prefix.
        for name in ("logs", "tmp", "servers"):
            os.mkdir(os.path.join(directory, name))
        generator = target / "examples" / "generate_config"
        text = subprocess.run([generator, str(arguments.servers)], capture_output=True, check=True).stdout.decode()
        one = os.path.join(directory, "big.conf")
        Path(one).write_text(text)
        print(f"{arguments.servers} servers, {text.count(chr(10))} lines, {len(text) / 1e6:.1f} MB")
        measure("one file", one, directory, target, arguments)
        measure(f"{split(text, directory)} files", os.path.join(directory, "split.conf"), directory, target, arguments)


def split(text, directory):
    """Writes each server into a file that is included in its place; the number of files."""
    parts = re.split(r"(?ms)^    server \{\n.*?^    \}\n", text)
    servers = re.findall(r"(?ms)^    server \{\n.*?^    \}\n", text)
    for number, server in enumerate(servers):
        Path(directory, "servers", f"{number:05}.conf").write_text(server)
    main = parts[0] + "    include servers/*.conf;\n" + "".join(parts[1:])
    Path(directory, "split.conf").write_text(main)
    return len(servers) + 1


def measure(title, configuration, directory, target, arguments):
    commands = {
        "ngxc check": ([target / "ngxc", "check", configuration], {0}),
        "ngxc lint": ([target / "ngxc", "lint", "--format", "short", configuration], {0, 1}),
    }
    if arguments.nginx:
        commands["nginx -t"] = ([arguments.nginx, "-t", "-p", directory, "-c", configuration], {0})
    samples = {name: [] for name in commands}
    for _ in range(arguments.rounds):
        for name, (command, expected) in commands.items():
            status, cpu, memory = run(command, directory)
            if status not in expected:
                sys.exit(f"{name} ended with status {status}")
            samples[name].append((cpu, memory))
    medians = {n: (statistics.median(c for c, _ in s), max(m for _, m in s)) for n, s in samples.items()}
    base = medians.get("nginx -t")
    print(f"{title:12} {'CPU s':>8} {'peak MiB':>9} {'CPU ratio to nginx -t':>22}")
    for name, (cpu, memory) in medians.items():
        ratio = f"{cpu / base[0]:.2f}" if base else "-"
        print(f"{name:12} {cpu:8.3f} {memory:9.0f} {ratio:>22}")


main()
