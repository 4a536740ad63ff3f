//! Ciphers, groups and versions in the words of OpenSSL, which configurations and logs speak.

use rustls::crypto::SupportedKxGroup;
use rustls::{CipherSuite, NamedGroup, ProtocolVersion, SupportedCipherSuite, SupportedProtocolVersion};

/// A cipher: rustls, OpenSSL, and the words of cipher lists that it belongs to.
struct Cipher(CipherSuite, &'static str, &'static [&'static str]);

const ECDSA_256: &[&str] = &["ECDSA", "aECDSA", "AES", "AESGCM", "AES256", "SHA384"];
const ECDSA_128: &[&str] = &["ECDSA", "aECDSA", "AES", "AESGCM", "AES128", "SHA256"];
const ECDSA_CHACHA: &[&str] = &["ECDSA", "aECDSA", "CHACHA20"];
const RSA_256: &[&str] = &["aRSA", "RSA", "AES", "AESGCM", "AES256", "SHA384"];
const RSA_128: &[&str] = &["aRSA", "RSA", "AES", "AESGCM", "AES128", "SHA256"];
const RSA_CHACHA: &[&str] = &["aRSA", "RSA", "CHACHA20"];

/// All that rustls speaks up to TLS 1.2, in OpenSSL's order.
const CIPHERS: &[Cipher] = &[
    Cipher(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "ECDHE-ECDSA-AES256-GCM-SHA384", ECDSA_256),
    Cipher(CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "ECDHE-RSA-AES256-GCM-SHA384", RSA_256),
    Cipher(
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        ECDSA_CHACHA,
    ),
    Cipher(
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        "ECDHE-RSA-CHACHA20-POLY1305",
        RSA_CHACHA,
    ),
    Cipher(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "ECDHE-ECDSA-AES128-GCM-SHA256", ECDSA_128),
    Cipher(CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "ECDHE-RSA-AES128-GCM-SHA256", RSA_128),
];

/// Words that all of them belong to.
const ALL: &[&str] = &[
    "ALL",
    "DEFAULT",
    "COMPLEMENTOFDEFAULT",
    "HIGH",
    "ECDH",
    "EECDH",
    "ECDHE",
    "kEECDH",
    "kECDHE",
    "FIPS",
    "TLSv1.2",
];

/// A word, or several joined by `+`: which ciphers have all of them.
fn matching(word: &str) -> Vec<usize> {
    let belongs = |cipher: &Cipher, part: &str| {
        cipher.1.eq_ignore_ascii_case(part) || ALL.contains(&part) || cipher.2.contains(&part)
    };
    // `RSA` alone is the old key exchange, which rustls does not have.
    let is_key_exchange = matches!(word, "RSA" | "kRSA");
    let fits = |cipher: &Cipher| !is_key_exchange && word.split('+').all(|part| belongs(cipher, part));
    CIPHERS.iter().enumerate().filter(|(_, cipher)| fits(cipher)).map(|(i, _)| i).collect()
}

/// The ciphers that a list leaves, in its order (`ciphers(1)`).
fn chosen(list: &str) -> Vec<usize> {
    let mut chosen: Vec<usize> = Vec::new();
    let mut never: Vec<usize> = Vec::new();
    for word in list.split([':', ',', ' ']).filter(|word| !word.is_empty() && !word.starts_with('@')) {
        let (how, word) = match word.as_bytes()[0] {
            how @ (b'!' | b'-' | b'+') => (how, &word[1..]),
            _ => (b' ', word),
        };
        let found = matching(word);
        match how {
            b'!' => {
                chosen.retain(|i| !found.contains(i));
                never.extend(found);
            }
            b'-' => chosen.retain(|i| !found.contains(i)),
            b'+' => {
                let (moved, kept): (Vec<_>, Vec<_>) = chosen.iter().partition(|i| found.contains(i));
                chosen = kept.into_iter().chain(moved).collect();
            }
            _ => {
                for i in found {
                    if !chosen.contains(&i) && !never.contains(&i) {
                        chosen.push(i);
                    }
                }
            }
        }
    }
    chosen
}

/// True if a list leaves a cipher for TLS 1.2.
pub(crate) fn leaves_any(list: &str) -> bool {
    !chosen(list).is_empty()
}

/// The ciphers of a list; those of TLS 1.3 are always among them, as in OpenSSL.
pub(crate) fn suites(list: &str, all: &[SupportedCipherSuite]) -> Vec<SupportedCipherSuite> {
    let find = |suite: CipherSuite| all.iter().copied().find(|s| s.suite() == suite);
    let modern = all.iter().copied().filter(|s| matches!(s, SupportedCipherSuite::Tls13(_)));
    modern.chain(chosen(list).into_iter().filter_map(|i| find(CIPHERS[i].0))).collect()
}

/// `ECDHE-RSA-AES256-GCM-SHA384`
pub(crate) fn name(suite: CipherSuite) -> String {
    match CIPHERS.iter().find(|cipher| cipher.0 == suite) {
        Some(cipher) => cipher.1.to_owned(),
        None => suite.as_str().map_or_else(String::new, |name| name.replacen("TLS13_", "TLS_", 1)),
    }
}

/// Groups: rustls, OpenSSL, other names in configurations.
const GROUPS: &[(NamedGroup, &str, &[&str])] = &[
    (NamedGroup::X25519MLKEM768, "X25519MLKEM768", &[]),
    (NamedGroup::X25519, "X25519", &[]),
    (NamedGroup::secp256r1, "prime256v1", &["P-256", "secp256r1"]),
    (NamedGroup::secp384r1, "secp384r1", &["P-384"]),
    (NamedGroup::secp521r1, "secp521r1", &["P-521"]),
    (NamedGroup::X448, "X448", &[]),
    (NamedGroup::secp256r1MLKEM768, "SecP256r1MLKEM768", &[]),
    (NamedGroup::FFDHE2048, "ffdhe2048", &[]),
    (NamedGroup::FFDHE3072, "ffdhe3072", &[]),
    (NamedGroup::FFDHE4096, "ffdhe4096", &[]),
    (NamedGroup::FFDHE6144, "ffdhe6144", &[]),
    (NamedGroup::FFDHE8192, "ffdhe8192", &[]),
];

/// `prime256v1`
pub(crate) fn group_name(group: NamedGroup) -> Option<&'static str> {
    GROUPS.iter().find(|(other, ..)| *other == group).map(|(_, name, _)| *name)
}

/// The groups of `ssl_ecdh_curve`.
///
/// # Errors
/// The one that rustls does not have.
pub(crate) fn groups(
    list: &str,
    all: &[&'static dyn SupportedKxGroup],
) -> Result<Vec<&'static dyn SupportedKxGroup>, String> {
    if list == "auto" {
        return Ok(all.to_vec());
    }
    let find = |word: &str| {
        let (group, ..) = GROUPS.iter().find(|(_, name, others)| {
            name.eq_ignore_ascii_case(word) || others.iter().any(|other| other.eq_ignore_ascii_case(word))
        })?;
        let all = rustls::crypto::aws_lc_rs::ALL_KX_GROUPS.iter().chain(all);
        all.copied().find(|supported| supported.name() == *group)
    };
    list.split(':').map(|word| find(word).ok_or_else(|| word.to_owned())).collect()
}

/// The versions of `ssl_protocols` that rustls speaks.
pub(crate) fn versions(has: impl Fn(&str) -> bool) -> Vec<&'static SupportedProtocolVersion> {
    let all = [("TLSv1.2", &rustls::version::TLS12), ("TLSv1.3", &rustls::version::TLS13)];
    all.into_iter().filter(|(name, _)| has(name)).map(|(_, version)| version).collect()
}

