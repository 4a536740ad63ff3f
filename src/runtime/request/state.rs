//! A request, with its state until it is logged.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::eval::Captures;
use crate::eval::select::{AddressId, LocationId, ServerId};
use crate::model::VariableId;
use crate::runtime::net::buffer::Buffer;
use crate::runtime::net::clock::Clock;
use crate::runtime::net::http1::head::Head;
use crate::runtime::net::http1::piece::Piece;
use crate::runtime::net::http1::response_head::ResponseHead;
use crate::runtime::net::http2::head::{FRAME, ResponseHead as Http2Head};
use crate::runtime::net::proxy_protocol::ProxyProtocol;
use crate::runtime::net::reset::{empty, set};
use crate::runtime::net::tls::ClientTls;
use crate::runtime::request::body_file::BodyFile;
use crate::runtime::request::limit::conn::CountedRequest;
use crate::runtime::request::mirror::Mirror;
use crate::runtime::request::plan::Plan;
use crate::runtime::request::reply::Reply;
use crate::runtime::request::session::Session;
use crate::runtime::request::ssi::Shared;
use crate::runtime::request::uid::Uid;
use crate::runtime::upstream::cache::zone::EntryGuard;

/// A client's address; `None` for one on a unix socket.
pub(crate) type Remote = Option<SocketAddr>;

/// The client's side of a connection, without its socket.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// `$connection`
    pub(crate) number: u64,
    pub(crate) remote: Remote,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) address: AddressId,
    /// `$connection_requests`
    pub(crate) requests: u32,
    pub(crate) side: ClientTls,
    /// The client by the PROXY protocol.
    pub(crate) proxied: Option<Rc<ProxyProtocol>>,
    pub(crate) opened: Instant,
}

/// Bytes of a frame of a body (`http2_chunk_size`, its default).
const HTTP2_CHUNK: u64 = 8 << 10;

/// Changes of the URI before it is called a cycle (`NGX_HTTP_MAX_URI_CHANGES`).
const MAX_URI_CHANGES: u8 = 11;

/// A try of an upstream (`ngx_http_upstream_state_t`). A try without a peer separates the tries of two upstreams.
#[derive(Debug, Clone, Default)]
pub(crate) struct UpstreamTry {
    /// The peer's name, or the upstream's if no peer was live; empty before one is chosen.
    pub(crate) peer: String,
    pub(crate) status: u16,
    pub(crate) connect: Option<Duration>,
    pub(crate) header: Option<Duration>,
    pub(crate) response: Option<Duration>,
    /// Bytes of the response body, then all bytes that were received and sent.
    pub(crate) length: u64,
    pub(crate) received: u64,
    pub(crate) sent: u64,
}

