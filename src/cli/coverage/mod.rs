//! Coverage of a configuration: the reports that `ngxc test` and `ngxc coverage` share.

pub(super) mod report;

mod html;
mod lcov;
