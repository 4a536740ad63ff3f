//! The model of pools against what nginx did: `tests/fixtures/pools.tsv`, recorded by `benches/pools.py`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use ngxc::ports::capacity::{Capacity, Outcome, Reuse, Setup, outcome};
use ngxc::ports::plan::ports_in_use;
use ngxc::ports::pool::{Concurrency, FITTED, Shape, in_bursts};
use ngxc::ports::{Host, Load};

/// One line of the grid: a load, a pool, and how many connections nginx opened, the median of five runs or more.
#[derive(Debug)]
struct Cell {
    nginx: String,
    load: String,
    workers: u32,
    pool: u32,
    at_once: f64,
    latency: f64,
    requests: f64,
    opened: f64,
    /// The busiest worker's share of the requests.
    share: f64,
    seconds: f64,
}

fn grid() -> Vec<Cell> {
    let text = include_str!("../fixtures/pools.tsv");
    let cells = text.lines().skip(1).map(|line| {
        let columns: Vec<&str> = line.split('\t').collect();
        let number = |n: usize| columns[n].parse::<f64>().unwrap();
        Cell {
            nginx: columns[0].to_owned(),
            load: columns[1].to_owned(),
            workers: columns[2].parse().unwrap(),
            pool: columns[3].parse().unwrap(),
            at_once: number(4),
            latency: number(5) / 1000.0,
            requests: number(6),
            opened: number(7),
            share: number(8),
            seconds: number(9),
        }
    });
    cells.collect()
}

impl Cell {
    /// The requests under way, as the workers shared them in that run.
    fn crowd(&self) -> Concurrency {
        Concurrency { at_once: self.at_once, workers: self.workers, busiest: self.at_once * self.share }
    }

    /// Connections that the model says: the first request of each finds none. Closed loads are counted later.
    fn model(&self, shape: Shape) -> f64 {
        let share = match self.load.as_str() {
            "burst" => in_bursts(self.pool, &self.crowd()),
            _ => shape.steady(self.pool, &self.crowd(), self.latency),
        };
        let first = if self.load == "closed" { 0.0 } else { self.at_once };
        first + (self.requests - first) * share
    }

    /// Connections at worst.
    fn at_worst(&self) -> f64 {
        let first = if self.load == "closed" { 0.0 } else { self.at_once };
        first + (self.requests - first) * in_bursts(self.pool, &self.crowd())
    }

    /// Error of the model; at most 1 is within 25 % or 20 connections, whichever is larger.
    fn error(&self, shape: Shape) -> f64 {
        (self.model(shape) - self.opened).abs() / (0.25 * self.opened).max(20.0)
    }

    fn setup(&self, reuse: Option<Reuse>) -> Setup {
        Setup {
            host: Host::default(),
            sources: 1,
            heaviest_source: 1.0,
            destinations: 1,
            heaviest_destination: 1.0,
            loopback: false,
            reuse,
            active_close: 1.0,
            workers: self.workers,
            default_requests: 1_000_000,
            session: None,
        }
    }
}

/// The nginx that the model was fitted to.
const FITTED_TO: &str = "1.22.1";

/// The two halves of the grid: each second cell.
fn halves() -> [Vec<Cell>; 2] {
    let (even, odd): (Vec<_>, Vec<_>) = grid()
        .into_iter()
        .filter(|cell| cell.load == "closed" && cell.nginx == FITTED_TO)
        .enumerate()
        .partition(|(n, _)| n % 2 == 0);
    [even, odd].map(|half| half.into_iter().map(|(_, cell)| cell).collect())
}

#[test]
fn the_shape_is_what_fits_one_half() {
    let [half, _] = halves();
    // A cell that is far out says no more than one that is out.
    let squares = |shape: Shape| half.iter().map(|cell| cell.error(shape).min(3.0).powi(2)).sum::<f64>();
    let steps = |from: f64, step: f64, count: u32| (0..count).map(move |n| from + step * f64::from(n));
    let shapes = steps(0.4, 0.05, 6).flat_map(|batched| {
        steps(10.0, 3.0, 9).flat_map(move |batch| {
            steps(0.0, 0.2, 5).flat_map(move |by_number| {
                steps(0.0, 0.2, 6).map(move |by_time| Shape { batched, batch, by_number, by_time })
            })
        })
    });
    let best = shapes.min_by(|a, b| squares(*a).total_cmp(&squares(*b))).unwrap();
    assert!(
        squares(FITTED) <= squares(best) * 1.15,
        "{} and the best is {} with {best:?}",
        squares(FITTED),
        squares(best)
    );
}

/// The cells that the model is out for by more than 25 % or 20 connections, in words.
fn out(cells: &[Cell]) -> Vec<String> {
    let wrong = cells.iter().filter(|cell| cell.error(FITTED) > 1.0);
    wrong.map(|cell| format!("{:.0} for {cell:?}", cell.model(FITTED))).collect()
}

