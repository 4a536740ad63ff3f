//! `ngxc show`: which server and location take a request, why, and what holds there.

pub(super) mod address;
pub(super) mod human;
pub(super) mod settings;
mod table;
pub(super) mod url;
pub(super) mod value;
pub(super) mod way;
mod written;

use std::io::Write;
use std::net::IpAddr;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::input::{self, Input};
use super::{Failure, Outcome, template};
use crate::behaviour::witness::place;
use crate::eval::select::LocationId;
use crate::model::Config;
use crate::simulate::imagined::DescribedRequest;
use crate::simulate::walk::{RoutingConfiguration, Walk};
use crate::source::{Disk, SourceMap};
use crate::syntax::Configuration;

/// Version of the schema.
const SCHEMA: u32 = 1;

/// Arguments of `ngxc show`.
#[derive(Args)]
pub(super) struct ShowArgs {
    #[command(flatten)]
    input: Input,

    /// The URL of the request: `http://www.example.com/a?b=c`, or a path [default: all servers and locations]; with
    /// `--value` also a block as it is written, such as `location /api/`.
    #[arg(value_name = "URL")]
    url: Option<String>,

    #[command(flatten)]
    request: RequestArgs,

    /// Only settings of this name; may be repeated.
    #[arg(long, value_name = "DIRECTIVE", requires = "url")]
    setting: Vec<String>,

    /// Settings that nothing sets as well.
    #[arg(long, requires = "url")]
    all: bool,

    /// Print the possible values of a variable, or of a text with variables: `$host`, `http://$backend$uri`.
    #[arg(long, value_name = "TEXT", requires = "url", conflicts_with_all = ["setting", "all"])]
    value: Option<String>,

    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// Arguments about the parts of a request that the URL does not have.
#[derive(Args, Clone, Default)]
pub(super) struct RequestArgs {
    /// The Host header [default: that of URL].
    #[arg(long, value_name = "NAME", requires = "url")]
    pub(super) host: Option<String>,

    /// The port that is connected to [default: that of URL].
    #[arg(long, value_name = "PORT", requires = "url")]
    pub(super) port: Option<u16>,

    /// The address that is connected to: `10.0.0.1`, `10.0.0.1:8080`, `unix:/run/nginx.sock`.
    #[arg(long, value_name = "ADDRESS", requires = "url")]
    pub(super) address: Option<String>,

    /// The client's address.
    #[arg(long, value_name = "ADDRESS", requires = "url")]
    pub(super) client: Option<IpAddr>,

    /// The method.
    #[arg(short = 'X', long, value_name = "METHOD", default_value = "GET", requires = "url")]
    pub(super) method: String,

    /// A further header; may be repeated.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", requires = "url", value_parser = header)]
    pub(super) headers: Vec<(String, String)>,
}

impl RequestArgs {
    /// A plain GET.
    fn get() -> Self {
        Self { method: "GET".to_owned(), ..Self::default() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For reading
    Human,
    /// The schema of docs/show.md
    Json,
}

/// The answer for a URL.
#[derive(Debug, Serialize)]
struct Answer {
    schema: u32,
    nginx_version: String,
    method: String,
    url: String,
    host: String,
    notes: Vec<String>,
    #[serde(flatten)]
    way: way::ShownRoute,
    settings: Vec<settings::ShownSetting>,
}

/// The model and its sources, for names and places.
#[derive(Clone, Copy)]
pub(super) struct ModelNames<'b> {
    pub(super) config: &'b Config,
    pub(super) sources: &'b SourceMap,
}

impl ModelNames<'_> {
    /// The source text of a place, in one line.
    pub(super) fn text(&self, span: crate::source::Span) -> String {
        let text = String::from_utf8_lossy(self.sources.text(span)).into_owned();
        let text = text.trim_end_matches(['{', ';']).split_whitespace().collect::<Vec<_>>();
        text.join(" ")
    }

    pub(super) fn place(&self, span: crate::source::Span) -> String {
        self.sources.place(span)
    }
}

fn header(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, value)) if !name.is_empty() && !name.contains(' ') => {
            Ok((name.to_owned(), value.trim().to_owned()))
        }
        _ => Err("expected a name and a value with a colon between: `Accept: text/html`".to_owned()),
    }
}

