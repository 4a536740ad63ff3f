//! Value types that many directives share: the parsing of a directive and the default.

use std::time::Duration;

use super::argument;
use super::directive::Directive;
use super::scope::Compiler;
use super::settings::{Value, extend};
use crate::catalog::Kind;
use crate::model::argument::{Buffers, TempPath, Word, Words};
use crate::model::core::{User, WorkerProcesses};
use crate::model::core_http::{ErrorPage, KeepaliveTimeout, ServerTokens};
use crate::model::upstream::Pool;
use crate::model::{ComplexValue, Setting};

impl Value for bool {
    fn default(text: Option<&str>, _: Kind) -> Self {
        text == Some("on")
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        // `internal` has no argument.
        if directive.len() == 0 { Some(true) } else { argument::flag(cx, directive, 1) }
    }
}

impl Value for u32 {
    fn default(text: Option<&str>, _: Kind) -> Self {
        text.and_then(|t| t.parse().ok()).unwrap_or(0)
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        argument::number(cx, directive, 1).map(|n| u32::try_from(n).unwrap_or(u32::MAX))
    }
}

impl Value for u64 {
    fn default(text: Option<&str>, _: Kind) -> Self {
        // `4k|8k` is a page, which has 4k here.
        let first = text.and_then(|t| t.split('|').next());
        first.and_then(|t| argument::offset(t.as_bytes())).unwrap_or(0)
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        argument::expect(cx, directive, 1, argument::offset(&directive.arg(1)), "a size: `1m`")
    }
}

impl Value for String {
    fn default(text: Option<&str>, _: Kind) -> Self {
        text.unwrap_or_default().to_owned()
    }

    fn parse(_: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        Some(directive.text(1))
    }
}

impl Value for ComplexValue {
    fn default(text: Option<&str>, _: Kind) -> Self {
        ComplexValue::literal(text.unwrap_or_default().as_bytes())
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        Some(super::value::argument(cx, directive, 1))
    }
}

impl Value for Duration {
    fn default(text: Option<&str>, kind: Kind) -> Self {
        text.and_then(|t| argument::time(t.as_bytes(), kind == Kind::Sec)).unwrap_or_default()
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let seconds = directive.catalog.kind == Kind::Sec;
        argument::expect(cx, directive, 1, argument::time(&directive.arg(1), seconds), "a time: `60s`")
    }
}

impl Value for Option<Duration> {
    fn default(text: Option<&str>, kind: Kind) -> Self {
        text.and_then(|t| argument::time(t.as_bytes(), kind == Kind::Sec))
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        <Duration as Value>::parse(cx, directive).map(Some)
    }
}

impl Value for WorkerProcesses {
    fn default(_: Option<&str>, _: Kind) -> Self {
        WorkerProcesses::Count(1)
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let text = directive.arg(1);
        if *text == *b"auto" {
            return Some(WorkerProcesses::Auto);
        }
        let count = argument::digits(&text).and_then(|n| u32::try_from(n).ok());
        if count.is_none() {
            argument::invalid(cx, directive, 1, "a number, or `auto`", "invalid value");
        }
        count.map(WorkerProcesses::Count)
    }
}

impl Value for Option<User> {
    fn default(_: Option<&str>, _: Kind) -> Self {
        None
    }

    fn parse(_: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let group = (directive.len() > 1).then(|| directive.text(2));
        Some(Some(User { name: directive.text(1), group }))
    }
}

impl Value for KeepaliveTimeout {
    fn default(text: Option<&str>, kind: Kind) -> Self {
        KeepaliveTimeout { idle: <Duration as Value>::default(text, kind), header: None }
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let expected = "a time: `75s`";
        let idle = argument::expect(cx, directive, 1, argument::time(&directive.arg(1), false), expected)?;
        let header = match directive.len() {
            2.. => {
                let header = argument::time(&directive.arg(2), true);
                Some(argument::expect(cx, directive, 2, header, expected)?)
            }
            _ => None,
        };
        Some(KeepaliveTimeout { idle, header })
    }
}

