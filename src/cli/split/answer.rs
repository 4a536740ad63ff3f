//! The answer of `ngxc split`: what is printed, for a person and as JSON.

use serde::Serialize;

use super::SplitArgs;
use crate::eval::Program;
use crate::eval::hash::{make_key, murmur2};
use crate::eval::split_clients::HASHES;
use crate::model::proxy::Bind;
use crate::model::{Config, HttpSettings, VariableId};
use crate::simulate::report::Distinct;
use crate::simulate::{self, Clients, Ports, Report, compare, statistics};
use crate::source::SourceMap;

/// The JSON schema, described in docs/split.md.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    pub(super) nginx_version: String,
    pub(super) splits: Vec<Split>,
}

#[derive(Debug, Serialize)]
pub(super) struct Split {
    pub(super) variable: String,
    pub(super) key: String,
    pub(super) place: String,
    pub(super) buckets: Vec<Bucket>,
    pub(super) uncovered: Option<Bucket>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) population: Option<Population>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) lookups: Vec<Lookup>,
    /// Of a population: whether the spread is chance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) statistics: Option<Statistics>,
    /// If the values are source addresses of `proxy_bind`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ports: Option<SourcePorts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) comparison: Option<Comparison>,
}

/// Test of the spread of a population against chance.
#[derive(Debug, Serialize)]
pub(super) struct Statistics {
    /// Kish's effective number of keys.
    pub(super) effective_keys: f64,
    /// Share of the most frequent key.
    pub(super) heaviest_key_share: f64,
    pub(super) chi_square: f64,
    pub(super) degrees_of_freedom: u32,
    pub(super) p: f64,
    /// p is below 0.001.
    pub(super) is_uneven: bool,
    /// Observed over expected, of the bucket where that is largest.
    pub(super) worst_ratio: f64,
    pub(super) worst_value: String,
}

/// Effect of the split on source ports.
#[derive(Debug, Serialize)]
pub(super) struct SourcePorts {
    pub(super) addresses: u64,
    /// Of each address to one destination: Linux's default range.
    pub(super) ports_each: u64,
    /// Share of all ports that is used when the first address is full.
    pub(super) usable_share: f64,
    /// Number of ports that are used when the first address is full.
    pub(super) usable_ports: u64,
    /// The address that is full first.
    pub(super) first_full: String,
}

/// Buckets of the same keys in another configuration.
#[derive(Debug, Serialize)]
pub(super) struct Comparison {
    /// True if the other one has the variable.
    pub(super) found: bool,
    /// True if both hash the same key; if not, nothing can be said.
    pub(super) same_key: bool,
    pub(super) buckets: usize,
    /// Share of the keys that get another value, exact.
    pub(super) moved_share: Option<f64>,
    /// Least share of keys that a change between so many equal buckets moves.
    pub(super) least_share: Option<f64>,
}

#[derive(Debug, Serialize)]
pub(super) struct Bucket {
    pub(super) value: String,
    /// As written.
    pub(super) percent: Option<String>,
    pub(super) place: Option<String>,
    pub(super) first_hash: Option<u32>,
    pub(super) last_hash: Option<u32>,
    pub(super) hashes: u64,
    pub(super) expected_share: f64,
    pub(super) observed: Option<u64>,
    pub(super) observed_share: Option<f64>,
    /// Wilson's 95 % interval of the observed share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) interval: Option<[f64; 2]>,
}

#[derive(Debug, Serialize)]
pub(super) struct Population {
    pub(super) keys: u64,
    pub(super) distinct_keys: Option<u64>,
    pub(super) distinct_keys_more_than: Option<u64>,
    pub(super) without_bucket: u64,
    pub(super) malformed_lines: u64,
    pub(super) first_malformed: Vec<Malformed>,
    pub(super) assumed_ports: Option<String>,
    pub(super) clients: Option<String>,
    pub(super) clients_simulated: Option<u64>,
}