#[test]
fn the_other_half_and_bursts_are_as_the_model_says() {
    let [_, half] = halves();
    let bursts: Vec<Cell> = grid().into_iter().filter(|cell| cell.load == "burst").collect();
    assert!(half.len() >= 60 && bursts.len() >= 18);
    assert_eq!(out(&bursts), Vec::<String>::new());
    // Five runs of a cell differ by more than that where batches come and go; no median is four times as far out.
    let (wrong, most) = (out(&half), half.len() / 6);
    assert!(wrong.len() <= most, "{} of {}: {wrong:#?}", wrong.len(), half.len());
    let far: Vec<&Cell> = half.iter().filter(|cell| cell.error(FITTED) > 4.0).collect();
    assert!(far.is_empty(), "{far:#?}");
}

#[test]
fn a_newer_nginx_opens_as_many_or_fewer() {
    let newer: Vec<Cell> =
        grid().into_iter().filter(|cell| cell.nginx != FITTED_TO && cell.load == "closed").collect();
    let is_more = |cell: &&Cell| cell.opened > cell.model(FITTED) && cell.error(FITTED) > 1.0;
    let more: Vec<&Cell> = newer.iter().filter(is_more).collect();
    assert!(
        newer.len() >= 20 && more.len() * 10 <= newer.len(),
        "{} of {}: {more:#?}",
        more.len(),
        newer.len()
    );
}

#[test]
fn no_load_opens_more_than_bursts() {
    // The clients of a worker come and go: those of bursts are known as well as the model is.
    for cell in grid() {
        // Requests at random are as many as that in the mean.
        let peak = if cell.load == "poisson" { cell.at_once * 0.5 } else { 0.0 };
        let most = cell.at_worst() * 1.25 + peak + 20.0;
        assert!(cell.opened <= most, "{most:.0} for {cell:?}");
    }
}

#[test]
fn workers_share_no_more_unevenly_than_assumed() {
    for cell in grid() {
        let most = Concurrency::at_worst(cell.at_once, cell.workers).busiest;
        assert!(cell.at_once * cell.share <= most * 1.01, "{most} for {cell:?}");
    }
}

/// Rank of an outcome: the higher, the worse.
fn rank(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Fits(_) => 0,
        Outcome::Tight(_) => 1,
        Outcome::Cliff(_) => 2,
        Outcome::Exhausted { .. } => 3,
    }
}

#[test]
fn the_verdict_is_never_better_than_what_was_counted() {
    let mut ranks = [0; 4];
    for cell in grid() {
        let rate = cell.requests / cell.seconds;
        let load = Load { rate, latency: cell.latency, concurrency: Some(cell.at_once) };
        let reuse = Some(Reuse { pool: cell.pool, requests: 1_000_000 }).filter(|reuse| reuse.pool > 0);
        let told = rank(outcome(&cell.setup(reuse), &load).1);
        // The same connections as if each request had opened one; those of the beginning are opened once.
        let first = if cell.load == "closed" { 0.0 } else { cell.at_once };
        let counted = (cell.opened - first).max(0.0) / cell.seconds;
        let load = Load { rate: counted, latency: 0.0, concurrency: Some(cell.at_once) };
        let truth = rank(outcome(&cell.setup(None), &load).1);
        assert!(told >= truth, "told {told}, counted {truth}: {counted:.0} connections/s of {cell:?}");
        ranks[usize::from(told)] += 1;
    }
    // Good loads are not called bad either: a pool for all of them fits.
    assert!(ranks[0] > 30 && ranks[3] > 30, "{ranks:?}");
}

#[test]
fn the_verdict_of_a_small_pool_is_that_of_its_connections() {
    let load = Load { rate: 400.0, latency: 0.04, concurrency: None };
    let mut setup = grid()[0].setup(None);
    setup.workers = 1;
    let with = |pool| Setup { reuse: Some(Reuse { pool, requests: 1000 }), ..setup.clone() };
    // Half of 16 requests at once find a connection: 200 new ones a second are below the cliff at 231.
    let small = with(8);
    let (used, verdict) = outcome(&small, &load);
    assert!(!verdict.is_bad(), "{verdict:?}");
    let capacity = Capacity::of(&small, &load);
    let worst = small.new_connections(&load).1;
    assert!((used - worst / capacity.safe).abs() < 1e-9, "{used} {worst} {capacity:?}");
    let ports = ports_in_use(&small, &load);
    assert!((ports - worst * 61.0 - 16.0).abs() < 1e-6, "{ports} {worst}");
    // No pool is worse than none, and a larger one is no worse than a smaller one.
    let busy = Load { rate: 3000.0, ..load };
    let safe = |setup: &Setup| Capacity::of(setup, &busy).safe_requests();
    let mut last = safe(&setup);
    for pool in [1, 2, 8, 16, 32, 64, 128, 256] {
        let now = safe(&with(pool));
        assert!(now >= last, "{pool}: {now} {last}");
        last = now;
    }
}
