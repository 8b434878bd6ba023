//! Errors of the front end, which reads `.proto` files, in the form of our own.

use std::fs;

use miette::{Diagnostic, SourceCode};

use crate::error::Problem;
use crate::model::CallType;
use crate::options;
use crate::position::Includes;

/// One problem for each thing that the front end found wrong.
pub(crate) fn problems(error: &protox::Error, includes: &Includes) -> Vec<Problem> {
    let Some(source) = error.source_code() else {
        let place = error.file().map_or_else(|| ".proto".to_owned(), |file| includes.path(file));
        let message = error.to_string();
        let help = message.ends_with("not found").then(|| not_in(includes));
        return vec![Problem { place, message, help }];
    };
    let further = error.related().into_iter().flatten();
    std::iter::once(error as &dyn Diagnostic)
        .chain(further)
        .map(|diagnostic| problem(diagnostic, source, error.file(), includes))
        .collect()
}

fn problem(
    diagnostic: &dyn Diagnostic,
    source: &dyn SourceCode,
    file: Option<&str>,
    includes: &Includes,
) -> Problem {
    // Where two places clash, the last is the one that came later.
    let label = diagnostic.labels().and_then(Iterator::last);
    let contents = label.as_ref().and_then(|label| source.read_span(label.inner(), 0, 0).ok());
    let name = contents.as_ref().and_then(|contents| contents.name()).or(file).unwrap_or(".proto");
    let path = includes.path(name);
    let place = contents.as_ref().map_or_else(
        || path.clone(),
        |contents| format!("{path}:{}:{}", contents.line() + 1, contents.column() + 1),
    );
    let text = fs::read_to_string(&path).unwrap_or_default();
    let offset = label.map_or(0, |label| label.offset());
    let mut message = diagnostic.to_string();
    let mut help = diagnostic.help().map(|help| help.to_string());
    if message.starts_with("import ") {
        help = Some(not_in(includes));
    }
    if message.contains("option") || message.contains(&format!("'{}.", options::PACKAGE)) {
        if let Some(rpc) = enclosing_rpc(&text, offset) {
            message = format!("rpc `{rpc}`: {message}");
        }
        help = help.or_else(|| Some(option_help(&text)));
    }
    Problem { place, message, help }
}

fn not_in(includes: &Includes) -> String {
    let folders: Vec<_> = includes.0.iter().map(|f| format!("`{}`", f.display())).collect();
    format!("it is in none of the include folders ({}); name its folder there", folders.join(", "))
}

/// What to do about an option that is not known.
fn option_help(text: &str) -> String {
    if !text.contains(&format!("\"{}\"", options::FILE)) {
        return format!("add `import \"{}\";` to the file", options::FILE);
    }
    let known =
        CallType::ALL.map(|call_type| format!("({}.{})", options::PACKAGE, call_type.option()));
    format!("the options are {}", known.join(", "))
}

/// The name of the rpc whose declaration `offset` is in.
fn enclosing_rpc(text: &str, offset: usize) -> Option<&str> {
    let before = text.get(..offset)?;
    let after = before.rsplit_once("rpc ")?.1;
    after.split(|c: char| !c.is_alphanumeric() && c != '_').find(|word| !word.is_empty())
}
