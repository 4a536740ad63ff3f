//! The content of a certificate in OpenSSL's notations: names, times, numbers, PEM.

use std::fmt::Write;

use sha1::{Digest, Sha1};
use x509_parser::prelude::{AttributeTypeAndValue, FromDer, X509Certificate, X509Name};
use x509_parser::time::ASN1Time;

use crate::runtime::net::http1::base64;

/// Short names of attributes (`OBJ_nid2sn`).
const SHORT: &[(&str, &str)] = &[
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "street"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "title"),
    ("2.5.4.13", "description"),
    ("2.5.4.15", "businessCategory"),
    ("2.5.4.17", "postalCode"),
    ("2.5.4.41", "name"),
    ("2.5.4.42", "GN"),
    ("2.5.4.43", "initials"),
    ("2.5.4.46", "dnQualifier"),
    ("2.5.4.65", "pseudonym"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
];

fn short(attribute: &AttributeTypeAndValue<'_>) -> Option<&'static str> {
    let oid = attribute.attr_type().to_id_string();
    SHORT.iter().find(|(known, _)| *known == oid).map(|(_, short)| *short)
}

/// The last common name of a certificate's subject.
pub(crate) fn common_name(der: &[u8]) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let name = certificate.subject().iter_common_name().last()?;
    name.as_str().ok().map(str::to_owned)
}

/// `CN=a,O=b`: the last first (`XN_FLAG_RFC2253`).
pub(crate) fn name(name: &X509Name<'_>) -> String {
    let mut parts: Vec<String> =
        name.iter_rdn().map(|rdn| rdn.iter().map(rfc2253).collect::<Vec<_>>().join("+")).collect();
    parts.reverse();
    parts.join(",")
}

fn rfc2253(attribute: &AttributeTypeAndValue<'_>) -> String {
    let value = attribute.as_slice();
    let Some(short) = short(attribute) else {
        // Of what is unknown the bytes are shown, with their type.
        let any = attribute.attr_value();
        let mut text = format!("{}=#{:02X}{:02X}", attribute.attr_type(), any.header.tag().0, value.len());
        for byte in value {
            let _ = write!(text, "{byte:02X}");
        }
        return text;
    };
    let mut text = format!("{short}=");
    for (i, byte) in value.iter().enumerate() {
        let is_edge = i == 0 && matches!(byte, b'#' | b' ') || i + 1 == value.len() && *byte == b' ';
        if is_edge || matches!(byte, b',' | b'+' | b'"' | b'\\' | b'<' | b'>' | b';') {
            text.push('\\');
            text.push(char::from(*byte));
        } else if (0x20..0x7f).contains(byte) {
            text.push(char::from(*byte));
        } else {
            let _ = write!(text, "\\{byte:02X}");
        }
    }
    text
}

/// `/O=b/CN=a` (`X509_NAME_oneline`)
pub(crate) fn oneline(name: &X509Name<'_>) -> String {
    let mut text = String::new();
    for attribute in name.iter_attributes() {
        let oid = attribute.attr_type().to_id_string();
        let _ = write!(text, "/{}=", short(attribute).unwrap_or(&oid));
        for byte in attribute.as_slice() {
            if (0x20..0x7f).contains(byte) {
                text.push(char::from(*byte));
            } else {
                let _ = write!(text, "\\x{byte:02X}");
            }
        }
    }
    text
}

/// `Jan  1 00:00:00 2026 GMT` (`ASN1_TIME_print`)
pub(crate) fn time(time: ASN1Time) -> String {
    let at = jiff::Timestamp::from_second(time.timestamp()).unwrap_or_default();
    at.strftime("%b %e %H:%M:%S %Y GMT").to_string()
}

/// Whole days that are left.
pub(crate) fn days_left(time: ASN1Time) -> i64 {
    let left = time.timestamp() - ASN1Time::now().timestamp();
    left.max(0) / 86_400
}

/// Two digits a byte (`i2a_ASN1_INTEGER`).
pub(crate) fn serial(certificate: &X509Certificate<'_>) -> String {
    let bytes = certificate.serial.to_bytes_be();
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02X}"))
}

pub(crate) fn fingerprint(der: &[u8]) -> String {
    Sha1::digest(der).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// With a line feed at the end.
pub(crate) fn pem(der: &[u8]) -> String {
    let mut text = "-----BEGIN CERTIFICATE-----\n".to_owned();
    for line in base64::encode(der).as_bytes().chunks(64) {
        text.extend(line.iter().map(|b| char::from(*b)));
        text.push('\n');
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}
