#!/usr/bin/env python3
"""Runs `ngxc lint` over the fixtures of other linters and counts what it misses and what it reports by mistake.

    benches/peers.py [--ngxc PROGRAM] DIRECTORY...

Fetches nothing: each DIRECTORY is a checkout or an unpacked package of gixy-ng, Gixy-Next or nginx-lint. A fixture of the
gixy family is `…/simply/CHECK/NAME.conf`, or `NAME_fp.conf` for what must not be reported; one of nginx-lint is
`…/CHECK/tests/fixtures/NAME/error/nginx.conf`, and `expected/nginx.conf` for what is right. Its lines that differ are
those on which a finding is expected, within two lines. Prints each miss and each false alarm, with the reason of those
that are on purpose, and the sums.
"""

import argparse
import difflib
import fnmatch
import json
import subprocess
import sys
from pathlib import Path

# Check of another linter, and the rules of ngxc that say the same.
SAME = {
    "add_header_content_type": ["add-header-content-type"],
    "add_header_multiline": ["header-multiline"],
    "add_header_redefinition": ["header-redefinition"],
    "alias_traversal": ["alias-traversal"],
    "allow_without_deny": ["allow-without-deny"],
    "default_server_flag": ["default-server-missing", "conflicting-server-name"],
    "error_log_off": ["error-log-off"],
    "filesystem_root_exposure": ["filesystem-root"],
    "hash_without_default": ["map-missing-default"],
    "host_spoofing": ["host-spoofing"],
    "hsts_header": ["hsts-missing", "hsts-short"],
    "http2_misdirected_request": ["http2-misdirected"],
    "http_splitting": ["http-splitting"],
    "if_is_evil": ["if-in-location", "if-repeated"],
    "invalid_regex": ["capture-missing", "capture-overwritten"],
    "low_keepalive_requests": ["client-keepalive-disabled"],
    "missing_resolver": ["variable-proxy-without-resolver", "static-dns-proxy-pass", "upstream-server-no-resolve"],
    "origins": ["origin-regex", "cors-reflection", "referrer-misspelled"],
    "proxy_pass_normalized": ["proxy-pass-constant-uri", "proxy-pass-slash-mismatch", "proxy-pass-decoded", "uri-escaped-twice", "http-splitting"],
    "quic_bpf_reuseport": ["quic-bpf-reuseport"],
    "regex_exact_match": ["regex-exact-match"],
    "regex_redos": ["redos"],
    "resolver_external": ["resolver-external"],
    "return_bypasses_allow_deny": ["return-bypasses-acl"],
    "ssl_ecdh_curve": ["ecdh-pq-group"],
    "ssl_stapling_letsencrypt": ["stapling-letsencrypt"],
    "ssl_stapling_without_resolver": ["stapling-without-resolver"],
    "ssrf": ["ssrf"],
    "stale_dns_cache": ["static-dns-proxy-pass", "upstream-server-no-resolve"],
    "mixed_case_variable": ["mixed-case-variable"],
    "missing_worker_processes": ["worker-processes-unset"],
    "map_unnamed_capture": ["capture-overwritten", "capture-missing"],
    "status_page_exposed": ["status-page-exposed", "satisfy-any-allow-all"],
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
    "proxy_pass_domain": ["static-dns-proxy-pass"],
    "proxy_pass_with_uri": ["proxy-pass-with-uri"],
    "root_in_location": ["root-in-location"],
    "server_tokens_enabled": ["server-tokens", "server-tokens-unset"],
    "ssl_on_deprecated": ["ssl-on", "directive-of-other-version"],
    "try_files_with_proxy": ["try-files-with-proxy"],
    "unreachable_location": ["shadowed-regex-location", "caret-prefix-shadows-regex"],
    "upstream_server_no_resolve": ["upstream-server-no-resolve"],
    "weak_ssl_ciphers": ["weak-tls-ciphers", "cipher-exclusions-missing"],
}

# Rules that also say what such a fixture wants, but more: where it wants nothing, they are no false alarm.
ALSO = {
    "alias_traversal": ["alias-slash-mismatch"],
    "low_keepalive_requests": ["upstream-keepalive-requests-low"],
    "proxy_pass_normalized": ["proxy-pass-with-uri"],
    "stale_dns_cache": ["resolver-without-effect", "variable-proxy-without-resolver"],
}

