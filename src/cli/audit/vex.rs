//! Statements for programs on what every vulnerability means for one configuration: `OpenVEX` and `CycloneDX`.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::lint::{Status, Verdict};
use crate::source::SourceMap;
use crate::version::Version;

/// Subject of a document.
pub(super) struct Subject<'a> {
    /// The nginx that runs the configuration.
    pub(super) version: Version,
    /// The configuration, as the command line names it.
    pub(super) file: String,
    pub(super) sources: &'a SourceMap,
    /// Of which day the advisories are.
    pub(super) advisories: &'a str,
    /// Time of the document, in the format of RFC 3339.
    pub(super) now: String,
}

impl Subject<'_> {
    fn purl(&self) -> String {
        format!("pkg:generic/nginx@{}", self.version)
    }

    /// Places that expose a vulnerability: `a.conf:3, b.conf:7`.
    fn places(&self, verdict: &Verdict) -> String {
        let places = verdict.places.iter().map(|place| self.sources.place(*place));
        places.collect::<Vec<_>>().join(", ")
    }

    /// The reason, as a sentence.
    fn reason(&self, verdict: &Verdict) -> String {
        match &verdict.status {
            Status::Affected if verdict.places.is_empty() => "every configuration is exposed".to_owned(),
            Status::Affected => format!("exposed at {}", self.places(verdict)),
            Status::Fixed => format!("repaired in nginx {}", verdict.advisory.good.join(" and ")),
            Status::Unknown(why) if !verdict.places.is_empty() => {
                format!("{why}; may be exposed at {}", self.places(verdict))
            }
            Status::NotPresent(why) | Status::NotUsed(why) | Status::Unknown(why) => why.clone(),
        }
    }
}

/// A name for a document that is the same for the same statements: a UUID of version 8.
fn uuid(content: &Value) -> String {
    let digest = Sha256::digest(content.to_string().as_bytes());
    let mut bytes: [u8; 16] = std::array::from_fn(|i| digest[i]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    format!("urn:uuid:{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// Remedy of a vulnerability.
fn action(verdict: &Verdict) -> String {
    format!("update to nginx {}", verdict.advisory.good.join(" or "))
}

/// `OpenVEX` 0.2.0.
pub(super) fn openvex(subject: &Subject<'_>, verdicts: &[Verdict]) -> Value {
    let statement = |verdict: &Verdict| {
        let mut statement = json!({
            "vulnerability": { "name": verdict.advisory.name, "description": verdict.advisory.summary },
            "products": [{ "@id": subject.purl(), "identifiers": { "purl": subject.purl() } }],
        });
        let (status, justification) = match &verdict.status {
            Status::Affected => ("affected", None),
            Status::Fixed => ("fixed", None),
            Status::NotPresent(_) => ("not_affected", Some("vulnerable_code_not_present")),
            Status::NotUsed(_) => ("not_affected", Some("vulnerable_code_not_in_execute_path")),
            Status::Unknown(_) => ("under_investigation", None),
        };
        statement["status"] = status.into();
        match justification {
            Some(justification) => {
                statement["justification"] = justification.into();
                let why = format!("Not affected because {}.", subject.reason(verdict));
                statement["impact_statement"] = why.into();
            }
            None => statement["status_notes"] = subject.reason(verdict).into(),
        }
        if verdict.status == Status::Affected {
            statement["action_statement"] = action(verdict).into();
        }
        statement
    };
    let statements: Vec<Value> = verdicts.iter().map(statement).collect();
    let id = uuid(&json!([subject.file, subject.advisories, statements]));
    json!({
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": id,
        "author": "ngxc",
        "role": format!("judges the configuration {} by advisories of {}", subject.file, subject.advisories),
        "timestamp": subject.now,
        "version": 1,
        "tooling": concat!("ngxc ", env!("CARGO_PKG_VERSION")),
        "statements": statements,
    })
}

/// `CycloneDX` 1.6.
pub(super) fn cyclonedx(subject: &Subject<'_>, verdicts: &[Verdict]) -> Value {
    let vulnerability = |verdict: &Verdict| {
        let (state, justification) = match &verdict.status {
            Status::Affected => ("exploitable", None),
            Status::Fixed => ("resolved", None),
            Status::NotPresent(_) => ("not_affected", Some("code_not_present")),
            Status::NotUsed(_) => ("not_affected", Some("requires_configuration")),
            Status::Unknown(_) => ("in_triage", None),
        };
        let reason = subject.reason(verdict);
        let mut analysis = json!({ "state": state, "detail": reason });
        if let Some(justification) = justification {
            analysis["justification"] = justification.into();
            analysis["detail"] = format!("Not affected because {reason}.").into();
        }
        let mut vulnerability = json!({
            "id": verdict.advisory.name,
            "description": verdict.advisory.summary,
            "analysis": analysis,
            "affects": [{ "ref": "nginx" }],
        });
        if verdict.status == Status::Affected {
            vulnerability["analysis"]["response"] = json!(["update"]);
            vulnerability["recommendation"] = action(verdict).into();
        }
        vulnerability
    };
    let vulnerabilities: Vec<Value> = verdicts.iter().map(vulnerability).collect();
    let id = uuid(&json!([subject.file, subject.advisories, vulnerabilities]));
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": id,
        "version": 1,
        "metadata": {
            "timestamp": subject.now,
            "tools": { "components": [
                { "type": "application", "name": "ngxc", "version": env!("CARGO_PKG_VERSION") }
            ] },
            "component": {
                "type": "application",
                "bom-ref": "nginx",
                "name": "nginx",
                "version": subject.version.to_string(),
                "purl": subject.purl(),
                "properties": [
                    { "name": "ngxc:configuration", "value": subject.file },
                    { "name": "ngxc:advisories", "value": subject.advisories }
                ]
            }
        },
        "vulnerabilities": vulnerabilities,
    })
}
