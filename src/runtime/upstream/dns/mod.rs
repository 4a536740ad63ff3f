//! The resolver: names that are known per request, asked for and kept as long as they hold (`ngx_resolver.c`).

pub(crate) mod message;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use simple_dns::TYPE;
use tokio::net::UdpSocket;
use tokio::sync::watch;

use crate::model::Endpoint;
use crate::model::limit::Resolver as Settings;
use crate::runtime::net::counters::Counters;
use crate::runtime::net::random::Random;
use crate::runtime::net::stream::Stream;
use crate::runtime::upstream::dns::message::Answer;

/// A name server that does not answer is given up, and the next one asked, after this time.
const RESEND: Duration = Duration::from_secs(5);
/// Names that are followed from one to the next.
const MAX_ALIASES: usize = 50;
/// Names that are kept.
const MAX_NAMES: usize = 10_000;
/// Time after which an unanswered query is dropped.
const GIVE_UP: Duration = Duration::from_secs(60);

/// Reason of a failed look-up: the code of the DNS response, or 110 if none came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure(u8);

impl Failure {
    pub(crate) const TIMED_OUT: Self = Failure(110);
    pub(crate) const NO_NAME: Self = Failure(3);

    /// `3: Host not found`
    pub(crate) fn text(self) -> String {
        let words = match self.0 {
            1 => "Format error",
            2 => "Server failure",
            3 => "Host not found",
            4 => "Unimplemented",
            5 => "Operation refused",
            110 => "Operation timed out",
            _ => "Unknown error",
        };
        format!("{}: {words}", self.0)
    }
}

type Addresses = Result<Vec<IpAddr>, Failure>;

#[derive(Debug)]
struct CachedAnswer {
    addresses: Vec<IpAddr>,
    alias: Option<String>,
    until: Instant,
}

/// The name servers of a `resolver`.
#[derive(Debug)]
pub(crate) struct Resolver {
    settings: Settings,
    servers: Vec<SocketAddr>,
    /// Questions are connections too, for `$connection`.
    counters: Arc<Counters>,
    random: Rc<Random>,
    /// Index of the name server whose turn it is.
    turn: Cell<usize>,
    known: RefCell<HashMap<String, CachedAnswer>>,
    /// Names that are being asked for.
    asked: RefCell<HashMap<String, watch::Receiver<Option<Addresses>>>>,
}

impl Resolver {
    pub(crate) fn new(settings: &Settings, counters: &Arc<Counters>, random: &Rc<Random>) -> Self {
        let servers = settings.servers.iter().flat_map(|server| match server {
            Endpoint::Inet(address) => vec![*address],
            Endpoint::Name(host, port) => {
                (host.as_str(), *port).to_socket_addrs().map(Iterator::collect).unwrap_or_default()
            }
            Endpoint::Unix(_) => Vec::new(),
        });
        Self {
            servers: servers.collect(),
            settings: settings.clone(),
            counters: Arc::clone(counters),
            random: Rc::clone(random),
            turn: Cell::new(0),
            known: RefCell::default(),
            asked: RefCell::default(),
        }
    }

    /// The addresses of a name; how long it may take is the caller's affair.
    pub(crate) async fn resolve(self: &Rc<Self>, name: &str) -> Addresses {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        match self.cached(&name) {
            // Known ones are given from any of them on, new ones in the order of the answer.
            Some(mut addresses) => {
                let start = self.random.number() as usize % addresses.len().max(1);
                addresses.rotate_left(start);
                Ok(addresses)
            }
            None => self.ask(&name).await,
        }
    }

    /// Time for which the addresses of a name still hold.
    pub(crate) fn holds(&self, name: &str) -> Duration {
        let known = self.known.borrow();
        let mut name = name.trim_end_matches('.').to_ascii_lowercase();
        let mut until: Option<Instant> = None;
        for _ in 0..MAX_ALIASES {
            let Some(entry) = known.get(&name) else { break };
            until = Some(until.map_or(entry.until, |until| until.min(entry.until)));
            match &entry.alias {
                Some(alias) => name.clone_from(alias),
                None => break,
            }
        }
        until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }

    /// Addresses that are known and still hold, through aliases.
    fn cached(&self, name: &str) -> Option<Vec<IpAddr>> {
        let known = self.known.borrow();
        let now = Instant::now();
        let mut name = name;
        for _ in 0..MAX_ALIASES {
            let entry = known.get(name).filter(|entry| entry.until > now)?;
            if !entry.addresses.is_empty() {
                return Some(entry.addresses.clone());
            }
            name = entry.alias.as_deref()?;
        }
        None
    }

    /// Asks, together with everybody who asks for the same name at the moment.
    async fn ask(self: &Rc<Self>, name: &str) -> Addresses {
        let running = self.asked.borrow().get(name).cloned();
        let mut answer = running.unwrap_or_else(|| {
            let (sender, receiver) = watch::channel(None);
            self.asked.borrow_mut().insert(name.to_owned(), receiver.clone());
            let (resolver, name) = (Rc::clone(self), name.to_owned());
            tokio::task::spawn_local(async move {
                let found = tokio::time::timeout(GIVE_UP, resolver.follow(&name)).await;
                resolver.asked.borrow_mut().remove(&name);
                sender.send_replace(Some(found.unwrap_or(Err(Failure::TIMED_OUT))));
            });
            receiver
        });
        match answer.wait_for(Option::is_some).await {
            Ok(found) => found.clone().unwrap_or(Err(Failure::TIMED_OUT)),
            Err(_) => Err(Failure::TIMED_OUT),
        }
    }

