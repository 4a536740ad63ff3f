//! Variables and blocks that the SSI pages of a request share.

/// Variables that pages set, and blocks by name.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) variables: Vec<(String, Vec<u8>)>,
    pub(crate) blocks: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Shared {
    /// Sets a variable.
    pub(crate) fn set(&mut self, name: &[u8], value: Vec<u8>) {
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        match self.variables.iter_mut().find(|(other, _)| *other == name) {
            Some((_, old)) => *old = value,
            None => self.variables.push((name, value)),
        }
    }
}
