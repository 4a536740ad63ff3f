//! A compiled file that somebody made with care and bad intent: intact as bytes, wrong as a model. It is refused with
//! a sentence, and costs neither a panic nor memory.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ngxc::compile::{Options, compile};
use ngxc::eval::Router;
use ngxc::model::location::Handler;
use ngxc::model::log::AccessLogs;
use ngxc::model::rewrite::{Condition, Instruction};
use ngxc::model::{
    ComplexValue, Config, HttpSettings, Location, Segment, Setting, Target, UpstreamId, Variable, VariableId,
    VariableSource,
};
use ngxc::site::{self, Refused};
use ngxc::source::{Memory, SourceMap, Span};
use ngxc::syntax::{LoadOptions, load};
use ngxc::version::Version;
use sha2::{Digest, Sha256};

const TEXT: &str = r"
error_log stderr;
events { }
http {
    access_log off;
    map $host $kind { default 1; a.test $http_a; ~^b(?<rest>.)$ $rest; }
    geo $where { default out; 10.0.0.0/8 in; }
    split_clients $remote_addr $half { 50% a; * b; }
    upstream pool { server 127.0.0.1:81; hash $uri; }
    server {
        listen 127.0.0.1:8080; server_name a.test ~^(?<who>\w+)\.c\.test$;
        set $x a$who; if ($http_a) { return 403 no; }
        location / { proxy_pass http://pool/; proxy_set_header Host $host; proxy_read_timeout 7s; }
        location /log { access_log logs/$x.log combined if=$kind; return 200 $half$where; location /log/in { internal; } }
    }
}
";

fn compiled() -> (Config, SourceMap) {
    let files = Memory::default().with("nginx.conf", TEXT);
    let loaded = load(&files, Path::new("nginx.conf"), &LoadOptions::default()).unwrap();
    let compiled = compile(&loaded, &Options::new(Version::new(1, 31, 5)));
    assert!(compiled.is_valid(), "{:#?} {:#?}", loaded.diagnostics, compiled.diagnostics);
    (compiled.config, loaded.sources)
}

/// Makes the head that belongs to what follows it.
fn sealed(mut file: Vec<u8>) -> Vec<u8> {
    let length = (file.len() - 72) as u64;
    file[32..40].copy_from_slice(&length.to_le_bytes());
    let sum = Sha256::new().chain_update(&file[..40]).chain_update(&file[72..]).finalize();
    file[40..72].copy_from_slice(&sum);
    file
}

/// A span of another, larger configuration.
fn far() -> Span {
    let mut other = SourceMap::default();
    let files: Vec<_> = (0..9).map(|i| other.add(format!("{i}"), *b"0123456789")).collect();
    Span::new(files[8], 0, 1)
}

fn unknown() -> ComplexValue {
    ComplexValue { segments: vec![Segment::Variable(VariableId(4_000_000_000))] }
}

fn location(config: &mut Config) -> &mut Location {
    &mut config.http.servers[0].locations[1]
}

fn log(config: &mut Config) -> &mut HttpSettings {
    &mut config.http.servers[0].locations[2].settings
}

fn add(config: &mut Config, source: VariableSource) {
    config.http.variables.add(Variable { name: "forged".to_owned(), source, defined: None });
}

type Forge = fn(&mut Config);

const VARIABLE: &str = "it names a variable that is not there (4000000000, of ";
const PLACE: &str = "it names a file that is not there (8, of 1)";

/// Changes of the model, and the message about each.
#[rustfmt::skip]
const FORGED: &[(&str, Forge, &str)] = &[
    ("header", |c| {
        let proxy = Arc::make_mut(&mut location(c).settings.proxy);
        proxy.set_header.value[0].value = unknown();
    }, VARIABLE),
    ("return", |c| {
        let Some(Instruction::Return(r)) = c.http.servers[0].locations[2].instructions.first_mut() else { panic!() };
        r.text = Some(unknown());
    }, VARIABLE),
    ("set", |c| {
        let Instruction::Set { variable, .. } = &mut c.http.servers[0].instructions[0] else { panic!() };
        *variable = VariableId(4_000_000_000);
    }, VARIABLE),
    ("condition", |c| {
        let Instruction::If { condition, .. } = &mut c.http.servers[0].instructions[1] else { panic!() };
        *condition = Condition::True(VariableId(4_000_000_000));
    }, VARIABLE),
    ("map's own variable", |c| c.http.maps[0].variable = VariableId(4_000_000_000), VARIABLE),
    ("map's source", |c| c.http.maps[0].source = unknown(), VARIABLE),
    ("map's entry", |c| c.http.maps[0].entries[0].value = unknown(), VARIABLE),
    ("geo's own variable", |c| c.http.geos[0].variable = VariableId(4_000_000_000), VARIABLE),
    ("geo's source", |c| c.http.geos[0].source = Some(VariableId(4_000_000_000)), VARIABLE),
    ("split_clients", |c| c.http.split_clients[0].key = unknown(), VARIABLE),
    ("log format", |c| c.http.log_formats[0].value = unknown(), VARIABLE),
    ("access log's path", |c| {
        let AccessLogs::To(logs) = &mut Arc::make_mut(&mut log(c).core).access_log.value else { panic!() };
        logs[0].path = Some(unknown());
    }, VARIABLE),
    ("access log's format", |c| {
        let AccessLogs::To(logs) = &mut Arc::make_mut(&mut log(c).core).access_log.value else { panic!() };
        logs[0].format = 77;
    }, "it names a log format that is not there (77, of 1)"),
    ("one variable too far", |c| c.http.maps[0].variable = VariableId(c.http.variables.iter().len() as u32),
        "it names a variable that is not there ("),
    ("map", |c| add(c, VariableSource::Map(1)), "it names a map that is not there (1, of 1)"),
    ("geo", |c| add(c, VariableSource::Geo(usize::MAX)),
        "it names a geo that is not there (18446744073709551615, of 1)"),
    ("split_clients", |c| add(c, VariableSource::SplitClients(2)),
        "it names a split_clients that is not there (2, of 1)"),
    ("upstream", |c| {
        let Some(Handler::Proxy(pass)) = &mut location(c).handler else { panic!() };
        pass.target = Target::Upstream(UpstreamId(1));
    }, "it names an upstream that is not there (1, of 1)"),
    ("block of an if", |c| {
        let Instruction::If { inner, .. } = &mut c.http.servers[0].instructions[1] else { panic!() };
        *inner = 9;
    }, "the block of an `if` is not there"),
    ("another block", |c| {
        let Instruction::If { inner, .. } = &mut c.http.servers[0].instructions[1] else { panic!() };
        *inner = 1;
    }, "the block of an `if` is not there"),
    ("file of a block", |c| c.http.servers[0].span = far(), PLACE),
    ("file of an inner block", |c| location(c).body = far(), PLACE),
    ("file of an origin", |c| {
        let proxy = Arc::make_mut(&mut location(c).settings.proxy);
        proxy.read_timeout = Setting::set(Duration::from_secs(7), far());
    }, PLACE),
    ("file of a map", |c| c.http.maps[0].span = far(), PLACE),
    ("file of a variable", |c| {
        let id = c.http.variables.find("kind").unwrap();
        c.http.variables.get_mut(id).defined = Some(far());
    }, PLACE),
    ("end of a place", |c| c.http.maps[0].span.end = 1_000_000, "a place is not in its file ("),
    ("begin of a place", |c| c.http.maps[0].span.start = c.http.maps[0].span.end + 1, "a place is not in its file ("),
    ("time", |c| {
        let proxy = Arc::make_mut(&mut location(c).settings.proxy);
        proxy.read_timeout.value = Duration::MAX;
    }, "it names a time that is not there (18446744073709551615, of "),
    ("no address", |c| c.http.servers[0].listen.clear(), "a server has no address or no name"),
    ("no name", |c| c.http.servers[0].names.clear(), "a server has no address or no name"),
    ("locations in locations", |c| {
        let mut all = location(c).clone();
        for _ in 0..400 {
            let mut outer = location(c).clone();
            outer.inner = vec![all];
            all = outer;
        }
        *location(c) = all;
    }, "what should be the model is something else"),
];

#[test]
fn ids_of_nothing_are_refused() {
    let (config, sources) = compiled();
    assert!(site::load(&site::store(&config, &sources).unwrap()).is_ok());
    for (name, forge, expected) in FORGED {
        let mut forged = config.clone();
        forge(&mut forged);
        let bytes = site::store(&forged, &sources).unwrap();
        let refused = site::load(&bytes).expect_err(name);
        assert!(matches!(refused, Refused::Broken(_)), "{name}: {refused:?}");
        let message = refused.to_string();
        assert!(
            message.starts_with("forged or damaged: ") && message.contains(expected),
            "{name}: {message}"
        );
        assert!(refused.help().contains("compile it again"), "{name}");
    }
}

/// Locations as deep as a file can have them are not too deep.
#[test]
fn the_deepest_configuration_is_read() {
    let mut text = String::from("events { } http { server { listen 81; ");
    for i in 0..ngxc::syntax::MAX_DEPTH - 2 {
        let _ = write!(text, "location /{} {{ ", "a".repeat(i + 1));
    }
    text.push_str(&"} ".repeat(ngxc::syntax::MAX_DEPTH));
    let work = move || {
        let files = Memory::default().with("nginx.conf", text);
        let loaded = load(&files, Path::new("nginx.conf"), &LoadOptions::default()).unwrap();
        let compiled = compile(&loaded, &Options::new(Version::new(1, 31, 5)));
        assert!(compiled.is_valid(), "{:#?} {:#?}", loaded.diagnostics, compiled.diagnostics);
        let bytes = site::store(&compiled.config, &loaded.sources).unwrap();
        let site = site::load(&bytes).map_err(|e| e.to_string()).unwrap();
        assert_eq!(site.config.http.locations().count(), ngxc::syntax::MAX_DEPTH - 2);
    };
    // As much as a main thread has.
    std::thread::Builder::new().stack_size(8 << 20).spawn(work).unwrap().join().unwrap();
}

/// Whatever a byte becomes: a model that fits together, or an error.
#[test]
fn no_byte_makes_it_panic() {
    let (config, sources) = compiled();
    let bytes = site::store(&config, &sources).unwrap();
    let (mut read, mut refused) = (0, 0);
    let begin = bytes.len() - site::store(&config, &SourceMap::default()).unwrap().len() + 72;
    for at in 72..bytes.len() {
        // In the text of the configuration a few are enough.
        if at < begin && at % 50 != 0 {
            continue;
        }
        for change in [0x01, 0x10, 0x80] {
            let mut forged = bytes.clone();
            forged[at] ^= change;
            match site::load(&sealed(forged)) {
                Ok(site) => {
                    read += 1;
                    if read % 16 == 0 {
                        let config = Arc::new(site.config);
                        let _ = ngxc::runtime::unsupported(&config);
                        let _ = Router::new(config);
                    }
                }
                Err(error) => {
                    refused += 1;
                    assert!(!error.to_string().is_empty());
                }
            }
        }
    }
    assert!(read > 100 && refused > 100, "{read} were read, {refused} refused");
}
