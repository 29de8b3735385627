//! What a connection is made from, whatever the credential came from: checked as far as it can be without one.

use super::address::Reach;
use super::certificate::{self, Identity};
use super::error::{ConnectError, Holder};
use super::plugin::Plugin;
use dreamops_domain::time::Timestamp;
use http::Uri;
use kube::config::AuthInfo;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Everything that a connection needs, checked as far as it can be without one.
pub(crate) struct Target {
    /// Whose credential it is: the context, or the cluster that a user named.
    pub(crate) holder: Holder,
    /// The namespace where nothing names another one.
    pub(crate) namespace: String,
    /// The API server.
    pub(crate) server: Uri,
    /// The CA bundle as DER; empty where the system's roots count.
    pub(crate) authorities: Vec<Vec<u8>>,
    /// Whether the server's certificate is not looked at.
    pub(crate) insecure: bool,
    /// The name that the server's certificate must bear, if not the address's.
    pub(crate) server_name: Option<String>,
    /// The proxy.
    pub(crate) proxy: Option<Uri>,
    /// Which addresses server and proxy may have.
    pub(crate) reach: Reach,
    /// The client certificate.
    pub(crate) identity: Option<Identity>,
    /// Where a bearer token comes from.
    pub(crate) bearer: Bearer,
    /// User name and password, and whom to act as; nothing else.
    pub(crate) rest: AuthInfo,
}

/// Where a bearer token comes from.
pub(crate) enum Bearer {
    /// Nowhere: the request carries none.
    None,
    /// It is this one.
    Token(Zeroizing<String>),
    /// A file, which may change.
    File(PathBuf),
    /// A program.
    Plugin(Box<Plugin>),
}

/// The API server answers an expired certificate with the same 401 as any other: say it before asking.
pub(crate) fn in_force(holder: &Holder, identity: &Identity, now: Timestamp) -> Result<(), ConnectError> {
    let validity = certificate::validity(&identity.certificate).map_err(|why| ConnectError::BadField {
        of: holder.clone(),
        field: "client-certificate",
        why,
    })?;
    if validity.until < now {
        return Err(ConnectError::Expired {
            of: holder.clone(),
            what: "client certificate",
            since: validity.until,
        });
    }
    if validity.from > now {
        return Err(ConnectError::NotYetValid {
            of: holder.clone(),
            from: validity.from,
        });
    }
    Ok(())
}
