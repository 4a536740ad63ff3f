//! Text of SQL for engines that have the logs: `ClickHouse` and `DuckDB`.

use clap::ValueEnum;

use crate::model::value::Variables;
use crate::model::{ComplexValue, Segment};

/// Engine that runs the SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Dialect {
    /// `ClickHouse`.
    Clickhouse,
    /// `DuckDB`.
    Duckdb,
}

impl Dialect {
    /// A text as a literal.
    pub(super) fn text(self, text: &str) -> String {
        let text = text.replace('\'', "''");
        match self {
            // ClickHouse knows escapes in any literal.
            Dialect::Clickhouse => format!("'{}'", text.replace('\\', "\\\\")),
            Dialect::Duckdb => format!("'{text}'"),
        }
    }

    /// A column as text.
    pub(super) fn column(self, name: &str) -> String {
        match self {
            Dialect::Clickhouse => format!("toString(\"{name}\")"),
            Dialect::Duckdb => format!("CAST(\"{name}\" AS VARCHAR)"),
        }
    }

    /// A text with variables: each variable is the column of its name. `None` for a group of an expression.
    pub(super) fn value(self, value: &ComplexValue, variables: &Variables) -> Option<String> {
        let mut parts = Vec::new();
        for segment in &value.segments {
            parts.push(match segment {
                Segment::Literal(text) => self.text(&String::from_utf8_lossy(text)),
                Segment::Variable(id) => self.column(&variables.get(*id).name),
                Segment::Capture(_) => return None,
            });
        }
        Some(match parts.len() {
            0 => self.text(""),
            1 => parts.remove(0),
            _ => format!("concat({})", parts.join(", ")),
        })
    }

    /// nginx's hash of a text (MurmurHash2 of 32 bits).
    pub(super) fn hash(self, text: &str) -> String {
        match self {
            Dialect::Clickhouse => format!("murmurHash2_32({text})"),
            Dialect::Duckdb => format!("ngx_hash({text})"),
        }
    }

    /// Statement to run once before the expressions; empty if the dialect needs none.
    pub(super) fn prelude(self) -> &'static str {
        match self {
            Dialect::Clickhouse => "",
            Dialect::Duckdb => DUCKDB_HASH,
        }
    }
}

/// MurmurHash2 of 32 bits over the bytes of a text, from the digits of its hexadecimal form.
const DUCKDB_HASH: &str = "\
CREATE OR REPLACE MACRO ngx_byte(digits, pos) AS
  CAST(16 * (instr('0123456789ABCDEF', substr(digits, 2 * pos + 1, 1)) - 1)
    + instr('0123456789ABCDEF', substr(digits, 2 * pos + 2, 1)) - 1 AS UBIGINT);
CREATE OR REPLACE MACRO ngx_mul(a) AS (a * 1540483477::UBIGINT) & 4294967295::UBIGINT;
CREATE OR REPLACE MACRO ngx_mix(k) AS ngx_mul(xor(ngx_mul(k), ngx_mul(k) >> 24));
CREATE OR REPLACE MACRO ngx_body(digits, n) AS list_reduce(
  list_prepend(CAST(n AS UBIGINT), list_transform(range(0, n // 4), lambda i: ngx_mix(
    ngx_byte(digits, 4 * i) + 256 * ngx_byte(digits, 4 * i + 1)
    + 65536 * ngx_byte(digits, 4 * i + 2) + 16777216 * ngx_byte(digits, 4 * i + 3)))),
  lambda h, k: xor(ngx_mul(h), k));
CREATE OR REPLACE MACRO ngx_tail(digits, n, h) AS CASE n % 4 WHEN 0 THEN h
  WHEN 1 THEN ngx_mul(xor(h, ngx_byte(digits, n - 1)))
  WHEN 2 THEN ngx_mul(xor(h, ngx_byte(digits, n - 2) + 256 * ngx_byte(digits, n - 1)))
  ELSE ngx_mul(xor(h, ngx_byte(digits, n - 3) + 256 * ngx_byte(digits, n - 2) + 65536 * ngx_byte(digits, n - 1))) END;
CREATE OR REPLACE MACRO ngx_end(h) AS xor(ngx_mul(xor(h, h >> 13)), ngx_mul(xor(h, h >> 13)) >> 15);
CREATE OR REPLACE MACRO ngx_hash_of(digits) AS ngx_end(ngx_tail(digits, length(digits) // 2, ngx_body(digits, length(digits) // 2)));
CREATE OR REPLACE MACRO ngx_hash(s) AS ngx_hash_of(hex(encode(s)));
";
