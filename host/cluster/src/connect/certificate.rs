//! Certificates: read from PEM, their span of life, and the digest that names a CA bundle.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dreamops_domain::time::Timestamp;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use x509_cert::der::{Decode, Encode};
use zeroize::Zeroizing;

/// How each part of PEM begins.
const BEGIN: &str = "-----BEGIN ";

/// A client certificate with its key, as PEM.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) certificate: Vec<u8>,
    pub(crate) key: Zeroizing<Vec<u8>>,
}

/// A certificate's span of life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Validity {
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
}

/// What a user gave as PEM, or as base64 of PEM, which is how a kubeconfig's `-data` fields hold it.
pub(crate) fn pem_or_base64(text: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    if text.contains(BEGIN) {
        return Ok(Zeroizing::new(text.trim().as_bytes().to_vec()));
    }
    let packed: Zeroizing<String> = Zeroizing::new(text.split_ascii_whitespace().collect());
    let decoded = STANDARD.decode(packed.as_bytes()).map(Zeroizing::new);
    match decoded {
        Ok(pem) if pem.windows(BEGIN.len()).any(|w| w == BEGIN.as_bytes()) => Ok(pem),
        _ => Err("it is neither PEM (-----BEGIN …) nor base64 of PEM".to_owned()),
    }
}

/// The certificates of a PEM bundle, as DER; at least one.
pub(crate) fn bundle(pem: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem)
        .map(|certificate| certificate.map(|c| c.as_ref().to_vec()))
        .collect();
    match parsed {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err("it holds no PEM certificate".to_owned()),
        Err(_) => Err("it is not well-formed PEM".to_owned()),
    }
}

/// The first certificate's span of life.
pub(crate) fn validity(pem: &[u8]) -> Result<Validity, String> {
    let certificates = bundle(pem)?;
    let first =
        x509_cert::Certificate::from_der(&certificates[0]).map_err(|_| "it holds no X.509 certificate".to_owned())?;
    let validity = first.tbs_certificate().validity();
    let moment = |time: x509_cert::time::Time| {
        let millis = time.to_unix_duration().as_millis();
        Timestamp::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    };
    Ok(Validity {
        from: moment(validity.not_before),
        until: moment(validity.not_after),
    })
}

/// The first certificate's public key, as DER. Reads certificates of every version.
pub(crate) fn public_key(pem: &[u8]) -> Result<Vec<u8>, String> {
    let first = first(pem)?;
    let key = first.tbs_certificate().subject_public_key_info();
    key.to_der().map_err(|_| "its public key is malformed".to_owned())
}

fn first(pem: &[u8]) -> Result<x509_cert::Certificate, String> {
    let certificates = bundle(pem)?;
    x509_cert::Certificate::from_der(&certificates[0]).map_err(|_| "it holds no X.509 certificate".to_owned())
}

/// The first private key of a PEM text.
pub(crate) fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| {
        if pem.windows(9).any(|w| w == b"ENCRYPTED") {
            "the key is under a passphrase, which nobody can be asked for here; store it without".to_owned()
        } else {
            "it holds no PEM private key".to_owned()
        }
    })
}

/// SHA-256 over the certificates as they are encoded, hexadecimal: how the PEM around them is
/// wrapped does not matter.
pub(crate) fn digest(certificates: &[Vec<u8>]) -> String {
    let mut hash = Sha256::new();
    for certificate in certificates {
        hash.update(certificate);
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Self-signed, 2020-01-01 to 2020-01-02, made with openssl for this test.
    const OLD: &str = include_str!("testdata/expired.pem");

    #[test]
    fn a_certificates_life_is_read() {
        let validity = validity(OLD.as_bytes());
        let moment = |t: &str| Timestamp::parse(t).unwrap_or_default();
        assert_eq!(
            validity,
            Ok(Validity {
                from: moment("2020-01-01T00:00:00Z"),
                until: moment("2020-01-02T00:00:00Z"),
            })
        );
    }

    #[test]
    fn how_the_pem_is_wrapped_does_not_change_the_digest() {
        let loose = OLD.replace("-----BEGIN", "some words before\n\n-----BEGIN");
        let (a, b) = (bundle(OLD.as_bytes()), bundle(loose.as_bytes()));
        assert_eq!(a.map(|c| digest(&c)), b.map(|c| digest(&c)));
    }

    #[test]
    fn pem_and_base64_of_pem_are_the_same() {
        let packed = STANDARD.encode(OLD);
        let wrapped = packed
            .as_bytes()
            .chunks(64)
            .map(String::from_utf8_lossy)
            .collect::<Vec<_>>();
        for text in [OLD, &packed, &wrapped.join("\r\n")] {
            let pem = pem_or_base64(text).unwrap();
            assert_eq!(bundle(&pem), bundle(OLD.as_bytes()));
        }
        for bad in ["", "hello", "aGVsbG8=", "%%%"] {
            assert!(pem_or_base64(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_is_no_certificate_or_key_is_refused() {
        assert!(bundle(b"").is_err() && bundle(b"hello").is_err());
        assert!(bundle(b"-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----").is_err());
        assert!(private_key(OLD.as_bytes()).is_err());
    }
}
