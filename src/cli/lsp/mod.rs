//! `ngxc lsp`: a language server over standard input and output, as editors start one.
//!
//! One thread: a message is answered before the next one is taken, so an answer never sees half of a change. Findings are
//! computed when no message waits: a burst of keystrokes costs one computation.
#![allow(
    clippy::mutable_key_type,
    reason = "the key of an edit is the protocol's URI, whose cells only cache"
)]

mod actions;
mod analysis;
mod answer;
mod capabilities;
mod commands;
mod completion;
mod contexts;
mod diagnostics;
mod documents;
mod folding;
mod format;
mod hints;
mod hover;
mod index;
mod names;
mod place;
mod position;
mod quick;
mod reuse;
mod state;
mod statement;
mod symbols;
mod tokens;

use std::collections::{HashSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use clap::Args;
use lsp_server::{Connection, ErrorCode, Message, Notification, RequestId, Response};
use lsp_types::notification::{
    Cancel, DidChangeTextDocument, DidChangeWatchedFiles, DidCloseTextDocument, DidOpenTextDocument,
    DidSaveTextDocument, Notification as _, PublishDiagnostics, ShowMessage,
};
use lsp_types::request::{RegisterCapability, Request as _};
use lsp_types::{CancelParams, InitializeParams, MessageType, NumberOrString, ShowMessageParams};

use super::estate::Root;
use super::lint::LintProfile;
use super::meaning::Meaning;
use super::selection::Selection;
use super::{Failure, Outcome};
use analysis::Analysis;
use diagnostics::SentFindings;
use documents::Documents;
use state::State;

/// Name of the registration for changes of files.
const WATCH: &str = "ngxc-files";

/// An analysis that takes longer is preceded by the errors of the changed files alone.
const PATIENCE: Duration = Duration::from_millis(40);

/// Arguments of `ngxc lsp`.
#[derive(Args)]
pub(super) struct LspArgs {
    /// Standard input and output: what editors pass to every language server.
    #[arg(long, hide = true)]
    stdio: bool,

    #[command(flatten)]
    meaning: Meaning,

    #[command(flatten)]
    selection: Selection,
}

/// The server: its state, and what drives it.
struct Server<'a> {
    state: State<'a>,
    /// Main files around the open files; `None` once they have to be looked for again.
    roots: Option<Vec<Root>>,
    /// The analysis is older than the documents.
    is_stale: bool,
    sent: SentFindings,
    /// Time that the last analysis took.
    took: Duration,
    /// Last problem told, so that it is told once.
    told: Vec<String>,
}

/// Runs the server until the client ends it.
///
/// # Errors
/// If the client does not speak the protocol, or closes the pipe without a word.
pub(super) fn run(args: &LspArgs) -> Result<Outcome, Failure> {
    let (connection, threads) = Connection::stdio();
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(format!("the client broke the language server protocol: {error}"))
            .help("an editor starts `ngxc lsp`; docs/editors.md says how")
    };
    let (id, params) = connection.initialize_start().map_err(|e| failed(&e))?;
    let params: InitializeParams = serde_json::from_value(params).map_err(|e| failed(&e))?;
    let offered = serde_json::json!({
        "capabilities": capabilities::offered(),
        "serverInfo": { "name": "ngxc", "version": env!("CARGO_PKG_VERSION") },
    });
    connection.initialize_finish(id, offered).map_err(|e| failed(&e))?;
    let mut server = Server::new(args, &params);
    if watches(&params) {
        // Editors that watch files only when a server asks for it.
        let request = lsp_server::Request::new(
            RequestId::from(WATCH.to_owned()),
            RegisterCapability::METHOD.to_owned(),
            capabilities::watched_files(WATCH),
        );
        // A client that is gone is noticed at the next read.
        let _ = connection.sender.send(request.into());
    }
    let result = server.serve(&connection).map_err(|e| failed(&e));
    // The thread that writes ends with the last sender.
    drop(connection);
    threads.join().map_err(|e| failed(&e))?;
    result.map(|()| Outcome::Clean)
}

impl<'a> Server<'a> {
    fn new(args: &'a LspArgs, params: &InitializeParams) -> Self {
        let item = params.capabilities.text_document.as_ref();
        let item = item.and_then(|all| all.completion.as_ref()?.completion_item.as_ref());
        let state = State {
            meaning: &args.meaning,
            selection: &args.selection,
            has_snippets: item.and_then(|item| item.snippet_support).unwrap_or(false),
            documents: Documents::default(),
            analysis: Analysis::default(),
        };
        Self {
            state,
            roots: None,
            is_stale: false,
            sent: SentFindings::default(),
            took: Duration::ZERO,
            told: Vec::new(),
        }
    }

