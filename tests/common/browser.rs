//! A page in headless Chromium: whether it loses anything at the widths of a phone, a tablet and a desk, light and dark.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::format_push_string,
    unreachable_pub,
    reason = "a test that cannot go on fails; who runs a test shall see what was skipped"
)]

use std::fs;
use std::process::{Command, Stdio};

/// Widths in pixels.
const WIDTHS: [u32; 3] = [360, 768, 1280];

/// True if there is a Chromium; prints a note if not.
pub fn chromium() -> bool {
    let found = Command::new("chromium").arg("--version").stdout(Stdio::null()).status();
    if found.is_ok_and(|status| status.success()) {
        return true;
    }
    assert!(std::env::var_os("NGXC_REQUIRE_CHROMIUM").is_none(), "no chromium, and it must not be skipped");
    println!("SKIPPED: no chromium on PATH");
    false
}

/// Runs in the page around the frames, each of which shows the page at a width. A text is lost if it is outside of the
/// page, in an element that cuts it off or has to be scrolled, too small or too pale to be read, or a cell of a table that
/// has neither a head nor a label.
const LOOK: &str = r##"
function brightness(color) {
  const [r, g, b] = color.match(/[\d.]+/g).map(Number).map(c => { c /= 255; return c <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4; });
  return .2126 * r + .7152 * g + .0722 * b;
}
function lost(frame) {
  const d = frame.contentDocument, view = frame.contentWindow, found = new Set();
  const width = d.documentElement.clientWidth, paper = brightness(view.getComputedStyle(d.body).backgroundColor);
  const name = e => e.tagName.toLowerCase() + (e.id ? "#" + e.id : "") + (e.dataset.of ? "[" + e.dataset.of + "]" : "") + " '" + e.textContent.trim().slice(0, 30) + "'";
  if (d.documentElement.scrollWidth > width) found.add("the page scrolls sideways: " + d.documentElement.scrollWidth);
  let shown = 0;
  for (const e of d.body.querySelectorAll("*")) {
    if (["SCRIPT", "STYLE"].includes(e.tagName)) continue;
    const box = e.getBoundingClientRect(), style = view.getComputedStyle(e);
    if (!box.width && !box.height) continue;
    if (box.right > width + 1 || box.left < -1) found.add(name(e) + " is outside: " + Math.round(box.left) + " to " + Math.round(box.right));
    if (style.overflowX !== "visible" && e.clientWidth && e.scrollWidth > e.clientWidth + 1) found.add(name(e) + " is cut off or scrolls");
    const image = e.closest("svg"), inside = image && image !== e && image.getBoundingClientRect();
    if (inside && (box.right > inside.right + 2 || box.bottom > inside.bottom + 2)) found.add(name(e) + " is cut off in its image");
    if (style.textOverflow === "ellipsis") found.add(name(e) + " ends in dots");
    const text = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!text) continue;
    shown += 1;
    if (parseFloat(style.fontSize) < 11 || e.closest("svg")) found.add(name(e) + " has letters of " + style.fontSize + " or in an image that is scaled");
    const ink = brightness(style.color), ratio = (Math.max(ink, paper) + .05) / (Math.min(ink, paper) + .05);
    if (ratio < 4.5) found.add(name(e) + " is too pale: " + ratio.toFixed(1));
    if (e.tagName === "TD") {
      const head = e.closest("table").querySelector("thead"), label = view.getComputedStyle(e, "::before").content;
      if (head.getBoundingClientRect().height === 0 && (label === "none" || label === '""')) found.add(name(e) + " has no head and no label");
    }
  }
  if (shown < 5) found.add("only " + shown + " texts are shown");
  return [...found].map(text => frame.title + ": " + text);
}
setTimeout(() => {
  const frames = [...document.querySelectorAll("iframe")];
  document.getElementById("found").textContent = "FOUND[" + frames.flatMap(lost).join("\n") + "]DONE";
}, 2500);
"##;

/// Texts of a page that are cut off or hidden, a line each, width by width, light and dark; `script` runs in the page before
/// its own scripts.
pub fn lost(page: &str, script: &str) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let mut frames = String::new();
    for (scheme, media) in [("light", "not all"), ("dark", "all")] {
        let page = page.replace("(prefers-color-scheme: dark)", media).replacen(
            "<title>",
            &format!("<script>{script}</script><title>"),
            1,
        );
        let page = page.replace('&', "&amp;").replace('"', "&quot;");
        for width in WIDTHS {
            frames.push_str(&format!(
                "<iframe title=\"{width} px, {scheme}\" style=\"width:{width}px;height:1600px;border:0\" srcdoc=\"{page}\"></iframe>\n"
            ));
        }
    }
    let file = directory.path().join("frames.html");
    fs::write(
        &file,
        format!(
            "<!doctype html><meta charset=\"utf-8\"><pre id=\"found\"></pre>{frames}<script>{LOOK}</script>"
        ),
    )
    .unwrap();
    // For a person who wants to see it.
    if let Some(copy) = std::env::var_os("NGXC_KEEP_PAGES") {
        let name = format!("{}.html", std::thread::current().name().unwrap_or("page").replace("::", "-"));
        fs::copy(&file, std::path::Path::new(&copy).join(name)).unwrap();
    }
    let output = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--window-size=1400,2000",
        ])
        .arg(format!("--user-data-dir={}", directory.path().join("profile").display()))
        .args(["--virtual-time-budget=6000", "--dump-dom"])
        .arg(format!("file://{}", file.display()))
        .output()
        .unwrap();
    let dom = String::from_utf8_lossy(&output.stdout).into_owned();
    let found = dom.split("FOUND[").nth(1).and_then(|rest| rest.split("]DONE").next());
    let found = found.unwrap_or_else(|| panic!("no answer: {}", String::from_utf8_lossy(&output.stderr)));
    found.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}
