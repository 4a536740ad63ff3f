//! The model of pools against what nginx did: `tests/fixtures/pools.tsv`, recorded by `benches/pools.py`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use ngxc::ports::capacity::{Outcome, Reuse, Setup, outcome};
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

    /// Connections that the model says: the first request of each finds none.
    fn model(&self, shape: Shape) -> f64 {
        let share = match self.load.as_str() {
            "burst" => in_bursts(self.pool, &self.crowd()),
            _ => shape.steady(self.pool, &self.crowd()),
        };
        self.at_once + (self.requests - self.at_once) * share
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
    let squares = |shape: Shape| half.iter().map(|cell| cell.error(shape).powi(2)).sum::<f64>();
    let candidates = (8..=40).flat_map(|steep| (0..=20).map(move |whole| (steep, whole)));
    let shapes =
        candidates.map(|(steep, whole)| Shape { steep: f64::from(steep) / 4.0, whole: f64::from(whole) });
    let best = shapes.map(squares).fold(f64::INFINITY, f64::min);
    assert!(squares(FITTED) <= best * 1.15, "{} and the best is {best}", squares(FITTED));
}

#[test]
fn the_other_half_and_bursts_are_as_the_model_says() {
    let [_, half] = halves();
    let bursts: Vec<Cell> = grid().into_iter().filter(|cell| cell.load == "burst").collect();
    assert!(half.len() >= 60 && bursts.len() >= 18);
    let out = |cells: &[Cell]| {
        let wrong = cells.iter().filter(|cell| cell.error(FITTED) > 1.0);
        wrong.map(|cell| format!("{:.0} for {cell:?}", cell.model(FITTED))).collect::<Vec<_>>()
    };
    assert_eq!(out(&bursts), Vec::<String>::new());
    // On processors that do nothing else responses come one by one, and nginx opens fewer; with other programs beside it
    // 1,996 were counted.
    let is_fast = |cell: &Cell| (cell.workers, cell.pool) == (2, 64) && (cell.at_once - 400.0).abs() < 0.5;
    let (fast, rest): (Vec<_>, Vec<_>) = half.into_iter().partition(is_fast);
    assert_eq!(out(&rest), Vec::<String>::new());
    assert!(fast.len() == 1 && fast.iter().all(|cell| cell.opened < cell.model(FITTED)), "{fast:?}");
}

#[test]
fn a_newer_nginx_opens_as_many_or_fewer() {
    let grid = grid();
    let newer: Vec<&Cell> =
        grid.iter().filter(|cell| cell.nginx != FITTED_TO && cell.load == "closed").collect();
    for cell in &newer {
        let is_fewer = cell.opened <= cell.model(FITTED);
        assert!(is_fewer || cell.error(FITTED) <= 1.0, "{:.0} for {cell:?}", cell.model(FITTED));
    }
    let within = newer.iter().filter(|cell| cell.error(FITTED) <= 1.0).count();
    assert!(newer.len() >= 13 && within + 4 >= newer.len(), "{within} of {}", newer.len());
}

#[test]
fn requests_at_random_open_no_more_than_a_steady_crowd() {
    for cell in grid().iter().filter(|cell| cell.load == "poisson") {
        // Twenty and a half more at the peak: the number under way is a mean here.
        let peak = cell.at_once * 0.5 + 20.0;
        assert!(cell.opened <= cell.model(FITTED) + peak, "{:.0} for {cell:?}", cell.model(FITTED));
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
        let counted = (cell.opened - cell.at_once).max(0.0) / cell.seconds;
        let load = Load { rate: counted, latency: 0.0, concurrency: Some(cell.at_once) };
        let truth = rank(outcome(&cell.setup(None), &load).1);
        assert!(told >= truth, "told {told}, counted {truth}: {counted:.0} connections/s of {cell:?}");
        ranks[usize::from(told)] += 1;
    }
    // Good loads are not called bad either: a pool for all of them fits.
    assert!(ranks[0] > 30 && ranks[3] > 30, "{ranks:?}");
}
