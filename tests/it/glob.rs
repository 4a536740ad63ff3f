//! Files that an `include` pattern names: the same as glob(3) of the C library, over generated trees and patterns.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::format_collect,
    reason = "a failed unwrap is a failed test, and skips are said aloud"
)]

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ngxc::source::{Disk, Loader};
use ngxc::syntax::{LoadOptions, load};

/// Asks the C library: one pattern a line, in hexadecimal; the paths of each on a line.
const ORACLE: &str = r"
import ctypes, sys
class Glob(ctypes.Structure):
    _fields_ = [('count', ctypes.c_size_t), ('paths', ctypes.POINTER(ctypes.c_char_p)),
                ('rest', ctypes.c_char * 256)]
libc = ctypes.CDLL(None)
libc.gnu_get_libc_version
for line in sys.stdin:
    found = Glob()
    failed = libc.glob(bytes.fromhex(line.strip()), 0, None, ctypes.byref(found))
    paths = [] if failed else [found.paths[i].hex() for i in range(found.count)]
    print(' '.join(paths))
";

/// The answers of the C library; none where there is no Python or another C library than glibc.
fn c_library(patterns: &[Vec<u8>]) -> Option<Vec<Vec<Vec<u8>>>> {
    let child = Command::new("python3")
        .args(["-c", ORACLE])
        .env("LC_ALL", "C")
        .env_remove("POSIXLY_CORRECT")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        eprintln!("skipped: no python3 to ask the C library with");
        return None;
    };
    let lines: String = patterns.iter().map(|pattern| hex(pattern) + "\n").collect();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    // A Python that ended at once has closed the pipe.
    let _ = writer.join().unwrap();
    if !output.status.success() {
        eprintln!("skipped: this C library is not glibc");
        return None;
    }
    let text = String::from_utf8(output.stdout).unwrap();
    let answers = text.lines().map(|line| line.split_whitespace().map(unhex).collect()).collect::<Vec<_>>();
    assert_eq!(answers.len(), patterns.len());
    Some(answers)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[i * 2..i * 2 + 2], 16).unwrap()).collect()
}

/// A small generator of numbers, the same on each run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % end as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

const NAMES: &[&[u8]] = &[
    b"a",
    b"b",
    b"A",
    b"ab",
    b"abc",
    b".a",
    b".hid.conf",
    b"a.conf",
    b"b.conf",
    b"B.conf",
    b"caf\xe9.conf",
    b"-",
    b"]",
    b"[a",
    b"[a]",
    b"a]",
    b"*",
    b"a\\b",
    b"1",
    b"10",
    b"9",
    b"a b",
    b"_",
    b"\xff",
    b"!",
    b"^x",
    b"z.conf~",
    b"=",
    b"\\",
    b"a-c",
];

const ELEMENTS: &[&[u8]] = &[
    b"*",
    b"*",
    b"*",
    b"?",
    b"?",
    b"**",
    b"a",
    b"b",
    b"A",
    b".",
    b".conf",
    b"con",
    b"\\a",
    b"\\*",
    b"\\[",
    b"\\",
    b"[a]",
    b"[ab]",
    b"[!a]",
    b"[^a]",
    b"[a-c]",
    b"[c-a]",
    b"[]a]",
    b"[!]a]",
    b"[]-a]",
    b"[a-]",
    b"[-a]",
    b"[a",
    b"[",
    b"]",
    b"[[:lower:]]",
    b"[[:upper:]x]",
    b"[[:digit:]]",
    b"[![:alnum:]]",
    b"[[:bogus:]]",
    b"[[:space:]_]",
    b"[[=a=]]",
    b"[[=a]",
    b"[[.a.]]",
    b"[[.a.]-c]",
    b"[a-[.c.]]",
    b"[[.hyphen.]]",
    b"[\\]a]",
    b"[\\a-\\c]",
    b"[a\\",
    b"\xe9",
    b"[\xe0-\xff]",
    b"-",
    b"!",
    b"[*]",
    b"[?",
    b"[!-~]",
    b"[a[.]",
    b"[a[=]",
    b"[.-9]",
];

fn name(random: &mut Random) -> Vec<u8> {
    (0..=random.below(4)).flat_map(|_| random.pick(ELEMENTS).to_vec()).collect()
}

