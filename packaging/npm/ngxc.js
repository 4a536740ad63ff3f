#!/usr/bin/env node
// Starts the program of this platform, which an optional dependency brought.
"use strict";
const { spawn } = require("node:child_process");
const { constants } = require("node:os");

const name = `@ngxc/${process.platform}-${process.arch}`;
let program;
try {
  program = require.resolve(`${name}/bin/ngxc`);
} catch {
  console.error(`error: ngxc has no package for ${process.platform} on ${process.arch}, or npm left ${name} out`);
  console.error("help: install without `--omit=optional`; other platforms build it with `cargo install`");
  process.exit(2);
}
const child = spawn(program, process.argv.slice(2), { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"]) {
  process.on(signal, () => child.kill(signal));
}
child.on("error", (error) => {
  console.error(`error: ${program}: ${error.message}`);
  process.exit(2);
});
child.on("exit", (status, signal) => process.exit(signal ? 128 + constants.signals[signal] : status));