/// A request. The next request reuses its memory.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, as in nginx's own request")]
pub(crate) struct Request {
    /// The head, followed by the bytes of the body or of the next request that have arrived.
    pub(crate) buffer: Buffer,
    pub(crate) head: Head,
    /// `$uri`
    pub(crate) uri: Vec<u8>,
    /// `$args`
    pub(crate) args: Vec<u8>,
    /// The method was replaced by GET for an `error_page`.
    is_get: bool,
    /// The method of the main request was replaced by GET; for subrequests.
    main_is_get: bool,
    /// An internal redirect has happened: `internal` locations are open.
    pub(crate) internal: bool,
    /// The URI was changed by `rewrite` in this phase.
    pub(crate) uri_changed: bool,
    /// Changes of the URI that are left.
    pub(crate) uri_changes: u8,
    /// The URI is still as the client sent it.
    pub(crate) valid_unparsed_uri: bool,
    /// The URI still begins with the location's name.
    pub(crate) valid_location: bool,
    pub(crate) add_uri_to_alias: bool,
    /// An `error_page` is being processed.
    pub(crate) error_page: bool,
    /// Status that overrides the handler's status; 0: none.
    pub(crate) err_status: u16,
    /// The root directory of the location is known to exist.
    pub(crate) root_tested: bool,
    /// The socket's peer address, while realip has replaced the client's address.
    pub(crate) real: Option<Remote>,
    /// The request arrived together with the previous request.
    pub(crate) pipelined: bool,
    /// Value of `set $limit_rate`.
    pub(crate) limit_rate: Option<u64>,
    /// `$limit_req_status`, `$limit_conn_status`
    pub(crate) limit_req_status: Option<&'static str>,
    pub(crate) limit_conn_status: Option<&'static str>,
    /// The zones in which `limit_conn` counts the request.
    pub(crate) held: Vec<CountedRequest>,
    pub(crate) reply: Reply,
    /// Subrequest depth; 0 is the main request.
    pub(crate) depth: u8,
    pub(crate) ssi: Shared,
    pub(crate) server: ServerId,
    pub(crate) location: Option<LocationId>,
    /// The last location that had a handler: an `if` without one leaves it.
    pub(crate) handled_by: Option<LocationId>,
    pub(crate) plan: Rc<Plan>,
    /// The connection is kept after the response.
    pub(crate) keepalive: bool,
    pub(crate) body: Vec<u8>,
    /// The body, if it is in a file.
    pub(crate) body_file: Option<BodyFile>,
    /// Bytes of a body that was sent to the upstream while it was read (`proxy_request_buffering off`).
    pub(crate) streamed: u64,
    /// Bytes of a chunked body that are not its content.
    pub(crate) framing: u64,
    /// Length of the compressed header block, if the client speaks HTTP/2.
    pub(crate) block: Option<u64>,
    /// `$content_length` of a chunked body that is thrown away.
    pub(crate) discards: Option<u64>,
    /// The body has been read or discarded.
    pub(crate) has_body: bool,
    /// The output to the client; the response head is its first `head_length` bytes.
    pub(crate) out: Vec<u8>,
    pub(crate) head_length: usize,
    /// The head of the response, if the client speaks HTTP/2.
    pub(crate) http2_head: Option<Box<Http2Head>>,
    /// Bytes of the head among those that were sent.
    pub(crate) head_bytes: u64,
    pub(crate) status: u16,
    /// `$bytes_sent` and, without the head, `$body_bytes_sent`.
    pub(crate) sent: u64,
    pub(crate) is_complete: bool,
    pub(crate) tries: Vec<UpstreamTry>,
    /// The upstream request as it is sent, and the place of the URI in it.
    pub(crate) upstream_out: Vec<u8>,
    pub(crate) upstream_uri: Piece,
    pub(crate) upstream_is_unix: bool,
    pub(crate) upstream_is_tls: bool,
    /// The session of `stream`, which is no request.
    pub(crate) session: Option<Box<Session>>,
    /// `$proxy_host`
    pub(crate) proxy_host: Vec<u8>,
    pub(crate) response: ResponseHead,
    /// The head of the upstream's response, as received.
    pub(crate) upstream_head: Vec<u8>,
    /// Trailers of the upstream's response, as received, if the client gets them.
    pub(crate) upstream_trailers: Vec<u8>,
    /// `$upstream_cache_status`
    pub(crate) cache_status: Option<&'static str>,
    /// Validators of the cached response: the time of its last change or -1, and its tag.
    pub(crate) validators: (i64, Vec<u8>),
    /// Stale cache entry that a background request renews after this response.
    pub(crate) renewal: Option<EntryGuard>,
    /// Only the response head matters (`auth_request`, `mirror`); the client's body is not read for the request.
    pub(crate) only_head: bool,
    /// Mirror subrequests, sent after the response.
    pub(crate) mirrors: Vec<Mirror>,
    /// An SSI `stub` replaces the response if it fails or is empty.
    pub(crate) has_stub: bool,
    /// No request waits for the response.
    pub(crate) is_background: bool,
    pub(crate) captures: Captures,
    pub(crate) stored: Vec<(VariableId, Vec<u8>)>,
    /// Evaluated variables of `map`, `geo` and `split_clients`, and the places of their values in `memo_text`.
    pub(crate) memo: Vec<(VariableId, Piece)>,
    pub(crate) memo_text: Vec<u8>,
    pub(crate) started: Duration,
    pub(crate) id: Option<String>,
    /// The cookie of `userid`.
    pub(crate) uid: Option<Box<Uid>>,
}

