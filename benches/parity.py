#!/usr/bin/env python3
"""Measures how exactly `ngxc nginx -t` says what a real `nginx -t` says, and lists every disagreement.

    benches/parity.py --ngxc target/dist/ngxc --nginx /usr/sbin/nginx [--mutants N] [--only NAME] [--record FILE]

Whole files: the configurations of ../shared, if they are there. Mutants: every directive of the catalog in a valid
configuration, then changed: dropped, repeated, moved to each context, one argument more or less, other values.
`--record` writes a sample of the mutants with nginx's verdicts for tests/it/parity.rs, which needs no nginx then.
ngxc is told the version of that nginx (NGXC_NGINX_VERSION). A summary comes first, then each disagreement.
Run it inside `unshare -n` as root: nginx binds the ports it is to listen on even when it only tests.
"""

import argparse
import collections
import concurrent.futures
import csv
import glob
import hashlib
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import tomllib

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SHARED = os.path.join(ROOT, "..", "shared")

# Reasons that lie outside the text.
ENVIRONMENT = re.compile(
    r"(bind|open|malloc|mkdir|chown|chmod|getpwnam|getgrnam|socket|pread|stat|dlopen|eventfd|setsockopt|io_setup)\(|host not found|"
    r"cannot load|BIO_new|PEM_|could not build optimal|"
    r"SSL_|X509|ssl_engine|ENGINE_"
)

# How a directive is put into each context.
WRAP = {
    "main": "events {{}}\n{}\n",
    "events": "events {{\n{}\n}}\n",
    "http": "events {{}}\nhttp {{\n{}\n}}\n",
    "server": "events {{}}\nhttp {{\nserver {{\n{}\n}}\n}}\n",
    "location": "events {{}}\nhttp {{\nserver {{\nlocation /l {{\n{}\n}}\n}}\n}}\n",
    "if-in-server": "events {{}}\nhttp {{\nserver {{\nif ($host) {{\n{}\n}}\n}}\n}}\n",
    "if-in-location": "events {{}}\nhttp {{\nserver {{\nlocation /l {{\nif ($host) {{\n{}\n}}\n}}\n}}\n}}\n",
    "limit_except": "events {{}}\nhttp {{\nserver {{\nlocation /l {{\nlimit_except GET {{\n{}\n}}\n}}\n}}\n}}\n",
    "upstream": "events {{}}\nhttp {{\nupstream u {{\nserver 127.0.0.1:1;\n{}\n}}\n}}\n",
    "stream": "events {{}}\nstream {{\n{}\n}}\n",
    "stream-server": "events {{}}\nstream {{\nserver {{\nlisten 127.0.0.1:9;\nproxy_pass 127.0.0.1:1;\n{}\n}}\n}}\n",
    "stream-upstream": "events {{}}\nstream {{\nupstream u {{\nserver 127.0.0.1:1;\n{}\n}}\n}}\n",
    "mail": "events {{}}\nmail {{\nserver_name x;\nauth_http 127.0.0.1/a;\n{}\n}}\n",
    "mail-server": "events {{}}\nmail {{\nserver_name x;\nauth_http 127.0.0.1/a;\nserver {{\nlisten 127.0.0.1:9;\nprotocol imap;\n{}\n}}\n}}\n",
}
ORDER = list(WRAP)

# Values that replace an argument; the first are tried on every directive.
VALUES = [
    "bogus", "''", "-1", "0", "1", "on", "off", "$host", "$nothing", "$", "'${host'", "1x", "10m", "5s", "99999999999999999999",
    "1k", "/abs/path", "a:b:c", "127.0.0.1", "127.0.0.1:80", "127.0.0.1:99999", "10.0.0.0/8", "10.0.0.1/33", "[::1]:80",
    "unix:/tmp/s", "unix:", "http://127.0.0.1", "http://127.0.0.1/u", "https://127.0.0.1", "~^(a", "~(?<n>a)", "=404", "@n",
    "zone=z:10m", "zone=z", "max=0", "max=5", "100%", "$1", "1.5", "3000000000", "65536", "2", "404", "none", "always", "*.a.*",
    "data:x", "syslog:server=127.0.0.1", "syslog:bogus", "shared:a:10m", "shared:a:1k", "default", "all", "TLSv1.3", "GET",
]