    /// Follows a name to its addresses.
    async fn follow(&self, name: &str) -> Addresses {
        let mut name = name.to_owned();
        for _ in 0..MAX_ALIASES {
            if let Some(addresses) = self.cached(&name) {
                return Ok(addresses);
            }
            let alias = self.alias(&name);
            let next = match alias {
                Some(alias) => Some(alias),
                None => match self.query(&name).await? {
                    (addresses, _) if !addresses.is_empty() => return Ok(addresses),
                    (_, alias) => alias,
                },
            };
            name = next.ok_or(Failure::NO_NAME)?;
        }
        Err(Failure::NO_NAME)
    }

    fn alias(&self, name: &str) -> Option<String> {
        let known = self.known.borrow();
        known.get(name).filter(|entry| entry.until > Instant::now())?.alias.clone()
    }

    /// Asks for a name in both families, and keeps what the answers say.
    async fn query(&self, name: &str) -> Result<(Vec<IpAddr>, Option<String>), Failure> {
        let Settings { no_ipv4, no_ipv6, valid, .. } = self.settings;
        // Both questions go to the same server.
        let turn = self.turn.get();
        self.turn.set(turn.wrapping_add(1));
        let (v4, v6) = tokio::join!(
            self.one(name, turn, (!no_ipv4).then_some(TYPE::A)),
            self.one(name, turn, (!no_ipv6).then_some(TYPE::AAAA)),
        );
        let is_empty = |answer: &Option<Answer>| {
            answer.as_ref().is_some_and(|a| a.addresses.is_empty() && a.alias.is_none())
        };
        // nginx takes nothing behind an alias for the end, if the alias came first.
        let is_end = v4.as_ref().is_some_and(|a| a.addresses.is_empty()) && is_empty(&v6);
        let mut both = Answer { ttl: u32::MAX, ..Answer::default() };
        for answer in [v4, v6].into_iter().flatten() {
            both.code = both.code.max(answer.code);
            both.ttl = both.ttl.min(answer.ttl);
            both.addresses.extend(answer.addresses);
            both.alias = answer.alias.or(both.alias);
        }
        // An error in one family is one of the name.
        if both.code != 0 {
            return Err(Failure(both.code));
        }
        if is_end || both.addresses.is_empty() && both.alias.is_none() {
            return Err(Failure::NO_NAME);
        }
        if !both.addresses.is_empty() {
            both.alias = None;
        }
        let ttl = valid.unwrap_or(Duration::from_secs(u64::from(both.ttl)));
        let mut known = self.known.borrow_mut();
        if known.len() >= MAX_NAMES {
            let now = Instant::now();
            known.retain(|_, entry| entry.until > now);
            if known.len() >= MAX_NAMES {
                known.clear();
            }
        }
        let until = Instant::now() + ttl;
        let entry = CachedAnswer { addresses: both.addresses.clone(), alias: both.alias.clone(), until };
        known.insert(name.to_owned(), entry);
        Ok((both.addresses, both.alias))
    }

    /// Sends a query to one server after the other until one answers.
    async fn one(&self, name: &str, mut turn: usize, kind: Option<TYPE>) -> Option<Answer> {
        let mut question = message::question(self.random.number() as u16, name, kind?)?;
        loop {
            let server = *self.servers.get(turn % self.servers.len().max(1))?;
            self.counters.next_connection();
            let exchange = udp(server, &question);
            match tokio::time::timeout(RESEND, exchange).await {
                Ok(Ok(answer)) if answer.truncated => {
                    self.counters.next_connection();
                    let again = tokio::time::timeout(RESEND, tcp(server, &question)).await;
                    if let Ok(Ok(answer)) = again {
                        return Some(answer);
                    }
                }
                Ok(Ok(answer)) => return Some(answer),
                // No server at this address: the next one is asked after a pause.
                Ok(Err(_)) => tokio::time::sleep(RESEND).await,
                Err(_) => {}
            }
            turn = turn.wrapping_add(1);
            let id = (self.random.number() as u16).to_be_bytes();
            question[..2].copy_from_slice(&id);
        }
    }
}

async fn udp(server: SocketAddr, question: &[u8]) -> std::io::Result<Answer> {
    let any: SocketAddr = if server.is_ipv4() { ([0; 4], 0).into() } else { ([0u16; 8], 0).into() };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(server).await?;
    socket.send(question).await?;
    let mut data = vec![0; 4096];
    loop {
        let length = socket.recv(&mut data).await?;
        // A datagram that does not belong to the question is not believed; the wait goes on.
        if let Some(answer) = message::answer(question, &data[..length]) {
            return Ok(answer);
        }
    }
}

async fn tcp(server: SocketAddr, question: &[u8]) -> std::io::Result<Answer> {
    let mut stream = Stream::Tcp(tokio::net::TcpStream::connect(server).await?);
    let length = (question.len() as u16).to_be_bytes();
    let out = [&length[..], question].concat();
    let mut rest = &out[..];
    while !rest.is_empty() {
        let n = poll_fn(|cx| stream.poll_write(cx, rest)).await?;
        rest = &rest[n..];
    }
    let mut data = vec![0; 2 + usize::from(u16::MAX)];
    let mut have = 0;
    loop {
        let room = &mut data[have..];
        match poll_fn(|cx| stream.poll_read(cx, room)).await? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            n => have += n,
        }
        let length = usize::from(u16::from_be_bytes([data[0], data[1]]));
        if have >= 2 + length && have >= 2 {
            let answer = message::answer(question, &data[2..2 + length]);
            return answer.ok_or_else(|| std::io::ErrorKind::InvalidData.into());
        }
    }
}
