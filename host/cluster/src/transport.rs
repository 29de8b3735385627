//! What a failed exchange means, when no answer came.
//!
//! Promise: the sentence names what happened on the way (name, address, TLS, proxy) and shows no credential; `sent` is false only where the request cannot have left.

use crate::connect::ForbiddenAddress;
use crate::error::{ApiError, Call};
use std::error::Error;
use std::io;

/// What happened on the way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Trouble {
    /// Nobody listens there.
    Refused,
    /// The host's name cannot be resolved.
    NoSuchName,
    /// No connection within the time.
    TimedOut,
    /// The server's certificate is not signed by a CA we were given.
    UnknownCa,
    /// The server's certificate is for other names.
    WrongName(String),
    /// The server's certificate is out of date.
    ServerExpired,
    /// The server does not accept the client's certificate.
    ClientCertificate(String),
    /// Another fault of TLS.
    Tls(String),
    /// The server or its proxy has an address that is not connected to.
    Forbidden(ForbiddenAddress),
    /// The server sends us elsewhere.
    Redirect(u16),
    /// Something else, in the words of the part that failed.
    Other(String),
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused => f.write_str("the connection was refused"),
            Self::NoSuchName => f.write_str("the server's name cannot be resolved"),
            Self::TimedOut => f.write_str("no connection within the time allowed"),
            Self::UnknownCa => {
                f.write_str("the server's certificate is signed by an authority that is not trusted here")
            }
            Self::WrongName(why) => {
                write!(f, "the server's certificate is for another name: {why}")
            }
            Self::ServerExpired => f.write_str("the server's certificate is out of date"),
            Self::ClientCertificate(why) => {
                write!(f, "the server does not accept the client certificate: {why}")
            }
            Self::Tls(why) => write!(f, "TLS failed: {why}"),
            Self::Forbidden(why) => why.fmt(f),
            Self::Redirect(code) => write!(f, "it answers with a redirect ({code}), which is not followed"),
            Self::Other(why) => f.write_str(why),
        }
    }
}

/// The failure of a call whose exchange ended with `error`.
pub(crate) fn failure(call: Call, error: &kube::Error) -> ApiError {
    let (trouble, sent) = diagnose(error);
    ApiError::on_the_way(call, sent, trouble)
}

/// What happened, and whether the request may have reached the server.
pub(crate) fn diagnose(error: &kube::Error) -> (Trouble, bool) {
    let mut sent = true;
    let mut found = None;
    let mut last = String::new();
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(link) = next {
        if let Some(client) = link.downcast_ref::<hyper_util::client::legacy::Error>()
            && client.is_connect()
        {
            sent = false;
        }
        if let Some(trouble) = tls(link).or_else(|| network(link)) {
            found = Some(trouble);
        }
        last = link.to_string();
        next = inner(link).or_else(|| link.source());
    }
    (found.unwrap_or(Trouble::Other(last)), sent)
}

/// An `io::Error` hides what it carries from `source`.
fn inner<'a>(link: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    link.downcast_ref::<io::Error>()?
        .get_ref()
        .map(|e| e as &(dyn Error + 'static))
}

fn tls(link: &(dyn Error + 'static)) -> Option<Trouble> {
    use rustls::{AlertDescription as Alert, CertificateError as C, Error as E};
    let error = link.downcast_ref::<E>()?;
    Some(match error {
        // the latter where another authority has the same name, as all that kubeadm makes have
        E::InvalidCertificate(C::UnknownIssuer | C::BadSignature) => Trouble::UnknownCa,
        E::InvalidCertificate(C::NotValidForName | C::NotValidForNameContext { .. }) => {
            Trouble::WrongName(error.to_string())
        }
        E::InvalidCertificate(C::Expired | C::ExpiredContext { .. }) => Trouble::ServerExpired,
        E::AlertReceived(
            alert @ (Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::CertificateRequired
            | Alert::UnknownCA
            | Alert::DecryptError
            | Alert::AccessDenied),
        ) => Trouble::ClientCertificate(format!("{alert:?}")),
        E::InvalidMessage(_) => {
            Trouble::Tls("the server does not speak TLS; check the address's scheme and port".to_owned())
        }
        other => Trouble::Tls(other.to_string()),
    })
}

fn network(link: &(dyn Error + 'static)) -> Option<Trouble> {
    if let Some(forbidden) = link.downcast_ref::<ForbiddenAddress>() {
        return Some(Trouble::Forbidden(forbidden.clone()));
    }
    if let Some(error) = link.downcast_ref::<io::Error>() {
        return match error.kind() {
            io::ErrorKind::ConnectionRefused => Some(Trouble::Refused),
            io::ErrorKind::TimedOut => Some(Trouble::TimedOut),
            _ if error.to_string().contains("failed to lookup address") => Some(Trouble::NoSuchName),
            _ => None,
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(error: impl Error + Send + Sync + 'static) -> kube::Error {
        kube::Error::Service(Box::new(error))
    }

    #[test]
    fn a_refused_connection_is_found_under_its_wrappings() {
        let refused = io::Error::new(io::ErrorKind::ConnectionRefused, "tcp connect error");
        let wrapped = io::Error::other(refused);
        assert_eq!(diagnose(&service(wrapped)).0, Trouble::Refused);
    }

    #[test]
    fn an_unknown_authority_is_found_under_its_wrappings() {
        let tls = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let wrapped = io::Error::new(io::ErrorKind::InvalidData, tls);
        assert_eq!(diagnose(&service(wrapped)).0, Trouble::UnknownCa);
    }

    #[test]
    fn an_authority_of_the_same_name_with_another_key_is_unknown_as_well() {
        let tls = rustls::Error::InvalidCertificate(rustls::CertificateError::BadSignature);
        assert_eq!(diagnose(&service(io::Error::other(tls))).0, Trouble::UnknownCa);
        let alert = rustls::Error::AlertReceived(rustls::AlertDescription::DecryptError);
        assert!(matches!(
            diagnose(&service(io::Error::other(alert))).0,
            Trouble::ClientCertificate(_)
        ));
    }

    #[test]
    fn what_cannot_be_told_counts_as_sent() {
        assert!(diagnose(&service(io::Error::from(io::ErrorKind::ConnectionReset))).1);
    }
}
