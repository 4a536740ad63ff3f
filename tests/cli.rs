//! What a person sees: whole commands with their whole output, the README's included.

#[test]
fn commands_print_what_is_documented() {
    let cases = trycmd::TestCases::new();
    cases.env("NO_COLOR", "1").env("COLUMNS", "100");
    cases.case("README.md").case("tests/cli/*.trycmd").case("docs/*.md");
}