impl Request {
    pub(crate) fn new(plan: Rc<Plan>) -> Self {
        Self {
            buffer: Buffer::absent(),
            head: Head::default(),
            uri: Vec::new(),
            args: Vec::new(),
            is_get: false,
            main_is_get: false,
            internal: false,
            uri_changed: false,
            uri_changes: MAX_URI_CHANGES,
            valid_unparsed_uri: true,
            valid_location: true,
            add_uri_to_alias: false,
            error_page: false,
            err_status: 0,
            root_tested: false,
            real: None,
            pipelined: false,
            limit_rate: None,
            limit_req_status: None,
            limit_conn_status: None,
            held: Vec::new(),
            reply: Reply::default(),
            depth: 0,
            ssi: Shared::default(),
            server: ServerId(0),
            location: None,
            handled_by: None,
            plan,
            keepalive: false,
            body: Vec::new(),
            body_file: None,
            streamed: 0,
            framing: 0,
            block: None,
            discards: None,
            has_body: false,
            out: Vec::new(),
            head_length: 0,
            http2_head: None,
            head_bytes: 0,
            status: 0,
            sent: 0,
            is_complete: false,
            tries: Vec::new(),
            upstream_out: Vec::new(),
            upstream_uri: Piece::default(),
            upstream_is_unix: false,
            upstream_is_tls: false,
            session: None,
            proxy_host: Vec::new(),
            response: ResponseHead::default(),
            upstream_head: Vec::new(),
            upstream_trailers: Vec::new(),
            cache_status: None,
            validators: (-1, Vec::new()),
            renewal: None,
            only_head: false,
            mirrors: Vec::new(),
            has_stub: false,
            is_background: false,
            captures: Captures::default(),
            stored: Vec::new(),
            memo: Vec::new(),
            memo_text: Vec::new(),
            started: Duration::ZERO,
            id: None,
            uid: None,
        }
    }

    /// Prepares for the request at the start of the buffer: a new state in the memory of the old one.
    ///
    /// The pattern names every field, so a new field does not compile before its first value is decided here. Each is
    /// set in its place: a new request that is built beside the old one and moved over it costs a tenth of a small response.
    pub(crate) fn reset(&mut self, new_plan: &Rc<Plan>, new_server: ServerId) {
        #[rustfmt::skip]
        let Self {
            buffer, head, uri, args, is_get, main_is_get, internal, uri_changed, uri_changes, valid_unparsed_uri,
            valid_location, add_uri_to_alias, error_page, err_status, root_tested, real, pipelined, limit_rate,
            limit_req_status, limit_conn_status, held, reply, depth, ssi, server, location, handled_by, plan, keepalive,
            body, session, body_file, streamed, framing, block, discards, has_body, out, head_length, http2_head, head_bytes,
            status, sent, is_complete, tries, upstream_out, upstream_uri, upstream_is_unix, upstream_is_tls, proxy_host,
            response, upstream_head, upstream_trailers, cache_status, validators, renewal, only_head, mirrors, has_stub,
            is_background, captures, stored, memo, memo_text, started, id, uid,
        } = self;
        buffer.compact();
        head.reset(buffer.start);
        response.reset(0);
        reply.clear();
        if !Rc::ptr_eq(plan, new_plan) {
            plan.clone_from(new_plan);
        }
        *server = new_server;
        *started = Clock::now();
        set!(false, is_get main_is_get internal uri_changed add_uri_to_alias error_page root_tested pipelined);
        set!(false, keepalive has_body is_complete upstream_is_unix upstream_is_tls only_head has_stub is_background);
        set!(true, valid_unparsed_uri valid_location);
        set!(None, limit_req_status limit_conn_status cache_status location handled_by real id uid);
        set!(None, limit_rate block discards session body_file http2_head renewal);
        set!(0, streamed framing head_bytes sent err_status status);
        (*depth, *head_length, *uri_changes) = (0, 0, MAX_URI_CHANGES);
        *upstream_uri = Piece::default();
        *ssi = Shared::default();
        if !captures.is_empty() {
            *captures = Captures::default();
        }
        held.clear();
        tries.clear();
        mirrors.clear();
        stored.clear();
        memo.clear();
        validators.0 = -1;
        for bytes in [
            uri,
            args,
            proxy_host,
            &mut validators.1,
            body,
            out,
            upstream_out,
            upstream_head,
            upstream_trailers,
            memo_text,
        ] {
            empty(bytes);
        }
    }

