//! Places of the YAML library, which counts characters.

/// From characters, which the library counts, to bytes; only forwards.
pub(super) struct Offsets<'t> {
    text: &'t str,
    at: usize,
    character: usize,
}

impl<'t> Offsets<'t> {
    /// From the start of a text.
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0, character: 0 }
    }

    /// The byte at which a character begins.
    pub(super) fn byte(&mut self, character: usize) -> usize {
        // An event may begin a little before the last one ended.
        while self.character > character {
            self.at -= 1;
            while !self.text.is_char_boundary(self.at) {
                self.at -= 1;
            }
            self.character -= 1;
        }
        let rest = self.text[self.at..].chars().take(character - self.character);
        for c in rest {
            self.at += c.len_utf8();
            self.character += 1;
        }
        self.at
    }
}