pub(super) fn run(args: &mut ShowArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    args.input.settle()?;
    let (configuration, config) = match args.input.compiled()? {
        Some(site) => {
            (written::trees(&site.sources, args.input.meaning.reading.prefix.as_deref())?, site.config)
        }
        None => args.input.valid(&Disk)?,
    };
    let sources = &configuration.sources;
    let config = Arc::new(config);
    let book = ModelNames { config: &config, sources };
    let Some(url) = &args.url else {
        let servers = table::servers(book, &configuration);
        match args.format {
            Format::Human => table::print(&servers, out)?,
            Format::Json => {
                let document = serde_json::json!({
                    "schema": SCHEMA, "nginx_version": config.version.to_string(), "servers": servers
                });
                serde_json::to_writer_pretty(&mut *out, &document).map_err(std::io::Error::from)?;
                writeln!(out)?;
            }
        }
        return Ok(Outcome::Clean);
    };
    template::demand(&configuration, template::routes)?;
    settings::check_names(book, &args.setting)?;
    if let Some(value) = &args.value {
        value::check_names(book, value)?;
        let blocks = value::named(book, url);
        if !blocks.is_empty() {
            return print_value(&value::answer(book, &configuration, value, &blocks), args.format, out);
        }
    }
    let ground = input::ground(Arc::clone(&config), sources)?;
    let url = url::Url::parse(url)?;
    let (asked, notes, walk) = routed(&ground, &url, &args.request)?;
    if let Some(value) = &args.value {
        let block = match walk.location {
            Some(location) => ground.router.get(location).span,
            None => config.http.servers[walk.server.0 as usize].span,
        };
        return print_value(&value::answer(book, &configuration, value, &[block]), args.format, out);
    }
    let settings = settings::of(book, &configuration, &ground.router, &walk, &args.setting, args.all);
    let answer = Answer::new(book, &ground, &url, &asked, notes, &walk, settings);
    match args.format {
        Format::Human => human::print(&answer, out)?,
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, &answer).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
    }
    Ok(Outcome::Clean)
}

/// The request of a URL, notes about it, and its route.
fn routed(
    ground: &RoutingConfiguration,
    url: &url::Url,
    request: &RequestArgs,
) -> Result<(DescribedRequest, Vec<String>, Walk), Failure> {
    let found = address::find(&ground.router, url, request)?;
    let asked = url::asked(url, request, &ground.router, found.address)?;
    let walk = ground.walk(&asked).map_err(Failure::new)?;
    Ok((asked, found.notes, walk))
}

/// Writes the way of a URL and the settings that hold at its end, for a person.
///
/// # Errors
/// If the URL is none, or no server listens where it leads.
pub(super) fn write_way(
    book: ModelNames<'_>,
    configuration: &Configuration,
    ground: &RoutingConfiguration,
    url: &str,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let url = url::Url::parse(url)?;
    let (asked, notes, walk) = routed(ground, &url, &RequestArgs::get())?;
    let settings = settings::of(book, configuration, &ground.router, &walk, &[], false);
    Ok(human::print(&Answer::new(book, ground, &url, &asked, notes, &walk, settings), out)?)
}

impl Answer {
    fn new(
        book: ModelNames<'_>,
        ground: &RoutingConfiguration,
        url: &url::Url,
        asked: &DescribedRequest,
        notes: Vec<String>,
        walk: &Walk,
        settings: Vec<settings::ShownSetting>,
    ) -> Self {
        let host = String::from_utf8_lossy(&asked.host).into_owned();
        Self {
            schema: SCHEMA,
            nginx_version: book.config.version.to_string(),
            method: asked.method.clone(),
            url: format!("{}://{host}{}", asked.scheme, url.target),
            host,
            notes,
            way: way::way(book, ground, asked, walk),
            settings,
        }
    }
}

/// True if the route of a URL ends where the choice of a location leads: no `return`, `if` or `rewrite` of the server comes
/// before.
pub(super) fn ends_at(ground: &RoutingConfiguration, text: &str, location: Option<LocationId>) -> bool {
    let walk = url::Url::parse(text).and_then(|url| routed(ground, &url, &RequestArgs::get()));
    walk.is_ok_and(|(.., walk)| walk.location == location)
}

/// A URL for each server and location that some request reaches, by its place.
///
/// # Errors
/// If the configuration has errors.
pub(super) fn reached(args: &mut ShowArgs) -> Result<Vec<(String, String)>, Failure> {
    args.input.settle()?;
    let (configuration, config) = args.input.valid(&Disk)?;
    let config = Arc::new(config);
    let ground = input::ground(Arc::clone(&config), &configuration.sources)?;
    let all = place::all(&ground.router, &config).into_iter().filter_map(|one| {
        let span = match one.location {
            Some(location) => ground.router.get(location).span,
            None => config.http.servers[one.server.0 as usize].span,
        };
        let url = url::of_reached(&ground.router.listen(one.address).listen, &one);
        ends_at(&ground, &url, one.location).then(|| (configuration.sources.place(span), url))
    });
    Ok(all.collect())
}

fn print_value(answer: &value::Answer, format: Format, out: &mut dyn Write) -> Result<Outcome, Failure> {
    match format {
        Format::Human => value::print(answer, out)?,
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, answer).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
    }
    Ok(Outcome::Clean)
}
