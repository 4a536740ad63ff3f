//! Lexical details outside the grammar: separators, the buffer limit, Lua source.

/// Size of nginx's configuration buffer (`NGX_CONF_BUFFER`): the limit for words and comments.
pub(super) const BUFFER: usize = 4096;

const SPACE: u8 = 1;
const STOP: u8 = 2;

static CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let separators = b" \t\r\n";
    let mut i = 0;
    while i < separators.len() {
        class[separators[i] as usize] = SPACE | STOP;
        i += 1;
    }
    class[b';' as usize] = STOP;
    class[b'{' as usize] = STOP;
    class[b'\\' as usize] = STOP;
    class[b'$' as usize] = STOP;
    class
};

/// True for space, tab, carriage return and line feed, the only separators of words.
pub(super) fn is_space(byte: u8) -> bool {
    CLASS[byte as usize] & SPACE != 0
}

/// True for a byte that neither ends an unquoted word nor gives the next byte a meaning.
pub(super) fn is_plain(byte: u8) -> bool {
    CLASS[byte as usize] & STOP == 0
}

/// Offset of the `}` that ends a Lua block, searched like in `OpenResty`'s lexer: braces are counted outside strings,
/// long brackets and comments.
pub(super) fn lua_end(source: &[u8]) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    // A quote without a closing one fails for the rest of its line: without this, `"\"\"\"…` is quadratic.
    let mut lone_until = [0; 2];
    while let Some(&byte) = source.get(at) {
        let rest = &source[at..];
        at += match byte {
            b'{' => {
                depth += 1;
                1
            }
            b'}' if depth == 0 => return Some(at),
            b'}' => {
                depth -= 1;
                1
            }
            b'"' | b'\'' => {
                let lone = &mut lone_until[usize::from(byte == b'"')];
                if at < *lone {
                    1
                } else {
                    string(rest).unwrap_or_else(|len| {
                        *lone = at + len;
                        1
                    })
                }
            }
            b'[' => match long_bracket(rest) {
                LongBracket::None => 1,
                LongBracket::Open => return None,
                LongBracket::Closed(len) => len,
            },
            b'-' if rest.starts_with(b"--") => match long_bracket(&rest[2..]) {
                LongBracket::None => memchr::memchr(b'\n', rest).unwrap_or(rest.len()),
                LongBracket::Open => return None,
                LongBracket::Closed(len) => 2 + len,
            },
            _ => 1,
        };
    }
    None
}

/// Length of the string at the start of `source`, or the length of the searched text: to the end of the line.
fn string(source: &[u8]) -> Result<usize, usize> {
    let quote = source[0];
    let mut at = 1;
    while let Some(&byte) = source.get(at) {
        match byte {
            b'\\' => at += 2,
            b'\n' => return Err(at),
            _ if byte == quote => return Ok(at + 1),
            _ => at += 1,
        }
    }
    Err(source.len())
}

enum LongBracket {
    None,
    Open,
    Closed(usize),
}

/// `[[ … ]]`, `[=[ … ]=]` and so on at the start of `source`.
fn long_bracket(source: &[u8]) -> LongBracket {
    let Some(after) = source.strip_prefix(b"[") else { return LongBracket::None };
    let level = after.iter().take_while(|&&b| b == b'=').count();
    if after.get(level) != Some(&b'[') {
        return LongBracket::None;
    }
    let mut at = level + 2;
    while let Some(i) = memchr::memchr(b']', &source[at..]) {
        at += i + 1;
        let rest = &source[at..];
        let equals = rest.iter().take(level + 1).take_while(|&&b| b == b'=').count();
        if equals == level && rest.get(level) == Some(&b']') {
            return LongBracket::Closed(at + level + 1);
        }
    }
    LongBracket::Open
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lua_ends_at_its_own_brace() {
        let cases: &[(&str, Option<usize>)] = &[
            ("}", Some(0)),
            ("", None),
            ("{}", None),
            ("{}}", Some(2)),
            ("'}' }", Some(4)),
            (r#""\"}" }"#, Some(6)),
            ("-- }\n}", Some(5)),
            ("--[[ } ]] }", Some(10)),
            ("--[==[ ]] } ]==] }", Some(17)),
            ("[[ } ]] }", Some(8)),
            ("[=[ ]] } ]=] }", Some(13)),
            ("[=[ ]]", None),
            ("t[1] }", Some(5)),
            ("a - b }", Some(6)),
            ("--[= x\n}", Some(7)),
            ("it's\n}", Some(5)),
            ("'a\\\n}' }", Some(7)),
        ];
        for (source, end) in cases {
            assert_eq!(lua_end(source.as_bytes()), *end, "{source}");
        }
    }

    #[test]
    fn quotes_without_end_cost_linear_time() {
        for source in
            ["x'\n".repeat(1_000_000), format!("\"{}", "\\\"".repeat(1_000_000)), "[=".repeat(1_000_000)]
        {
            assert_eq!(lua_end(source.as_bytes()), None);
        }
    }
}