def directives():
    for path in sorted(glob.glob(os.path.join(ROOT, "grammar/directives/*.toml"))):
        with open(path, "rb") as file:
            data = tomllib.load(file)
        for entry in data["directive"]:
            tier = entry.get("tier", data.get("tier", "open-source"))
            if tier == "open-source" and entry.get("removed") is None:
                yield entry


def words(text):
    """The words of a sample, quotes kept."""
    return re.findall(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[^\s;{}\"']+", text)


def mutants(entry):
    sample = entry.get("sample")
    if not sample:
        return
    name = entry["name"]
    contexts = [c for c in ORDER if c in entry["contexts"]]
    home = contexts[-1] if contexts else None
    if home in ("limit_except", "if-in-server", "if-in-location") and len(contexts) > 1:
        plain = [c for c in contexts if c not in ("limit_except", "if-in-server", "if-in-location")]
        home = plain[-1] if plain else home
    if home is None:
        return
    put = lambda text, where=home: WRAP[where].format(text)
    yield "sample", put(sample)
    yield "repeat", put(sample + "\n" + sample)
    for context in ORDER:
        if context != home:
            yield "context", put(sample, context)
    head, brace, body = sample.partition("{")
    args = words(head)[1:]
    tail = " {" + body if brace else ";"
    build = lambda parts: put(name + "".join(" " + p for p in parts) + tail)
    yield "argument", build(args + ["extra"])
    yield "argument", build(args[:-1])
    yield "argument", build([])
    yield "argument", build(args + args)
    yield "terminator", put(head.rstrip().rstrip(";") + (";" if brace else " { }"))
    for i, arg in enumerate(args):
        pool = list(VALUES) + [w for w in entry.get("words", []) if not w.endswith(":")]
        key, eq, value = arg.partition("=")
        for other in pool:
            yield "value", build(args[:i] + [other] + args[i + 1 :])
            if eq and value:
                yield "value", build(args[:i] + [key + "=" + other] + args[i + 1 :])
        if ":" in arg:
            first, _, rest = arg.partition(":")
            for other in ("0", "1", "8k", "10m", "x", ""):
                yield "value", build(args[:i] + [first + ":" + other] + args[i + 1 :])
    if "words" in entry and home:
        for word in entry["words"]:
            for value in ("", "1", "10m", "x", "10s", "on"):
                yield "value", build(args + [word + value if word.endswith(("=", ":")) else word])
    if brace:
        for line in ("bogus;", "a b;", "a b c;", "default 1;", "default 1; default 2;", "include x y;", "a { }", "hostnames;",
                     "volatile;", "a 1; a 2;", "~( 1;", "* 1;", "10% a; 95% b;", "101% a;", "10.0.0.0/8 x;", "10.0.0.1-10.0.0.9 x;",
                     "ranges; 10.0.0.9-10.0.0.1 x;", "a $nothing;", "a $host;", "delete 10.0.0.0/8;", "proxy 127.0.0.1;", "proxy x;",
                     "text/html html; text/plain html;", "80 20;", "zz 1;"):
            yield "body", put(head + "{\n" + line + "\n}")


def whole_mutants(text, chance, limit):
    """One directive dropped, repeated, moved to the end of the file, or one word changed."""
    lines = text.split("\n")
    candidates = [i for i, l in enumerate(lines) if l.strip().endswith(";") and not l.strip().startswith("#")]
    for i in chance.sample(candidates, min(limit, len(candidates))):
        yield "drop", "\n".join(lines[:i] + lines[i + 1 :])
        yield "repeat", "\n".join(lines[: i + 1] + lines[i:])
        other = chance.randrange(len(lines))
        rest = lines[:i] + lines[i + 1 :]
        yield "move", "\n".join(rest[:other] + [lines[i]] + rest[other:])
        parts = lines[i].strip().rstrip(";").split()
        if len(parts) > 1:
            at = chance.randrange(1, len(parts))
            parts[at] = chance.choice(VALUES)
            yield "value", "\n".join(lines[:i] + [" ".join(parts) + ";"] + lines[i + 1 :])


class Runner:
    def __init__(self, command, prefix, **env):
        self.command, self.prefix = command, prefix
        self.env = dict(os.environ, **env)

    def __call__(self, path):
        run = subprocess.run(
            [*self.command, "-t", "-p", self.prefix, "-c", path], capture_output=True, timeout=600, env=self.env
        )
        text = run.stderr.decode("utf-8", "replace")
        if run.returncode == 0:
            # nginx can log an error and go on.
            return {"ok": True, "text": "", "line": None}
        for line in text.split("\n"):
            m = re.match(r"^(?:nginx: |.*? )?\[(emerg|crit|alert)\] (?:\d+#\d+: )?(.*)$", line)
            if m:
                place = re.match(r"^(.*) in (\S+):(\d+)$", m[2])
                if place:
                    return {"ok": False, "text": place[1], "line": int(place[3])}
                return {"ok": False, "text": m[2], "line": None}
        return {"ok": False, "text": "exit status %d: %s" % (run.returncode, text[-200:]), "line": None}


def numbers(version):
    return tuple(int(n) for n in version.split("."))


def version_of(nginx):
    text = subprocess.run([nginx, "-v"], capture_output=True).stderr.decode()
    return re.search(r"nginx/([\d.]+)", text)[1]


def message_class(text):
    return re.sub(r"\"[^\"]*\"|\d+", "*", text)


# Open-source directives, with the oldest release that has one of that name.
OPEN_SOURCE = {}
for _entry in directives():
    OPEN_SOURCE[_entry["name"]] = min(OPEN_SOURCE.get(_entry["name"], (9,)), numbers(_entry.get("since", "0")))

# The release that the recorded configurations and verdicts are of.
RECORDED = (1, 31, 5)


class Tally:
    def __init__(self, title, version=RECORDED):
        self.title, self.n, self.bad, self.version = title, collections.Counter(), [], version

    def add(self, name, ours, nginx, text, verbose_text=False):
        self.n["all"] += 1
        if self.title == "accepted" and self.version >= RECORDED:
            # nginx started with these; here their certificates are absent.
            nginx = {"ok": True, "text": "", "line": None}
            if not ours["ok"] and "No such file" in ours["text"]:
                self.n["environment"] += 1
                return
        if not nginx["ok"] and ENVIRONMENT.search(nginx["text"]):
            self.n["environment"] += 1
            # nginx got as far as asking the host: the text up to there is valid.
            if not ours["ok"] and nginx["line"] and ours["line"] and ours["line"] < nginx["line"]:
                self.bad.append(("false rejection", name, nginx, ours, text))
            return
        unknown = re.match(r'unknown directive "(.*)"$', nginx["text"])
        if re.search(r"requires ngx_|unsupported on this platform", nginx["text"]) or unknown and OPEN_SOURCE.get(unknown[1], (9,)) <= self.version:
            self.n["not in this build"] += 1
            return
        self.n["judged"] += 1
        if ours["ok"] != nginx["ok"]:
            self.n["false rejection" if nginx["ok"] else "missed"] += 1
            self.bad.append(("false rejection" if nginx["ok"] else "missed", name, nginx, ours, text))
            return
        self.n["verdict"] += 1
        if not nginx["ok"]:
            self.n["rejected"] += 1
            same_line = ours["line"] == nginx["line"]
            same_class = message_class(ours["text"]) == message_class(nginx["text"])
            self.n["line"] += same_line
            self.n["class"] += same_class
            self.n["text"] += ours["text"] == nginx["text"]
            if not same_line or not same_class:
                self.bad.append(("line" if same_class else "message", name, nginx, ours, text))
            elif ours["text"] != nginx["text"]:
                self.bad.append(("text", name, nginx, ours, text))

    def share(self, part, whole):
        return "%.2f %%" % (100 * self.n[part] / self.n[whole]) if self.n[whole] else "-"

    def row(self):
        n, share = self.n, self.share
        return [self.title, n["judged"], share("verdict", "judged"), n["missed"], n["false rejection"],
                share("line", "rejected"), share("class", "rejected")]

    def print(self, limit):
        n, share = self.n, self.share
        print(f"\n{self.title}: {n['all']} cases, {n['judged']} judged ({n['environment']} depend on the host, "
              f"{n['not in this build']} on the build)")
        print(f"  same verdict {share('verdict', 'judged')} ({n['missed']} missed, {n['false rejection']} false rejections); "
              f"of {n['rejected']} rejected by both: same line {share('line', 'rejected')}, "
              f"same message class {share('class', 'rejected')}, same text {share('text', 'rejected')}")
        groups = collections.defaultdict(list)
        for kind, name, nginx, ours, text in self.bad:
            groups[(kind, name.split("|")[0] if kind != "missed" else name.split("|")[0], message_class(nginx["text"]))].append(
                (name, nginx, ours, text))
        for (kind, name, cls), members in sorted(groups.items(), key=lambda g: (g[0][0], g[0][1], g[0][2]))[:limit]:
            _, nginx, ours, text = members[0]
            shown = text if len(text) < 400 else ""
            line = next((l for l in shown.split("\n") if name.split(":")[-1] in l), "")
            print(f"  - {kind:15} x{len(members)} {name}: nginx `{nginx['text'][:110]}`:{nginx['line']}, "
                  f"ngxc `{ours['text'][:110]}`:{ours['line']}   {line.strip()[:100]}")


def accepted(root):
    """Names and texts of the reference configurations, their files moved to a directory that exists."""
    for path in sorted(glob.glob(os.path.join(SHARED, "conformance/accepted/*/nginx.conf"))):
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            yield path.split("/")[-2], file.read().replace("/srv/test", root)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ngxc", required=True)
    parser.add_argument("--nginx", required=True)
    parser.add_argument("--mutants", type=int, default=100_000, help="at most; a sample that is the same each time")
    parser.add_argument("--only", help="directives whose name contains this")
    parser.add_argument("--what", default="accepted,corpus,mutants,whole-mutants")
    parser.add_argument("--limit", type=int, default=400, help="disagreements shown of each kind")
    parser.add_argument("--cache", help="directory where nginx's verdicts are kept")
    parser.add_argument("--record", help="write a sample of mutants with nginx's verdicts")
    args = parser.parse_args()
    what = args.what.split(",")
    work = tempfile.mkdtemp(prefix="parity")
    prefix = args.cache or work
    # Where the reference configurations keep their files.
    root = os.path.join(prefix, "test")
    for directory in ("logs", "html", "test"):
        os.makedirs(os.path.join(prefix, directory), exist_ok=True)
    version = version_of(args.nginx)
    ours = Runner([os.path.abspath(args.ngxc), "nginx"], prefix, NGXC_OFFLINE="1", NGXC_NGINX_VERSION=version)
    real = Runner([args.nginx, "-e", "stderr"], prefix)
    cache_path = os.path.join(args.cache, os.path.basename(args.nginx) + ".jsonl") if args.cache else None
    known = {}
    if cache_path and os.path.exists(cache_path):
        with open(cache_path) as file:
            known = dict(json.loads(line) for line in file)
    fresh = []

    def judge(case):
        title, name, text = case
        key = hashlib.sha1(text.encode("utf-8", "surrogateescape")).hexdigest()
        path = os.path.join(work, "%s-%d.conf" % (key, threading.get_ident()))
        with open(path, "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
        verdict = known.get(key)
        if verdict is None:
            verdict = real(path)
            verdict["text"] = verdict["text"].replace(path, "nginx.conf")
            fresh.append((key, verdict))
        mine = ours(path)
        mine["text"] = mine["text"].replace(path, "nginx.conf")
        os.unlink(path)
        return title, name, mine, verdict, text

    def cases():
        if "accepted" in what:
            for name, text in accepted(root):
                yield "accepted", name, text
        if "mutants" in what:
            found = []
            for entry in directives():
                if args.only and args.only not in entry["name"]:
                    continue
                found += [("mutants", "/".join([c for c in entry["contexts"]][-1:]) + ":" + entry["name"] + "|" + kind, text)
                          for kind, text in mutants(entry)]
            random.Random(1).shuffle(found)
            seen = set()
            for case in found:
                if case[2] not in seen and len(seen) < args.mutants:
                    seen.add(case[2])
                    yield case
        if "whole-mutants" in what:
            chance = random.Random(2)
            for name, text in accepted(root):
                for kind, mutant in whole_mutants(text, chance, 4):
                    yield "whole-mutants", name + "|" + kind, mutant

    tallies = {}
    recorded = []
    # A name that has no handler in this build of nginx can tell nothing.
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for title, name, mine, verdict, text in pool.map(judge, cases()):
            tallies.setdefault(title, Tally(title, numbers(version))).add(name, mine, verdict, text)
            if title == "mutants":
                recorded.append((name, verdict, text))
    # These verdicts are recorded, of one release.
    if "corpus" in what and numbers(version) >= RECORDED:
        tallies["corpus"] = corpus(ours, work)
    if cache_path:
        with open(cache_path, "a") as file:
            for item in fresh:
                file.write(json.dumps(item) + "\n")
    table = [["nginx " + version, "judged", "same verdict", "missed", "false rejections", "same line", "same class"]]
    table += [tally.row() for tally in tallies.values()]
    for row in table:
        print(f"{row[0]:14}" + "".join(f" {cell:>17}" for cell in row[1:]))
    for tally in tallies.values():
        tally.print(args.limit)
    if args.record:
        record(args.record, recorded)


def corpus(ours, work):
    """Configurations from public repositories; their verdicts are recorded in index.tsv."""
    tally = Tally("corpus")
    folder = os.path.join(SHARED, "corpus")
    if not os.path.exists(folder):
        return tally
    wraps = json.load(open(os.path.join(folder, "wraps.json")))
    wraps["main+events"] = {"prefix": "events{} ", "suffix": ""}
    for row in csv.DictReader(open(os.path.join(folder, "index.tsv")), delimiter="\t"):
        text = open(os.path.join(folder, "dev", row["id"] + ".conf"), encoding="utf-8", errors="surrogateescape").read()
        wrap = wraps[row["wrap"]]
        if "strip load_module" in row["stubs"]:
            # As it was done when nginx was asked.
            text = re.sub(r"(?m)^(\s*)load_module\b", r"\1#load_module", text)
        for stub in row["stubs"].split(" | "):
            kind, _, name = stub.partition(" ")
            if kind == "include":
                text = re.sub(r"include\s+[\"']?%s[\"']?\s*;" % re.escape(name), lambda m: "\n" * m[0].count("\n"), text)
        path = os.path.join(work, "corpus.conf")
        with open(path, "wb") as file:
            file.write((wrap["prefix"] + text + wrap["suffix"]).encode("utf-8", "surrogateescape"))
        mine = ours(path)
        error = row["final_error"]
        place = re.match(r"^(.*) in CONF:(\d+)$", error)
        verdict = {"ok": row["class"] == "ok", "text": place[1] if place else error, "line": int(place[2]) if place else None}
        if not mine["ok"] and ENVIRONMENT.search(mine["text"]):
            mine["env"] = True
            # A file that is not here was replaced when nginx was asked.
            tally.n["needs files"] += 1
            continue
        if re.search(r"\bhost \S+ \| .*host ", row["stubs"]) and "duplicate listen" in verdict["text"]:
            # All names were made the same address.
            continue
        tally.add(row["id"], mine, verdict, text)
    return tally


def record(path, recorded):
    # What depends on the host or on the modules that this nginx was built with is left out.
    builds = re.compile(r"requires ngx_|unsupported on this platform|invalid event type")
    usable = [
        (n, v, t) for n, v, t in recorded
        if v["ok"] or not ENVIRONMENT.search(v["text"]) and not builds.search(v["text"])
        and not any(v["text"] == 'unknown directive "%s"' % name for name in OPEN_SOURCE)
    ]
    with open(path, "w") as file:
        for name, verdict, text in usable:
            file.write(json.dumps({"name": name, "text": text, "nginx": verdict["text"], "line": verdict["line"]}) + "\n")


if __name__ == "__main__":
    sys.exit(main())