    /// The connection is kept for a while even if the worker stops (`keepalive_min_timeout`).
    pub(crate) fn stays(&self) -> bool {
        !self.plan.core.keepalive_min_timeout.value.is_zero()
    }

    /// The method of the request.
    pub(crate) fn method(&self) -> &[u8] {
        if self.is_get { b"GET" } else { self.head.line.method.of(self.buffer.all()) }
    }

    /// `$request_method`: the method of the main request, in subrequests too
    /// (`ngx_http_variable_request_method`).
    pub(crate) fn main_method(&self) -> &[u8] {
        let is_get = if self.depth == 0 { self.is_get } else { self.main_is_get };
        if is_get { b"GET" } else { self.head.line.method.of(self.buffer.all()) }
    }

    /// The client speaks HTTP/2.
    pub(crate) fn is_http2(&self) -> bool {
        self.head.line.version >= 2000
    }

    pub(crate) fn is_head(&self) -> bool {
        self.method() == b"HEAD"
    }

    /// Replaces the method by GET for an `error_page`; HEAD stays.
    pub(crate) fn become_get(&mut self) {
        self.is_get = !self.is_head();
    }

    /// Makes the request a subrequest of `parent`, with the method GET.
    pub(crate) fn enter(&mut self, parent: &Self) {
        self.depth = parent.depth + 1;
        self.real = parent.real;
        self.is_get = true;
        self.main_is_get = if parent.depth == 0 { parent.is_get } else { parent.main_is_get };
    }

    /// Takes over the method of `parent` (`NGX_HTTP_SUBREQUEST_CLONE`).
    pub(crate) fn ask_as(&mut self, parent: &Self) {
        self.is_get = parent.is_get;
    }

    /// `$request_length`; 0 for a subrequest, of which nothing was read.
    pub(crate) fn length(&self) -> u64 {
        if self.depth > 0 {
            return 0;
        }
        // Frames of HTTP/2 are not counted.
        let framing = if self.is_http2() { 0 } else { self.framing };
        let head = (self.head.position - self.head.start) as u64;
        self.block.unwrap_or(head) + self.body_length().max(self.streamed) + framing
    }

    /// `$body_bytes_sent`; in HTTP/2 with the heads of the frames, as nginx cuts the body into them.
    pub(crate) fn body_bytes_sent(&self) -> u64 {
        let body = self.sent.saturating_sub(self.head_bytes);
        let frames = if self.is_http2() { body.div_ceil(HTTP2_CHUNK) } else { 0 };
        body + frames * FRAME
    }

    /// `$bytes_sent`
    pub(crate) fn bytes_sent(&self) -> u64 {
        self.sent.min(self.head_bytes) + self.body_bytes_sent()
    }

    /// Bytes of the body that was read.
    pub(crate) fn body_length(&self) -> u64 {
        self.body_file.as_ref().map_or(0, BodyFile::len) + self.body.len() as u64
    }

    pub(crate) fn store(&mut self, id: VariableId, value: &[u8]) {
        self.stored.retain(|(other, _)| *other != id);
        self.stored.push((id, value.to_vec()));
    }
}
