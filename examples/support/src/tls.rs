//! Options for TLS, which servers and clients have in common.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use quorum_runtime::transport::{Certificate, ClientTlsConfig, Identity, ServerTlsConfig};

/// How long a client may take to begin with TLS.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Files in PEM. Without them, connections are not encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
pub struct Tls {
    /// The certificate of this process, with those between it and the authority.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// Its private key.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// The authority that has signed the certificates of the others. A server with it serves only
    /// those who have one.
    #[arg(long, value_name = "FILE")]
    pub tls_ca: Option<PathBuf>,
}

/// A file that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file system refuses.
    #[error("cannot read {}: {source}", .file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A server needs a certificate.
    #[error("a server with --tls-ca needs --tls-cert and --tls-key too")]
    NoCertificate,
    /// Nobody is trusted.
    #[error("a client with --tls-cert needs --tls-ca too: the authority of the servers")]
    NoAuthority,
}

impl Tls {
    /// What a server is given, or nothing without the options.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, or an option is missing.
    pub fn server(&self) -> Result<Option<ServerTlsConfig>, TlsError> {
        let Some(identity) = self.identity()? else {
            return if self.tls_ca.is_some() { Err(TlsError::NoCertificate) } else { Ok(None) };
        };
        let config = ServerTlsConfig::new().identity(identity).timeout(HANDSHAKE);
        Ok(Some(match self.authority()? {
            Some(authority) => config.client_ca_root(authority),
            None => config,
        }))
    }

    /// What a client is given, or nothing without the options.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, or an option is missing.
    pub fn client(&self) -> Result<Option<ClientTlsConfig>, TlsError> {
        let Some(authority) = self.authority()? else {
            return if self.tls_cert.is_some() { Err(TlsError::NoAuthority) } else { Ok(None) };
        };
        let config = ClientTlsConfig::new().ca_certificate(authority);
        Ok(Some(match self.identity()? {
            Some(identity) => config.identity(identity),
            None => config,
        }))
    }

    fn identity(&self) -> Result<Option<Identity>, TlsError> {
        match (&self.tls_cert, &self.tls_key) {
            (Some(certificate), Some(key)) => {
                Ok(Some(Identity::from_pem(read(certificate)?, read(key)?)))
            }
            _ => Ok(None),
        }
    }

    fn authority(&self) -> Result<Option<Certificate>, TlsError> {
        self.tls_ca.as_deref().map(|file| read(file).map(Certificate::from_pem)).transpose()
    }
}

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(file).map_err(|source| TlsError::Read { file: file.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_options_there_is_no_tls() {
        let none = Tls::default();
        assert!(none.server().unwrap().is_none());
        assert!(none.client().unwrap().is_none());
    }

    #[test]
    fn half_of_the_options_are_refused_and_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pem");
        fs::write(&file, "").unwrap();
        let authority = Tls { tls_ca: Some(file.clone()), ..Tls::default() };
        assert!(authority.server().unwrap_err().to_string().contains("--tls-cert and --tls-key"));
        let (tls_cert, tls_key) = (Some(file.clone()), Some(file));
        let certificate = Tls { tls_cert, tls_key, ..Tls::default() };
        assert!(certificate.client().unwrap_err().to_string().contains("--tls-ca too"));

        let missing = folder.path().join("missing");
        let missing = Tls { tls_ca: Some(missing), ..Tls::default() };
        assert!(missing.client().unwrap_err().to_string().contains("missing: "));
    }
}
