//! `--emit-sql`: ports at peak for an engine that has the logs, as a sum over openings and releases.

use std::fmt::Write as _;

use crate::cli::sql::Dialect;

/// Words of a dialect.
struct Words {
    /// Thousandths of a column, as a whole number.
    number: &'static str,
    /// Texts of a column that has a value for each attempt.
    texts: &'static str,
    /// The same as numbers.
    numbers: &'static str,
    /// Sum of a list from a position on.
    sum: &'static str,
    /// A row for each position of the list `addresses`.
    rows: &'static str,
    /// Value of one column where another is greatest.
    first: &'static str,
}

const CLICKHOUSE: Words = Words {
    number: "toInt64(round(1000 * toFloat64OrZero(toString(\"{}\"))))",
    texts: "splitByRegexp(', | : ', toString(\"{}\"))",
    numbers: "arrayMap(x -> toInt64(round(1000 * toFloat64OrZero(x))), {})",
    sum: "arraySum(arraySlice(durations, {}))",
    rows: "arrayJoin(arrayEnumerate(addresses))",
    first: "argMax",
};

const DUCKDB: Words = Words {
    number: "CAST(round(1000 * coalesce(TRY_CAST(\"{}\" AS DOUBLE), 0)) AS BIGINT)",
    texts: "regexp_split_to_array(CAST(\"{}\" AS VARCHAR), ', | : ')",
    // The arrow of lambdas has gone in newer versions.
    numbers: "[CAST(round(1000 * coalesce(TRY_CAST(x AS DOUBLE), 0)) AS BIGINT) FOR x IN {}]",
    sum: "coalesce(list_sum(durations[{}:]), 0)",
    rows: "unnest(generate_series(1, len(addresses)))",
    first: "arg_max",
};

/// The query. Each attempt in a line of `logs` is a connection: it takes a port from the time nginx connects until the
/// time the kernel releases it. Attempts follow one another, the last ends with the request. Reuse of connections is
/// left out, so the peak is the most that the requests can need.
pub(super) fn text(dialect: Dialect, time_wait: f64) -> String {
    let Words { number, texts, numbers, sum, rows, first } = match dialect {
        Dialect::Clickhouse => CLICKHOUSE,
        Dialect::Duckdb => DUCKDB,
    };
    let end = number.replace("{}", "msec");
    let addresses = texts.replace("{}", "upstream_addr");
    let durations = numbers.replace("{}", &texts.replace("{}", "upstream_response_time"));
    let (own, later) = (sum.replace("{}", "position"), sum.replace("{}", "position + 1"));
    #[expect(clippy::cast_possible_truncation, reason = "some seconds")]
    let time_wait_ms = (time_wait * 1000.0).round() as i64;
    let mut out = String::new();
    // Writing into a string does not fail.
    let _ = write!(
        out,
        "-- Ports of each destination at its peak, without reuse of connections; the columns of `logs` are named as the\n\
         -- variables: msec, upstream_addr, upstream_response_time. TIME_WAIT lasts {time_wait} s.\n\
         WITH requests AS (\n  SELECT {end} AS finish,\n    {addresses} AS addresses,\n    {durations} AS durations\n  FROM logs\n),\n\
         numbered AS (SELECT finish, addresses, durations, {rows} AS position FROM requests),\n\
         attempts AS (\n  SELECT addresses[position] AS destination, finish - {own} AS opened,\n    \
         finish - {later} AS closed\n  FROM numbered WHERE addresses[position] NOT IN ('', '-')\n)\n\
         SELECT destination, max(ports) AS ports_at_peak, {first}(moment, ports) / 1000.0 AS peak_at\nFROM (\n  \
         SELECT destination, moment, sum(change) OVER (PARTITION BY destination ORDER BY moment, change\n    \
         ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS ports\n  FROM (\n    \
         SELECT destination, opened AS moment, 1 AS change FROM attempts\n    \
         UNION ALL\n    SELECT destination, closed + {time_wait_ms}, -1 FROM attempts\n  \
         ) AS events\n) AS counted\nGROUP BY destination ORDER BY destination;\n"
    );
    out
}
