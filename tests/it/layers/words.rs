//! Words of comments: a comment begins with the standard noun of the thing, not with a question word.

use std::fs;
use std::path::Path;

use super::files;

const QUESTION_WORDS: [&str; 7] = ["What", "Whether", "Which", "How", "Who", "Whose", "Why"];

/// Text of a comment's line; `None` for a line of code.
fn comment(line: &str) -> Option<&str> {
    let text = line.trim_start().strip_prefix("//")?;
    Some(text.trim_start_matches(['/', '!']).trim_start())
}

#[test]
fn comments_begin_with_a_noun() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut seen, mut wrong) = (0, Vec::new());
    for folder in ["src", "tests", "benches", "grammar", "examples"] {
        for path in files(&root.join(folder)) {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap();
            for (number, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
                let Some(text) = comment(line) else { continue };
                seen += 1;
                if QUESTION_WORDS.contains(&text.split(' ').next().unwrap()) {
                    wrong.push(format!("{name}:{}: {text}", number + 1));
                }
            }
        }
    }
    assert!(seen > 5000, "only {seen} lines of comments were found: the test reads the wrong place");
    assert_eq!(wrong, [""; 0], "begin with the noun of the thing instead");
}
