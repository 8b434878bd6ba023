//! Errors of the front end, which reads `.proto` files, in the form of our own.

use std::fs;
use std::path::Path;

use miette::{Diagnostic, SourceCode};
use prost_reflect::DescriptorError;

use crate::error::Problem;
use crate::proto::editions;
use crate::proto::option_files::OptionFile;
use crate::proto::position::Includes;

/// One problem for each thing that the front end found wrong when it opened `proto`.
pub(crate) fn problems(error: &protox::Error, proto: &Path, includes: &Includes) -> Vec<Problem> {
    let Some(source) = error.source_code() else {
        return vec![without_source(error, proto, includes)];
    };
    let further = error.related().into_iter().flatten();
    std::iter::once(error as &dyn Diagnostic)
        .chain(further)
        .map(|diagnostic| in_source(diagnostic, source, proto, includes))
        .collect()
}

/// The file as a whole can't be read.
fn without_source(error: &protox::Error, proto: &Path, includes: &Includes) -> Problem {
    let place = proto.display().to_string();
    if !proto.exists() {
        let help = format!("name a file that is there; {}", searched(includes));
        return Problem { place, message: "there is no such file".to_owned(), help: Some(help) };
    }
    let message = error.to_string();
    let help = message.contains("include path").then(|| {
        format!(
            "name the folder that its imports begin at among the includes; {}",
            searched(includes)
        )
    });
    Problem { place, message, help: help.or_else(|| error.help().map(|help| help.to_string())) }
}

fn in_source(
    diagnostic: &dyn Diagnostic,
    source: &dyn SourceCode,
    proto: &Path,
    includes: &Includes,
) -> Problem {
    // Where two places clash, the last is the one that came later.
    let label = diagnostic.labels().and_then(Iterator::last);
    let contents = label.as_ref().and_then(|label| source.read_span(label.inner(), 0, 0).ok());
    let name = contents.as_ref().and_then(|contents| contents.name());
    let path = name.map_or_else(|| proto.display().to_string(), |name| includes.path(name));
    let place = contents.as_ref().map_or_else(
        || path.clone(),
        |contents| format!("{path}:{}:{}", contents.line() + 1, contents.column() + 1),
    );
    let text = fs::read_to_string(&path).unwrap_or_default();
    let offset = label.map_or(0, |label| label.offset());
    let message = diagnostic.to_string();
    let is_option = text.get(offset..).is_some_and(|rest| rest.starts_with("option"));
    let explained = option_in(&message)
        .filter(|_| is_option)
        .and_then(|(file, option)| explain_option(file, option, &message, &text));
    if let Some((what, help)) = explained {
        let rpc = enclosing_rpc(&text, offset).map(|rpc| format!("rpc `{rpc}`: "));
        let message = format!("{}{what}", rpc.unwrap_or_default());
        return Problem { place, message, help: Some(help) };
    }
    if let Some((message, help)) = editions::reword(&message, &text) {
        return Problem { place, message: message.to_owned(), help: Some(help.to_owned()) };
    }
    let help = mend(&message, includes).or_else(|| diagnostic.help().map(|help| help.to_string()));
    Problem { place, message, help }
}

/// What is wrong with a descriptor whose text is not at hand.
pub(crate) fn in_descriptor(error: &DescriptorError, includes: &Includes) -> Problem {
    let path = error.file().map(|name| includes.path(name)).unwrap_or_default();
    let place = match (error.line(), error.column()) {
        (Some(line), Some(column)) => format!("{path}:{}:{}", line + 1, column + 1),
        _ => path,
    };
    let message = error.to_string();
    Problem { place, help: mend(&message, includes), message }
}

/// What to do about the mistakes that are made most.
fn mend(message: &str, includes: &Includes) -> Option<String> {
    if message.starts_with("import ") {
        return Some(format!("name its folder among the includes; {}", searched(includes)));
    }
    if message.ends_with("found 'edition'") {
        return Some("begin the file with `edition = \"2023\";`".to_owned());
    }
    if message.ends_with("is defined twice") {
        return Some("rename one of the two".to_owned());
    }
    if message.starts_with("option field 'features.") {
        return Some("the features are listed at protobuf.dev/editions/features".to_owned());
    }
    if message.ends_with("is not defined") {
        return Some("declare it, or import the file that does".to_owned());
    }
    None
}

fn searched(includes: &Includes) -> String {
    let folders: Vec<_> = includes.0.iter().map(|f| format!("`{}`", f.display())).collect();
    format!("looked in {}", folders.join(", "))
}

/// The one of our options that a message speaks of: `quorumcall` of `'quorum.quorumcall'`.
fn option_in(message: &str) -> Option<(&'static OptionFile, &str)> {
    let quoted = message.split('\'').map(|word| word.trim_matches(['(', ')']));
    let options = quoted.filter_map(|word| word.split_once('.'));
    // The last, because the type of an option is named before it.
    options
        .filter_map(|(package, option)| Some((OptionFile::of_package(package)?, option)))
        .next_back()
}

/// What is wrong with the use of an option, and the mend.
fn explain_option(
    file: &OptionFile,
    name: &str,
    message: &str,
    text: &str,
) -> Option<(String, String)> {
    let option = format!("({}.{name})", file.package);
    if message.contains("expected a value of type") {
        let (kind, example) = match name {
            "custom_return_type" => ("a string", "\"crate::Summary\""),
            "queue" => ("ALL or LATEST", "LATEST"),
            _ => ("true or false", "true"),
        };
        let what = format!("option `{option}` is {kind}");
        return Some((what, format!("write `option {option} = {example};`")));
    }
    if message.ends_with("has already been set") {
        return Some((format!("option `{option}` is set twice"), "keep one of the two".to_owned()));
    }
    if !message.ends_with("is not defined") {
        return None;
    }
    if !file.is_imported_by(text) {
        let what = format!("option `{option}` is used without its import");
        return Some((what, format!("add `import \"{}\";` to the file", file.name)));
    }
    Some((format!("there is no option `{option}`"), file.help()))
}

/// The name of the rpc whose declaration `offset` is in.
fn enclosing_rpc(text: &str, offset: usize) -> Option<&str> {
    let before = text.get(..offset)?;
    let after = before.rsplit_once("rpc ")?.1;
    after.split(|c: char| !c.is_alphanumeric() && c != '_').find(|word| !word.is_empty())
}
