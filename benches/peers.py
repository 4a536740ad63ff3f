#!/usr/bin/env python3
"""Runs `ngxc lint` over the fixtures of other linters and counts what it misses and what it reports by mistake.

    benches/peers.py [--ngxc PROGRAM] DIRECTORY...

Fetches nothing: each DIRECTORY is a checkout or an unpacked package of gixy-ng, Gixy-Next or nginx-lint. A fixture of the
gixy family is `…/simply/CHECK/NAME.conf`, or `NAME_fp.conf` for what must not be reported; one of nginx-lint is
`…/CHECK/tests/fixtures/NAME/error/nginx.conf`, and `expected/nginx.conf` for what is right. Its lines that differ are
those on which a finding is expected, within two lines. Prints each miss and each false alarm, and the sums.
"""

import argparse
import difflib
import json
import subprocess
import sys
from pathlib import Path

# Check of another linter, and the rules of ngxc that say the same.
SAME = {
    "add_header_content_type": ["add-header-content-type"],
    "add_header_multiline": ["header-multiline"],
    "add_header_redefinition": ["header-redefinition"],
    "alias_traversal": ["alias-traversal", "alias-slash-mismatch"],
    "allow_without_deny": ["allow-without-deny"],
    "default_server_flag": ["default-server-missing"],
    "error_log_off": ["error-log-off"],
    "filesystem_root_exposure": ["filesystem-root"],
    "hash_without_default": ["map-missing-default"],
    "host_spoofing": ["host-spoofing"],
    "hsts_header": ["hsts-missing", "hsts-short"],
    "http2_misdirected_request": ["http2-misdirected"],
    "http_splitting": ["http-splitting"],
    "if_is_evil": ["if-in-location", "if-repeated"],
    "invalid_regex": ["capture-missing", "capture-overwritten"],
    "low_keepalive_requests": ["upstream-keepalive-requests-low", "client-keepalive-disabled"],
    "missing_resolver": ["variable-proxy-without-resolver", "static-dns-proxy-pass", "upstream-server-no-resolve"],
    "origins": ["origin-regex", "cors-reflection", "referrer-misspelled"],
    "proxy_pass_normalized": ["proxy-pass-with-uri", "proxy-pass-constant-uri", "proxy-pass-slash-mismatch", "proxy-pass-decoded", "uri-escaped-twice", "http-splitting"],
    "quic_bpf_reuseport": ["quic-bpf-reuseport"],
    "regex_exact_match": ["regex-exact-match"],
    "regex_redos": ["redos"],
    "resolver_external": ["resolver-external"],
    "return_bypasses_allow_deny": ["return-bypasses-acl"],
    "ssl_ecdh_curve": ["ecdh-pq-group"],
    "ssl_stapling_letsencrypt": ["stapling-letsencrypt"],
    "ssl_stapling_without_resolver": ["stapling-without-resolver"],
    "ssrf": ["ssrf"],
    "status_page_exposed": ["status-page-exposed"],
    "try_files_is_evil_too": ["try-files-open-file-cache"],
    "unanchored_regex": ["unanchored-regex"],
    "valid_referers": ["valid-referers-none"],
    "version_disclosure": ["server-tokens", "server-tokens-unset"],
    "weak_ssl_tls": ["weak-tls-protocols", "weak-tls-ciphers", "tls-protocols-unset", "tls-ciphers-unset", "prefer-server-ciphers", "hsts-missing"],
    "worker_rlimit_nofile_vs_connections": ["worker-rlimit-nofile"],
    "proxy_set_header_redefinition": ["proxy-set-header-redefinition", "upgrade-headers-lost", "connection-header-lost"],
    "proxy_buffering_off": ["proxy-buffering-off"],
    # nginx-lint
    "alias_location_slash_mismatch": ["alias-slash-mismatch", "alias-traversal"],
    "autoindex_enabled": ["autoindex-on"],
    "client_max_body_size_not_set": ["client-max-body-size-unset"],
    "deprecated_ssl_protocol": ["weak-tls-protocols"],
    "directive_inheritance": ["directive-inheritance", "proxy-set-header-redefinition", "header-redefinition"],
    "gzip_not_enabled": ["gzip-off"],
    "if_is_evil_in_location": ["if-in-location", "if-repeated"],
    "listen_http2_deprecated": ["listen-http2"],
    "map_missing_default": ["map-missing-default"],
    "missing_error_log": ["error-log-missing"],
    "proxy_keepalive": ["connection-header-missing", "proxy-http-version-prevents-reuse", "upstream-not-pooled"],
    "proxy_missing_host_header": ["proxy-missing-host-header"],
    "proxy_pass_domain": ["static-dns-proxy-pass", "proxy-to-bare-host"],
    "proxy_pass_with_uri": ["proxy-pass-with-uri"],
    "root_in_location": ["root-in-location"],
    "server_tokens_enabled": ["server-tokens", "server-tokens-unset"],
    "ssl_on_deprecated": ["ssl-on"],
    "try_files_with_proxy": ["try-files-with-proxy"],
    "unreachable_location": ["shadowed-regex-location", "caret-prefix-shadows-regex"],
    "upstream_server_no_resolve": ["upstream-server-no-resolve"],
    "weak_ssl_ciphers": ["weak-tls-ciphers", "cipher-exclusions-missing"],
}


