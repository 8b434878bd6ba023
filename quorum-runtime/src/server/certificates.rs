#[cfg(feature = "_tls-any")]
use std::sync::Arc;

use tonic::Status;
#[cfg(feature = "_tls-any")]
use tonic::transport::CertificateDer;
#[cfg(feature = "_tls-any")]
use tonic::transport::server::{TcpConnectInfo, TlsConnectInfo};
#[cfg(feature = "_tls-any")]
use webpki::EndEntityCert;

use crate::quorum::NodeId;

/// The certificates that a client presented; none where TLS is not mutual, and nothing at all
/// without TLS.
#[derive(Clone, Debug, Default)]
pub(super) struct Certificates {
    #[cfg(feature = "_tls-any")]
    chain: Option<Arc<Vec<CertificateDer<'static>>>>,
}

impl Certificates {
    /// Those of the connection on which a request came.
    #[cfg_attr(not(feature = "_tls-any"), allow(unused_variables))]
    pub(super) fn of(extensions: &http::Extensions) -> Self {
        Self {
            #[cfg(feature = "_tls-any")]
            chain: extensions
                .get::<TlsConnectInfo<TcpConnectInfo>>()
                .and_then(TlsConnectInfo::peer_certs),
        }
    }

    #[cfg(feature = "_tls-any")]
    pub(super) fn chain(&self) -> &[CertificateDer<'static>] {
        self.chain.as_ref().map_or(&[], |chain| chain)
    }

    /// Refuses a client that claims to be a node and has no certificate for the name of that node.
    pub(super) fn prove(&self, node: NodeId, name: &str) -> Result<(), Status> {
        #[cfg(feature = "_tls-any")]
        if let Some(certificate) = self.chain().first() {
            return is_valid(certificate, node, name);
        }
        Err(Status::unauthenticated(format!(
            "who claims to be node {node} must present a certificate that is valid for `{name}`"
        )))
    }
}

#[cfg(feature = "_tls-any")]
fn is_valid(certificate: &CertificateDer<'_>, node: NodeId, name: &str) -> Result<(), Status> {
    let subject = name.try_into().map_err(|_| {
        tracing::error!(%node, name, "`node_names` gave what is no DNS name");
        Status::internal(format!("`{name}`, the name of node {node}, is no DNS name"))
    })?;
    let valid = EndEntityCert::try_from(certificate)
        .and_then(|certificate| certificate.verify_is_valid_for_subject_name(&subject));
    valid.map_err(|_| {
        Status::permission_denied(format!(
            "the certificate of who claims to be node {node} is not valid for `{name}`"
        ))
    })
}