# What differs on purpose, by check and file, a star for any; docs/lint.md has the reasons at length.
PURPOSE = {
    "add_header_redefinition/*_inherit_off.conf": "is written to drop the headers",
    "add_header_content_type/more_set_headers.conf": "more_set_headers replaces the type",
    "client_max_body_size_not_set/001_basic": "only files are served: no body is taken",
    "directive_inheritance/*_limit_*": "a limit that replaces another is meant in most configurations",
    "filesystem_root_exposure/repeated_slashes.conf": "no server serves anything",
    "hash_without_default/geo_no_default.conf": "nginx refuses the entry",
    "hash_without_default/map_no_default.conf": "nothing reads the variable",
    "http2_misdirected_request/*_nested_location.conf": "nginx refuses `location /` in `location /sub`",
    "http_splitting/if_block.conf": "a dot matches no line feed",
    "http_splitting/mapped_unsafe_uri.conf": "a dot matches no line feed",
    "http_splitting/mapped_value.conf": "a host has no `/`",
    "http_splitting/mapped_value_with_set.conf": "nginx refuses `set` in `http`",
    "http_splitting/proxy_from_location_var_var.conf": "`set` escapes the groups that it reads",
    "if_is_evil/if_is_evil_break.conf": "a `rewrite` to a URL redirects, whatever its flag",
    "invalid_regex/*_fp.conf": "the group is always empty: nginx sends nothing for it",
    "low_keepalive_requests/low_keepalive_requests.conf": "the default until 1.19.10",
    "map_missing_default/001_basic": "nothing reads the variable",
    "missing_resolver/variable_without_resolver.conf": "a fragment: the resolver is around it",
    "origins/map_origin_*.conf": "no top-level domain ends in `com` and has another letter before it",
    "origins/more_origins_10.conf": "no browser sends text before the scheme",
    "origins/more_origins_15.conf": "only names below `yandex.ru` match",
    "origins/more_origins_2.conf": "no browser sends text before the scheme",
    "origins/more_origins_6.conf": "no browser sends text before the scheme",
    "origins/more_origins_7.conf": "no browser sends text before the scheme",
    "origins/named_capture_if.conf": "nothing is admitted or refused",
    "origins/origin_https.conf": "https is an option of that linter",
    "origins/origin_w_slash_and_hash.conf": "only that host matches",
    "origins/referer*.conf": "no top-level domain ends in `ru` and has another letter before it",
    "origins/safe_origin.conf": "no browser sends text before the scheme",
    "origins/structure_dot.conf": "no top-level domain ends in `com` and has another letter before it",
    "origins/unsafe_origin_1.conf": "no browser sends text before the scheme",
    "proxy_missing_host_header/001_basic": "a server with one name: the backend needs none",
    "proxy_pass_domain/002_localhost": "the host decides how many addresses `localhost` has",
    "proxy_pass_normalized/map_uri.conf": "nginx refuses `map` beside `location`",
    "proxy_pass_normalized/missing_variable_in_limit_except_fp.conf": "nginx refuses `rewrite` there",
    "proxy_pass_normalized/missing_variable_nopath_fp.conf": "`$1` is empty, and nginx answers 500",
    "proxy_pass_normalized/variable.conf": "the variable is not defined",
    "map_unnamed_capture/00*": "reported where the group and the variable are read",
    "missing_worker_processes/misplaced_in_http.conf": "nginx refuses it in `http`",
    "stale_dns_cache/block_with_include_with_if.conf": "nginx refuses `if` in `http`",
    "stale_dns_cache/tp_variable_*": "a fragment: the resolver is around it",
    "proxy_set_header_redefinition/headers_option_fp.conf": "the list of headers is an option of that linter",
    "regex_redos/overlapping_alternatives.conf": "every text has one way through the pattern: linear",
    "return_bypasses_allow_deny/return_error_status_text.conf": "a refused client is refused",
    "ssl_stapling_without_resolver/no_resolver.conf": "a fragment: the resolver is around it",
    "status_page_exposed/*_deny_only.conf": "nobody reads it",
    "status_page_exposed/*_inherited_narrow_allow_fp.conf": "the finding is for the other paths of the server",
    "status_page_exposed/*_unix_and_tcp.conf": "only this host reaches the server",
    "unanchored_regex/escaped_backslash_z.conf": "nginx makes `\\z` of it: the end of the text",
    "unanchored_regex/repeat_optional_anchor.conf": "the anchor is in a repetition, on purpose or not",
    "valid_referers/*.conf": "nothing is passed on: it protects nothing there",
    "worker_rlimit_nofile_vs_connections/*.conf": "there are more files than connections, or nginx refuses the file",
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


def purpose(check, conf):
    """Why ngxc says something else of a fixture; None if it should not."""
    name = conf.parent.parent.name if conf.name == "nginx.conf" else conf.name
    key = f"{check}/{name}"
    return next((why for pattern, why in PURPOSE.items() if fnmatch.fnmatch(key, pattern)), None)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ngxc", default="ngxc")
    parser.add_argument("directories", nargs="+", type=Path)
    arguments = parser.parse_args()
    counts = {"reported": 0, "missed": 0, "quiet": 0, "false": 0, "on purpose": 0, "other subject": 0}

    def differs(kind, word, check, place, conf):
        why = purpose(check, conf)
        counts["on purpose" if why else kind] += 1
        print(f"{word} {check}: {place}" + (f" ({why})" if why else ""))

    for directory in arguments.directories:
        for check, wrong, right in fixtures(directory):
            rules = SAME.get(check)
            if rules is None:
                counts["other subject"] += 1
                continue
            if wrong:
                found = findings(arguments.ngxc, wrong) or []
                lines = changed(wrong, right) if right else None
                all_rules = rules + ALSO.get(check, [])
                hit = [line for code, line in found if code in all_rules and (lines is None or line in lines)]
                if hit:
                    counts["reported"] += 1
                else:
                    differs("missed", "missed", check, wrong, wrong)
            if right:
                found = findings(arguments.ngxc, right) or []
                alarms = [line for code, line in found if code in rules]
                if alarms:
                    differs("false", "reported", check, f"{right}:{alarms[0]}", right)
                else:
                    counts["quiet"] += 1
    print(", ".join(f"{name} {count}" for name, count in counts.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
