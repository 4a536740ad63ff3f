//! `ngxc split --format csv`: one line a bucket.

use std::fmt::Write as _;

use super::answer::{Answer, Bucket};

pub(super) fn text(answer: &Answer) -> String {
    let mut out = String::from(
        "variable,value,percent,first_hash,last_hash,hashes,expected_share,observed,observed_share,low,high\n",
    );
    for split in &answer.splits {
        for bucket in split.buckets.iter().chain(&split.uncovered) {
            row(&mut out, &split.variable, bucket);
        }
    }
    out
}

fn row(out: &mut String, variable: &str, bucket: &Bucket) {
    let number = |n: Option<u32>| n.map_or(String::new(), |n| n.to_string());
    let share = |s: Option<f64>| s.map_or(String::new(), |s| s.to_string());
    let [low, high] = bucket.interval.map_or([None; 2], |i| i.map(Some));
    let _ = writeln!(
        out,
        "{},{},{},{},{},{},{},{},{},{},{}",
        quoted(variable),
        quoted(&bucket.value),
        bucket.percent.as_deref().unwrap_or_default(),
        number(bucket.first_hash),
        number(bucket.last_hash),
        bucket.hashes,
        bucket.expected_share,
        bucket.observed.map_or(String::new(), |n| n.to_string()),
        share(bucket.observed_share),
        share(low),
        share(high)
    );
}

/// RFC 4180; a value that a spreadsheet would take for a formula gets an apostrophe.
fn quoted(text: &str) -> String {
    let text = if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn cells() {
        for (text, expected) in
            [("a", "a"), ("a,b", "\"a,b\""), ("a\"b", "\"a\"\"b\""), ("=1+1", "'=1+1"), ("", "")]
        {
            assert_eq!(quoted(text), expected);
        }
    }
}
