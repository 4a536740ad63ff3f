//! `<!--#command name="value" … -->` in a stream of bytes (`ngx_http_ssi_parse`).

/// The next event in the stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// Everything was text.
    More,
    /// A command is complete.
    Command,
    /// The text was no command; the message says why.
    Broken(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
enum ParserState {
    #[default]
    Text,
    BeforeCommand,
    Command,
    BeforeName,
    Name,
    BeforeEqual,
    BeforeValue,
    Value(u8),
    Escaped(u8),
    AfterValue,
    /// So many bytes of `-->` were read.
    End(usize),
    Broken(usize),
}

const OPEN: &[u8] = b"<!--#";
const LONGEST_COMMAND: usize = 16;
const LONGEST_NAME: usize = 16;
const MOST_PARAMETERS: usize = 16;

/// The parser, between two pieces of the stream.
#[derive(Debug, Default)]
pub(super) struct Parser {
    state: ParserState,
    /// Bytes of [`OPEN`] that were seen and may be text.
    held: usize,
    pub(super) command: Vec<u8>,
    pub(super) parameters: Vec<(Vec<u8>, Vec<u8>)>,
    message: String,
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\r' | b'\n' | b'\t')
}

impl Parser {
    /// Goes on until something happens; text is appended to `text`. `most` is the longest value.
    pub(super) fn next(&mut self, data: &mut &[u8], most: usize, text: &mut Vec<u8>) -> Event {
        while let Some((&byte, rest)) = data.split_first() {
            if self.state == ParserState::Text && self.held == 0 {
                let end = memchr::memchr(b'<', data).unwrap_or(data.len());
                text.extend_from_slice(&data[..end]);
                *data = &data[end..];
                if let Some((_, rest)) = data.split_first() {
                    self.held = 1;
                    *data = rest;
                }
                continue;
            }
            *data = rest;
            if let Some(event) = self.step(byte, most, text) {
                return event;
            }
        }
        Event::More
    }

    /// The bytes held back at the end of the stream.
    pub(super) fn rest(&mut self) -> &'static [u8] {
        let held = std::mem::take(&mut self.held);
        if self.state == ParserState::Text { &OPEN[..held] } else { b"" }
    }

    fn breaks(&mut self, byte: u8, message: &str) -> ParserState {
        let command = String::from_utf8_lossy(&self.command);
        self.message = format!("{message} in \"{command}\" SSI command");
        ParserState::Broken(usize::from(byte == b'-'))
    }

    fn unexpected(&mut self, byte: u8) -> ParserState {
        self.breaks(byte, &format!("unexpected \"{}\" symbol", char::from(byte)))
    }

    fn step(&mut self, byte: u8, most: usize, text: &mut Vec<u8>) -> Option<Event> {
        self.state = match self.state {
            ParserState::Text => {
                if byte == OPEN[self.held] {
                    self.held += 1;
                    if self.held < OPEN.len() {
                        return None;
                    }
                    self.held = 0;
                    self.command.clear();
                    self.parameters.clear();
                    ParserState::BeforeCommand
                } else {
                    text.extend_from_slice(&OPEN[..self.held]);
                    self.held = usize::from(byte == b'<');
                    if byte != b'<' {
                        text.push(byte);
                    }
                    ParserState::Text
                }
            }
            ParserState::BeforeCommand if is_space(byte) => ParserState::BeforeCommand,
            ParserState::BeforeCommand => {
                self.command.push(byte);
                ParserState::Command
            }
            ParserState::Command if is_space(byte) => ParserState::BeforeName,
            ParserState::Command | ParserState::BeforeName | ParserState::AfterValue if byte == b'-' => {
                ParserState::End(1)
            }
            ParserState::Command if self.command.len() == LONGEST_COMMAND => {
                self.breaks(byte, "a name that is too long")
            }
            ParserState::Command => {
                self.command.push(byte);
                ParserState::Command
            }
            ParserState::BeforeName | ParserState::AfterValue if is_space(byte) => ParserState::BeforeName,
            ParserState::BeforeName if self.parameters.len() == MOST_PARAMETERS => {
                self.breaks(byte, "too many parameters")
            }
            ParserState::BeforeName => {
                self.parameters.push((vec![byte], Vec::new()));
                ParserState::Name
            }
            ParserState::Name if is_space(byte) => ParserState::BeforeEqual,
            ParserState::Name | ParserState::BeforeEqual if byte == b'=' => ParserState::BeforeValue,
            ParserState::BeforeEqual | ParserState::BeforeValue if is_space(byte) => self.state,
            ParserState::Name => match self.parameters.last_mut() {
                Some((name, _)) if byte != b'-' && name.len() < LONGEST_NAME => {
                    name.push(byte);
                    ParserState::Name
                }
                _ => self.unexpected(byte),
            },
            ParserState::BeforeValue if matches!(byte, b'"' | b'\'') => ParserState::Value(byte),
            ParserState::Value(quote) if byte == quote => ParserState::AfterValue,
            ParserState::Value(quote) | ParserState::Escaped(quote) => match self.parameters.last_mut() {
                Some((_, value)) if value.len() < most => {
                    value.push(byte);
                    let escapes = byte == b'\\' && self.state == ParserState::Value(quote);
                    if escapes { ParserState::Escaped(quote) } else { ParserState::Value(quote) }
                }
                _ => self.breaks(byte, "a value that is too long"),
            },
            ParserState::End(1) if byte == b'-' => ParserState::End(2),
            ParserState::End(2) if byte == b'>' => {
                self.state = ParserState::Text;
                return Some(Event::Command);
            }
            ParserState::BeforeEqual
            | ParserState::BeforeValue
            | ParserState::AfterValue
            | ParserState::End(_) => self.unexpected(byte),
            ParserState::Broken(2) if byte == b'>' => {
                self.state = ParserState::Text;
                return Some(Event::Broken(std::mem::take(&mut self.message)));
            }
            ParserState::Broken(seen) if byte == b'-' && seen < 2 => ParserState::Broken(seen + 1),
            ParserState::Broken(_) => ParserState::Broken(0),
        };
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text, commands as `{command|name=value|…}`, errors as `{!}`; the stream cut into pieces of every size.
    fn parse(stream: &str) -> String {
        let mut all: Option<String> = None;
        for size in 1..=stream.len() {
            let (mut parser, mut out) = (Parser::default(), Vec::new());
            for mut piece in stream.as_bytes().chunks(size) {
                loop {
                    match parser.next(&mut piece, 20, &mut out) {
                        Event::More => break,
                        Event::Broken(_) => out.extend_from_slice(b"{!}"),
                        Event::Command => {
                            out.push(b'{');
                            out.extend_from_slice(&parser.command);
                            for (name, value) in &parser.parameters {
                                out.extend([&b"|"[..], name, b"=", value].concat());
                            }
                            out.push(b'}');
                        }
                    }
                }
            }
            out.extend_from_slice(parser.rest());
            let out = String::from_utf8(out).unwrap();
            assert_eq!(*all.get_or_insert_with(|| out.clone()), out, "{size}");
        }
        all.unwrap()
    }

    #[test]
    fn commands_and_text() {
        for (stream, expected) in [
            ("a<b", "a<b"),
            ("a<!--", "a<!--"),
            ("<<!--#x-->", "<{x}"),
            ("<!-<!--#x --> y", "<!-{x} y"),
            ("<!--# echo var=\"a\" default='b\"' -->", "{echo|var=a|default=b\"}"),
            ("<!--#set  var = \"a\"value=\"\\\"\"-->", "{!}"),
            ("<!--#set var = \"a\" value=\"\\\"-->\"--><", "{set|var=a|value=\\\"-->}<"),
            ("<!--#echo var=a -->b", "{!}b"),
            ("<!--#echo var=\"aaaaaaaaaaaaaaaaaaaaa\" -->b", "{!}b"),
            ("<!--#echo - ->x-->b", "{!}b"),
            ("<!-- comment -->", "<!-- comment -->"),
        ] {
            assert_eq!(parse(stream), expected, "{stream}");
        }
    }
}