/// A tree of files, directories, links and a directory that nobody may read.
fn plant(root: &Path, random: &mut Random, depth: usize) {
    for _ in 0..10 {
        let path = root.join(OsStr::from_bytes(random.pick(NAMES)));
        if path.symlink_metadata().is_ok() {
            continue;
        }
        match random.below(8) {
            0..4 => fs::write(&path, "").unwrap(),
            4 => symlink("nowhere", &path).unwrap(),
            5 => symlink(".", &path).unwrap(),
            _ if depth > 0 => {
                fs::create_dir(&path).unwrap();
                plant(&path, random, depth - 1);
            }
            _ => fs::create_dir(&path).unwrap(),
        }
    }
}

fn ours(pattern: &[u8]) -> Vec<Vec<u8>> {
    let found = Disk.glob(Path::new(OsStr::from_bytes(pattern))).unwrap();
    found.into_iter().map(|path| path.into_os_string().as_encoded_bytes().to_vec()).collect()
}

#[test]
fn patterns_name_what_the_c_library_finds() {
    let mut random = Random(16);
    let (mut matched, mut compared) = (0, 0);
    for _ in 0..12 {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().as_os_str().as_bytes().to_vec();
        plant(directory.path(), &mut random, 2);
        let closed = directory.path().join("closed");
        fs::create_dir(&closed).unwrap();
        fs::write(closed.join("a"), "").unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
        let patterns: Vec<Vec<u8>> = (0..1_500)
            .map(|_| {
                let mut pattern = root.clone();
                for _ in 0..=random.below(3) {
                    pattern.extend_from_slice(random.pick(&[b"/".as_slice(), b"/", b"/", b"//", b"\\/"]));
                    pattern.extend(name(&mut random));
                }
                if random.below(12) == 0 {
                    pattern.push(b'/');
                }
                pattern
            })
            .collect();
        let answers = c_library(&patterns);
        if let Some(answers) = answers {
            for (pattern, expected) in patterns.iter().zip(answers) {
                let found = ours(pattern);
                matched += found.len();
                let shown = |paths: &[Vec<u8>]| -> Vec<String> {
                    paths.iter().map(|path| path.escape_ascii().to_string()).collect()
                };
                assert_eq!(shown(&found), shown(&expected), "{}", pattern.escape_ascii());
                compared += 1;
            }
        }
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    }
    assert!(compared == 0 || matched > 500, "{compared} patterns find too little: {matched}");
}

/// The names of the files that a configuration includes.
fn included(main: &Path) -> Vec<PathBuf> {
    let configuration = load(&Disk, main, &LoadOptions::default()).unwrap();
    assert!(configuration.syntax_errors.is_empty());
    configuration.sources.files().skip(1).map(|(_, file)| file.path.clone()).collect()
}

#[test]
fn a_name_that_is_not_utf_8_is_a_name() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    fs::create_dir(root.join("d")).unwrap();
    let odd = root.join(OsStr::from_bytes(b"d/caf\xe9.conf"));
    fs::write(root.join("d/a.conf"), "#").unwrap();
    fs::write(root.join(OsStr::from_bytes(b"d/\xff.bak")), "#").unwrap();
    fs::write(&odd, "#").unwrap();
    let main = root.join("nginx.conf");
    fs::write(&main, "events {} http { include d/*.conf; }").unwrap();
    assert_eq!(included(&main), [root.join("d/a.conf"), odd.clone()]);
    fs::write(&main, b"events {} http { include d/caf\xe9*; }").unwrap();
    assert_eq!(included(&main), [odd]);
}

#[test]
fn a_link_that_leads_nowhere_is_included_and_missing() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    fs::create_dir(root.join("d")).unwrap();
    symlink("nowhere", root.join("d/a.conf")).unwrap();
    let main = root.join("nginx.conf");
    fs::write(&main, "events {} http { include d/*.conf; }").unwrap();
    let configuration = load(&Disk, &main, &LoadOptions::default()).unwrap();
    let codes: Vec<&str> = configuration.diagnostics.iter().map(|d| d.code).collect();
    assert_eq!(codes, ["include-not-found"]);
}
