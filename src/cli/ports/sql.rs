//! `--emit-sql`: ports at peak for an engine that has the logs, as a sum over openings and releases.

use std::fmt::Write as _;

use crate::cli::sql::Dialect;

/// The query. Each line of `logs` is a connection: it takes a port from the time nginx connects until the time the
/// kernel releases it. Reuse of connections is left out, so the peak is the most that the requests can need.
pub(super) fn text(dialect: Dialect, time_wait: f64) -> String {
    let mut out = String::new();
    let (number, first) = match dialect {
        Dialect::Clickhouse => ("toFloat64OrZero(toString(\"{}\"))", "argMax"),
        Dialect::Duckdb => ("coalesce(TRY_CAST(\"{}\" AS DOUBLE), 0)", "arg_max"),
    };
    let number = |name: &str| number.replace("{}", name);
    let (end, duration) = (number("msec"), number("upstream_response_time"));
    // Writing into a string does not fail.
    let _ = write!(
        out,
        "-- Ports of each destination at its peak, without reuse of connections; the columns of `logs` are named as the\n\
         -- variables: msec, upstream_addr, upstream_response_time. TIME_WAIT lasts {time_wait} s.\n\
         SELECT destination, max(ports) AS ports_at_peak, {first}(moment, ports) AS peak_at\nFROM (\n  \
         SELECT destination, moment, sum(change) OVER (PARTITION BY destination ORDER BY moment, change\n    \
         ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS ports\n  FROM (\n    \
         SELECT \"upstream_addr\" AS destination, {end} - {duration} AS moment, 1 AS change\n      FROM logs WHERE \"upstream_addr\" NOT IN ('', '-')\n    \
         UNION ALL\n    SELECT \"upstream_addr\", {end} + {time_wait}, -1\n      FROM logs WHERE \"upstream_addr\" NOT IN ('', '-')\n  \
         ) AS events\n) AS counted\nGROUP BY destination ORDER BY destination;\n"
    );
    out
}
