//! The declaration of a rule.

use super::target::Target;
use crate::diagnostic::{Class, Diagnostic, Level};
use crate::source::Span;

/// The subject of a rule; profiles and settings select by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Category {
    /// Reuse of upstream connections: the ports that a proxy needs.
    Reuse,
    /// The configuration does not do what it seems to say.
    Correctness,
    /// The configuration can be abused.
    Security,
    /// The configuration costs more than it has to.
    Performance,
    /// The configuration will stop working with a later nginx.
    Deprecation,
}

impl Category {
    /// All categories.
    pub const ALL: [Category; 5] = [
        Category::Reuse,
        Category::Correctness,
        Category::Security,
        Category::Performance,
        Category::Deprecation,
    ];

    /// As written in settings.
    pub fn name(self) -> &'static str {
        match self {
            Category::Reuse => "reuse",
            Category::Correctness => "correctness",
            Category::Security => "security",
            Category::Performance => "performance",
            Category::Deprecation => "deprecation",
        }
    }
}

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// Name in kebab case; also the name of the rule's file.
    pub name: &'static str,
    /// Subject of the rule.
    pub category: Category,
    /// The level of its findings, unless the settings say otherwise.
    pub level: Level,
    /// Summary of the findings, in one line.
    pub summary: &'static str,
    /// Its documentation: what it does, why that is bad, examples. Fences marked `bad` are reported by the rule,
    /// those marked `good` are not; `before` or `since` with a version say for which nginx.
    pub docs: &'static str,
    /// Page of nginx's documentation.
    pub doc: &'static str,
    /// True if the recommended profile has it.
    pub recommended: bool,
    /// True if findings depend on whether upstream connections are reused by default: where the version is not
    /// known, such a rule runs for both.
    pub by_version: bool,
    /// True if its findings say that something is not set: a file that was not read may set it.
    pub absence: bool,
    /// Looks for it.
    pub check: fn(Target<'_>, &mut Vec<Diagnostic>),
}

impl Rule {
    /// A finding of this rule.
    pub fn finding(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.name, Class::Rule, self.level, span, message)
    }
}

/// Declares a rule: the doc comment is its documentation.
macro_rules! declare_rule {
    (
        $(#[doc = $docs:literal])+
        $Rule:ident {
            name: $name:literal,
            category: $category:ident,
            level: $level:ident,
            summary: $summary:literal,
            doc: $doc:literal,
            $(recommended: $recommended:literal,)?
            $(absence: $absence:literal,)?
        }
    ) => {
        $(#[doc = $docs])+
        pub(crate) static $Rule: $crate::lint::rule::Rule = $crate::lint::rule::Rule {
            name: $name,
            category: $crate::lint::rule::Category::$category,
            level: $crate::diagnostic::Level::$level,
            summary: $summary,
            docs: concat!($($docs, "\n"),+),
            doc: $doc,
            recommended: true $(&& $recommended)?,
            by_version: matches!($crate::lint::rule::Category::$category, $crate::lint::rule::Category::Reuse),
            absence: false $(|| $absence)?,
            check,
        };
    };
}
pub(super) use declare_rule;
