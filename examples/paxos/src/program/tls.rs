//! TLS between all: each node and each client has a certificate of the one authority, or is not heard.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use quorum_runtime::transport::{Certificate, ClientTlsConfig, Identity, ServerTlsConfig};
use quorum_runtime::{ManagerBuilder, Server};
use serde::Deserialize;

/// After how long a client that does not speak TLS is let go.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// The files of who takes part. All three, or none.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TlsFiles {
    /// The certificate of this process, valid for the host that others connect to.
    #[arg(long, value_name = "FILE.pem")]
    #[serde(rename = "cert")]
    tls_cert: Option<PathBuf>,

    /// The private key of the certificate.
    #[arg(long, value_name = "FILE.pem")]
    #[serde(rename = "key")]
    tls_key: Option<PathBuf>,

    /// The authority that has signed the certificates of all nodes and clients.
    #[arg(long, value_name = "FILE.pem")]
    #[serde(rename = "ca")]
    tls_ca: Option<PathBuf>,
}

/// Both ends of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    server: ServerTlsConfig,
    pub(crate) client: ClientTlsConfig,
}

/// A node that connects and serves by TLS, where there is one.
pub(crate) fn edge(
    tls: Option<&Tls>,
    manager: ManagerBuilder,
    server: Server,
) -> (ManagerBuilder, Server) {
    match tls {
        Some(tls) => {
            (manager.tls_config(tls.client.clone()), server.tls_config(tls.server.clone()))
        }
        None => (manager, server),
    }
}

impl TlsFiles {
    /// What is given here, and else what is given there.
    #[must_use]
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            tls_cert: self.tls_cert.or(other.tls_cert),
            tls_key: self.tls_key.or(other.tls_key),
            tls_ca: self.tls_ca.or(other.tls_ca),
        }
    }

    /// Both ends of a connection, or nothing where no file is given.
    pub(crate) fn read(&self) -> Result<Option<Tls>> {
        let (cert, key, ca) = match (&self.tls_cert, &self.tls_key, &self.tls_ca) {
            (None, None, None) => return Ok(None),
            (Some(cert), Some(key), Some(ca)) => (pem(cert)?, pem(key)?, pem(ca)?),
            _ => bail!("TLS needs three files: give --tls-cert, --tls-key and --tls-ca, or none"),
        };
        let identity = Identity::from_pem(cert, key);
        let authority = Certificate::from_pem(ca);
        let server = ServerTlsConfig::new().client_ca_root(authority.clone());
        let client = ClientTlsConfig::new().ca_certificate(authority);
        Ok(Some(Tls {
            server: server.identity(identity.clone()).timeout(HANDSHAKE),
            client: client.identity(identity),
        }))
    }

    /// The same as arguments of a process.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let files = [
            ("--tls-cert", &self.tls_cert),
            ("--tls-key", &self.tls_key),
            ("--tls-ca", &self.tls_ca),
        ];
        let given = files.into_iter().filter_map(|(name, file)| Some((name, file.as_ref()?)));
        given.flat_map(|(name, file)| [name.to_owned(), file.display().to_string()]).collect()
    }
}

fn pem(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}
