// Scopes that the TextMate grammar gives, through the engine of VS Code.
'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const oniguruma = require('vscode-oniguruma');
const textmate = require('vscode-textmate');

async function grammar() {
  const wasm = fs.readFileSync(require.resolve('vscode-oniguruma/release/onig.wasm'));
  await oniguruma.loadWASM(wasm.buffer);
  const file = path.join(__dirname, '../syntaxes/nginx.tmLanguage.json');
  const registry = new textmate.Registry({
    onigLib: Promise.resolve({
      createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
      createOnigString: (text) => new oniguruma.OnigString(text),
    }),
    loadGrammar: async (scope) => (scope === 'source.nginx' ? JSON.parse(fs.readFileSync(file, 'utf8')) : null),
  });
  return registry.loadGrammar('source.nginx');
}

test('words have their scopes', async () => {
  const loaded = await grammar();
  let state = textmate.INITIAL;
  const scopes = new Map();
  const text = [
    'http { # words',
    '    map $host $a { default "x$y"; }',
    '    server {',
    '        listen 80 ssl;',
    '        location ~ \\.php$ { return 200 "a;b}c"; }',
    '        if ($http_x ~* "^a{2}") { set $b off; }',
    '        proxy_pass http://${c}d;',
    '    }',
    '}',
    'upstream a',
    '{',
    '    keepalive 2;',
    '}',
    'last on;',
  ];
  for (const line of text) {
    const found = loaded.tokenizeLine(line, state);
    for (const token of found.tokens) {
      scopes.set(line.slice(token.startIndex, token.endIndex).trim(), token.scopes.at(-1));
    }
    state = found.ruleStack;
  }
  const expected = {
    http: 'keyword.other.block.nginx',
    '# words': 'comment.line.number-sign.nginx',
    $host: 'variable.other.nginx',
    listen: 'keyword.other.directive.nginx',
    80: 'constant.numeric.nginx',
    '\\.php$': 'string.regexp.nginx',
    return: 'keyword.other.directive.nginx',
    'a;b}c': 'string.quoted.double.nginx',
    if: 'keyword.control.conditional.nginx',
    '~*': 'keyword.operator.nginx',
    off: 'constant.language.nginx',
    '${c}': 'variable.other.nginx',
    keepalive: 'keyword.other.directive.nginx',
    last: 'keyword.other.directive.nginx',
    on: 'constant.language.nginx',
  };
  for (const [word, scope] of Object.entries(expected)) {
    assert.equal(scopes.get(word), scope, word);
  }
  // All blocks are closed at the end.
  assert.equal(state.depth, 1);
});
