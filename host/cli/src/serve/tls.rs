//! The server's certificate and key. On SIGHUP they are read anew: connections from then on get the new certificate, those that are
//! open stay; files that cannot be used change nothing.

use crate::config::TlsFiles;
use anyhow::{Context, anyhow};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

/// The certificate in force, and where the next one is read from.
pub(crate) struct Tls {
    files: TlsFiles,
    current: Arc<Current>,
}

#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Tls {
    /// Reads certificate and key, which have to belong together.
    pub(crate) fn read(files: TlsFiles) -> anyhow::Result<Self> {
        let current = Arc::new(Current(RwLock::new(Arc::new(certified(&files)?))));
        Ok(Self { files, current })
    }

    /// What connections are accepted with.
    pub(crate) fn settings(&self) -> Arc<ServerConfig> {
        let mut settings = ServerConfig::builder()
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&self.current) as _);
        settings.alpn_protocols = vec![b"http/1.1".to_vec()];
        Arc::new(settings)
    }

    /// Reads the files anew.
    fn renew(&self) -> anyhow::Result<()> {
        let next = Arc::new(certified(&self.files)?);
        *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(())
    }

    /// Reads the files anew at each SIGHUP.
    pub(crate) fn renew_on_hangup(self) -> JoinHandle<()> {
        tokio::spawn(async move {
            let mut hangups = match signal(SignalKind::hangup()) {
                Ok(hangups) => hangups,
                Err(error) => {
                    tracing::warn!(%error, "SIGHUP cannot be listened for; a new certificate needs a new start");
                    return;
                }
            };
            while hangups.recv().await.is_some() {
                match self.renew() {
                    Ok(()) => eprintln!(
                        "dreamops: read the certificate {} anew",
                        self.files.certificate.display()
                    ),
                    Err(error) => eprintln!("dreamops: the certificate stays as it is: {error:#}"),
                }
            }
        })
    }
}

fn certified(files: &TlsFiles) -> anyhow::Result<CertifiedKey> {
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unusable("certificate", &files.certificate, error))?;
    if chain.is_empty() {
        return Err(anyhow!(
            "{} holds no certificate; it has to be PEM, the server's own one first",
            files.certificate.display()
        ));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| unusable("key", &files.key, error))?;
    let key = any_supported_type(&key)
        .with_context(|| format!("the key in {} is of a kind that is not supported", files.key.display()))?;
    let certified = CertifiedKey::new(chain, key);
    certified.keys_match().with_context(|| {
        format!(
            "the key in {} is not that of the certificate in {}",
            files.key.display(),
            files.certificate.display()
        )
    })?;
    Ok(certified)
}

/// The reader's own errors may show what is in the file.
fn unusable(what: &str, file: &Path, error: rustls::pki_types::pem::Error) -> anyhow::Error {
    match error {
        rustls::pki_types::pem::Error::Io(error) => {
            anyhow::Error::new(error).context(format!("cannot read the {what} {}", file.display()))
        }
        _ => anyhow!("{} holds no {what} in PEM", file.display()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::fs;

    fn write(files: &TlsFiles) -> Vec<u8> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(&files.certificate, made.cert.pem()).unwrap();
        fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        made.cert.der().to_vec()
    }

    fn in_force(tls: &Tls) -> Vec<u8> {
        tls.current.0.read().unwrap().cert[0].to_vec()
    }

    #[test]
    fn a_new_certificate_takes_the_old_ones_place_and_a_bad_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let files = TlsFiles {
            certificate: folder.path().join("tls.crt"),
            key: folder.path().join("tls.key"),
        };
        let first = write(&files);
        let tls = Tls::read(files.clone()).unwrap();
        assert_eq!(in_force(&tls), first);
        let second = write(&files);
        tls.renew().unwrap();
        assert_eq!(in_force(&tls), second);

        let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(&files.key, other.signing_key.serialize_pem()).unwrap();
        let said = tls.renew().unwrap_err().to_string();
        assert!(said.contains("is not that of the certificate"), "{said}");
        fs::write(&files.key, "hunter2").unwrap();
        let said = format!("{:#}", tls.renew().unwrap_err());
        assert!(said.contains("holds no key") && !said.contains("hunter2"), "{said}");
        assert_eq!(in_force(&tls), second);
    }
}
