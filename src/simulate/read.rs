//! Populations from input: whole keys from a list, requests from an access log.

use std::io::Read;

use super::report::Report;
use super::sample::{Line, Sample, knowledge, uses_port};
use super::{Error, Ports, lines, parallel};
use crate::eval::Program;
use crate::eval::hash::murmur2;
use crate::eval::log_format::Format;
use crate::model::log::LogFormat;

/// Counts whole keys, one per line; the key of the `split_clients` and variables are ignored.
///
/// # Errors
/// If reading fails.
pub fn run_keys(program: &Program, split: usize, input: impl Read + Send) -> Result<Report, Error> {
    let mut report = Report::new(program, split);
    report.count_distinct(true);
    let table = program.split(split);
    in_parallel(&report.clone(), &mut report, input, |part, number, block| {
        let mut number = number;
        lines::of_block(block, |line| {
            number += 1;
            match line {
                Some(key) => part.add(key, table.find(murmur2(key))),
                None => part.malformed(number, || TOO_LONG.to_owned()),
            }
        });
    })?;
    Ok(report)
}

const TOO_LONG: &str = "expected a line of at most 64 KiB";

/// Counts the requests of an access log in one of the configuration's formats. If the key has a port that the format
/// lacks, each line gets an assumed port.
///
/// # Errors
/// If the key depends on variables that the log does not have, or if reading fails.
pub fn run_log(
    program: &Program,
    split: usize,
    format: &LogFormat,
    ports: Ports,
    input: impl Read + Send,
) -> Result<Report, Error> {
    let ports = Ports { per_client: 1, ..ports };
    if ports.size() == 0 {
        return Err(Error::Ports(ports));
    }
    let variables = &program.config().http.variables;
    let format = Format::new(format, variables);
    let known = knowledge(program, &program.config().http.split_clients[split].key, Some(&format))?;
    let address = variables.find("remote_addr").and_then(|id| format.position(id));
    let mut report = Report::new(program, split);
    report.count_distinct(true);
    report.assumed_ports = uses_port(&known).then_some(ports);
    in_parallel(&report.clone(), &mut report, input, |part, number, block| {
        let mut sample = Sample::new(&known);
        let (mut key, mut text) = (Vec::new(), Vec::new());
        let mut number = number;
        lines::of_block(block, |line| {
            number += 1;
            let Some(line) = line else { return part.malformed(number, || TOO_LONG.to_owned()) };
            if let Err(foreign) = format.read(line, &mut sample.fields) {
                return part.malformed(number, || foreign.to_string());
            }
            if let Some(position) = address {
                text.clear();
                format.value(line, &sample.fields[position], &mut text);
                sample.set_address_text(&text);
            }
            sample.port = ports.one_of(number);
            sample.line = Some(Line { format: &format, text: line });
            sample.reset();
            key.clear();
            let (_, bucket) = program.bucket(split, &mut sample, &mut key);
            part.add(&key, bucket);
        });
    })?;
    Ok(report)
}

/// Reads blocks of lines and counts them; `count` gets the number of lines before the block.
fn in_parallel(
    empty: &Report,
    report: &mut Report,
    input: impl Read + Send,
    count: impl Fn(&mut Report, u64, &[u8]) + Sync,
) -> Result<(), Error> {
    let (parts, read) = parallel::count(input, || empty.empty(), count, |part| part);
    for part in parts {
        report.merge(part);
    }
    read.map_err(Error::Read)
}