impl Value for ServerTokens {
    fn default(_: Option<&str>, _: Kind) -> Self {
        ServerTokens::On
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let text = directive.arg(1);
        Some(match text.to_ascii_lowercase().as_slice() {
            b"on" => ServerTokens::On,
            b"off" => ServerTokens::Off,
            b"build" => ServerTokens::Build,
            _ => ServerTokens::Text(super::value::argument(cx, directive, 1)),
        })
    }
}

impl Value for Option<Pool> {
    fn default(text: Option<&str>, _: Kind) -> Self {
        let mut words = text?.split(' ');
        let size = words.next()?.parse().ok()?;
        Some(Pool { size, local: words.next() == Some("local") })
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let since_default = crate::version::Version::new(1, 29, 7);
        let size = argument::digits(&directive.arg(1)).and_then(|n| u32::try_from(n).ok());
        // Before the cache was on by default, no value could mean "off", and 0 was an error.
        let Some(size) = size.filter(|&n| n > 0 || cx.is_since(since_default)) else {
            let zero_allowed = cx.is_since(since_default);
            let expected =
                if zero_allowed { "a number of connections" } else { "a number of connections from 1" };
            let nginx = format!("invalid value \"{}\" in \"keepalive\" directive", directive.text(1));
            argument::invalid(cx, directive, 1, expected, &nginx);
            return None;
        };
        let local = directive.len() == 2;
        if local && *directive.arg(2) != *b"local" {
            let nginx = format!("invalid parameter \"{}\"", directive.text(2));
            argument::invalid(cx, directive, 2, "`local`", &nginx);
            return None;
        }
        if local && !argument::since(cx, directive, 2, "local") {
            return None;
        }
        Some((size > 0).then_some(Pool { size, local }))
    }
}

/// `mirror uri;` or `mirror off;`, and the patterns of `gzip_disable`
impl Value for Vec<ComplexValue> {
    fn default(_: Option<&str>, _: Kind) -> Self {
        Vec::new()
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        Some(vec![super::value::argument(cx, directive, 1)])
    }

    fn read(cx: &mut Compiler<'_>, directive: &Directive<'_>, setting: &mut Setting<Self>) {
        let more = Self::parse(cx, directive);
        extend(setting, more, directive.span());
    }
}

impl Value for Vec<String> {
    fn default(_: Option<&str>, _: Kind) -> Self {
        Vec::new()
    }

    fn parse(_: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let is_off = directive.len() == 1 && directive.name() == "mirror" && *directive.arg(1) == *b"off";
        Some(if is_off { Vec::new() } else { (1..=directive.len()).map(|n| directive.text(n)).collect() })
    }

    fn read(cx: &mut Compiler<'_>, directive: &Directive<'_>, setting: &mut Setting<Self>) {
        let more = Self::parse(cx, directive);
        let off = |list: &[String]| directive.name() == "mirror" && list.is_empty();
        if setting.is_set_here() && (off(&setting.value) || more.as_ref().is_some_and(|list| off(list))) {
            argument::invalid(
                cx,
                directive,
                1,
                "either `off` or locations",
                "\"mirror\" directive is duplicate",
            );
            return;
        }
        extend(setting, more, directive.span());
    }
}

impl Value for Option<u32> {
    fn default(text: Option<&str>, _: Kind) -> Self {
        text.and_then(|t| t.parse().ok())
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        <u32 as Value>::parse(cx, directive).map(Some)
    }
}

impl Value for Buffers {
    fn default(text: Option<&str>, _: Kind) -> Self {
        let mut words =
            text.unwrap_or_default().split(['|', ' ']).map(|word| argument::size(word.as_bytes()));
        let (number, size) = (words.next().flatten(), words.next().flatten());
        Buffers { number: number.unwrap_or(4) as u32, size: size.unwrap_or(8192) }
    }

