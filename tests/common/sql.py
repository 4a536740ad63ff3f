"""Runs SQL over a table `logs` of a file with tabs: sql.py ENGINE LOGS SQL; rows of the last query go out with tabs.

Exit status 9: the engine's module is not installed.
"""

import sys

engine, logs, script = sys.argv[1:]
with open(script, encoding="utf-8") as file:
    text = file.read()
text = "\n".join(line for line in text.split("\n") if not line.startswith("--"))
# No statement has a semicolon inside of a text.
statements = [part.strip() for part in text.split(";") if part.strip()]
with open(logs, encoding="utf-8") as file:
    columns = file.readline().rstrip("\n").split("\t")

if engine == "clickhouse":
    try:
        from chdb import session
    except ImportError:
        sys.exit(9)
    own = session.Session()
    types = ", ".join(f'"{column}" String' for column in columns)
    own.query(f"CREATE TABLE logs ({types}) ENGINE = Memory")
    own.query(f"INSERT INTO logs SELECT * FROM file('{logs}', 'TSVWithNames', '{types}')")
    result = None
    for statement in statements:
        result = own.query(statement, "TSV")
    sys.stdout.write(str(result))
else:
    try:
        import duckdb
    except ImportError:
        sys.exit(9)
    own = duckdb.connect()
    own.execute(
        f"CREATE TABLE logs AS SELECT * FROM read_csv('{logs}', delim='\t', header=true, all_varchar=true, quote='', escape='')"
    )
    for statement in statements:
        own.execute(statement)
    for row in own.fetchall():
        print("\t".join(str(value) for value in row))
