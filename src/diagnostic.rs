//! What is wrong, where, and what to type instead: the one shape in which every layer reports.

pub mod names;

use crate::edit::Fix;
use crate::source::Span;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Worth knowing.
    Info,
    /// Works, but not as it should.
    Warning,
    /// nginx refuses it, or it fails when used.
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

/// Which step found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// The text is not nginx.conf syntax.
    Syntax,
    /// nginx would refuse the configuration for what it says.
    Configuration,
    /// Something outside the configuration is missing: a file, a host name, a user.
    Environment,
    /// nginx accepts it, a rule of ours objects.
    Rule,
}

/// When nginx notices it: nginx reads directive after directive, and stops at the first error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum When {
    /// At the `;` or `{` of the directive.
    #[default]
    Directive,
    /// At the `}` of the directive.
    EndOfBlock,
    /// There too, but the message names the directive.
    OfBlock,
    /// There too, and the message names no place.
    AfterBlock,
    /// When the whole `http`, `stream` or `mail` block has been read: its steps in nginx's order.
    EndOfSubsystem {
        /// Position among the steps: the modules' merges, the locations, the variables, the server names.
        step: u16,
        /// Which place the message names.
        place: Place,
    },
    /// When everything has been read; the message names no place.
    EndOfFile,
    /// Then too, but the message names the directive.
    EndOfFileAt,
}

/// Which place a late message of nginx names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// None.
    None,
    /// That of the directive.
    Directive,
    /// The `}` of the subsystem's block, where reading has got to.
    Close,
}

/// A further place that takes part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What is there; may be empty.
    pub text: String,
}

/// One finding.
///
/// `message` is one line in lower case that says what was found and what was expected, with the user's
/// words in backticks; `label` says it again in a few words under the place; `help` says what to type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable name: a rule's name, or `unknown-directive` and the like.
    pub code: &'static str,
    /// Which step found it.
    pub class: Class,
    /// How bad it is.
    pub level: Level,
    /// nginx refuses it, and the settings made less of it.
    pub lowered: bool,
    /// What was found and what was expected.
    pub message: String,
    /// Where.
    pub span: Span,
    /// Words under the place.
    pub label: String,
    /// Further places.
    pub related: Vec<Label>,
    /// What to type.
    pub help: Option<String>,
    /// An edit that repairs it.
    pub fix: Option<Fix>,
    /// What nginx says instead, without the file and line; `None` where nginx does not complain.
    pub nginx: Option<String>,
    /// When nginx says it.
    pub when: When,
    /// The `include` directives through which the file of `span` was reached, outermost first.
    pub includes: Vec<Span>,
}

impl Diagnostic {
    /// A finding without labels or help.
    pub fn new(
        code: &'static str,
        class: Class,
        level: Level,
        span: Span,
        message: impl Into<String>,
    ) -> Self {
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
            when: When::Directive,
            includes: Vec::new(),
        }
    }

    /// A syntax error.
    pub fn syntax(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self::new(code, Class::Syntax, Level::Error, span, message)
    }

    /// Something nginx refuses.
    pub fn error(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self::new(code, Class::Configuration, Level::Error, span, message)
    }

    /// Something nginx accepts with a `[warn]`.
    pub fn warning(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self::new(code, Class::Configuration, Level::Warning, span, message)
    }

    /// Something missing outside the configuration.
    pub fn environment(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self::new(code, Class::Environment, Level::Error, span, message)
    }

    /// Words under the place.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.label = text.into();
        self
    }

    /// A further place.
    #[must_use]
    pub fn related(mut self, span: Span, text: impl Into<String>) -> Self {
        self.related.push(Label { span, text: text.into() });
        self
    }

    /// What to type.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// What nginx says instead, without the file and line.
    #[must_use]
    pub fn nginx(mut self, text: impl Into<String>) -> Self {
        self.nginx = Some(text.into());
        self
    }

    /// When nginx says it, if not when it reads the directive.
    #[must_use]
    pub fn when(mut self, when: When) -> Self {
        self.when = when;
        self
    }

    /// An edit that repairs it.
    #[must_use]
    pub fn fix(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }
}
