//! The request of a line.

use crate::simulate::imagined::DescribedRequest;

/// Request of a line.
#[derive(Clone, Debug)]
pub struct Logged {
    /// The request, without its client.
    pub asked: DescribedRequest,
    /// Client, if the log has it.
    pub client: Option<std::net::IpAddr>,
    /// True if the log says that the request was passed on, false if it says that it was not.
    pub passed: Option<bool>,
}

impl Logged {
    /// Status of the response, if the log has it.
    pub(super) fn status(&self) -> Option<u16> {
        self.asked.facts.as_ref()?.upstream.as_ref().map(|response| response.status)
    }
}
