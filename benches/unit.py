#!/usr/bin/env python3
"""Debian's unit of nginx, as it is, with nginx and with ngxc in its place: its commands, and the processes they leave.

    benches/unit.py [--ngxc target/dist/ngxc] [--unit /lib/systemd/system/nginx.service] [--nginx /usr/sbin/nginx]

Needs root and nginx's package. Reads the commands of the unit and executes them as systemd does (no shell, nothing but PATH in
the environment): start, reload, stop; in namespaces of its own for mounts, network and processes, with the program put in
the place of /usr/sbin/nginx. Prints user, groups, capabilities and open descriptors of each process. Exit status 1 if a
command fails, if nothing serves after it, or if a process is left after the stop.
"""

import argparse
import collections
import glob
import os
import re
import shlex
import subprocess
import sys
import time
import urllib.request

IN_NAMESPACE = "NGXC_UNIT_NAMESPACE"
CONF = """
user www-data; worker_processes 1; pid /run/nginx.pid; error_log /var/log/nginx/error.log;
events { worker_connections 768; }
http { access_log /var/log/nginx/access.log; server { listen 80; location / { return 200 "generation 1"; } } }
"""


def commands(unit):
    """Type, and the command lines by their names."""
    with open(unit) as f:
        lines = re.findall(r"^(\w+)=(.*)$", f.read(), re.M)
    found = collections.defaultdict(list)
    for name, value in lines:
        found[name].append(value)
    return found


def execute(unit, name):
    for line in unit[name]:
        may_fail, line = line.startswith("-"), line.lstrip("-")
        done = subprocess.run(shlex.split(line), env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, stdin=subprocess.DEVNULL)
        if done.returncode and not may_fail:
            sys.exit(f"{name}={line}: exit status {done.returncode}")


def answer():
    with urllib.request.urlopen("http://127.0.0.1/", timeout=5) as response:
        return response.read().decode()


def until(holds, what):
    end = time.time() + 10
    while not holds():
        if time.time() > end:
            sys.exit(f"in vain: {what}")
        time.sleep(0.02)


def lives(pid):
    """This process is the first one of its namespace: whoever has no parent is its child when it ends."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
    return os.path.exists(f"/proc/{pid}")


def sockets():
    """What each socket is, by its inode."""
    found = {}
    for protocol in ("tcp", "unix"):
        with open(f"/proc/net/{protocol}") as f:
            for line in list(f)[1:]:
                fields = line.split()
                is_listening = fields[3] == "0A" if protocol == "tcp" else int(fields[3], 16) & 0x10000
                found[fields[9 if protocol == "tcp" else 6]] = f"{'listening ' if is_listening else ''}{protocol} socket"
    return found


def describe(pid):
    with open(f"/proc/{pid}/status") as f:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
    kinds, known = collections.Counter(), sockets()
    for path in glob.glob(f"/proc/{pid}/fd/*"):
        try:
            target = os.readlink(path)
        except FileNotFoundError:
            continue
        inode = re.match(r"socket:\[(\d+)\]", target)
        kinds[known.get(inode[1], "socket") if inode else target] += 1
    descriptors = ", ".join(f"{count} {kind}" if count > 1 else kind for kind, count in sorted(kinds.items()))
    with open(f"/proc/{pid}/cmdline") as f:
        title = f.read().split("\0")[0]
    groups = status["Groups"].strip()
    return (f"  {title}\n    uid {status['Uid'].split()[1]}, gid {status['Gid'].split()[1]}, groups {groups or 'none'}, "
            f"capabilities {int(status['CapEff'], 16):x}, no_new_privs {status['NoNewPrivs'].strip()}\n    {descriptors}")


def processes():
    """The master that the pid file names, and its children."""
    with open("/run/nginx.pid") as f:
        master = int(f.read())
    with open(f"/proc/{master}/task/{master}/children") as f:
        return [master, *map(int, f.read().split())]


def run(name, program, unit):
    if program:
        subprocess.run(["mount", "--bind", program, "/usr/sbin/nginx"], check=True)
    with open("/etc/nginx/nginx.conf", "w") as f:
        f.write(CONF)
    execute(unit, "ExecStartPre")
    execute(unit, "ExecStart")
    # `Type=forking`: the service is there when the command has ended.
    if answer() != "generation 1":
        sys.exit(f"{name}: it does not serve after ExecStart")
    print(name)
    print("\n".join(map(describe, processes())), flush=True)
    with open("/etc/nginx/nginx.conf", "w") as f:
        f.write(CONF.replace("generation 1", "generation 2"))
    execute(unit, "ExecReload")
    until(lambda: answer() == "generation 2", f"{name}: ExecReload")
    before = processes()
    execute(unit, "ExecStop")
    until(lambda: not any(map(lives, before)), f"{name}: ExecStop ends all processes")
    if os.path.exists("/run/nginx.pid"):
        sys.exit(f"{name}: /run/nginx.pid is left")
    print("  ExecStartPre, ExecStart, ExecReload, ExecStop: done", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ngxc", default="target/dist/ngxc")
    parser.add_argument("--nginx", default="/usr/sbin/nginx")
    parser.add_argument("--unit", default="/lib/systemd/system/nginx.service")
    options = parser.parse_args()
    if IN_NAMESPACE not in os.environ:
        if os.getuid():
            sys.exit("needs root, for the namespaces")
        command = ["unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", sys.executable, *sys.argv]
        sys.exit(subprocess.run(command, env={**os.environ, IN_NAMESPACE: "1"}).returncode)
    if os.getpid() != 1:
        sys.exit(f"{IN_NAMESPACE} is set outside of a namespace")
    programs = {"nginx": os.path.abspath(options.nginx), "ngxc": os.path.abspath(options.ngxc)}
    unit = commands(options.unit)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for path in ("/run", "/etc/nginx", "/var/log/nginx", "/var/lib/nginx"):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", path], check=True)
    for name, program in programs.items():
        run(name, program if os.path.realpath(program) != "/usr/sbin/nginx" else None, unit)


main()
