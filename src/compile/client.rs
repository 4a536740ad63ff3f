//! Values that distinguish clients: `valid_referers`, `modern_browser`, `userid_expires`. `headers` checks their
//! arguments.

use super::argument;
use super::directive::Directive;
use super::scope::Compiler;
use super::settings::Value;
use crate::catalog::Kind;
use crate::model::Setting;
use crate::model::client::{Browser, CookieAge, ModernBrowsers, Referers, version};

impl Value for Referers {
    fn default(_: Option<&str>, _: Kind) -> Self {
        <Self as Default>::default()
    }

    /// `ngx_http_valid_referers`
    fn parse(_: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let mut referers = Referers { is_set: true, ..<Self as Default>::default() };
        for (_, text) in directive.args_from(1) {
            match &*text {
                b"none" => referers.none = true,
                b"blocked" => referers.blocked = true,
                b"server_names" => referers.server_names = true,
                [b'~', pattern @ ..] => referers.patterns.push(String::from_utf8_lossy(pattern).into_owned()),
                text => {
                    let slash = memchr::memchr(b'/', text).unwrap_or(text.len());
                    let name = String::from_utf8_lossy(&text[..slash]).to_lowercase();
                    referers.names.push((name, text[slash..].into()));
                }
            }
        }
        referers.server_regexes = referers.server_names;
        Some(referers)
    }

    fn read(cx: &mut Compiler<'_>, directive: &Directive<'_>, setting: &mut Setting<Self>) {
        let Some(mut referers) = Self::parse(cx, directive) else { return };
        let before = std::mem::take(&mut setting.value);
        // Only patterns are inherited by a level with referers of its own (`ngx_http_referer_merge_conf`).
        referers.server_regexes |= before.server_regexes;
        let are_own = setting.is_set_here() && !before.inherits_patterns;
        if referers.patterns.is_empty() {
            referers.inherits_patterns = !are_own;
            referers.patterns = before.patterns;
        } else if are_own {
            referers.patterns.splice(0..0, before.patterns);
        }
        if setting.is_set_here() {
            referers.none |= before.none;
            referers.blocked |= before.blocked;
            referers.server_names |= before.server_names;
            referers.names.splice(0..0, before.names);
        }
        *setting = Setting::set(referers, directive.span());
    }
}

impl Value for ModernBrowsers {
    fn default(_: Option<&str>, _: Kind) -> Self {
        <Self as Default>::default()
    }

    /// `ngx_http_modern_browser`
    fn parse(_: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        if directive.len() == 1 {
            return Some(ModernBrowsers { unlisted: true, browsers: Vec::new() });
        }
        let name = directive.arg(1);
        let browser = Browser::ALL.into_iter().find(|b| name.eq_ignore_ascii_case(b.name().as_bytes()))?;
        Some(ModernBrowsers { unlisted: false, browsers: vec![(browser, version(&directive.arg(2)).0)] })
    }

    fn read(cx: &mut Compiler<'_>, directive: &Directive<'_>, setting: &mut Setting<Self>) {
        let Some(mut more) = Self::parse(cx, directive) else { return };
        if setting.is_set_here() {
            more.unlisted |= setting.value.unlisted;
            more.browsers.splice(0..0, std::mem::take(&mut setting.value.browsers));
        }
        *setting = Setting::set(more, directive.span());
    }
}

impl Value for CookieAge {
    fn default(_: Option<&str>, _: Kind) -> Self {
        CookieAge::Session
    }

    /// `ngx_http_userid_expires`
    fn parse(_: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        Some(match &*directive.arg(1) {
            b"max" => CookieAge::Max,
            b"off" => CookieAge::Session,
            text => CookieAge::Seconds(argument::time(text, true)?.as_secs()),
        })
    }
}
