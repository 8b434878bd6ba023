//! What the options of an rpc mean together, in whichever language they were written down.

use crate::model::{CallType, Replies};

/// What an rpc declares.
#[derive(Debug, Default)]
pub struct Declared {
    /// The call types that it has.
    pub call_types: Vec<CallType>,
    /// `per_node_arg`.
    pub per_node_arg: bool,
    /// `custom_return_type`.
    pub custom_return_type: Option<String>,
    /// `ordered`, where it is said.
    pub ordered: Option<bool>,
    /// `queue = LATEST`.
    pub latest: bool,
    /// The standard `idempotency_level` says that a request may be repeated.
    pub idempotent: bool,
    /// The client may send several messages.
    pub streams_request: bool,
    /// The node may send several messages.
    pub streams_reply: bool,
}

/// What becomes of an rpc.
#[derive(Debug)]
pub struct Decided {
    pub(crate) call_type: CallType,
    /// A function makes the message for each node.
    pub(crate) per_node_arg: bool,
    /// The Rust type that the quorum function returns, where that is not the reply.
    pub(crate) custom_return_type: Option<String>,
    /// Handlers of one client take turns.
    pub(crate) ordered: bool,
    /// A newer message takes the place of an unsent one.
    pub(crate) latest: bool,
    /// A request whose fate is not known may be sent again.
    pub(crate) idempotent: bool,
}

/// Decides what becomes of an rpc, or why it can't be.
///
/// # Errors
///
/// When the call types exclude each other, or an option means nothing for the call type.
pub fn decide(declared: Declared) -> Result<Decided, Refusal> {
    let call_type = call_type(&declared)?;
    refuse_senseless(call_type, &declared)?;
    Ok(Decided {
        call_type,
        per_node_arg: declared.per_node_arg,
        custom_return_type: declared.custom_return_type.map(rust_type).transpose()?,
        ordered: declared.ordered.unwrap_or(true),
        latest: declared.latest,
        idempotent: declared.idempotent,
    })
}

/// Why an rpc can't be: the rest of a sentence that begins with its name, and the mend.
#[derive(Debug)]
pub struct Refusal {
    /// `has two call types, …`.
    pub what: String,
    /// `keep the one …`.
    pub help: String,
}

impl Refusal {
    fn new(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { what: what.into(), help: help.into() }
    }
}

fn call_type(options: &Declared) -> Result<CallType, Refusal> {
    let declared = match *options.call_types {
        [] => CallType::Rpc,
        [only] => only,
        [first, second, ..] => {
            return Err(Refusal::new(
                format!("has two call types, `{}` and `{}`", first.option(), second.option()),
                "an rpc has one call type: keep the option that says how it is called, and write a \
                 second rpc where both are needed",
            ));
        }
    };
    match declared {
        CallType::Rpc if options.streams_request && options.streams_reply => Ok(CallType::Session),
        other if options.streams_request => Err(Refusal::new(
            format!("streams its request, which a call of type `{}` does not", other.option()),
            "take `stream` away from the request and make one call per message, or let both sides \
             stream and take the call type away for a session with one node",
        )),
        CallType::Correctable(_) if options.streams_reply => {
            Ok(CallType::Correctable(Replies::Stream))
        }
        other if options.streams_reply => Err(Refusal::new(
            format!("streams its reply, which a call of type `{}` does not", other.option()),
            "take `stream` away from the reply, or make it a `correctable`, whose result improves",
        )),
        other => Ok(other),
    }
}

/// Refuses options that mean nothing for a call of this type.
fn refuse_senseless(call_type: CallType, options: &Declared) -> Result<(), Refusal> {
    let name = match call_type {
        CallType::Session => "a session".to_owned(),
        other => format!("`{}`", other.option()),
    };
    let senseless = |option: &str, why: &str| {
        let what = format!("has the option `{option}`, which means nothing for {name}: {why}");
        Err(Refusal::new(what, format!("take `{option}` away, or change the call type")))
    };
    if call_type == CallType::Session && options.ordered.is_some() {
        return senseless("ordered", "it has one handler, which sees its messages in order");
    }
    if call_type == CallType::Session && options.idempotent {
        return senseless("idempotency_level", "it does not outlive its connection");
    }
    if options.per_node_arg && !call_type.is_group() {
        return senseless("per_node_arg", "it is called on one node");
    }
    if options.custom_return_type.is_some() && !call_type.has_quorum_function() {
        return senseless("custom_return_type", "it has no quorum function");
    }
    if options.latest && !call_type.is_one_way() {
        return senseless("queue", "whoever waits for its reply would wait in vain");
    }
    if options.idempotent && call_type.is_one_way() {
        return senseless("idempotency_level", "nobody learns whether it was lost");
    }
    if options.idempotent && call_type == CallType::Correctable(Replies::Stream) {
        return senseless("idempotency_level", "replies that were seen would come again");
    }
    Ok(())
}

fn rust_type(name: String) -> Result<String, Refusal> {
    match syn::parse_str::<syn::Type>(&name) {
        Ok(_) => Ok(name),
        Err(_) => Err(Refusal::new(
            format!("has the custom_return_type `{name}`, which is no Rust type"),
            "name a type as the generated module can: `u64`, `crate::Summary`",
        )),
    }
}