    fn parse(_: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        // The catalog's check has reported the error.
        let number = argument::digits(&directive.arg(1))?.min(u64::from(u32::MAX)) as u32;
        Some(Buffers { number, size: argument::size(&directive.arg(2))? })
    }
}

impl Value for Word {
    fn default(text: Option<&str>, _: Kind) -> Self {
        // Words come from the catalog, whose texts are `'static`.
        Word(catalog_word(text.unwrap_or_default()))
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        argument::word(cx, directive, 1).map(Word)
    }
}

/// The catalog's copy of a default word.
fn catalog_word(text: &str) -> &'static str {
    const WORDS: &[&str] =
        &["off", "on", "error", "all", "any", "exact", "before", "html", "always", "1.0", "1.1"];
    WORDS.iter().find(|word| **word == text).copied().unwrap_or("off")
}

impl Value for TempPath {
    fn default(text: Option<&str>, _: Kind) -> Self {
        TempPath { path: text.unwrap_or_default().to_owned(), levels: Vec::new() }
    }

    fn parse(_: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let levels = directive.args_from(2).filter_map(|(_, level)| argument::digits(&level));
        let levels = levels.map(|level| usize::try_from(level).unwrap_or(0)).collect();
        Some(TempPath { path: directive.text(1), levels })
    }
}

impl Value for Words {
    fn default(text: Option<&str>, _: Kind) -> Self {
        Words(match text {
            Some("msie6") => vec!["msie6"],
            Some("error timeout") => vec!["error", "timeout"],
            Some(text) if text.contains("TLSv1") => {
                let known = ["SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
                known.into_iter().filter(|word| text.split(' ').any(|other| other == *word)).collect()
            }
            _ => Vec::new(),
        })
    }

    fn parse(_: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let words = directive.catalog.words;
        let found = directive.args_from(1).filter_map(|(_, text)| {
            words.iter().find(|word| text.eq_ignore_ascii_case(word.as_bytes())).copied()
        });
        Some(Words(found.collect()))
    }

    /// Bitmask: the words of several directives add up.
    fn read(cx: &mut Compiler<'_>, directive: &Directive<'_>, setting: &mut Setting<Self>) {
        match Self::parse(cx, directive) {
            Some(more) if setting.is_set_here() => setting.value.0.extend(more.0),
            Some(value) => *setting = Setting::set(value, directive.span()),
            None => {}
        }
    }
}

impl Value for Vec<ErrorPage> {
    fn default(_: Option<&str>, _: Kind) -> Self {
        Vec::new()
    }

    /// `ngx_http_core_error_page`
    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let last = directive.len();
        let mut codes = last;
        let mut status = None;
        let second = directive.arg(last - 1);
        if let Some(code) = second.strip_prefix(b"=") {
            codes -= 1;
            let code = if code.is_empty() { Some(0) } else { argument::digits(code).filter(|&c| c <= 999) };
            status = Some(argument::expect(cx, directive, last - 1, code, "a status after `=`")? as u16);
        }
        let mut statuses = Vec::new();
        for (n, text) in directive.args_from(1).take(codes - 1) {
            let code = argument::digits(&text).filter(|c| (300..=599).contains(c) && *c != 499);
            let Some(code) = code else {
                let nginx = "value must be between 300 and 599";
                argument::invalid(cx, directive, n, "a status from 300 to 599, but not 499", nginx);
                return None;
            };
            statuses.push(code as u16);
        }
        let uri = super::value::argument(cx, directive, last);
        Some(vec![ErrorPage { statuses, status, uri, span: directive.span() }])
    }

    fn read(cx: &mut Compiler<'_>, directive: &Directive<'_>, setting: &mut Setting<Self>) {
        let more = Self::parse(cx, directive);
        extend(setting, more, directive.span());
    }
}
