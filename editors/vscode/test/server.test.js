// The client library of the extension against the server: `NGXC=path/to/ngxc npm test`.
'use strict';

const assert = require('node:assert');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const { pathToFileURL } = require('node:url');
const rpc = require('vscode-jsonrpc/node');

const program = process.env.NGXC ?? 'ngxc';

test('the server answers the client of the extension', async (t) => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'ngxc-'));
  t.after(() => fs.rmSync(directory, { recursive: true }));
  const file = path.join(directory, 'nginx.conf');
  const text = 'events {}\nhttp {\n    upstream app { server 10.0.0.1; }\n    server { location / { proxy_pass http://app; } }\n}\n';
  fs.writeFileSync(file, text);
  const child = spawn(program, ['lsp', '--stdio'], { cwd: directory });
  t.after(() => child.kill());
  const connection = rpc.createMessageConnection(
    new rpc.StreamMessageReader(child.stdout),
    new rpc.StreamMessageWriter(child.stdin),
  );
  connection.listen();
  const answer = await connection.sendRequest('initialize', { processId: process.pid, rootUri: null, capabilities: {} });
  assert.equal(answer.serverInfo.name, 'ngxc');
  const findings = new Promise((resolve) => connection.onNotification('textDocument/publishDiagnostics', resolve));
  await connection.sendNotification('initialized', {});
  const uri = pathToFileURL(file).href;
  await connection.sendNotification('textDocument/didOpen', { textDocument: { uri, languageId: 'nginx', version: 1, text } });
  const { diagnostics } = await findings;
  assert.ok(diagnostics.some((one) => one.code === 'upstream-not-pooled'), JSON.stringify(diagnostics));
  const hover = await connection.sendRequest('textDocument/hover', { textDocument: { uri }, position: { line: 3, character: 30 } });
  assert.match(hover.contents.value, /proxy_pass/);
  const way = await connection.sendRequest('workspace/executeCommand', { command: 'ngxc.show', arguments: [uri, 'http://localhost/'] });
  assert.match(way, /location \//);
  await connection.sendRequest('shutdown');
  await connection.sendNotification('exit');
  const status = await new Promise((resolve) => child.on('exit', resolve));
  assert.equal(status, 0);
});
