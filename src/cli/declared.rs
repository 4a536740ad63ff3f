//! Files of directives and variables of the user's own modules.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::catalog::DeclaredNames;

/// Reads a file of declared directives, once; an error names every entry that is wrong.
pub(super) fn read_declared(path: &str) -> Result<Arc<DeclaredNames>, String> {
    static READ: Mutex<BTreeMap<String, Arc<DeclaredNames>>> = Mutex::new(BTreeMap::new());
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(declared) = read.get(path) {
        return Ok(Arc::clone(declared));
    }
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read `{path}`: {error}"))?;
    let declared = DeclaredNames::parse(Path::new(path), &text).map_err(|problems| problems.join("\n"))?;
    Ok(Arc::clone(read.entry(path.to_owned()).or_insert(Arc::new(declared))))
}
