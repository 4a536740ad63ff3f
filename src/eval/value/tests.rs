//! Maps, splits, and what is remembered of them; cycles end.

use super::*;
use crate::eval::testing::Builder;
use crate::version::Version;
use std::collections::HashMap;

/// Knows what the test says.
#[derive(Default)]
struct Known {
    values: HashMap<&'static str, &'static str>,
    captures: Captures,
    named: HashMap<VariableId, Vec<u8>>,
    kept: HashMap<VariableId, Vec<u8>>,
    keeps: bool,
    failures: Vec<Failure>,
    calls: usize,
}

impl Request for Known {
    fn variable(&mut self, id: VariableId, variable: &Variable, out: &mut Vec<u8>) -> bool {
        self.calls += 1;
        let named = self.named.get(&id).map(Vec::as_slice);
        let value = self.values.get(variable.name.as_str()).map(|v| v.as_bytes());
        value.or(named).inspect(|v| out.extend_from_slice(v)).is_some()
    }
    fn capture(&mut self, group: u8, out: &mut Vec<u8>) -> bool {
        self.captures.get(group.into()).inspect(|v| out.extend_from_slice(v)).is_some()
    }
    fn set_captures(&mut self, captures: Captures) {
        self.named.extend(captures.named().map(|(id, v)| (id, v.to_vec())));
        self.captures = captures;
    }
    fn known(&mut self, id: VariableId, out: &mut Vec<u8>) -> Option<bool> {
        self.kept.get(&id).map(|v| out.extend_from_slice(v)).map(|()| true)
    }
    fn remember(&mut self, id: VariableId, value: &[u8]) {
        if self.keeps {
            self.kept.insert(id, value.to_vec());
        }
    }
    fn failed(&mut self, failure: &Failure) {
        self.failures.push(failure.clone());
    }
}

fn text(program: &Program, value: &ComplexValue, request: &mut Known) -> String {
    let mut out = b"<".to_vec();
    program.evaluate(value, request, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn maps() {
    let mut b = Builder::new(Version::new(1, 31, 5));
    b.variable("net", VariableSource::Capture);
    let entries = [
        ("default", "none"),
        ("Plain", "p"),
        ("*.Example.com", "head"),
        (".example.org", "dot"),
        ("mail.*", "tail"),
        ("~^(?<net>\\d+)\\.(\\d+)$", "net $net two $2 $host"),
        ("~b", "case"),
        ("~*b", "caseless"),
        ("", "empty"),
    ];
    b.map("$host", "m", true, &entries);
    b.map("$host", "bare", false, &[("*.example.com", "literal"), ("x.", "dot stays")]);
    let (m, bare) = (b.value("[$m]"), b.value("[$bare]$1"));
    let program = Program::new(b.build()).unwrap();
    let cases = [
        ("PLAIN", "<[p]", "<[]"),
        ("plain.", "<[p]", "<[]"),
        ("x.EXAMPLE.com", "<[head]", "<[]"),
        ("example.org", "<[dot]", "<[]"),
        ("mail.x", "<[tail]", "<[]"),
        ("10.20", "<[net 10 two 20 10.20]", "<[]10"),
        ("abc", "<[case]", "<[]"),
        ("aBc", "<[caseless]", "<[]"),
        ("", "<[empty]", "<[]"),
        ("zzz", "<[none]", "<[]"),
        ("*.example.com", "<[head]", "<[literal]"),
        ("X.", "<[none]", "<[dot stays]"),
    ];
    for (host, expected, of_bare) in cases {
        let mut request = Known { values: [("host", host)].into(), ..Known::default() };
        assert_eq!(text(&program, &m, &mut request), expected, "{host}");
        assert_eq!(text(&program, &bare, &mut request), of_bare, "{host}");
        assert!(request.failures.is_empty());
    }
}

#[test]
fn splits_and_what_is_remembered() {
    let mut b = Builder::new(Version::new(1, 31, 5));
    b.split("$remote_addr", "s", &[(5000, "a".into()), (0, "b".into())]);
    let (value, s) = (b.value("$s$s"), b.variable("s", VariableSource::SplitClients(0)));
    let program = Program::new(b.build()).unwrap();
    // 192.0.2.1 hashes to 3369748723, x2 below to less than half.
    for (address, keeps, expected, calls) in
        [("192.0.2.1", false, "<bb", 2), ("192.0.2.1", true, "<bb", 1), ("abc", true, "<aa", 1)]
    {
        let mut request = Known { values: [("remote_addr", address)].into(), keeps, ..Known::default() };
        assert_eq!(text(&program, &value, &mut request), expected);
        assert_eq!(request.calls, calls);
    }
    let mut request = Known { kept: [(s, b"set".to_vec())].into(), ..Known::default() };
    assert_eq!(text(&program, &value, &mut request), "<setset");
}

#[test]
fn cycles_and_doublings_end() {
    let mut b = Builder::new(Version::new(1, 31, 5));
    b.map("$b$b", "a", false, &[("default", "a$b$b")]);
    b.map("$a$a", "b", false, &[("default", "b$a")]);
    b.map("x", "d0", false, &[("default", "0123456789")]);
    for i in 1..60 {
        let before = format!("$d{0}$d{0}", i - 1);
        b.map("x", &format!("d{i}"), false, &[("default", &before)]);
    }
    let (cycle, doubling) = (b.value("$a"), b.value("$d59"));
    let program = Program::new(b.build()).unwrap();
    for keeps in [false, true] {
        let mut request = Known { keeps, ..Known::default() };
        text(&program, &cycle, &mut request);
        assert!(matches!(request.failures[..], [Failure::Cycle(_)]), "{:?}", request.failures);
        let mut request = Known { keeps, ..Known::default() };
        let length = text(&program, &doubling, &mut request).len();
        assert!(matches!(request.failures[..], [Failure::TooLarge(_)]), "{:?}", request.failures);
        assert!(length < 100 << 20, "{length}");
    }
}

#[test]
fn a_bad_pattern_is_an_error() {
    let mut b = Builder::new(Version::new(1, 31, 5));
    b.map("$host", "m", false, &[("~(", "x")]);
    let error = Program::new(b.build()).unwrap_err();
    assert_eq!(error.pattern, "(");
    assert!(error.to_string().contains("does not compile"), "{error}");
}
