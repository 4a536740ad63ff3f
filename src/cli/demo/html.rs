//! `ngxc demo --html`: one page with what happened, without scripts and without anything from elsewhere.

use std::fmt::Write as _;

/// What is shown of a case.
pub(super) struct Bar {
    pub(super) name: &'static str,
    pub(super) title: String,
    pub(super) ok: u32,
    pub(super) failed: u32,
    pub(super) time_wait: u32,
}

const STYLE: &str = "
:root { --ink: #1c2126; --dim: #5f6b76; --paper: #fff; --ok: #0a7d4b; --failed: #b3261e; --line: #c7ccd1; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ec; --dim: #9aa5b0; --paper: #14181c; --ok: #3fbf87; --failed: #ff8a80; --line: #4a545e; }
}
@media print { :root { --ink: #000; --dim: #444; --paper: #fff; --line: #bbb; } figure { break-inside: avoid; } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.3rem; } h2 { font-size: 1.1rem; } p, figcaption { color: var(--dim); }
figure { margin: 1rem 0; } svg { width: 100%; height: auto; }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif; } svg .dim { fill: var(--dim); }
.ok { fill: var(--ok); } .failed { fill: var(--failed); } .axis { stroke: var(--line); }
.half { stroke: var(--failed); stroke-dasharray: 4 3; } .curve { fill: none; stroke: var(--ok); stroke-width: 2; }
";

/// The whole page; `curve` is ports in use and microseconds of a `connect()`, of a range of `range` ports.
pub(super) fn page(heading: &str, bars: &[Bar], curve: &[(u32, f64)], range: u32) -> String {
    let mut out = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, \
         initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<title>ngxc demo</title>\n",
    );
    let _ = writeln!(
        out,
        "<style>{STYLE}</style>\n<h1>Port exhaustion and its cures</h1>\n<p>{}</p>",
        escape(heading)
    );
    if !bars.is_empty() {
        chart(&mut out, bars);
    }
    if !curve.is_empty() {
        line(&mut out, curve, range);
    }
    out.push_str("</html>\n");
    out
}

/// Requests answered and failed, a bar a case.
fn chart(out: &mut String, bars: &[Bar]) {
    const LABEL: f64 = 130.0;
    const WIDTH: f64 = 560.0;
    let most = f64::from(bars.iter().map(|b| b.ok + b.failed).max().unwrap_or(1).max(1));
    let x = |n: u32| f64::from(n) / most * WIDTH;
    let _ = writeln!(
        out,
        "<h2>Requests</h2>\n<figure>\n<svg viewBox=\"0 0 {:.0} {}\" role=\"img\" aria-label=\"requests answered and failed\">",
        LABEL + WIDTH + 220.0,
        bars.len() * 44 + 4
    );
    for (i, bar) in bars.iter().enumerate() {
        let y = i * 44 + 4;
        let _ = writeln!(
            out,
            "<text x=\"0\" y=\"{}\">{}</text><rect class=\"ok\" x=\"{LABEL}\" y=\"{y}\" width=\"{:.1}\" height=\"18\"/>\
             <rect class=\"failed\" x=\"{:.1}\" y=\"{y}\" width=\"{:.1}\" height=\"18\"/>\
             <text x=\"{:.1}\" y=\"{}\">{} × 200, {} × 502, {} TIME_WAIT</text>\
             <text class=\"dim\" x=\"{LABEL}\" y=\"{}\">{}</text>",
            y + 13,
            escape(bar.name),
            x(bar.ok),
            LABEL + x(bar.ok),
            x(bar.failed),
            LABEL + WIDTH + 8.0,
            y + 13,
            bar.ok,
            bar.failed,
            bar.time_wait,
            y + 32,
            escape(&bar.title)
        );
    }
    out.push_str("</svg>\n<figcaption>Green: answered. Red: 502, because connect() found no free port.</figcaption>\n</figure>\n");
}

/// Time of `connect()` against the ports in use; logarithmic, as it spans three powers of ten.
fn line(out: &mut String, curve: &[(u32, f64)], range: u32) {
    const LEFT: f64 = 70.0;
    const WIDTH: f64 = 780.0;
    const HEIGHT: f64 = 240.0;
    let most = curve.iter().map(|(_, time)| *time).fold(100.0, f64::max);
    let least = curve.iter().map(|(_, time)| *time).fold(most, f64::min).max(1.0);
    let (top, bottom) = (most.log10().ceil(), least.log10().floor());
    let x = |used: u32| LEFT + f64::from(used) / f64::from(range.max(1)) * WIDTH;
    let y = |time: f64| 10.0 + (top - time.max(1.0).log10()) / (top - bottom).max(1.0) * HEIGHT;
    let _ = writeln!(
        out,
        "<h2>The half-range cliff</h2>\n<figure>\n<svg viewBox=\"0 0 {:.0} {:.0}\" role=\"img\" aria-label=\"time of connect() against ports in use\">",
        LEFT + WIDTH + 30.0,
        HEIGHT + 50.0
    );
    let mut decade = bottom;
    while decade <= top {
        let at = y(10_f64.powf(decade));
        let _ = writeln!(
            out,
            "<line class=\"axis\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/><text x=\"0\" y=\"{:.1}\">{} µs</text>",
            LEFT + WIDTH,
            at + 4.0,
            10_f64.powf(decade)
        );
        decade += 1.0;
    }
    let half = x(range / 2);
    let points: Vec<String> =
        curve.iter().map(|(used, time)| format!("{:.1},{:.1}", x(*used), y(*time))).collect();
    let _ = writeln!(
        out,
        "<line class=\"half\" x1=\"{half:.1}\" x2=\"{half:.1}\" y1=\"10\" y2=\"{:.1}\"/>\n<polyline class=\"curve\" points=\"{}\"/>\n\
         <text x=\"{LEFT}\" y=\"{2:.1}\">0</text><text x=\"{half:.1}\" y=\"{2:.1}\" text-anchor=\"middle\">{3} ports in use: half</text>\
         <text x=\"{4:.1}\" y=\"{2:.1}\" text-anchor=\"end\">{range}</text>\n</svg>",
        HEIGHT + 10.0,
        points.join(" "),
        HEIGHT + 30.0,
        range / 2,
        LEFT + WIDTH
    );
    out.push_str(
        "<figcaption>Median time of connect(). It tries all ports of one parity first; past half of them each call searches \
         these in vain, and no error is logged.</figcaption>\n</figure>\n",
    );
}

/// Text is text on a page too.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
