//! Source ports of imagined clients.

/// Range of source ports of a client's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// Lowest port.
    pub first: u16,
    /// Highest port.
    pub last: u16,
    /// Different ports of each client.
    pub per_client: u32,
}

impl Default for Ports {
    /// One port of Linux's default range.
    fn default() -> Self {
        Self { first: 32768, last: 60999, per_client: 1 }
    }
}

impl Ports {
    pub(super) fn size(self) -> u32 {
        (u32::from(self.last) + 1).saturating_sub(u32::from(self.first))
    }

    /// Ports of the client at a position: at even distances from a start that differs between clients, the same in
    /// every run.
    pub(super) fn of(self, client: u64) -> impl Iterator<Item = u16> {
        let size = u64::from(self.size());
        let start = u64::from(self.one_of(client) - self.first);
        let per_client = u64::from(self.per_client);
        (0..per_client).map(move |i| self.first + ((start + i * size / per_client) % size) as u16)
    }

    /// First port of the client.
    pub(super) fn one_of(self, client: u64) -> u16 {
        let size = u64::from(self.size());
        let within = client % Self::BLOCK;
        self.first + ((self.start(client) + within * self.stride()) % size) as u16
    }

    /// Number of clients that share a start; consecutive clients' ports are a stride apart.
    pub(super) const BLOCK: u64 = 256;

    /// Start of a client's block, counted from the first port.
    pub(super) fn start(self, client: u64) -> u64 {
        ((scatter(client / Self::BLOCK) >> 32) * u64::from(self.size())) >> 32
    }

    /// Golden section of the range: successive steps never come near an earlier one.
    pub(super) fn stride(self) -> u64 {
        u64::from(self.size()) * 618 / 1000
    }

    /// Size of the range.
    pub(super) fn count(self) -> u64 {
        u64::from(self.size())
    }

    /// Lowest port.
    pub(super) fn lowest(self) -> u16 {
        self.first
    }
}

/// Mixes the bits of a number (the finalizer of `SplitMix64`).
fn scatter(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
