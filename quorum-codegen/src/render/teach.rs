//! The examples in the documentation of generated items: how to implement or call each.
//!
//! They are Rust for whoever reads the documentation, and are not there when rustdoc looks for tests.
//! The generator does not know under which path its items are found, nor how to make a sensible
//! message, so they could only fail there, or be listed as ignored in the crate of a user who did not
//! write them. A test in `tests/it/taught.rs` compiles and runs them instead.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::written::{text, value};
use super::{MessageTypes, Names, View};
use crate::model::{CallType, Method, Replies};

/// The longest line, with room for the indent of an `impl`.
const WIDTH: usize = 90;

/// How to implement the quorum functions.
pub(super) fn spec(view: &View<'_>) -> TokenStream {
    let decided =
        || view.methods().filter(|(method, _)| method.decided.call_type.has_quorum_function());
    let has_default = |(method, _): &(&Method, _)| method.decided.custom_return_type.is_none();
    let first = decided().find(has_default);
    let required = decided().filter(|pair| !has_default(pair));
    let shown: Vec<_> = first.into_iter().chain(required).collect();
    if shown.is_empty() {
        return TokenStream::new();
    }
    let functions = shown.into_iter().map(|(method, types)| quorum_function(method, types));
    example(implementation(&view.names.spec.to_string(), "MySpec", functions))
}

/// How to come from a manager to a configuration.
pub(super) fn manager(view: &View<'_>) -> TokenStream {
    let Names { method, spec, .. } = &view.names;
    let (argument, why) = if view.has_all_defaults() {
        ("Majority", "the default of every quorum function".to_owned())
    } else {
        ("MySpec", format!("implements `{spec}`"))
    };
    example([
        "let addresses = [\"127.0.0.1:9001\", \"127.0.0.1:9002\", \"127.0.0.1:9003\"];".to_owned(),
        "let manager = Manager::builder().nodes(addresses).build()?;".to_owned(),
        format!("let {method} = manager.{method}({argument})?; // {why}"),
    ])
}

/// How to call all nodes: the first method of each kind.
pub(super) fn configuration(view: &View<'_>) -> TokenStream {
    let Names { method: this, .. } = &view.names;
    let spec = if view.has_all_defaults() { "Majority" } else { "MySpec" };
    let mut lines = vec![format!("let {this} = manager.{this}({spec})?;")];
    let first = |of: fn(CallType) -> bool| view.methods().find(|(m, _)| of(m.decided.call_type));
    if let Some((method, types)) = first(|call| call == CallType::QuorumCall) {
        let (call, result) = (group_call(this, method, types), text(&types.result(method)));
        lines.push(String::new());
        lines.push("// The result that the quorum function makes of the replies.".to_owned());
        lines.push(format!("let result: {result} = {call}.await?;"));
        lines.push(
            "// Or that of another rule, for this call: the reply that came first.".to_owned(),
        );
        lines.push(format!("let reply: {} = {call}.first().await?;", text(&types.reply)));
    }
    if let Some((method, types)) = first(|call| matches!(call, CallType::Correctable(_))) {
        let call = group_call(this, method, types);
        lines.push(String::new());
        lines.push("// A result that improves.".to_owned());
        lines.push(format!("let mut levels = {call};"));
        lines.push("while let Some(level) = levels.next().await {".to_owned());
        lines.push(format!("    let value: {} = level?.value;", text(&types.result(method))));
        lines.push("}".to_owned());
    }
    if let Some((method, types)) = first(|call| call == CallType::Multicast) {
        let call = group_call(this, method, types);
        lines.push(String::new());
        lines.push(
            "// Without `await` nobody waits until the connections have taken it.".to_owned(),
        );
        lines.push(format!("{call}.await?;"));
    }
    if lines.len() > 1 { example(lines) } else { TokenStream::new() }
}

