//! Requests and the functions that answer them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use lsp_server::{ErrorCode, Request, RequestId, Response};
use lsp_types::request::{
    CodeActionRequest, CodeLensRequest, Completion, DocumentHighlightRequest, DocumentLinkRequest,
    DocumentSymbolRequest, ExecuteCommand, FoldingRangeRequest, Formatting, GotoDefinition, HoverRequest,
    InlayHintRequest, OnTypeFormatting, PrepareRenameRequest, RangeFormatting, References, Rename,
    Request as Method, SelectionRangeRequest, SemanticTokensFullRequest, WorkspaceSymbolRequest,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::state::State;
use super::{actions, commands, completion, folding, format, hints, hover, names, symbols, tokens};

/// The response to a request; a panic ends one answer, not the server.
pub(super) fn answer(server: &State<'_>, request: Request) -> Response {
    let (id, method) = (request.id.clone(), request.method.clone());
    let answered = catch_unwind(AssertUnwindSafe(|| dispatch(server, request)));
    answered.unwrap_or_else(|_| {
        Response::new_err(id, ErrorCode::InternalError as i32, format!("`{method}` failed inside of ngxc"))
    })
}

fn dispatch(server: &State<'_>, request: Request) -> Response {
    match request.method.as_str() {
        CodeActionRequest::METHOD => {
            reply::<CodeActionRequest>(request, |p| Some(actions::actions(server, &p)))
        }
        CodeLensRequest::METHOD => reply::<CodeLensRequest>(request, |p| hints::lenses(server, &p)),
        Completion::METHOD => reply::<Completion>(request, |p| completion::complete(server, &p)),
        DocumentHighlightRequest::METHOD => {
            reply::<DocumentHighlightRequest>(request, |p| names::highlights(server, &p))
        }
        DocumentLinkRequest::METHOD => reply::<DocumentLinkRequest>(request, |p| names::links(server, &p)),
        DocumentSymbolRequest::METHOD => {
            reply::<DocumentSymbolRequest>(request, |p| symbols::of_document(server, &p))
        }
        ExecuteCommand::METHOD => attempt::<ExecuteCommand>(request, |p| {
            commands::execute(server, &p).map(|text| Some(serde_json::Value::String(text)))
        }),
        FoldingRangeRequest::METHOD => reply::<FoldingRangeRequest>(request, |p| folding::ranges(server, &p)),
        Formatting::METHOD => reply::<Formatting>(request, |p| format::format(server, &p)),
        GotoDefinition::METHOD => reply::<GotoDefinition>(request, |p| names::definition(server, &p)),
        HoverRequest::METHOD => reply::<HoverRequest>(request, |p| hover::hover(server, &p)),
        InlayHintRequest::METHOD => reply::<InlayHintRequest>(request, |p| hints::hints(server, &p)),
        OnTypeFormatting::METHOD => reply::<OnTypeFormatting>(request, |p| format::on_type(server, &p)),
        PrepareRenameRequest::METHOD => {
            reply::<PrepareRenameRequest>(request, |p| names::renamed_range(server, &p))
        }
        RangeFormatting::METHOD => reply::<RangeFormatting>(request, |p| format::range(server, &p)),
        References::METHOD => reply::<References>(request, |p| names::references(server, &p)),
        Rename::METHOD => attempt::<Rename>(request, |p| names::rename(server, &p)),
        SelectionRangeRequest::METHOD => {
            reply::<SelectionRangeRequest>(request, |p| folding::selections(server, &p))
        }
        SemanticTokensFullRequest::METHOD => {
            reply::<SemanticTokensFullRequest>(request, |p| tokens::tokens(server, &p))
        }
        WorkspaceSymbolRequest::METHOD => {
            reply::<WorkspaceSymbolRequest>(request, |p| Some(symbols::of_workspace(server, &p)))
        }
        other => {
            let text = format!("ngxc has no method `{other}`");
            Response::new_err(request.id, ErrorCode::MethodNotFound as i32, text)
        }
    }
}

fn decoded<R>(request: Request) -> Result<(RequestId, R::Params), Response>
where
    R: Method,
    R::Params: DeserializeOwned,
{
    let id = request.id.clone();
    request.extract(R::METHOD).map_err(|error| {
        Response::new_err(id, ErrorCode::InvalidParams as i32, format!("malformed parameters: {error:?}"))
    })
}

fn reply<R>(request: Request, answer: impl FnOnce(R::Params) -> R::Result) -> Response
where
    R: Method,
    R::Params: DeserializeOwned,
    R::Result: Serialize,
{
    attempt::<R>(request, |params| Ok(answer(params)))
}

/// The same for an answer that can be an error in words.
fn attempt<R>(request: Request, answer: impl FnOnce(R::Params) -> Result<R::Result, String>) -> Response
where
    R: Method,
    R::Params: DeserializeOwned,
    R::Result: Serialize,
{
    match decoded::<R>(request) {
        Ok((id, params)) => match answer(params) {
            Ok(result) => Response::new_ok(id, result),
            Err(why) => Response::new_err(id, ErrorCode::RequestFailed as i32, why),
        },
        Err(response) => response,
    }
}
