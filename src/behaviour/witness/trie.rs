//! Literals, followed byte by byte: which of them the text is, and which is the longest that it begins with.

/// Sorted literals.
#[derive(Debug)]
pub(super) struct Trie<'l> {
    literals: &'l [&'l [u8]],
}

/// Place of a text among the literals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    /// Literals that begin with the text: a range of the sorted list, empty if there are none.
    from: usize,
    to: usize,
    /// Length of the text, as long as some literal begins with it.
    length: usize,
    /// Longest literal that the text begins with.
    longest: Option<usize>,
}

impl<'l> Trie<'l> {
    /// Literals have to be sorted and different.
    pub(super) fn new(literals: &'l [&'l [u8]]) -> Self {
        Self { literals }
    }

    pub(super) fn start(&self) -> Place {
        let longest = self.literals.first().filter(|literal| literal.is_empty()).map(|_| 0);
        Place { from: 0, to: self.literals.len(), length: 0, longest }
    }

    pub(super) fn step(&self, place: Place, byte: u8) -> Place {
        let Place { from, to, length, longest } = place;
        let list = &self.literals[from..to];
        // Of the literals in the range, those with the byte next are one range again.
        let begin = list.partition_point(|literal| literal.get(length).is_none_or(|own| *own < byte));
        let end = list.partition_point(|literal| literal.get(length).is_none_or(|own| *own <= byte));
        if begin == end {
            return Place { from: 0, to: 0, length: 0, longest };
        }
        let place = Place { from: from + begin, to: from + end, length: length + 1, longest };
        Place { longest: self.exact(place).or(longest), ..place }
    }

    /// The literal that the text is.
    pub(super) fn exact(&self, place: Place) -> Option<usize> {
        // The shortest of those that begin with the text comes first.
        let first = self.literals[place.from..place.to].first()?;
        (first.len() == place.length).then_some(place.from)
    }

    /// The longest literal that the text begins with.
    pub(super) fn longest(place: Place) -> Option<usize> {
        place.longest
    }
}
