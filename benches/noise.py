#!/usr/bin/env python3
"""How often each rule fires in configurations from the wild.

    benches/noise.py CORPUS [--profile recommended] [--repo OWNER/NAME] [--sample N] [--seed N] [--lines N] [--rule NAME]
                    [--bin PATH]

CORPUS has `index.tsv` (columns id, kind, wrap, class, repo, path …) and the files as `dev/ID.conf`. Only files that
nginx accepts, environment aside, are counted. Prints findings per rule and per file, and the average; with --sample also
that many findings to read, drawn by chance over all rules. Needs a built binary.
"""

import argparse
import collections
import csv
import itertools
import json
import random
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONTEXTS = {
    "main": "",
    "main+events": "",
    "http": "http",
    "server": "http,server",
    "location": "http,server,location",
    "upstream": "http,upstream",
    "stream": "stream",
    "stream-server": "stream,stream-server",
    "stream-upstream": "stream,stream-upstream",
}


def lint(binary, profile, context, files):
    """The findings of rules in some files of one context."""
    command = [str(binary), "lint", "--format", "json", "--profile", profile]
    if context:
        command += ["--context", context]
    output = subprocess.run(command + [str(f) for f in files], capture_output=True, check=False).stdout
    return [f for f in json.loads(output)["findings"] if f["class"] == "rule"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--profile", default="recommended")
    parser.add_argument("--repo")
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lines", type=int, default=0, help="lines to show around each finding of the sample")
    parser.add_argument("--rule", action="append")
    parser.add_argument("--bin", type=Path, default=ROOT / "target/dist/ngxc")
    arguments = parser.parse_args()
    groups = collections.defaultdict(list)
    with open(arguments.corpus / "index.tsv", newline="", encoding="utf-8") as index:
        for row in csv.DictReader(index, delimiter="\t"):
            wanted = arguments.repo is None or row["repo"] == arguments.repo
            accepted = row["class"] in ("ok", "environment", "missing-definition")
            if wanted and accepted and row["wrap"] in CONTEXTS:
                groups[CONTEXTS[row["wrap"]]].append(arguments.corpus / "dev" / (row["id"] + ".conf"))
    findings, count = [], 0
    for context, files in groups.items():
        count += len(files)
        for start in range(0, len(files), 50):
            findings += lint(arguments.bin, arguments.profile, context, files[start : start + 50])
    if not count:
        sys.exit("no file fits")
    by_rule = collections.defaultdict(list)
    for finding in findings:
        by_rule[finding["name"]].append(finding)
    for name, own in sorted(by_rule.items(), key=lambda item: -len(item[1])):
        levels = collections.Counter(f["level"] for f in own)
        where = len({f["file"] for f in own})
        print(f"{len(own):6} in {where:4} files  {name:36} {dict(levels)}")
    levels = collections.Counter(f["level"] for f in findings)
    print(f"{len(findings)} findings in {count} files: {len(findings) / count:.2f} a file", dict(levels))
    loud = sum(1 for f in findings if f["level"] != "info")
    print(f"without notes: {loud / count:.2f} a file")
    for finding in sample(by_rule, arguments):
        lines = Path(finding["file"]).read_bytes().splitlines()
        at = finding["line"] - 1
        print(f"\n{finding['file']}:{finding['line']}: {finding['level']}: {finding['name']}: {finding['message']}")
        for number in range(max(0, at - arguments.lines), min(len(lines), at + arguments.lines + 1)):
            print(" >" if number == at else "  ", lines[number].decode("utf-8", "replace").rstrip()[:160])


def sample(by_rule, arguments):
    """Findings to read: drawn by chance, one of each rule in turn, no rule twice in a file."""
    chance = random.Random(arguments.seed)
    drawn = {}
    for name, own in sorted(by_rule.items()):
        if not arguments.rule or name in arguments.rule:
            shuffled = sorted(own, key=lambda f: (f["file"], f["line"], f["message"]))
            chance.shuffle(shuffled)
            drawn[name] = list({finding["file"]: finding for finding in shuffled}.values())
    rounds = itertools.chain.from_iterable(itertools.zip_longest(*drawn.values()))
    chosen = list(itertools.islice((f for f in rounds if f), arguments.sample))
    return sorted(chosen, key=lambda f: (f["name"], f["file"]))


if __name__ == "__main__":
    main()
