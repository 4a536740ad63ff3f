//! Diagnostics: the fault, its place and its remedy, in the one shape that every layer reports.

pub mod names;

use crate::edit::Fix;
use crate::source::Span;

/// Severity of a diagnostic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Information: worth knowing.
    Info,
    /// Warning: the configuration works, but not as it should.
    Warning,
    /// Error: nginx refuses the configuration, or the configuration fails when used.
    Error,
}

impl Level {
    /// Lower-case name, as printed and as written in settings.
    pub fn name(self) -> &'static str {
        match self {
            Level::Info => "info",
            Level::Warning => "warning",
            Level::Error => "error",
        }
    }
}

/// Kind of a diagnostic: the step that found the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Class {
    /// The text is not nginx.conf syntax.
    Syntax,
    /// nginx would refuse the configuration for its directives.
    Configuration,
    /// Something outside the configuration is missing: a file, a host name, a user.
    Environment,
    /// A lint rule objects; nginx accepts the configuration.
    Rule,
}

/// Moment at which nginx notices the fault: nginx reads directive after directive, and stops at the first error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum FaultPhase {
    /// At the `;` or `{` of the directive.
    #[default]
    Directive,
    /// At the `}` of the directive.
    EndOfBlock,
    /// At the `}` too, but the message names the directive.
    OfBlock,
    /// At the `}` too, and the message names no place.
    AfterBlock,
    /// At the end of the whole `http`, `stream` or `mail` block: its steps in nginx's order.
    EndOfSubsystem {
        /// Position among the steps: the modules' merges, the locations, the variables, the server names.
        step: u16,
        /// Place that the message names.
        place: Place,
    },
    /// At the end of the configuration; the message names no place.
    EndOfFile,
    /// At the end of the configuration too, but the message names the directive.
    EndOfFileAt,
}

/// Place that a late message of nginx names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Place {
    /// No place.
    None,
    /// The directive's place.
    Directive,
    /// The `}` of the subsystem's block, which nginx is reading at that moment.
    Close,
}

/// Further place that takes part in the fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// Words for the place; may be empty.
    pub text: String,
}

/// One finding.
///
/// `message` is one line in lower case with the fault and the expected text, the user's words in backticks; `label`
/// repeats the message in a few words under the place; `help` is the text to type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable name: a rule's name, or a name of [`names::NAMES`] such as `unknown-directive`.
    pub code: &'static str,
    /// Step that found the fault.
    pub class: Class,
    /// Severity.
    pub level: Level,
    /// The settings lowered the level of an error that nginx would report.
    pub lowered: bool,
    /// Message: the fault, and the expected text.
    pub message: String,
    /// Place of the fault.
    pub span: Span,
    /// Label: words under the place.
    pub label: String,
    /// Further places.
    pub related: Vec<Label>,
    /// Text to type.
    pub help: Option<String>,
    /// Edit that repairs the fault.
    pub fix: Option<Fix>,
    /// nginx's own message, without the file and line; `None` where nginx does not complain.
    pub nginx: Option<String>,
    /// Moment of nginx's message.
    pub when: FaultPhase,
    /// The `include` directives through which the file of `span` was reached, outermost first.
    pub includes: Vec<Span>,
}

impl Diagnostic {
    /// A diagnostic without labels or help.
    pub fn new(
        code: &'static str,
        class: Class,
        level: Level,
        span: Span,
        message: impl Into<String>,
    ) -> Self {
        debug_assert!(
            class == Class::Rule || names::named(code).is_some(),
            "`{code}` is not among the names"
        );
        Self {
            code,
            class,
            level,
            lowered: false,
            message: message.into(),
            span,
            label: String::new(),
            related: Vec::new(),
            help: None,
            fix: None,
            nginx: None,
            when: FaultPhase::Directive,
            includes: Vec::new(),
        }
    }

    /// A syntax error.
    pub fn syntax(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self::new(code, Class::Syntax, Level::Error, span, message)
    }

    /// An error that nginx would report.
    pub fn error(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self::new(code, Class::Configuration, Level::Error, span, message)
    }

    /// A warning (`[warn]`) that nginx would print.
    pub fn warning(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self::new(code, Class::Configuration, Level::Warning, span, message)
    }

    /// A missing thing outside the configuration.
    pub fn environment(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self::new(code, Class::Environment, Level::Error, span, message)
    }

    /// Sets the words under the place.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.label = text.into();
        self
    }

    /// Adds a further place.
    #[must_use]
    pub fn related(mut self, span: Span, text: impl Into<String>) -> Self {
        self.related.push(Label { span, text: text.into() });
        self
    }

    /// Sets the text to type.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Sets nginx's own message, without the file and line.
    #[must_use]
    pub fn nginx(mut self, text: impl Into<String>) -> Self {
        self.nginx = Some(text.into());
        self
    }

    /// Sets the moment of nginx's message, if later than the reading of the directive.
    #[must_use]
    pub fn when(mut self, when: FaultPhase) -> Self {
        self.when = when;
        self
    }

    /// Sets the edit that repairs the fault.
    #[must_use]
    pub fn fix(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }
}
