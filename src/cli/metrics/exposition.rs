//! The text that Prometheus reads, version 0.0.4: a table of metrics, each with its help.

use std::fmt::{Display, Write as _};

/// A metric being written.
pub(in crate::cli) struct Family<'o> {
    out: &'o mut String,
    name: &'static str,
}

impl Family<'_> {
    /// A sample; labels in order.
    pub(in crate::cli) fn put(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.put_as("", labels, value);
    }

    /// A sample of a name with an ending, as histograms have.
    pub(in crate::cli) fn put_as(&mut self, suffix: &str, labels: &[(&str, &str)], value: impl Display) {
        let _ = write!(self.out, "{}{suffix}", self.name);
        for (i, (name, text)) in labels.iter().enumerate() {
            let open = if i == 0 { '{' } else { ',' };
            let _ = write!(self.out, "{open}{name}=\"{}\"", escape(text));
        }
        let _ = writeln!(self.out, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }
}

/// A label's value may hold anything but these three.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Name, type, help, and how its samples are written.
pub(in crate::cli) type Metric<S> = (&'static str, &'static str, &'static str, fn(&mut Family<'_>, &S));

/// The whole text. A metric without samples still has its help.
pub(in crate::cli) fn text<S>(metrics: &[Metric<S>], of: &S) -> String {
    let mut out = String::new();
    for (name, kind, help, put) in metrics {
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        put(&mut Family { out: &mut out, name }, of);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        let mut out = String::new();
        Family { out: &mut out, name: "m" }.put(&[("a", "b\"\\\n"), ("c", "")], 1);
        Family { out: &mut out, name: "m" }.put(&[], 0.5);
        assert_eq!(out, "m{a=\"b\\\"\\\\\\n\",c=\"\"} 1\nm 0.5\n");
    }
}
