use std::any::Any;
use std::io;

use prost::DecodeError;

use crate::error::{Error, Problem};

/// Why the plugin gave no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PluginError {
    /// The request ends too early, or is no request at all.
    #[error("standard input holds no request of protoc or buf, which run this program: {0}")]
    Request(#[from] DecodeError),

    /// The request asks for nothing.
    #[error("the request names no file to generate")]
    NothingToGenerate,

    /// The request asks for a file that it does not hold.
    #[error("the request does not hold the file `{0}`, which it asks to generate")]
    MissingFile(String),

    /// The files of the request are none that a compiler has checked.
    #[error("the messages can't be generated: {0}")]
    Unchecked(String),

    /// The arguments are none of those that are known.
    #[error("unknown argument `{0}`; see --help")]
    Argument(String),

    /// Standard input could not be read.
    #[error("can't read the request from standard input: {0}")]
    Input(#[source] io::Error),

    /// Standard output could not be written.
    #[error("can't write to standard output: {0}")]
    Output(#[source] io::Error),
}

impl PluginError {
    pub(super) fn panicked(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
        Self::Unchecked(text.unwrap_or("nobody says why").to_owned())
    }
}

/// Why nothing was generated.
#[derive(Debug)]
pub(super) enum Refusal {
    /// What is wrong with the files or the parameters, which the answer says.
    Files(String),
    /// There is no answer.
    Request(PluginError),
}

impl From<Vec<Problem>> for Refusal {
    fn from(problems: Vec<Problem>) -> Self {
        Self::Files(Error::Proto(problems).to_string())
    }
}

impl From<DecodeError> for Refusal {
    fn from(error: DecodeError) -> Self {
        Self::Request(error.into())
    }
}
