//! `ngxc route`: a request a line in, its server, location, upstream, status and source address out.

use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::input::{self, Input};
use super::test::asked;
use super::{Failure, Outcome, requests};
use crate::behaviour::outcome::Outcome as Way;
use crate::simulate::walk::RoutingConfiguration;
use crate::source::Disk;

/// Arguments of `ngxc route`.
#[derive(Args)]
pub(super) struct RouteArgs {
    #[command(flatten)]
    input: Input,

    /// Requests, one a line: `[METHOD] URL [CLIENT]`; `-` is standard input.
    #[arg(value_name = "LIST", default_value = "-")]
    list: PathBuf,

    /// Form of a line.
    #[arg(long, value_enum, default_value_t = Format::Tsv)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Server, location, upstream, status and source address, with tabs between.
    Tsv,
    /// An object a line.
    Jsonl,
}

/// Route of one request; a text that is empty is not decided, or there is none.
#[derive(Default)]
struct Route {
    server: String,
    location: String,
    upstream: String,
    status: Option<u16>,
    source: String,
    problem: String,
}

pub(super) fn run(args: &mut RouteArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    args.input.settle()?;
    let (configuration, config) = args.input.valid(&Disk)?;
    let ground = input::ground(Arc::new(config), &configuration.sources)?;
    let list = args.list.as_path();
    let failed = |error: io::Error| Failure::new(format!("cannot read `{}`: {error}", list.display()));
    if list == std::path::Path::new("-") {
        return stream(&mut io::stdin().lock(), &ground, args.format, out, failed);
    }
    let mut input = io::BufReader::new(std::fs::File::open(list).map_err(failed)?);
    stream(&mut input, &ground, args.format, out, failed)
}

/// Line for line: what is read is answered before more is waited for.
fn stream(
    input: &mut impl BufRead,
    ground: &RoutingConfiguration,
    format: Format,
    out: &mut dyn Write,
    failed: impl Fn(io::Error) -> Failure,
) -> Result<Outcome, Failure> {
    loop {
        let mut block = input.fill_buf().map_err(&failed)?.to_vec();
        if block.is_empty() {
            return Ok(Outcome::Clean);
        }
        input.consume(block.len());
        if !block.ends_with(b"\n") {
            input.read_until(b'\n', &mut block).map_err(&failed)?;
        }
        for line in block.split_inclusive(|byte| *byte == b'\n') {
            print(&route(ground, line.trim_ascii()), format, out)?;
        }
        // Whoever sent the lines may wait for the answers.
        out.flush()?;
    }
}

fn route(ground: &RoutingConfiguration, line: &[u8]) -> Route {
    let broken = |problem: &str| Route { problem: problem.to_owned(), ..Route::default() };
    let Some(mut case) = requests::request(line) else {
        return broken("the line is no request: expected `[METHOD] URL [CLIENT]`");
    };
    // Facts that nobody states do not decide the status of a request that is passed on.
    case.auth_request = Some(200);
    let asked = match asked(ground, &case) {
        Ok(asked) => asked,
        Err(why) => return broken(&why),
    };
    let mut way = match Way::of(ground, &asked) {
        Ok(way) => way,
        Err(why) => return broken(&why),
    };
    let source = way.source().map(|source| String::from_utf8_lossy(&source).into_owned());
    let problem = way.status().err().map(|missing| missing.to_string()).unwrap_or_default();
    Route {
        server: way.server_names().next().unwrap_or_default(),
        location: way.location_text(),
        upstream: way.upstream().ok().flatten().unwrap_or_default(),
        status: way.status().ok(),
        source: source.unwrap_or_default(),
        problem,
    }
}

fn print(route: &Route, format: Format, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Tsv => {
            let status = route.status.map_or_else(String::new, |status| status.to_string());
            let fields = [&route.server, &route.location, &route.upstream, &status, &route.source];
            // As ClickHouse escapes its TSV.
            let escape = |text: &String| text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n");
            writeln!(out, "{}", fields.map(escape).join("\t"))
        }
        Format::Jsonl => {
            let mut object = json!({
                "server": route.server, "location": route.location, "upstream": route.upstream,
                "status": route.status, "source": route.source,
            });
            if !route.problem.is_empty() {
                object["problem"] = json!(route.problem);
            }
            writeln!(out, "{object}")
        }
    }
}