/// How to call one node: the first method of each kind, if possible one that is called so only.
pub(super) fn node(view: &View<'_>) -> TokenStream {
    let kinds: [fn(CallType) -> bool; 3] = [
        |call| !call.is_one_way() && call != CallType::Session,
        CallType::is_one_way,
        |call| call == CallType::Session,
    ];
    let mut lines = vec!["let node = manager.node(1)?;".to_owned()];
    for of in kinds {
        let single = view.methods().filter(|(method, _)| method.decided.call_type.is_single());
        let ours = single.filter(|(method, _)| of(method.decided.call_type));
        if let Some((method, types)) =
            ours.min_by_key(|(method, _)| method.decided.call_type.is_group())
        {
            lines.extend(single_call(method, types));
        }
    }
    if lines.len() > 1 { example(lines) } else { TokenStream::new() }
}

/// How to implement the service: the first handler of each shape, and the names of the others.
pub(super) fn handlers(view: &View<'_>) -> TokenStream {
    let mut shapes = Vec::new();
    let (mut shown, mut others) = (Vec::new(), Vec::new());
    for (method, types) in view.methods() {
        let shape = handler(method, types);
        if shapes.contains(&shape.shape) {
            others.push(format!("`{}`", method.rust_name));
        } else {
            shapes.push(shape.shape);
            shown.push(shape.lines);
        }
    }
    if !others.is_empty() {
        shown.push(vec![format!("// and so on for {}", others.join(", "))]);
    }
    example(implementation(&view.names.service.to_string(), &mine(view), shown.into_iter()))
}

/// How to serve an implementation.
pub(super) fn adapter(view: &View<'_>) -> TokenStream {
    let (adapter, mine) = (&view.names.server, mine(view));
    example([
        format!("let server = Server::builder().service({adapter}::new({mine}));"),
        "server.serve(\"127.0.0.1:9001\").await?;".to_owned(),
    ])
}

/// The name of an implementation of the service.
fn mine(view: &View<'_>) -> String {
    format!("My{}", view.names.service)
}

fn implementation(of: &str, by: &str, functions: impl Iterator<Item = Vec<String>>) -> Vec<String> {
    let mut lines = vec![format!("struct {by};"), String::new(), format!("impl {of} for {by} {{")];
    for (index, function) in functions.enumerate() {
        if index > 0 {
            lines.push(String::new());
        }
        lines.extend(indented(function));
    }
    lines.push("}".to_owned());
    lines
}

fn quorum_function(method: &Method, types: &MessageTypes) -> Vec<String> {
    let (request, reply) = (text(&types.request), text(&types.reply));
    let result = text(&types.result(method));
    let improves = matches!(method.decided.call_type, CallType::Correctable(_));
    let result = if improves { format!("Level<{result}>") } else { result };
    let inputs = [format!("request: &{request}"), format!("replies: &Replies<{reply}>")];
    let body: &[&str] = if method.decided.custom_return_type.is_some() {
        &["Verdict::Pending // or `Verdict::Done` of what the replies mean together"]
    } else if improves {
        &[
            "let is_last = replies.is_quorum(&Majority);",
            "let newest = replies.values().last().cloned();",
            "newest.map(|value| Level { number: u32::from(is_last), value, is_last }).into()",
        ]
    } else {
        &[
            "if !replies.is_quorum(&Majority) {",
            "    return Verdict::Pending;",
            "}",
            "replies.values().next().cloned().into() // or what they mean together",
        ]
    };
    let head = format!("fn {}", method.rust_name);
    function(&head, &inputs, &format!(" -> Verdict<{result}>"), body)
}

/// A handler, and what tells it from those that look alike.
struct Handler {
    shape: (bool, bool, bool),
    lines: Vec<String>,
}

