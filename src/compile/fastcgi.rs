//! Values of `fastcgi_param`; `content` has checked the directive.

use super::directive::Directive;
use super::scope::Compiler;
use super::settings::{Value, extend};
use super::value;
use crate::catalog::Kind;
use crate::model::Setting;
use crate::model::fastcgi::Param;

impl Value for Vec<Param> {
    fn default(_: Option<&str>, _: Kind) -> Self {
        // nginx's own parameters are not a setting: see `ngx_http_fastcgi_headers`.
        Vec::new()
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let value = value::argument(cx, directive, 2);
        let skips_empty = directive.len() == 3;
        Some(vec![Param { name: directive.arg(1).into(), value, skips_empty, span: directive.span() }])
    }

    fn read(cx: &mut Compiler<'_>, directive: &Directive<'_>, setting: &mut Setting<Self>) {
        let more = Self::parse(cx, directive);
        extend(setting, more, directive.span());
    }
}