#[derive(Debug, Serialize)]
pub(super) struct Malformed {
    pub(super) line: u64,
    pub(super) expected: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Lookup {
    pub(super) key: Option<String>,
    pub(super) hash: u32,
    /// Position from 0; null if no bucket takes it.
    pub(super) bucket: Option<usize>,
    pub(super) value: String,
}

pub(super) fn split(
    args: &SplitArgs,
    program: &Program,
    sources: &SourceMap,
    position: usize,
    report: Option<&Report>,
) -> Split {
    let http = &program.config().http;
    let model = &http.split_clients[position];
    let table = program.split(position);
    let (ranges, rest) = table.ranges();
    let total = report.map_or(0, Report::total);
    let effective = report.map_or(0.0, Report::effective);
    let bucket =
        |value: String, percent, place, range: Option<crate::eval::split_clients::Range>, observed| {
            let hashes = range.map_or(0, crate::eval::split_clients::Range::count);
            Bucket {
                value,
                percent,
                place,
                first_hash: range.map(|r| r.first),
                last_hash: range.map(|r| r.last),
                hashes,
                expected_share: ratio(hashes, HASHES),
                observed,
                observed_share: observed.map(|n| ratio(n, total)),
                interval: observed
                    .map(|n| statistics::wilson(ratio(n, total), effective))
                    .map(|(a, b)| [a, b]),
            }
        };
    let buckets = model.buckets.iter().zip(ranges).enumerate().map(|(i, (b, range))| {
        let percent = match b.percent {
            0 => "*".to_owned(),
            n if n % 100 == 0 => format!("{}%", n / 100),
            n => format!("{}.{:02}%", n / 100, n % 100),
        };
        let value = String::from_utf8_lossy(&b.value).into_owned();
        let observed = report.map(|r| r.observed[i]);
        bucket(value, Some(percent), Some(sources.place(b.span)), range, observed)
    });
    let buckets: Vec<Bucket> = buckets.collect();
    let uncovered = rest.map(|r| bucket(String::new(), None, None, Some(r), report.map(|r| r.none)));
    let lookup = |key: Option<&String>, hash: u32| {
        let found = table.find(hash);
        let value = found.map_or("".into(), |i| String::from_utf8_lossy(&model.buckets[i].value));
        Lookup { key: key.cloned(), hash, bucket: found, value: value.into_owned() }
    };
    let keys = args.key.iter().map(|key| lookup(Some(key), murmur2(key.as_bytes())));
    let made = args.make_key.iter().map(|hash| {
        let key = make_key(*hash, 0).map(char::from).iter().collect::<String>();
        lookup(Some(&key), *hash)
    });
    let bound = is_bound(program.config(), model.variable);
    Split {
        statistics: report.and_then(|report| statistics_of(report, &buckets, uncovered.as_ref())),
        ports: bound.then(|| ports_of(&buckets)),
        comparison: None,
        variable: format!("${}", http.variables.get(model.variable).name),
        key: model.key.display(&http.variables),
        place: sources.place(model.span),
        lookups: keys.chain(args.hash.iter().map(|hash| lookup(None, *hash))).chain(made).collect(),
        buckets,
        uncovered,
        population: report.map(|report| population_of(args, report)),
    }
}

fn statistics_of(report: &Report, buckets: &[Bucket], rest: Option<&Bucket>) -> Option<Statistics> {
    let all: Vec<&Bucket> = buckets.iter().chain(rest).collect();
    let observed: Vec<f64> = all.iter().map(|b| b.observed_share.unwrap_or_default()).collect();
    let expected: Vec<f64> = all.iter().map(|b| b.expected_share).collect();
    let effective = report.effective();
    let test = statistics::chi_square(&observed, &expected, effective)?;
    let ratio_of = |b: &Bucket| b.observed_share.unwrap_or_default() / b.expected_share;
    let worst =
        all.iter().filter(|b| b.expected_share > 0.0).max_by(|a, b| ratio_of(a).total_cmp(&ratio_of(b)))?;
    Some(Statistics {
        effective_keys: effective,
        heaviest_key_share: ratio(report.heaviest(), report.total()),
        chi_square: test.value,
        degrees_of_freedom: test.df,
        p: test.p,
        is_uneven: test.p < statistics::ALPHA,
        worst_ratio: ratio_of(worst),
        worst_value: worst.value.clone(),
    })
}

/// True if a variable is what `proxy_bind` binds, somewhere.
fn is_bound(config: &Config, variable: VariableId) -> bool {
    let bound = |settings: &HttpSettings| match &settings.proxy.bind.value {
        Bind::Value { value, .. } => value.variables().any(|id| id == variable),
        _ => false,
    };
    config.http.locations().any(|(_, l)| bound(&l.settings))
        || config.http.servers.iter().any(|s| bound(&s.settings))
}

/// Linux's default range has so many.
const PORTS: u64 = 28_232;

fn ports_of(buckets: &[Bucket]) -> SourcePorts {
    let mut shares: std::collections::BTreeMap<&str, f64> = std::collections::BTreeMap::new();
    for bucket in buckets {
        *shares.entry(&bucket.value).or_default() += bucket.observed_share.unwrap_or(bucket.expected_share);
    }
    let usable = statistics::usable(&shares.values().copied().collect::<Vec<_>>());
    let addresses = shares.len() as u64;
    let heaviest = shares.iter().max_by(|a, b| a.1.total_cmp(b.1)).map(|(value, _)| (*value).to_owned());
    #[expect(clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "below 2^53")]
    let usable_ports = ((addresses * PORTS) as f64 * usable) as u64;
    SourcePorts {
        addresses,
        ports_each: PORTS,
        usable_share: usable,
        usable_ports,
        first_full: heaviest.unwrap_or_default(),
    }
}

/// The split of the same variable in the other configuration.
pub(super) fn comparison(
    args: &SplitArgs,
    program: &Program,
    position: usize,
    other: &Program,
) -> Comparison {
    let http = &program.config().http;
    let name = &http.variables.get(http.split_clients[position].variable).name;
    let theirs = &other.config().http;
    let found = theirs.split_clients.iter().position(|s| theirs.variables.get(s.variable).name == *name);
    let Some(new) = found else {
        return Comparison {
            found: false,
            same_key: false,
            buckets: 0,
            moved_share: None,
            least_share: None,
        };
    };
    let key = |http: &crate::model::Http, i: usize| http.split_clients[i].key.display(&http.variables);
    // A list of keys is hashed as it is, whatever the configuration says.
    let same_key = args.keys.is_some() || key(http, position) == key(theirs, new);
    let moved = ratio(compare::moved((program, position), (other, new)), HASHES);
    let (old, buckets) =
        (http.split_clients[position].buckets.len(), theirs.split_clients[new].buckets.len());
    let (few, many) = (old.min(buckets) as u64, old.max(buckets) as u64);
    Comparison {
        found: true,
        same_key,
        buckets,
        moved_share: same_key.then_some(moved),
        least_share: (same_key && few != many).then(|| ratio(many - few, many)),
    }
}

fn population_of(args: &SplitArgs, report: &Report) -> Population {
    let (distinct_keys, distinct_keys_more_than) = match report.distinct() {
        Distinct::Exactly(n) => (Some(n), None),
        Distinct::More => (None, Some(simulate::report::DISTINCT_LIMIT as u64)),
        Distinct::NotCounted => (None, None),
    };
    let clients = (!args.clients.is_empty())
        .then(|| Clients::new(args.clients.clone(), Ports::default(), args.sample).ok())
        .flatten();
    Population {
        keys: report.total(),
        distinct_keys,
        distinct_keys_more_than,
        without_bucket: report.none,
        malformed_lines: report.malformed,
        first_malformed: report
            .malformed_first
            .iter()
            .map(|(line, expected)| Malformed { line: *line, expected: expected.clone() })
            .collect(),
        assumed_ports: report.assumed_ports.map(|p| format!("{} of {}-{}", p.per_client, p.first, p.last)),
        // A network can have more addresses than a JSON number holds exactly.
        clients: clients.as_ref().map(|c| c.addresses().to_string()),
        clients_simulated: clients.as_ref().map(Clients::taken),
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts below 2^53")]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