    /// Answers messages until the client asks the server to end, or closes the pipe.
    fn serve(&mut self, connection: &Connection) -> Result<(), lsp_server::ProtocolError> {
        let mut waiting: VecDeque<Message> = VecDeque::new();
        loop {
            waiting.extend(connection.receiver.try_iter());
            let Some(message) = waiting.pop_front() else {
                if self.is_stale {
                    self.publish(connection);
                    continue;
                }
                match connection.receiver.recv() {
                    Ok(message) => waiting.push_back(message),
                    Err(_) => return Ok(()),
                }
                continue;
            };
            match message {
                Message::Request(request) => {
                    if connection.handle_shutdown(&request)? {
                        return Ok(());
                    }
                    let answer = if cancelled(&waiting).contains(&request.id) {
                        let text = "the client cancelled the request".to_owned();
                        Response::new_err(request.id, ErrorCode::RequestCanceled as i32, text)
                    } else {
                        // An answer is about the text that the client has just sent.
                        if self.is_stale {
                            self.publish(connection);
                        }
                        answer::answer(&self.state, request)
                    };
                    if connection.sender.send(answer.into()).is_err() {
                        return Ok(());
                    }
                }
                Message::Notification(notification) => self.take(notification),
                Message::Response(_) => {}
            }
        }
    }

    /// Computes the findings of all configurations and sends those that changed; errors of the files that were typed into
    /// come before, if the configurations are large.
    fn publish(&mut self, connection: &Connection) {
        self.is_stale = false;
        let begun = Instant::now();
        if self.took > PATIENCE {
            for message in quick::messages(&self.state, &mut self.sent) {
                let notification = Notification::new(PublishDiagnostics::METHOD.to_owned(), message);
                let _ = connection.sender.send(notification.into());
            }
        }
        self.state.documents.settle();
        let computed = catch_unwind(AssertUnwindSafe(|| {
            let (roots, problem) = match self.roots.take() {
                Some(roots) => (roots, None),
                None => analysis::roots(self.state.meaning, &self.state.documents),
            };
            let judge = LintProfile::new(self.state.meaning, self.state.selection);
            let mut analysis = Analysis::new(&judge, &roots, &self.state.documents);
            analysis.failures.extend(problem);
            (roots, analysis)
        }));
        // After a panic the findings stay as they were: the next change may avoid it.
        let Ok((roots, analysis)) = computed else { return };
        self.roots = Some(roots);
        self.state.analysis = analysis;
        self.took = begun.elapsed();
        for message in self.sent.update(&self.state) {
            let notification = Notification::new(PublishDiagnostics::METHOD.to_owned(), message);
            // A client that is gone is noticed at the next read.
            let _ = connection.sender.send(notification.into());
        }
        if self.state.analysis.failures != self.told {
            self.told.clone_from(&self.state.analysis.failures);
            for message in self.told.clone() {
                let params = ShowMessageParams { typ: MessageType::WARNING, message };
                let notification = Notification::new(ShowMessage::METHOD.to_owned(), params);
                let _ = connection.sender.send(notification.into());
            }
        }
    }

    /// Takes a notification.
    fn take(&mut self, notification: Notification) {
        let method = notification.method.clone();
        let documents = &mut self.state.documents;
        let mut are_others = true;
        let taken = match method.as_str() {
            DidOpenTextDocument::METHOD => notify::<DidOpenTextDocument>(notification, |p| documents.open(p)),
            DidChangeTextDocument::METHOD => notify::<DidChangeTextDocument>(notification, |p| {
                are_others = documents.change(p);
            }),
            DidCloseTextDocument::METHOD => {
                notify::<DidCloseTextDocument>(notification, |p| documents.close(&p))
            }
            // Files, includes and settings on the disk may be others.
            DidSaveTextDocument::METHOD | DidChangeWatchedFiles::METHOD => {
                super::settings::forget();
                Some(())
            }
            _ => None,
        };
        if taken.is_some() {
            self.is_stale = true;
            if are_others {
                self.roots = None;
            }
        }
    }
}

/// True if the client tells of changed files once it is asked to.
fn watches(params: &InitializeParams) -> bool {
    let workspace = params.capabilities.workspace.as_ref();
    let watched = workspace.and_then(|all| all.did_change_watched_files.as_ref());
    watched.and_then(|watched| watched.dynamic_registration).unwrap_or(false)
}

/// Requests that the client has taken back.
fn cancelled(waiting: &VecDeque<Message>) -> HashSet<RequestId> {
    let notifications = waiting.iter().filter_map(|message| match message {
        Message::Notification(one) if one.method == Cancel::METHOD => Some(one),
        _ => None,
    });
    let ids = notifications.filter_map(|one| serde_json::from_value::<CancelParams>(one.params.clone()).ok());
    ids.map(|params| match params.id {
        NumberOrString::Number(number) => RequestId::from(number),
        NumberOrString::String(text) => RequestId::from(text),
    })
    .collect()
}

fn notify<N>(notification: Notification, take: impl FnOnce(N::Params)) -> Option<()>
where
    N: lsp_types::notification::Notification,
{
    // A notification has no answer, so one that is malformed is left out.
    notification.extract(N::METHOD).ok().map(take)
}
