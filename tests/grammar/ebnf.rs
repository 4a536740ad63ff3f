//! Reader of the notation of `grammar/nginx.ebnf` (the W3C's EBNF), and a recogniser for texts.

use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug)]
pub enum Expression {
    Literal(Vec<u8>),
    /// The bytes of a class, in order.
    Class(Vec<u8>),
    Name(String),
    Sequence(Vec<Expression>),
    Choice(Vec<Expression>),
    /// The expression, and the least and the greatest number of times.
    Repeat(Box<Expression>, usize, usize),
}

#[derive(Debug)]
pub struct Grammar(BTreeMap<String, Expression>);

impl Grammar {
    pub fn read(text: &str) -> Self {
        let mut plain = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("/*") {
            plain += before;
            rest = after.split_once("*/").expect("a comment ends").1;
        }
        plain += rest;
        let mut productions = BTreeMap::new();
        let mut reader = Reader(plain.trim_start());
        while !reader.0.is_empty() {
            let name = reader.name().expect("a production");
            assert!(reader.take("::="), "`::=` after {name}");
            let expression = reader.choice();
            assert!(productions.insert(name.clone(), expression).is_none(), "two productions {name}");
        }
        Self(productions)
    }

    pub fn get(&self, name: &str) -> &Expression {
        self.0.get(name).unwrap_or_else(|| panic!("no production `{name}`"))
    }

    /// True if the whole text is a sentence of the production.
    pub fn recognises(&self, production: &str, text: &[u8]) -> bool {
        let mut matcher = Matcher { grammar: self, text, known: BTreeMap::new() };
        matcher.production(production, 0).contains(&text.len())
    }
}

/// The rest of the grammar's text.
struct Reader<'t>(&'t str);

impl Reader<'_> {
    fn take(&mut self, token: &str) -> bool {
        let Some(rest) = self.0.strip_prefix(token) else { return false };
        self.0 = rest.trim_start();
        true
    }

    fn name(&mut self) -> Option<String> {
        let end = self.0.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(self.0.len());
        let name = self.0[..end].to_owned();
        self.0 = self.0[end..].trim_start();
        (!name.is_empty()).then_some(name)
    }

    fn choice(&mut self) -> Expression {
        let mut alternatives = vec![self.sequence()];
        while self.take("|") {
            alternatives.push(self.sequence());
        }
        if alternatives.len() == 1 { alternatives.remove(0) } else { Expression::Choice(alternatives) }
    }

    fn sequence(&mut self) -> Expression {
        let mut parts = Vec::new();
        while let Some(part) = self.part() {
            parts.push(part);
        }
        Expression::Sequence(parts)
    }

    fn part(&mut self) -> Option<Expression> {
        let first = self.0.chars().next()?;
        let part = match first {
            '"' | '\'' => {
                let (literal, rest) = self.0[1..].split_once(first).expect("a literal ends");
                self.0 = rest;
                Expression::Literal(literal.as_bytes().to_vec())
            }
            '[' => self.class(),
            '(' => {
                self.take("(");
                let inner = self.choice();
                assert!(self.0.starts_with(')'), "`)` at {}", self.0);
                self.0 = &self.0[1..];
                inner
            }
            'a'..='z' => {
                let at = self.0;
                let name = self.name()?;
                if self.0.starts_with("::=") {
                    // The next production begins.
                    self.0 = at;
                    return None;
                }
                let end = &at[name.len()..];
                self.0 = end;
                Expression::Name(name)
            }
            _ => return None,
        };
        let (least, most) = match self.0.as_bytes().first() {
            Some(b'*') => (0, usize::MAX),
            Some(b'+') => (1, usize::MAX),
            Some(b'?') => (0, 1),
            _ => {
                self.0 = self.0.trim_start();
                return Some(part);
            }
        };
        self.0 = self.0[1..].trim_start();
        Some(Expression::Repeat(Box::new(part), least, most))
    }

    /// `[abc]`, `[^abc]`, `[#x00-#xFF]`.
    fn class(&mut self) -> Expression {
        let (inner, rest) = self.0[1..].split_once(']').expect("a class ends");
        self.0 = rest;
        let (is_negated, mut inner) = inner.strip_prefix('^').map_or((false, inner), |inner| (true, inner));
        let mut members = [is_negated; 256];
        while !inner.is_empty() {
            let first = member(&mut inner);
            let last = match inner.strip_prefix('-') {
                Some(after) if !after.is_empty() => {
                    inner = after;
                    member(&mut inner)
                }
                _ => first,
            };
            members[usize::from(first)..=usize::from(last)].fill(!is_negated);
        }
        Expression::Class((0..=255).filter(|&byte| members[usize::from(byte)]).collect())
    }
}

/// A byte of a class: `#x0A`, or the character itself.
fn member(class: &mut &str) -> u8 {
    let code = class.strip_prefix("#x").and_then(|rest| u8::from_str_radix(rest.get(..2)?, 16).ok());
    let (byte, length) = code.map_or((class.as_bytes()[0], 1), |byte| (byte, 4));
    *class = &class[length..];
    byte
}

/// The ends of the sentences that begin at an offset, by production and offset.
struct Matcher<'g> {
    grammar: &'g Grammar,
    text: &'g [u8],
    known: BTreeMap<(String, usize), BTreeSet<usize>>,
}

impl Matcher<'_> {
    fn production(&mut self, name: &str, at: usize) -> BTreeSet<usize> {
        let key = (name.to_owned(), at);
        if let Some(ends) = self.known.get(&key) {
            return ends.clone();
        }
        let grammar = self.grammar;
        let ends = self.ends(grammar.get(name), at);
        self.known.insert(key, ends.clone());
        ends
    }

    fn ends(&mut self, expression: &Expression, at: usize) -> BTreeSet<usize> {
        match expression {
            Expression::Literal(literal) => {
                self.text[at..].starts_with(literal).then_some(at + literal.len()).into_iter().collect()
            }
            Expression::Class(class) => {
                let byte = self.text.get(at);
                byte.filter(|byte| class.binary_search(byte).is_ok()).map(|_| at + 1).into_iter().collect()
            }
            Expression::Name(name) => self.production(name, at),
            Expression::Choice(alternatives) => alternatives.iter().flat_map(|e| self.ends(e, at)).collect(),
            Expression::Sequence(parts) => parts.iter().fold(BTreeSet::from([at]), |from, part| {
                from.into_iter().flat_map(|at| self.ends(part, at)).collect()
            }),
            Expression::Repeat(inner, least, most) => {
                let mut found = BTreeSet::new();
                let mut last = BTreeSet::from([at]);
                for count in 0..=*most {
                    if count >= *least {
                        last.retain(|end| found.insert(*end));
                    }
                    if last.is_empty() || count == *most {
                        break;
                    }
                    last = last.into_iter().flat_map(|at| self.ends(inner, at)).collect();
                }
                found
            }
        }
    }
}