fn handler(method: &Method, types: &MessageTypes) -> Handler {
    let (request, reply) = (text(&types.request), text(&types.reply));
    let is_session = method.decided.call_type == CallType::Session;
    let streams = is_session || method.decided.call_type == CallType::Correctable(Replies::Stream);
    let is_one_way = method.decided.call_type.is_one_way();
    let mut inputs = vec!["call: Call".to_owned()];
    inputs.push(if is_session {
        format!("mut requests: Requests<{request}>")
    } else {
        format!("request: {request}")
    });
    if streams {
        inputs.push(format!("replies: Replier<{reply}>"));
    }
    let value = value(&types.reply);
    let output = match (is_one_way, streams) {
        (true, _) => String::new(),
        (false, true) => " -> Result<(), Status>".to_owned(),
        (false, false) => format!(" -> Result<{reply}, Status>"),
    };
    let body = if is_session {
        vec![
            "while let Some(request) = requests.next().await.transpose()? {".to_owned(),
            format!("    replies.send({value}).await?;"),
            "}".to_owned(),
            "Ok(())".to_owned(),
        ]
    } else if streams {
        vec![format!("replies.send({value}).await // any number of times")]
    } else if is_one_way {
        vec!["// nothing is answered".to_owned()]
    } else {
        vec![format!("Ok({value})")]
    };
    let body: Vec<_> = body.iter().map(String::as_str).collect();
    let lines = function(&format!("async fn {}", method.rust_name), &inputs, &output, &body);
    Handler { shape: (is_session, streams, is_one_way), lines }
}

fn group_call(this: &syn::Ident, method: &Method, types: &MessageTypes) -> String {
    let (name, request) = (&method.rust_name, value(&types.request));
    let per_node =
        if method.decided.per_node_arg { ", |request, _node| Some(request.clone())" } else { "" };
    format!("{this}.{name}({request}{per_node})")
}

fn single_call(method: &Method, types: &MessageTypes) -> Vec<String> {
    let (name, reply, request) = (&method.rust_name, text(&types.reply), value(&types.request));
    if method.decided.call_type == CallType::Session {
        return vec![
            String::new(),
            "// Either side may send as often as it likes.".to_owned(),
            format!("let mut session = node.{name}();"),
            format!("session.send({request}).await?;"),
            "session.finish();".to_owned(),
            "while let Some(message) = session.next().await {".to_owned(),
            format!("    let message: {reply} = message?;"),
            "}".to_owned(),
        ];
    }
    if method.decided.call_type.is_one_way() {
        return vec![format!("node.{name}({request}).await?; // the connection has taken it")];
    }
    vec![format!("let reply: {reply} = node.{name}({request}).await?;")]
}

/// A method with this body, on several lines where one would be too long.
fn function(head: &str, inputs: &[String], output: &str, body: &[&str]) -> Vec<String> {
    let on_one_line = format!("{head}(&self, {}){output} {{", inputs.join(", "));
    let mut lines = if on_one_line.len() <= WIDTH {
        vec![on_one_line]
    } else {
        let mut lines = vec![format!("{head}("), "    &self,".to_owned()];
        lines.extend(inputs.iter().map(|input| format!("    {input},")));
        lines.push(format!("){output} {{"));
        lines
    };
    lines.extend(indented(body.iter().map(|&line| line.to_owned())));
    lines.push("}".to_owned());
    lines
}

fn indented(lines: impl IntoIterator<Item = String>) -> impl Iterator<Item = String> {
    lines.into_iter().map(|line| match line.as_str() {
        "" => line,
        _ => format!("    {line}"),
    })
}

/// The attributes of an example.
fn example(code: impl IntoIterator<Item = String>) -> TokenStream {
    let code: Vec<_> = code.into_iter().collect();
    // Generated code is read as well, so lines stay lines.
    let block = format!("r#\"```\n{}\n```\"#", code.join("\n"));
    let block: Literal = block.parse().expect("no example has a quote with a hash");
    quote! {
        #[doc = ""]
        #[doc = " # Examples"]
        #[doc = ""]
        #[doc = " Names without a path are those of the runtime and of this module."]
        #[doc = ""]
        #[cfg_attr(not(doctest), doc = #block)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_head_is_broken() {
        let inputs = [format!("request: {}", "K".repeat(WIDTH))];
        let lines = function("fn read", &inputs, " -> V", &["v"]);
        assert_eq!(lines.len(), 6);
        assert_eq!(lines[..2], ["fn read(", "    &self,"]);
        assert_eq!(lines[3..], [") -> V {", "    v", "}"]);
    }
}
