//! `ngxc demo --html`: one page with what happened, without scripts and without anything from elsewhere.

use std::fmt::Write as _;

use crate::cli::page::{escape, head};

/// Facts about a case that the page shows.
pub(super) struct Bar {
    pub(super) name: &'static str,
    pub(super) title: String,
    pub(super) ok: u32,
    pub(super) failed: u32,
    pub(super) time_wait: u32,
}

/// The whole page; `curve` is ports in use and microseconds of a `connect()`, of a range of `range` ports.
pub(super) fn page(heading: &str, bars: &[Bar], curve: &[(u32, f64)], range: u32) -> String {
    let mut out = head("ngxc demo");
    let _ = writeln!(out, "<h1>Port exhaustion and its cures</h1>\n<p>{}</p>", escape(heading));
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
    let most = f64::from(bars.iter().map(|b| b.ok + b.failed).max().unwrap_or(1).max(1));
    let part = |n: u32| f64::from(n) / most * 100.0;
    out.push_str("<h2>Requests of each case</h2>\n<figure>\n");
    for bar in bars {
        let _ = writeln!(
            out,
            "<div class=\"item\"><strong>{}</strong> <span class=\"dim\">{}</span>\n<div class=\"track\" role=\"img\" \
             aria-label=\"{} answered, {} failed\"><i class=\"good\" style=\"width:{:.2}%\"></i><i class=\"bad\" \
             style=\"width:{:.2}%\"></i></div>\n{} requests answered (200), {} failed (502), {} ports in TIME_WAIT</div>",
            escape(bar.name),
            escape(&bar.title),
            bar.ok,
            bar.failed,
            part(bar.ok),
            part(bar.failed),
            bar.ok,
            bar.failed,
            bar.time_wait
        );
    }
    out.push_str(
        "<figcaption><span class=\"key good\"></span>answered <span class=\"key bad\"></span>502, because connect() found no \
         free port</figcaption>\n</figure>\n",
    );
}

/// Time of `connect()` against the ports in use; logarithmic, as it spans three powers of ten.
fn line(out: &mut String, curve: &[(u32, f64)], range: u32) {
    let most = curve.iter().map(|(_, time)| *time).fold(100.0, f64::max);
    let least = curve.iter().map(|(_, time)| *time).fold(most, f64::min).max(1.0);
    let (top, bottom) = (most.log10().ceil(), least.log10().floor());
    // Per cent of the image.
    let x = |used: u32| f64::from(used) / f64::from(range.max(1)) * 100.0;
    let y = |time: f64| (top - time.max(1.0).log10()) / (top - bottom).max(1.0) * 100.0;
    out.push_str("<h2>The half-range cliff</h2>\n<figure>\n<div class=\"plot\">\n<div class=\"ys\">");
    let mut lines = String::new();
    let mut decade = bottom;
    while decade <= top {
        let (time, at) = (10_f64.powf(decade), y(10_f64.powf(decade)));
        let _ = write!(out, "<span style=\"top:{at:.2}%\">{time} µs</span>");
        let _ = write!(lines, "<line class=\"axis\" x1=\"0\" x2=\"100\" y1=\"{at:.2}\" y2=\"{at:.2}\"/>");
        decade += 1.0;
    }
    let points: Vec<String> =
        curve.iter().map(|(used, time)| format!("{:.2},{:.2}", x(*used), y(*time))).collect();
    let _ = writeln!(
        out,
        "</div>\n<svg viewBox=\"0 0 100 100\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"time of connect() in \
         microseconds against ports in use\">{lines}<line class=\"half\" x1=\"50\" x2=\"50\" y1=\"0\" y2=\"100\"/>\
         <polyline class=\"curve\" points=\"{}\"/></svg>\n<div class=\"xs\"><span>0</span><span>{} ports in use: half</span>\
         <span>{range}</span></div>\n</div>",
        points.join(" "),
        range / 2
    );
    out.push_str(
        "<figcaption>Median time of connect() in microseconds. It tries all ports of one parity first; past half of them each \
         call searches these in vain, and no error is logged.</figcaption>\n</figure>\n",
    );
}
