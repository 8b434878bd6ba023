//! TLS of nodes and clients, by flags or by a file.

use std::path::PathBuf;

use anyhow::Result;
use example_support::tls::Tls;
use quorum_runtime::{ManagerBuilder, Server};
use serde::Deserialize;

/// The same as the flags, as it stands in a file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Files {
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    ca: Option<PathBuf>,
}

/// What the flags say, and else the file.
pub(crate) fn or(flags: Tls, file: Files) -> Tls {
    Tls {
        tls_cert: flags.tls_cert.or(file.cert),
        tls_key: flags.tls_key.or(file.key),
        tls_ca: flags.tls_ca.or(file.ca),
    }
}

/// A node that connects to others and serves by TLS, where that is asked for.
pub(crate) fn edge(
    tls: &Tls,
) -> Result<impl FnOnce(ManagerBuilder, Server) -> (ManagerBuilder, Server) + use<>> {
    let (client, own) = (tls.client()?, tls.server()?);
    Ok(move |mut manager: ManagerBuilder, mut server: Server| {
        if let Some(client) = client {
            manager = manager.tls_config(client);
        }
        if let Some(own) = own {
            server = server.tls_config(own);
        }
        (manager, server)
    })
}

/// The flags, for another process.
pub(crate) fn arguments(tls: &Tls) -> Vec<String> {
    let files =
        [("--tls-cert", &tls.tls_cert), ("--tls-key", &tls.tls_key), ("--tls-ca", &tls.tls_ca)];
    let given = files.into_iter().filter_map(|(name, file)| Some((name, file.as_ref()?)));
    given.flat_map(|(name, file)| [name.to_owned(), file.display().to_string()]).collect()
}