def fixtures(directory):
    """(check, file that must be reported or None, file that must not or None)"""
    for conf in sorted(directory.rglob("*.conf")):
        parts = conf.parts
        if "simply" in parts and parts.index("simply") + 2 < len(parts):
            check = parts[parts.index("simply") + 1]
            fine = conf.stem.endswith("_fp")
            yield check, None if fine else conf, conf if fine else None
        elif conf.name == "nginx.conf" and conf.parent.name == "error" and "fixtures" in parts:
            check = parts[parts.index("fixtures") - 2] if "tests" in parts else conf.parts[-4]
            right = conf.parent.parent / "expected" / "nginx.conf"
            yield check, conf, right if right.exists() else None


def findings(program, conf):
    """(rule, line) of every finding; None if the file could not be read."""
    command = [program, "lint", "--profile", "strict", "--format", "json", str(conf)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = []
    try:
        answer = json.loads(done.stdout)
    except json.JSONDecodeError:
        return None
    for one in answer["findings"]:
        found.append((one["name"], one["line"]))
    return found


def changed(wrong, right):
    """The lines of `wrong` at which `right` differs."""
    old, new = wrong.read_text().splitlines(), right.read_text().splitlines()
    lines = set()
    for kind, first, last, _, _ in difflib.SequenceMatcher(None, old, new).get_opcodes():
        if kind != "equal":
            lines.update(range(first - 1, last + 3))
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ngxc", default="ngxc")
    parser.add_argument("directories", nargs="+", type=Path)
    arguments = parser.parse_args()
    counts = {"reported": 0, "missed": 0, "quiet": 0, "false": 0, "other subject": 0}
    for directory in arguments.directories:
        for check, wrong, right in fixtures(directory):
            rules = SAME.get(check)
            if rules is None:
                counts["other subject"] += 1
                continue
            if wrong:
                found = findings(arguments.ngxc, wrong) or []
                lines = changed(wrong, right) if right else None
                hit = [line for code, line in found if code in rules and (lines is None or line in lines)]
                counts["reported" if hit else "missed"] += 1
                if not hit:
                    print(f"missed {check}: {wrong}")
            if right:
                found = findings(arguments.ngxc, right) or []
                alarms = [line for code, line in found if code in rules]
                counts["false" if alarms else "quiet"] += 1
                if alarms:
                    print(f"reported {check}: {right}:{alarms[0]}")
    print(", ".join(f"{name} {count}" for name, count in counts.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
