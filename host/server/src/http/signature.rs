//! PagerDuty's signature: `X-PagerDuty-Signature: v1=HEX,v1=HEX`, each the HMAC-SHA-256 of the raw body under one secret.
//!
//! <https://developer.pagerduty.com/docs/verifying-webhook-signatures>. One of the signatures has to be that of one of our
//! secrets: both sides may be in the middle of a rotation. Comparing takes the same time wherever the difference is.

use super::problem::{Kind, Problem};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// More signatures than a rotation can need are not looked at.
const MOST: usize = 8;

/// Whether one of the secrets has signed the body. A missing header is a signature of nobody.
pub(super) fn verify(header: Option<&str>, body: &[u8], secrets: &[Zeroizing<String>]) -> Result<(), Problem> {
    let signatures: Vec<Vec<u8>> = header
        .unwrap_or_default()
        .split(',')
        .take(MOST)
        .filter_map(|part| hex::decode(part.trim().strip_prefix("v1=")?).ok())
        .collect();
    let mut signed = false;
    for secret in secrets {
        // HMAC takes a key of any length
        let Ok(mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
            continue;
        };
        let mac = mac.chain_update(body);
        for signature in &signatures {
            signed |= mac.clone().verify_slice(signature).is_ok();
        }
    }
    if signed { Ok(()) } else { Err(unsigned()) }
}

/// One answer for a wrong signature, none, and a source that does not exist.
fn unsigned() -> Problem {
    Problem::new(
        Kind::Unauthenticated,
        "no signature of the request is one of this source's secrets over the body as it came",
        "check the source's name in the path, and that its secret is the one of the webhook subscription",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2.
    const SIGNED: &str = "v1=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    const BODY: &[u8] = b"what do ya want for nothing?";

    fn secrets(of: &[&str]) -> Vec<Zeroizing<String>> {
        of.iter().map(|s| Zeroizing::new((*s).to_owned())).collect()
    }

    #[test]
    fn one_right_signature_under_one_of_the_secrets_is_enough() {
        let other = format!("v1={}", "00".repeat(32));
        for header in [
            SIGNED.to_owned(),
            format!("{other},{SIGNED}"),
            format!("v2=zz, {SIGNED}"),
            SIGNED.to_uppercase().replace("V1", "v1"),
        ] {
            assert!(
                verify(Some(&header), BODY, &secrets(&["old", "Jefe"])).is_ok(),
                "{header}"
            );
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let cut = &SIGNED[..SIGNED.len() - 2];
        for header in [
            None,
            Some(""),
            Some("v1="),
            Some("v1=zz"),
            Some(&SIGNED[3..]),
            Some(cut),
        ] {
            assert!(verify(header, BODY, &secrets(&["Jefe"])).is_err(), "{header:?}");
        }
        assert!(verify(Some(SIGNED), b"what do ya want for nothing!", &secrets(&["Jefe"])).is_err());
        assert!(verify(Some(SIGNED), BODY, &secrets(&["jefe"])).is_err());
        assert!(verify(Some(SIGNED), BODY, &[]).is_err());
    }
}
