//! What both sides need of TLS: an implementation of its cryptography, and words for its errors.

use std::error::Error;
use std::io;

use rustls::crypto::CryptoProvider;
use rustls::{AlertDescription, CertificateError, Error as TlsError};

/// Makes sure that there is cryptography: rustls panics where it finds none, or finds two and can't
/// choose. A program that installs its own does so before.
pub(crate) fn install_provider() -> Result<(), &'static str> {
    if CryptoProvider::get_default().is_some() {
        return Ok(());
    }
    #[cfg(feature = "tls-ring")]
    let provider = rustls::crypto::ring::default_provider();
    #[cfg(all(feature = "tls-aws-lc", not(feature = "tls-ring")))]
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    #[cfg(any(feature = "tls-ring", feature = "tls-aws-lc"))]
    {
        // Another thread may have been faster, which is as good.
        let _ = provider.install_default();
        Ok(())
    }
    #[cfg(not(any(feature = "tls-ring", feature = "tls-aws-lc")))]
    Err("there is no cryptography: enable the feature `tls-ring` or `tls-aws-lc`")
}

/// What an error of TLS says to who has to mend it; `None` for errors that are none of TLS, or that
/// say it themselves.
pub(crate) fn explain(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let error = match error.downcast_ref::<io::Error>() {
        Some(error) => error.get_ref()?,
        None => error,
    };
    match error.downcast_ref::<TlsError>() {
        Some(error) => explain_tls(error),
        // HTTP/2 passes on the text of what broke a connection, and no more.
        None => explain_alert(&error.to_string()),
    }
}

fn explain_tls(error: &TlsError) -> Option<&'static str> {
    Some(match error {
        TlsError::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "the node's certificate is of an authority that is not trusted here: add it with \
             `ClientTlsConfig::ca_certificate`"
        }
        TlsError::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => {
            "the node's certificate is for another name: make it valid for the host of the node's \
             address, or say its name with `ClientTlsConfig::domain_name`"
        }
        TlsError::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => "the node's certificate has expired: renew it",
        TlsError::InvalidMessage(_) => {
            "the node does not speak TLS: give it a `tls_config`, or connect without one"
        }
        TlsError::AlertReceived(_) => return explain_alert(&error.to_string()),
        _ => return None,
    })
}

fn explain_alert(text: &str) -> Option<&'static str> {
    let is = |alert| text == TlsError::AlertReceived(alert).to_string();
    if is(AlertDescription::CertificateRequired) {
        return Some(
            "the node serves only clients with a certificate: add one with \
             `ClientTlsConfig::identity`",
        );
    }
    let refused = [
        AlertDescription::UnknownCA,
        AlertDescription::DecryptError,
        AlertDescription::BadCertificate,
        AlertDescription::CertificateExpired,
        AlertDescription::CertificateUnknown,
    ];
    refused.into_iter().any(is).then_some(
        "the node does not accept this client's certificate: use a valid one of its authority",
    )
}
