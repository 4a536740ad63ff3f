// The client of `ngxc lsp` in VS Code, and the commands that show what the program prints.
'use strict';

const { execFile } = require('node:child_process');
const path = require('node:path');
const vscode = require('vscode');
const { LanguageClient } = require('vscode-languageclient/node');

/** @type {LanguageClient | undefined} */
let client;

function settings() {
  return vscode.workspace.getConfiguration('ngxc');
}

/** Runs the program on the file of the active editor. */
function run(args, file) {
  return new Promise((resolve, reject) => {
    const options = { cwd: path.dirname(file), maxBuffer: 16 << 20, timeout: 60_000 };
    execFile(settings().get('path'), args, options, (error, stdout, stderr) => {
      // Exit status 1 means findings, which are an answer.
      if (error && error.code !== 1) {
        reject(new Error(stderr.trim() || error.message));
      } else {
        resolve(stdout);
      }
    });
  });
}

function activeFile() {
  const document = vscode.window.activeTextEditor?.document;
  if (!document || document.uri.scheme !== 'file') {
    throw new Error('open an nginx configuration first');
  }
  return document.uri.fsPath;
}

/** Shows a text beside the editor. */
async function show(content, language) {
  const document = await vscode.workspace.openTextDocument({ content, language });
  await vscode.window.showTextDocument(document, { viewColumn: vscode.ViewColumn.Beside, preview: true });
}

/** Asks the server. */
function execute(command, args) {
  return client.sendRequest('workspace/executeCommand', { command, arguments: args });
}

async function showUrl() {
  const file = activeFile();
  const url = await vscode.window.showInputBox({
    prompt: 'URL whose way through the configuration is shown',
    placeHolder: 'http://www.example.com/path?x=1',
  });
  if (url) {
    await show(await execute('ngxc.show', [vscode.Uri.file(file).toString(), url]), 'plaintext');
  }
}

async function previewSplit() {
  const html = await run(['split', activeFile(), '--html', '-'], activeFile());
  const options = { enableScripts: false };
  const panel = vscode.window.createWebviewPanel('ngxc.split', 'split_clients', vscode.ViewColumn.Beside, options);
  panel.webview.html = html;
}

async function planPorts() {
  const file = activeFile();
  const rate = await vscode.window.showInputBox({ prompt: 'Requests per second', value: '1000' });
  const latency = rate && (await vscode.window.showInputBox({ prompt: 'Time of a response of the backend', value: '50ms' }));
  if (latency) {
    await show(await run(['ports', file, '--rate', rate, '--latency', latency], file), 'plaintext');
  }
}

async function explainWord() {
  const editor = vscode.window.activeTextEditor;
  const range = editor?.document.getWordRangeAtPosition(editor.selection.active, /[A-Za-z0-9_-]+/);
  const word = range ? editor.document.getText(range) : await vscode.window.showInputBox({ prompt: 'Directive or rule' });
  if (word) {
    await show(await execute('ngxc.explain', [word]), 'plaintext');
  }
}

/** Commands of lenses are shown, whatever the server answers. */
function middleware() {
  return {
    executeCommand: async (command, args, next) => {
      const text = await next(command, args);
      if (typeof text === 'string') {
        await show(text, command === 'ngxc.test' ? 'toml' : 'plaintext');
      }
      return text;
    },
    provideCodeLenses: (document, token, next) => (settings().get('codeLens') ? next(document, token) : []),
  };
}

async function start() {
  const server = { command: settings().get('path'), args: ['lsp', ...settings().get('arguments')] };
  const watched = ['**/*.conf', '**/*.template', '**/ngxc.toml', '**/sites-{available,enabled}/*'];
  client = new LanguageClient('ngxc', 'ngxc', { run: server, debug: server }, {
    documentSelector: [{ language: 'nginx', scheme: 'file' }],
    synchronize: { fileEvents: watched.map((glob) => vscode.workspace.createFileSystemWatcher(glob)) },
    middleware: middleware(),
  });
  try {
    await client.start();
  } catch (error) {
    const open = 'Open settings';
    const message = `ngxc cannot be started: ${error.message}. Install it, or set "ngxc.path".`;
    if ((await vscode.window.showErrorMessage(message, open)) === open) {
      await vscode.commands.executeCommand('workbench.action.openSettings', 'ngxc.path');
    }
  }
}

async function activate(context) {
  const commands = { showUrl, previewSplit, planPorts, explainWord, restart: () => client?.restart() };
  for (const [name, command] of Object.entries(commands)) {
    const guarded = async () => {
      try {
        await command();
      } catch (error) {
        await vscode.window.showErrorMessage(`ngxc: ${error.message}`);
      }
    };
    context.subscriptions.push(vscode.commands.registerCommand(`ngxc.${name}`, guarded));
  }
  await start();
}

function deactivate() {
  return client?.stop();
}

module.exports = { activate, deactivate };
