//! TLS of the connections of a client.

#[cfg(feature = "_tls-any")]
use std::error::Error;
use std::fmt;

use tonic::transport::Endpoint;

use crate::error::BuildError;
#[cfg(feature = "_tls-any")]
use crate::transport::ClientTlsConfig;

/// The TLS that a manager was configured with, if any.
#[derive(Clone, Default)]
pub(crate) struct Tls {
    #[cfg(feature = "_tls-any")]
    config: Option<ClientTlsConfig>,
}

impl Tls {
    #[cfg(feature = "_tls-any")]
    pub(crate) const fn new(config: ClientTlsConfig) -> Self {
        Self { config: Some(config) }
    }

    pub(super) const fn scheme(&self) -> &'static str {
        if self.is_set() { "https" } else { "http" }
    }

    #[cfg(feature = "_tls-any")]
    const fn is_set(&self) -> bool {
        self.config.is_some()
    }

    #[cfg(not(feature = "_tls-any"))]
    #[allow(clippy::unused_self, reason = "with TLS it is asked")]
    const fn is_set(&self) -> bool {
        false
    }

    #[cfg_attr(
        not(feature = "_tls-any"),
        allow(unused_variables, clippy::unused_self, clippy::unnecessary_wraps, reason = "no TLS")
    )]
    pub(super) fn configure(
        &self,
        endpoint: Endpoint,
        address: &str,
    ) -> Result<Endpoint, BuildError> {
        #[cfg(feature = "_tls-any")]
        if let Some(config) = self.config.clone() {
            let unusable = |reason: &str| BuildError::Tls { reason: reason.to_owned() };
            crate::tls::install_provider().map_err(unusable)?;
            return endpoint.tls_config(config).map_err(|error| build_error(&error, address));
        }
        Ok(endpoint)
    }
}

#[cfg(feature = "_tls-any")]
fn build_error(error: &(dyn Error + 'static), address: &str) -> BuildError {
    let deepest = crate::error::deepest(error);
    if deepest.is::<rustls::pki_types::InvalidDnsNameError>() {
        return BuildError::TlsName { address: address.to_owned() };
    }
    BuildError::Tls { reason: deepest.to_string() }
}

/// Says whether, and nothing of the key.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("is_set", &self.is_set()).finish_non_exhaustive()
    }
}