/// `TLSv1.3`
pub(crate) fn version_name(version: Option<ProtocolVersion>) -> &'static str {
    match version {
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        for (list, expected) in [
            ("HIGH:!aNULL:!MD5", 6),
            ("ECDHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES128-SHA", 1),
            ("EECDH+AESGCM:EDH+AESGCM", 4),
            ("RSA", 0),
            ("ALL:!ECDSA", 3),
            ("AES128:!aRSA", 1),
            ("AES128-SHA:DES-CBC3-SHA", 0),
            ("!ECDSA:ALL", 3),
        ] {
            assert_eq!(chosen(list).len(), expected, "{list}");
        }
        let order: Vec<_> =
            chosen("AES128+aRSA:ALL:+AESGCM:-CHACHA20").iter().map(|i| CIPHERS[*i].1).collect();
        assert_eq!(order[0], "ECDHE-RSA-AES128-GCM-SHA256");
        assert_eq!(order.len(), 4);
    }

    #[test]
    fn names() {
        assert_eq!(name(CipherSuite::TLS13_AES_256_GCM_SHA384), "TLS_AES_256_GCM_SHA384");
        assert_eq!(name(CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256), "ECDHE-RSA-AES128-GCM-SHA256");
        assert!(groups("P-256:x25519", &[]).is_ok_and(|groups| groups.len() == 2));
        assert_eq!(groups("P-256:sect571k1", &[]).err().as_deref(), Some("sect571k1"));
    }
}
