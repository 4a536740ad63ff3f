//! Limits of a level, and the zones that they count in (`limit_req`, `limit_conn`).

pub(crate) mod conn;
pub(crate) mod req;

use std::sync::Arc;

use crate::model::ComplexValue;
use crate::model::limit::{LimitConn, LimitReq};
use crate::runtime::request::limit::conn::ConnZone;
use crate::runtime::request::limit::req::ReqZone;

/// Bytes of a zone that one key takes, about as nginx's slabs give them out.
pub(crate) const NODE: u64 = 128;

/// The limits of a level, with their zones.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    pub(crate) req: Vec<Req>,
    pub(crate) conn: Vec<Conn>,
}

#[derive(Debug)]
pub(crate) struct Req {
    pub(crate) limit: LimitReq,
    pub(crate) key: ComplexValue,
    /// Thousandths of a request a second.
    pub(crate) rate: u64,
    pub(crate) zone: Arc<ReqZone>,
}

#[derive(Debug)]
pub(crate) struct Conn {
    pub(crate) limit: LimitConn,
    pub(crate) key: ComplexValue,
    pub(crate) zone: Arc<ConnZone>,
}
