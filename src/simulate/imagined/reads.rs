//! Parts of a request that its route has read: requests that are equal in it take the same route.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

/// Parts of a request that decided about its route, beside its address, host, method, protocol and facts.
#[derive(Clone, Debug, Default)]
pub struct RequestParts {
    /// The location that the path leads to, and whether the path ends with a slash.
    place: Cell<bool>,
    path: Cell<bool>,
    args: Cell<bool>,
    client: Cell<bool>,
    /// Variables that stand for something else of the request: `http_user_agent`, `ssl_client_verify`.
    names: RefCell<BTreeSet<String>>,
}

/// A part of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestPart {
    /// The location of the path as it came in, and its last byte.
    Place,
    /// The path.
    Path,
    /// The arguments.
    Args,
    /// The client's address.
    Client,
}

/// Origin of a request's URI at a place of its route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It is the client's.
    #[default]
    Request,
    /// The configuration has it as a constant.
    Constant,
    /// It is computed.
    Computed,
}

impl RequestParts {
    /// Notes that a part was read.
    pub(crate) fn note(&self, part: RequestPart) {
        match part {
            RequestPart::Place => self.place.set(true),
            RequestPart::Path => self.path.set(true),
            RequestPart::Args => self.args.set(true),
            RequestPart::Client => self.client.set(true),
        }
    }

    /// Notes that a variable was read.
    pub(crate) fn note_name(&self, name: &str) {
        if !self.names.borrow().contains(name) {
            self.names.borrow_mut().insert(name.to_owned());
        }
    }

    /// The location that the path leads to decided, or its last byte.
    pub fn place(&self) -> bool {
        self.place.get()
    }

    /// The path decided.
    pub fn path(&self) -> bool {
        self.path.get()
    }

    /// The arguments decided.
    pub fn args(&self) -> bool {
        self.args.get()
    }

    /// The client's address decided.
    pub fn client(&self) -> bool {
        self.client.get()
    }

    /// Names of variables that decided: `http_…` of headers, and those of stated facts.
    pub fn names(&self) -> Vec<String> {
        self.names.borrow().iter().cloned().collect()
    }
}
