//! Access logs counted: blocks of lines in parallel, equal requests once.

use std::collections::HashMap;
use std::io::Read;
use std::rc::Rc;
use std::sync::Mutex;

use crate::behaviour::coverage::{Coverage, Reached};
use crate::behaviour::logged::{Logged, Reader, needs_client};
use crate::behaviour::outcome::Outcome;
use crate::model::log::LogFormat;
use crate::ports::dates;
use crate::simulate::imagined::Asked;
use crate::simulate::lines;
use crate::simulate::walk::Ground;

/// Most requests that a thread remembers; then it begins anew.
const MAX_KNOWN: usize = 100_000;
/// Lines that do not fit, of which the first are kept.
const SAMPLES: usize = 3;

/// What was counted.
pub(super) struct Counted {
    /// Parts with their counts.
    pub(super) coverage: Coverage,
    /// Lines that are no request in the format.
    pub(super) foreign: u64,
    /// The first of them: number and reason.
    pub(super) samples: Vec<(u64, String)>,
}

/// Counts the requests of a log.
///
/// # Errors
/// If the log cannot be read.
pub(super) fn count(
    ground: &Ground,
    format: &LogFormat,
    empty: &Coverage,
    input: impl Read + Send,
) -> Result<Counted, String> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(16);
    let (sender, receiver) = std::sync::mpsc::sync_channel::<(u64, Vec<u8>)>(2 * threads);
    let receiver = Mutex::new(receiver);
    let (read, parts) = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut worker = Worker::new(ground, format, empty)?;
                    loop {
                        // The lock is held only while a block is taken.
                        let next = receiver.lock().ok().and_then(|receiver| receiver.recv().ok());
                        let Some((number, block)) = next else { return Ok(worker.counted) };
                        worker.block(number, &block);
                    }
                })
            })
            .collect();
        let mut number = 0;
        let read = lines::blocks(input, |block| {
            let in_block = memchr::memchr_iter(b'\n', &block).count() as u64;
            // Sending fails only if all workers have ended.
            let _ = sender.send((number, block));
            number += in_block;
        });
        drop(sender);
        let parts: Vec<Result<Counted, String>> =
            workers.into_iter().filter_map(|worker| worker.join().ok()).collect();
        (read, parts)
    });
    read.map_err(|error| error.to_string())?;
    let mut all = Counted { coverage: empty.clone(), foreign: 0, samples: Vec::new() };
    for part in parts {
        let part = part?;
        all.coverage.add(&part.coverage);
        all.foreign += part.foreign;
        all.samples.extend(part.samples);
    }
    all.samples.sort_unstable();
    all.samples.truncate(SAMPLES);
    Ok(all)
}

struct Worker<'g> {
    ground: &'g Ground,
    reader: Reader<'g>,
    counted: Counted,
    known: HashMap<Vec<u8>, Option<Rc<Reached>>>,
}

impl<'g> Worker<'g> {
    fn new(ground: &'g Ground, format: &LogFormat, empty: &Coverage) -> Result<Self, String> {
        let reader = Reader::new(ground, format)?;
        let counted = Counted { coverage: empty.clone(), foreign: 0, samples: Vec::new() };
        Ok(Self { ground, reader, counted, known: HashMap::new() })
    }

    fn block(&mut self, before: u64, block: &[u8]) {
        let mut fields = Vec::new();
        let mut number = before;
        lines::of_block(block, |line| {
            number += 1;
            let read = match line {
                Some(b"") => return,
                Some(line) => self.reader.read(line, &mut fields),
                None => Err("the line is longer than 64 KiB".to_owned()),
            };
            match read {
                Ok(logged) => self.request(logged),
                Err(why) => {
                    self.counted.foreign += 1;
                    if self.counted.samples.len() < SAMPLES {
                        self.counted.samples.push((number, why));
                    }
                }
            }
        });
    }

    fn request(&mut self, mut logged: Logged) {
        let time = time(&logged);
        let mut reached = self.known.get(&logged.key).cloned();
        if reached.is_none() {
            let found = self.follow(&logged.asked);
            self.remember(logged.key.clone(), found.clone());
            reached = Some(found);
        }
        let mut reached = reached.flatten();
        if reached.is_none() {
            // The route depends on the client.
            logged.key.extend(format!("{:?}", logged.client).bytes());
            reached = if let Some(known) = self.known.get(&logged.key).cloned() {
                known
            } else {
                logged.asked.client = logged.client;
                let outcome = Outcome::of(self.ground, &logged.asked).ok();
                let found = outcome.map(|outcome| Rc::new(self.counted.coverage.reached(&outcome)));
                self.remember(logged.key, found.clone());
                found
            };
        }
        if let Some(reached) = reached {
            self.counted.coverage.hit(&reached, time);
        }
    }

    fn remember(&mut self, key: Vec<u8>, reached: Option<Rc<Reached>>) {
        if self.known.len() >= MAX_KNOWN {
            self.known.clear();
        }
        self.known.insert(key, reached);
    }

    /// What a request reaches; `None` if that depends on the client.
    fn follow(&self, asked: &Asked) -> Option<Rc<Reached>> {
        let outcome = Outcome::of(self.ground, asked).ok()?;
        (!needs_client(&outcome)).then(|| Rc::new(self.counted.coverage.reached(&outcome)))
    }
}

/// Seconds since 1970, in the time zone of the log.
fn time(logged: &Logged) -> Option<i64> {
    seconds(logged.time_field, &logged.time)
}

fn seconds(field: &str, text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    match field {
        "msec" => text.split('.').next()?.parse().ok(),
        "time_iso8601" => {
            let (date, clock) = text.get(..19)?.split_once('T')?;
            dates::seconds_of(&format!("{} {clock}", date.replace('-', "/")))
        }
        _ => {
            // 10/Oct/2026:13:55:36 +0000
            const MONTHS: [&str; 12] =
                ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
            let month = MONTHS.iter().position(|month| text.get(3..6) == Some(month))? + 1;
            let (day, year, clock) = (text.get(..2)?, text.get(7..11)?, text.get(12..20)?);
            dates::seconds_of(&format!("{year}/{month:02}/{day} {clock}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_all_forms() {
        for (field, text) in [
            ("time_local", "10/Oct/2026:13:55:36 +0000"),
            ("time_iso8601", "2026-10-10T13:55:36+00:00"),
            ("msec", "1791640536.123"),
        ] {
            assert_eq!(seconds(field, text.as_bytes()), Some(1_791_640_536), "{field}");
        }
        assert_eq!(seconds("time_local", b"yesterday"), None);
    }
}
