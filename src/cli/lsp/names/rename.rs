//! Renaming of a name at all of its places.

use std::collections::HashMap;

use lsp_types::{
    PrepareRenameResponse, RenameParams, TextDocumentPositionParams, TextEdit, Uri, WorkspaceEdit,
};

use crate::catalog;
use crate::cli::lsp::index::{Kind, Occurrence};
use crate::cli::lsp::state::State;
use crate::cli::lsp::{documents, position};

/// The range that a rename would replace.
pub(crate) fn renamed_range(
    server: &State<'_>,
    params: &TextDocumentPositionParams,
) -> Option<PrepareRenameResponse> {
    let place = server.place(&params.text_document.uri, params.position)?;
    let name = place.name()?;
    refusal(name, place.analysed.names().of_key(&name.key)).is_none().then(|| {
        PrepareRenameResponse::RangeWithPlaceholder {
            range: place.range(name.span),
            placeholder: name.key.name.clone(),
        }
    })
}

/// Reason why a name cannot be renamed: nothing in the configuration defines it.
fn refusal<'o>(name: &Occurrence, mut all: impl Iterator<Item = &'o Occurrence>) -> Option<String> {
    let own = &name.key.name;
    if name.key.kind == Kind::Variable && catalog::variable(name.key.subsystem, own.as_bytes()).is_some() {
        return Some(format!("`${own}` is a variable of nginx"));
    }
    (!all.any(|one| one.defines))
        .then(|| format!("nothing in the configuration defines the {} `{own}`", name.key.kind.noun()))
}

/// Edits that rename the name at the cursor in every configuration that the file belongs to.
///
/// # Errors
/// If the name is not the configuration's own, or the new name cannot be one or is taken.
pub(crate) fn rename(server: &State<'_>, params: &RenameParams) -> Result<Option<WorkspaceEdit>, String> {
    let at_ = &params.text_document_position;
    let Some(path) = documents::path(&at_.text_document.uri) else { return Ok(None) };
    let mut changes: HashMap<Uri, Vec<TextEdit>> = HashMap::new();
    let mut is_name = false;
    for (analysed, file) in server.analysis.of(&path) {
        let offset = position::to_offset(analysed.configuration().sources.file(file), at_.position);
        let Some(name) = analysed.names().at(file, offset) else { continue };
        is_name = true;
        let names = analysed.names();
        if let Some(why) = refusal(name, names.of_key(&name.key)) {
            return Err(why);
        }
        let new = valid(name.key.kind, &params.new_name)?;
        if name.key.kind == Kind::Variable && catalog::variable(name.key.subsystem, new.as_bytes()).is_some()
        {
            return Err(format!("`${new}` is a variable of nginx"));
        }
        let mut taken = name.key.clone();
        taken.name.clone_from(&new);
        if new != name.key.name && names.of_key(&taken).any(|one| one.defines) {
            return Err(format!("there is a {} `{new}` already", name.key.kind.noun()));
        }
        for one in names.of_key(&name.key) {
            let Some(place) = server.location(analysed, one.span) else { continue };
            let edits = changes.entry(place.uri).or_default();
            let edit = TextEdit::new(place.range, new.clone());
            if !edits.contains(&edit) {
                edits.push(edit);
            }
        }
    }
    if !is_name {
        return Err("no name of the configuration is here".to_owned());
    }
    Ok(Some(WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() }))
}

/// The new name as it is written, without `$`.
fn valid(kind: Kind, name: &str) -> Result<String, String> {
    let own = if kind == Kind::Variable { name.trim_start_matches('$') } else { name };
    let letters = |c: char| match kind {
        Kind::Variable => c.is_ascii_alphanumeric() || c == '_',
        _ => !c.is_whitespace() && !"{};\"'\\$#:/?".contains(c),
    };
    // A variable that begins with a digit would be a group of an expression.
    let is_group = kind == Kind::Variable && own.starts_with(|c: char| c.is_ascii_digit());
    if own.is_empty() || is_group || !own.chars().all(letters) {
        let expected = match kind {
            Kind::Variable => "letters, digits and `_`, no digit first",
            _ => "a word without blanks, quotes, `$`, `;`, `:`, `/`, `?` and braces",
        };
        return Err(format!("`{name}` cannot be the name of a {}; expected {expected}", kind.noun()));
    }
    if kind == Kind::NamedLocation && !own.starts_with('@') {
        return Ok(format!("@{own}"));
    }
    Ok(own.to_owned())
}
