use std::path::{Path, PathBuf};
use std::{env, fmt, fs, io};

use prost_reflect::DescriptorPool;

use crate::Result;
use crate::error::Error;
use crate::proto::{generate, parse};

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
    descriptor_set: Option<String>,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// A builder with the defaults: prost's, and `OUT_DIR` for the generated files.
    pub fn new() -> Self {
        Self {
            prost: prost_build::Config::new(),
            out_dir: None,
            runtime: None,
            descriptor_set: None,
        }
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

    /// Writes the descriptors of the files and of all that they import to `name.bin` beside the
    /// generated code, from where `quorum_runtime::include_file_descriptor_set!("name")` includes them.
    /// They are what gRPC's server reflection gives to tools.
    ///
    /// ```no_run
    /// # fn main() -> quorum_codegen::Result {
    /// quorum_codegen::Builder::new()
    ///     .file_descriptor_set("storage")
    ///     .compile(&["proto/storage.proto"], &["proto"])
    /// # }
    /// ```
    pub fn file_descriptor_set(mut self, name: impl Into<String>) -> Self {
        self.descriptor_set = Some(name.into());
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
        generate::prepare(&mut self.prost, &parsed.pool, &parsed.includes, runtime)
            .map_err(Error::Proto)?;
        if let Some(folder) = &self.out_dir {
            self.prost.out_dir(folder);
        } else {
            // Cargo reads this from the standard output of build scripts.
            parsed
                .paths
                .iter()
                .for_each(|path| println!("cargo::rerun-if-changed={}", path.display()));
        }
        self.write_descriptor_set(&parsed.pool)?;
        self.prost.compile_fds(parsed.set).map_err(Error::Write)
    }

    fn write_descriptor_set(&self, pool: &DescriptorPool) -> Result {
        let Some(name) = &self.descriptor_set else {
            return Ok(());
        };
        let folder = self.out_dir.clone().or_else(|| Some(env::var_os("OUT_DIR")?.into()));
        let folder = folder.ok_or_else(|| {
            Error::Write(io::Error::other("OUT_DIR is not set: call this from a build script"))
        })?;
        fs::write(folder.join(format!("{name}.bin")), pool.encode_to_vec()).map_err(Error::Write)
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
