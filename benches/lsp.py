#!/usr/bin/env python3
"""lsp.py NGXC [SERVERS]: latency of the language server on an estate, medians of 15.

Writes an estate of SERVERS files (default: 2,000) beside one main file into a temporary directory, opens one of the files,
types into it, and prints the time from a keystroke to the findings of the whole estate, from a request to its answer, and
the memory of the server."""
import json, os, statistics, subprocess, sys, tempfile, time

program = os.path.abspath(sys.argv[1])
servers = int(sys.argv[2]) if len(sys.argv) > 2 else 2000
ROUNDS = 15

def site(n):
    return f"""upstream app{n} {{ server 10.{n // 250}.{n % 250}.1; keepalive 16; }}
server {{
    listen 80;
    server_name s{n}.example;
    location / {{
        proxy_pass http://app{n};
        proxy_http_version 1.1;
        proxy_set_header Connection "";
    }}
    location ~ \\.php$ {{ return 404; }}
}}
"""

class Client:
    def __init__(self, directory):
        self.process = subprocess.Popen([program, "lsp"], cwd=directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL)
        self.last = 0
    def send(self, **message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()
    def read(self):
        length = 0
        while (line := self.process.stdout.readline().strip()):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        return json.loads(self.process.stdout.read(length))
    def tell(self, method, params):
        self.send(method=method, params=params)
    def ask(self, method, params):
        self.last += 1
        self.send(id=self.last, method=method, params=params)
        while (message := self.read()).get("id") != self.last:
            pass
        return message.get("result")

def median(call):
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        call()
        times.append((time.perf_counter() - begun) * 1000)
    return statistics.median(times)

with tempfile.TemporaryDirectory() as directory:
    os.mkdir(f"{directory}/sites")
    with open(f"{directory}/nginx.conf", "w") as main:
        main.write("events {}\nhttp {\n    server_names_hash_max_size 8192;\n    include sites/*.conf;\n}\n")
    for n in range(servers):
        with open(f"{directory}/sites/{n}.conf", "w") as file:
            file.write(site(n))
    client = Client(directory)
    client.ask("initialize", {"capabilities": {}})
    client.tell("initialized", {})
    uri = f"file://{directory}/sites/7.conf"
    whole = {"textDocument": {"uri": uri}}
    begun = time.perf_counter()
    client.tell("textDocument/didOpen", {"textDocument": {"uri": uri, "languageId": "nginx", "version": 1, "text": site(7)}})
    client.ask("textDocument/foldingRange", whole)
    print(f"open a file, {servers} servers: {(time.perf_counter() - begun) * 1000:8.1f} ms")
    version = [1]
    def typed(text, range_):
        version[0] += 1
        client.tell("textDocument/didChange", {"textDocument": {"uri": uri, "version": version[0]},
            "contentChanges": [{"range": range_, "text": text}]})
    at = {"start": {"line": 2, "character": 4}, "end": {"line": 2, "character": 4}}
    one = {"start": {"line": 2, "character": 4}, "end": {"line": 2, "character": 5}}
    def keystroke():
        typed("x", at)
        while client.read().get("method") != "textDocument/publishDiagnostics":
            pass
        typed("", one)
        while client.read().get("method") != "textDocument/publishDiagnostics":
            pass
    print(f"keystroke to findings:      {median(keystroke) / 2:8.1f} ms")
    place = {**whole, "position": {"line": 5, "character": 10}}
    for name, params in [("hover", place), ("completion", {**place, "context": {"triggerKind": 1}}),
                         ("definition", {**whole, "position": {"line": 5, "character": 28}}),
                         ("codeLens", whole), ("documentSymbol", whole), ("semanticTokens/full", whole)]:
        client.ask(f"textDocument/{name}", params)
        print(f"{name + ':':<27} {median(lambda: client.ask(f'textDocument/{name}', params)):8.1f} ms")
    with open(f"/proc/{client.process.pid}/status") as status:
        print("memory at its most:        ", next(line.split(None, 1)[1].strip() for line in status if line.startswith("VmHWM")))
    client.ask("shutdown", None)
    client.tell("exit", None)
    client.process.wait()
