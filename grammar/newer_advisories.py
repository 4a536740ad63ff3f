#!/usr/bin/env python3
"""What nginx's page of security advisories has and advisories.toml lacks.

    newer_advisories.py PAGE.html [advisories.toml]

PAGE.html is https://nginx.org/en/security_advisories.html, saved as a file; this script fetches nothing. It prints each
advisory that the table lacks, and each whose versions the table has otherwise. Exit status: 0 nothing is new; 1 something
is; 2 the page cannot be read.
"""

import html
import pathlib
import re
import sys
import tomllib

NAME = re.compile(r"\b(CVE-\d{4}-\d{4,}|CORE-\d{4}-\d{4}|VU#\d+)\b")
VERSION = re.compile(r"\d+\.\d+\.\d+(?:-\d+\.\d+\.\d+)?")


def items(page):
    """The text of each advisory: an element of the list, one line a <br>."""
    for item in re.split(r"<li\b[^>]*>", page)[1:]:
        item = re.split(r"</li>|</ul>", item)[0]
        item = re.sub(r"\s+", " ", item)
        item = re.sub(r"<br\s*/?>|</?p\b[^>]*>", "\n", item)
        # An address can have the name too.
        text = html.unescape(re.sub(r"<[^>]+>", "", item))
        yield [line.strip() for line in text.split("\n") if line.strip()]


def read(page):
    """Name to title, vulnerable ranges and repaired releases."""
    found = {}
    for lines in items(page):
        names = [name for line in lines for name in NAME.findall(line)]
        if not names:
            continue
        field = lambda label: next((line for line in lines if line.lower().startswith(label)), "")
        found[names[0]] = {
            "title": lines[0],
            "vulnerable": set(VERSION.findall(field("vulnerable:"))),
            "good": set(VERSION.findall(field("not vulnerable:"))),
        }
    return found


def main(arguments):
    if len(arguments) not in (1, 2):
        sys.exit(__doc__)
    table = pathlib.Path(arguments[1] if len(arguments) == 2 else pathlib.Path(__file__).with_name("advisories.toml"))
    try:
        page = read(pathlib.Path(arguments[0]).read_text(encoding="utf-8", errors="replace"))
    except OSError as error:
        print(f"{arguments[0]}: {error.strerror}", file=sys.stderr)
        return 2
    if not page:
        print(f"{arguments[0]}: no advisory was found; expected nginx's page of security advisories", file=sys.stderr)
        return 2
    known = {entry["name"]: entry for entry in tomllib.loads(table.read_text(encoding="utf-8"))["advisory"]}
    new = 0
    for name, found in page.items():
        entry = known.get(name)
        if entry is None:
            new += 1
            print(f"{name}: missing: {found['title']}")
            print(f"    vulnerable = {sorted(found['vulnerable'])}")
            print(f"    good = {sorted(found['good'])}")
            continue
        # A release that a change log names and the page leaves out is no difference.
        for field in ("vulnerable", "good"):
            lacking = sorted(found[field] - set(entry.get(field, [])))
            if lacking:
                new += 1
                print(f"{name}: `{field}` lacks {', '.join(lacking)}")
    print(f"{len(page)} advisories on the page, {len(known)} in the table, {new} differences", file=sys.stderr)
    return 1 if new else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
