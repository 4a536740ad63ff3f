//! The listening sockets of a worker's thread: who serves what they accept.

use std::io;
use std::rc::Rc;

use tokio::task::JoinHandle;

use crate::model::Endpoint;
use crate::runtime::net::stream::Stream;
use crate::runtime::request::state::Remote;
use crate::runtime::request::worker::Worker;
use crate::runtime::server::listener::{self, Accept, Listener};
use crate::runtime::server::open::Open;
use crate::runtime::server::start::threads::keep;
use crate::runtime::server::{connection, sessions};
use crate::runtime::stream::udp;

/// Accepts connections of `http`.
pub(super) fn accept(
    worker: &Rc<Worker>,
    listener: Listener,
    socket: usize,
) -> io::Result<Option<JoinHandle<()>>> {
    let (own, listener) = (Rc::clone(worker), Rc::new(Accept::new(listener)?));
    Ok(Some(keep(worker, "accept", move || {
        listener::accept(Rc::clone(&own), Rc::clone(&listener), socket, connection::serve)
    })))
}

/// Accepts connections or datagrams of `stream`. The datagrams of a socket come to one thread: those of a client belong
/// together.
pub(super) fn accept_sessions(
    worker: &Rc<Worker>,
    listener: Listener,
    socket: usize,
    thread: usize,
) -> io::Result<Option<JoinHandle<()>>> {
    let own = Rc::clone(worker);
    if let Listener::Udp(datagrams) = listener {
        if thread != 0 {
            return Ok(None);
        }
        let datagrams = Rc::new(udp::Listener::new(datagrams)?);
        let open = |worker: &Rc<Worker>| -> udp::Guard {
            let open = Open::new(worker);
            (open.number(), Box::new(open))
        };
        return Ok(Some(keep(worker, "receive", move || {
            udp::receive(Rc::clone(&own), Rc::clone(&datagrams), socket, open)
        })));
    }
    let listener = Rc::new(Accept::new(listener)?);
    Ok(Some(keep(worker, "accept", move || {
        listener::accept(Rc::clone(&own), Rc::clone(&listener), socket, sessions::serve)
    })))
}

/// Tells sessions to which sockets they can be passed.
pub(super) fn passes(http: &Rc<Worker>, stream: &Rc<Worker>) {
    let mut all = stream.passes.borrow_mut();
    for worker in [http, stream] {
        for (number, socket) in worker.router.sockets().iter().enumerate() {
            let listen = &worker.router.listen(socket.bind).listen;
            if listen.is_datagram() {
                continue;
            }
            // Weak: the worker for sessions would hold itself.
            let own = Rc::downgrade(worker);
            let serve = move |stream: Stream, remote: Remote, passes: u32| {
                let Some(worker) = own.upgrade() else { return };
                let address = worker.router.address(number, || stream.local().map(|a| a.ip()));
                let open = Open::new(&worker);
                tokio::task::spawn_local(sessions::passed(open, stream, remote, address, passes));
            };
            let endpoint: Endpoint = listen.endpoint.clone();
            all.push((endpoint, Rc::new(serve)));
        }
    }
}
