//! Blocks of lines, counted by one thread a CPU.

use std::io::{self, Read};
use std::sync::{Mutex, mpsc};

use super::lines;

/// Number of threads that share the work.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(16)
}

/// Reads blocks of whole lines and has them counted. `count` gets a worker, the number of lines before the block, and the
/// block. Returns what `end` makes of each worker.
///
/// # Errors
/// If reading fails; all that was read before has been counted.
pub fn count<W, P: Send>(
    input: impl Read,
    start: impl Fn() -> W + Sync,
    count: impl Fn(&mut W, u64, &[u8]) + Sync,
    end: impl Fn(W) -> P + Sync,
) -> (Vec<P>, io::Result<()>) {
    let threads = threads();
    let (sender, receiver) = mpsc::sync_channel::<(u64, Vec<u8>)>(2 * threads);
    let receiver = Mutex::new(receiver);
    // Memory of blocks is used again: new memory costs as much as a part of the counting.
    let (give, spare) = mpsc::channel::<Vec<u8>>();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                let give = give.clone();
                let (receiver, start, count, end) = (&receiver, &start, &count, &end);
                scope.spawn(move || {
                    let mut worker = start();
                    loop {
                        // The lock is held only while a block is taken.
                        let next = receiver.lock().ok().and_then(|receiver| receiver.recv().ok());
                        let Some((number, mut block)) = next else { return end(worker) };
                        count(&mut worker, number, &block);
                        block.clear();
                        // The reader may have ended.
                        let _ = give.send(block);
                    }
                })
            })
            .collect();
        let mut number = 0;
        let read = lines::blocks_in(
            input,
            || spare.try_recv().unwrap_or_default(),
            |block| {
                let in_block = memchr::memchr_iter(b'\n', &block).count() as u64;
                // Sending fails only if all workers have ended.
                let _ = sender.send((number, block));
                number += in_block;
            },
        );
        drop(sender);
        (workers.into_iter().filter_map(|worker| worker.join().ok()).collect(), read)
    })
}
