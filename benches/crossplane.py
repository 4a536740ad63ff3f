#!/usr/bin/env python3
"""Compares `ngxc parse` with crossplane: how many payloads agree, and how much faster it is.

    crossplane.py NGXC FILE…        run it with a Python that has crossplane (pip install crossplane)

Files in which crossplane finds errors are counted apart: it then leaves directives out.
"""

import json
import subprocess
import sys
import time

# This file has the name of the package: do not import itself.
sys.path.pop(0)

try:
    import crossplane
except ImportError:
    sys.exit("SKIPPED: crossplane is not installed (pip install crossplane)")


def plain(statements):
    """Statements without what two parsers may see differently: the position of a comment between arguments."""
    return [
        (s["directive"], s["line"], s["args"], s.get("comment"), plain(s.get("block") or []), "block" in s)
        for s in statements
    ]


def main(ngxc, files):
    start = time.perf_counter()
    command = [ngxc, "parse", "--json", "--comments", "--single-file", *files]
    output = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout
    ours = time.perf_counter() - start
    payloads = [json.loads(line) for line in output.splitlines()]
    assert len(payloads) == len(files), "ngxc could not read a file"
    agree, differ, refused, theirs = 0, [], 0, 0.0
    for file, payload in zip(files, payloads):
        start = time.perf_counter()
        expected = crossplane.parse(file, comments=True, single=True, check_ctx=False, check_args=False)
        json.dumps(expected)
        theirs += time.perf_counter() - start
        if expected["status"] != "ok" or payload["status"] != "ok":
            refused += 1
        elif plain(expected["config"][0]["parsed"]) == plain(payload["config"][0]["parsed"]):
            agree += 1
        else:
            differ.append(file)
    print(f"{agree} of {agree + len(differ)} payloads agree; {refused} files with errors left out")
    for file in differ:
        print(f"  differs: {file}")
    print(f"crossplane {theirs:.2f} s, ngxc {ours:.3f} s: {theirs / ours:.1f} times as fast")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2:])
