//! Generated code compiles where nothing has its usual name: without a prelude, with the runtime
//! renamed, in a package called `type`, with messages called `Result` and `Send`.

#![no_implicit_prelude]

/// The generated code.
pub mod r#type {
    // The derives of prost name these without a path.
    #[allow(unused_imports, reason = "which of them depends on the messages")]
    use ::core::{
        clone::Clone,
        cmp::{Eq, PartialEq},
        hash::Hash,
        marker::Copy,
    };

    ::renamed::include_proto!("r#type");
}
