//! `--emit-sql`: the value of each `split_clients` as an expression of SQL, for an engine that has the logs.

use std::fmt::Write as _;

use crate::cli::sql::Dialect;
use crate::eval::Program;

/// The text: what has to run once, then a query for each split.
///
/// # Errors
/// If the key has a group of an expression, for which there is no column; in words.
pub(super) fn text(program: &Program, splits: &[usize], dialect: Dialect) -> Result<String, String> {
    let config = program.config();
    let mut out = dialect.prelude().to_owned();
    for &position in splits {
        let split = &config.http.split_clients[position];
        let name = &config.http.variables.get(split.variable).name;
        let key = dialect.value(&split.key, &config.http.variables).ok_or_else(|| {
            format!("the key of `${name}` has a group of an expression, for which there is no column")
        })?;
        let (ranges, _) = program.split(position).ranges();
        let mut branches = Vec::new();
        for (range, bucket) in ranges.iter().zip(&split.buckets) {
            // A bucket without hashes has no branch.
            if let Some(range) = range {
                branches.push((range.last, dialect.text(&String::from_utf8_lossy(&bucket.value))));
            }
        }
        // Writing into a string does not fail.
        let _ = writeln!(
            out,
            "-- ${name}, nginx {}: the columns of `logs` are named as the variables",
            config.version
        );
        let hash = dialect.hash(&key);
        let last = dialect.text("");
        let value = match dialect {
            Dialect::Clickhouse => {
                let each = branches.iter().map(|(last, value)| format!("hash <= {last}, {value}"));
                format!("multiIf({}, {last})", each.collect::<Vec<_>>().join(", "))
            }
            Dialect::Duckdb => {
                let each = branches.iter().map(|(last, value)| format!("WHEN hash <= {last} THEN {value}"));
                format!("CASE {} ELSE {last} END", each.collect::<Vec<_>>().join(" "))
            }
        };
        let _ = writeln!(
            out,
            "SELECT \"{name}\", count(*) AS requests\nFROM (SELECT {value} AS \"{name}\"\n  FROM (SELECT {hash} AS hash FROM logs) \
             AS hashed) AS chosen\nGROUP BY \"{name}\" ORDER BY \"{name}\";"
        );
    }
    Ok(out)
}
