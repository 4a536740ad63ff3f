//! Numbers of errors of other systems, as logs of BSD, macOS and Windows have them.

/// Number there, a word of its text, number of Linux.
const FOREIGN: &[(u16, &str, u16)] = &[
    (35, "temporarily unavailable", 11),
    (47, "not supported", 97),
    (48, "in use", 98),
    (49, "assign requested address", 99),
    (51, "unreachable", 101),
    (54, "reset", 104),
    (60, "timed out", 110),
    (61, "refused", 111),
    (64, "down", 112),
    (65, "No route", 113),
    (10013, "", 13),
    (10048, "", 98),
    (10049, "", 99),
    (10051, "", 101),
    (10053, "", 104),
    (10054, "", 104),
    // Windows says so when its ports are taken.
    (10055, "", 99),
    (10060, "", 110),
    (10061, "", 111),
    (10065, "", 113),
];

/// The number that Linux has for an error; its text tells systems apart that use one number for two errors.
pub(super) fn of_linux(number: u16, text: &str) -> u16 {
    let same = FOREIGN.iter().find(|(n, word, _)| *n == number && text.contains(word));
    same.map_or(number, |(_, _, linux)| *linux)
}
