//! Why the first question to a cluster went unanswered, in words for the person who connects it.

use super::endpoint;
use super::error::{ConnectError, Holder};
use super::refusal::Refusal;
use super::target::Target;
use super::{Credential, Options};
use crate::error::{ApiError, Failure};
use crate::transport::Trouble;

/// The API server's address, as it is shown.
pub(crate) fn address(target: &Target) -> String {
    endpoint::shown(&target.server)
}

/// Why the first question went unanswered.
pub(crate) async fn refused(
    target: &Target,
    credential: Option<&Credential>,
    error: &ApiError,
    options: &Options,
) -> ConnectError {
    let address = address(target);
    let said = error.said(&options.redactor);
    if error.failure == Failure::Unauthorized {
        return unauthorized(target, credential, address, &said).await;
    }
    let by_proxy = match &target.proxy {
        Some(proxy) => format!(" (through the proxy {})", proxy.host().unwrap_or_default()),
        None => String::new(),
    };
    match error.trouble() {
        Some(Trouble::UnknownCa) => {
            let what_to_do = unknown_authority(&target.holder, target.authorities.is_empty());
            ConnectError::Tls {
                address,
                why: format!("{said}; {what_to_do}"),
            }
        }
        Some(Trouble::Forbidden(forbidden)) => ConnectError::Refused {
            cluster: target.holder.name().to_owned(),
            refusal: Refusal::Address(forbidden.clone()),
        },
        Some(Trouble::WrongName(_)) => ConnectError::Tls {
            address,
            why: format!(
                "{said}; use an address that the certificate names{}",
                other_name(&target.holder)
            ),
        },
        Some(Trouble::ServerExpired) => ConnectError::Tls {
            address,
            why: format!("{said}; have the cluster's certificates renewed, and check this machine's clock"),
        },
        Some(Trouble::ClientCertificate(_)) => ConnectError::Tls {
            address,
            why: format!("{said}; {}", target.holder.renew()),
        },
        Some(Trouble::Tls(_)) => ConnectError::Tls { address, why: said },
        Some(_) => ConnectError::Unreachable {
            address,
            why: format!("{said}{by_proxy}"),
        },
        None if error.code == 0 || error.code >= 500 => ConnectError::Unreachable {
            address,
            why: format!("{said}{by_proxy}"),
        },
        None if error.failure == Failure::Forbidden => ConnectError::Unauthorized {
            address,
            of: target.holder.clone(),
            why: format!("it may not even ask for the version: {said}"),
        },
        None => ConnectError::NotKubernetes { address, why: said },
    }
}

fn unknown_authority(holder: &Holder, none_given: bool) -> &'static str {
    match (holder, none_given) {
        (Holder::Context(_), true) => "the kubeconfig has no certificate-authority: take one that has",
        (Holder::Context(_), false) => {
            "the kubeconfig's certificate-authority is another cluster's or an older one: take a fresh kubeconfig"
        }
        (Holder::Cluster(_), true) => "no authority was given: give the cluster's as ca_certificate",
        (Holder::Cluster(_), false) => {
            "the given authority is another cluster's or an older one: give the cluster's present one as ca_certificate"
        }
    }
}

/// A kubeconfig can name another name for the certificate.
fn other_name(holder: &Holder) -> &'static str {
    match holder {
        Holder::Context(_) => ", or set tls-server-name",
        Holder::Cluster(_) => ", or give a kubeconfig with tls-server-name",
    }
}

async fn unauthorized(target: &Target, credential: Option<&Credential>, address: String, said: &str) -> ConnectError {
    let ended = match credential {
        Some(credential) => credential.ended().await,
        None => None,
    };
    let why = match (ended, target.identity.is_some(), credential.is_some()) {
        (Some(ended), _, _) => format!("its token expired on {ended}; take a fresh one"),
        (None, _, true) => format!("{said}; its token is not (any longer) valid there: take a fresh one"),
        (None, true, false) => {
            let renew = target.holder.renew();
            format!("{said}; its certificate is not signed by an authority of this cluster: {renew}")
        }
        (None, false, false) => format!("{said}; the context's user holds no credential that can be used"),
    };
    ConnectError::Unauthorized {
        address,
        of: target.holder.clone(),
        why,
    }
}
