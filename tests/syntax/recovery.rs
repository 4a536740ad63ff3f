//! Broken text: every message in full, nginx's beside it, and what is left of the tree.

use crate::Parsed;

/// Text, our errors, nginx's error, the tree.
type Case = (&'static str, &'static [&'static str], &'static str, &'static str);

const CASES: &[Case] = &[];

#[test]
fn every_error_is_found_and_the_rest_is_read() {
    for (text, ours, nginx, tree) in CASES {
        let parsed = Parsed::new(text);
        let messages: Vec<String> = parsed.errors.iter().map(|e| parsed.ours(e)).collect();
        let first = parsed.errors.first().map_or(String::new(), |e| parsed.nginx(e));
        println!("(\n{text:?},\n&{messages:#?},\n{first:?},\n{:?}),", outline(&parsed));
        assert_eq!(
            (messages.as_slice(), first.as_str(), outline(&parsed).as_str()),
            (&ours.iter().map(|s| (*s).to_string()).collect::<Vec<_>>()[..], *nginx, *tree),
            "{text}"
        );
    }
}

fn outline(parsed: &Parsed) -> String {
    format!("{:?}", parsed.tree)
}
