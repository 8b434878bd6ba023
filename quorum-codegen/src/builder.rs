use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::model::Service;
use crate::render::{self, MessageTypes};
use crate::{Result, check, lower, parse};

/// Generates with settings of one's own; [`compile`](crate::compile) is the short form.
///
/// ```no_run
/// # fn main() -> quorum_codegen::Result {
/// quorum_codegen::Builder::new()
///     .messages(|prost| {
///         prost.btree_map(["."]);
///     })
///     .compile(&["proto/storage.proto"], &["proto"])
/// # }
/// ```
#[must_use = "a builder does nothing until `compile` is called"]
pub struct Builder {
    prost: prost_build::Config,
    out_dir: Option<PathBuf>,
    runtime: Option<String>,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// A builder with the defaults: prost's, and `OUT_DIR` for the generated files.
    pub fn new() -> Self {
        Self { prost: prost_build::Config::new(), out_dir: None, runtime: None }
    }

    /// Writes the generated files to this folder instead of `OUT_DIR`.
    pub fn out_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.out_dir = Some(folder.into());
        self
    }

    /// The path by which the generated code finds the runtime, where that is not
    /// `::quorum_runtime`: because it was renamed in `Cargo.toml`, or is re-exported by another crate.
    ///
    /// ```
    /// let builder = quorum_codegen::Builder::new().runtime("::my_framework::quorum");
    /// ```
    pub fn runtime(mut self, path: impl Into<String>) -> Self {
        self.runtime = Some(path.into());
        self
    }

    /// Changes how messages are generated, which is the work of [`prost_build`]: derives, map types,
    /// types that are declared elsewhere.
    pub fn messages(mut self, configure: impl FnOnce(&mut prost_build::Config)) -> Self {
        configure(&mut self.prost);
        self
    }

    /// Generates Rust for these `.proto` files. Imports are looked for in the folders `includes`.
    ///
    /// # Errors
    ///
    /// Names each place in a `.proto` that can't become Rust, and how to mend it; or why the files
    /// could not be written.
    pub fn compile(mut self, protos: &[impl AsRef<Path>], includes: &[impl AsRef<Path>]) -> Result {
        let runtime = self.runtime.as_deref().map(runtime_path).transpose()?;
        let parsed = parse::parse(protos, includes)?;
        let services = lower::lower(&parsed.pool, &parsed.includes).map_err(Error::Proto)?;
        let clashes = check::check(&services, &parsed.pool, &parsed.includes);
        if !clashes.is_empty() {
            return Err(Error::Proto(clashes));
        }
        if let Some(folder) = &self.out_dir {
            self.prost.out_dir(folder);
        } else {
            // Cargo reads this from the standard output of build scripts.
            parsed
                .paths
                .iter()
                .for_each(|path| println!("cargo::rerun-if-changed={}", path.display()));
        }
        self.prost.type_attribute(".", render::allow_lints().to_string());
        let services = services.into_iter().map(|service| (service.full_name(), service)).collect();
        self.prost.service_generator(Box::new(Services { services, runtime }));
        self.prost.compile_fds(parsed.set).map_err(Error::Write)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("out_dir", &self.out_dir).finish_non_exhaustive()
    }
}

fn runtime_path(path: &str) -> Result<syn::Path> {
    syn::parse_str(path).map_err(|_| Error::Runtime(path.to_owned()))
}

/// prost asks for each service, and knows the Rust types of its messages.
struct Services {
    /// By their full names.
    services: BTreeMap<String, Service>,
    runtime: Option<syn::Path>,
}

impl prost_build::ServiceGenerator for Services {
    fn generate(&mut self, service: prost_build::Service, code: &mut String) {
        let full_name = match service.package.as_str() {
            "" => service.proto_name.clone(),
            package => format!("{package}.{}", service.proto_name),
        };
        let Some(model) = self.services.get(&full_name) else {
            return;
        };
        let types: Vec<_> = service
            .methods
            .iter()
            .map(|method| MessageTypes::parse(&method.input_type, &method.output_type))
            .collect();
        let mut tokens = render::service(model, &types);
        if let Some(runtime) = &self.runtime {
            tokens = render::with_runtime(tokens, runtime);
        }
        code.push_str(&tokens.to_string());
    }
}
