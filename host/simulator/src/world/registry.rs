//! Image registries, and what the programs in their images do.

use crate::fields;
use crate::kubelet::program::Program;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Which registries there are and which images they hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registry {
    hosts: BTreeSet<String>,
    /// Hosts that want a user and a password.
    private: BTreeMap<String, (String, String)>,
    images: BTreeMap<String, Program>,
}

/// An image's name, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    /// `docker.io` where none is written.
    pub(crate) host: String,
    /// `library/nginx`.
    pub(crate) path: String,
    /// `latest` where none is written.
    pub(crate) tag: String,
}

impl Reference {
    /// `None` where it is no image name.
    pub(crate) fn parse(image: &str) -> Option<Self> {
        let (first, rest) = image.split_once('/').unwrap_or(("", image));
        let is_host = first.contains(['.', ':']) || first == "localhost";
        let (host, path) = if is_host { (first, rest) } else { ("docker.io", image) };
        let (path, tag) = path.rsplit_once(':').unwrap_or((path, "latest"));
        let letters = |s: &str, more: &str| {
            !s.is_empty()
                && s.chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || more.contains(c))
        };
        let good_tag = !tag.is_empty() && tag.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        if !good_tag || !path.split('/').all(|part| letters(part, "._-")) {
            return None;
        }
        let library = if host == "docker.io" && !path.contains('/') {
            "library/"
        } else {
            ""
        };
        Some(Self {
            host: host.to_owned(),
            path: format!("{library}{path}"),
            tag: tag.to_owned(),
        })
    }

    /// As a container runtime keeps it.
    pub(crate) fn full(&self) -> String {
        format!("{}/{}:{}", self.host, self.path, self.tag)
    }
}

/// Why an image did not come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PullFailure {
    /// There is no such tag.
    NotFound,
    /// The registry wants another credential, or one at all.
    Denied,
    /// The registry's name cannot be resolved.
    NoSuchHost,
}

impl PullFailure {
    /// What the container runtime says (containerd 2).
    pub(crate) fn message(&self, reference: &Reference) -> String {
        let (full, host, path) = (reference.full(), &reference.host, &reference.path);
        let resolve = format!("failed to pull and unpack image \"{full}\": failed to resolve reference \"{full}\"");
        match self {
            Self::NotFound => format!("rpc error: code = NotFound desc = {resolve}: {full}: not found"),
            Self::Denied => format!(
                "rpc error: code = Unknown desc = {resolve}: failed to authorize: failed to fetch anonymous token: \
                 unexpected status from GET request to https://{host}/token?scope=repository%3A{}%3Apull&service={host}: 401 Unauthorized",
                path.replace('/', "%2F")
            ),
            Self::NoSuchHost => format!(
                "rpc error: code = Unknown desc = {resolve}: failed to do request: Head \"https://{host}/v2/{path}/manifests/{}\": \
                 dial tcp: lookup {host} on 10.96.0.10:53: no such host",
                reference.tag
            ),
        }
    }
}

impl Registry {
    /// A registry that everyone may pull from.
    pub(crate) fn open(&mut self, host: &str) {
        self.hosts.insert(host.to_owned());
    }

    /// A registry that wants a credential.
    pub(crate) fn private(&mut self, host: &str, user: &str, password: &str) {
        self.open(host);
        self.private
            .insert(host.to_owned(), (user.to_owned(), password.to_owned()));
    }

    /// Puts an image there.
    pub(crate) fn push(&mut self, image: &str, program: Program) {
        if let Some(reference) = Reference::parse(image) {
            self.hosts.insert(reference.host.clone());
            self.images.insert(reference.full(), program);
        }
    }

    /// The full names of all images.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.images.keys().map(String::as_str)
    }

    /// What the program in an image does.
    pub(crate) fn program(&self, image: &str) -> Option<&Program> {
        self.images.get(&Reference::parse(image)?.full())
    }

    /// Whether an image comes, given the pull secrets of the pod.
    pub(crate) fn pull(&self, reference: &Reference, secrets: &[&Value]) -> Result<(), PullFailure> {
        if !self.hosts.contains(&reference.host) {
            return Err(PullFailure::NoSuchHost);
        }
        if let Some(wanted) = self.private.get(&reference.host) {
            let given = secrets.iter().filter_map(|s| credential(s, &reference.host));
            if !given.into_iter().any(|c| c == *wanted) {
                return Err(PullFailure::Denied);
            }
        }
        if self.images.contains_key(&reference.full()) {
            Ok(())
        } else {
            Err(PullFailure::NotFound)
        }
    }
}

/// The user and password that a pull secret holds for a registry.
fn credential(secret: &Value, host: &str) -> Option<(String, String)> {
    let encoded = fields::text(secret, "/data/.dockerconfigjson");
    let config: Value = serde_json::from_slice(&STANDARD.decode(encoded).ok()?).ok()?;
    let entry = fields::members(&config, "/auths")
        .find(|(server, _)| {
            let bare = server
                .trim_start_matches("https://")
                .split('/')
                .next()
                .unwrap_or_default();
            bare == host || (host == "docker.io" && bare == "index.docker.io")
        })?
        .1;
    let pair = STANDARD.decode(fields::text(entry, "/auth")).ok();
    let pair = pair.and_then(|p| String::from_utf8(p).ok());
    match pair.as_deref().and_then(|p| p.split_once(':')) {
        Some((user, password)) => Some((user.to_owned(), password.to_owned())),
        None => Some((
            fields::text(entry, "/username").to_owned(),
            fields::text(entry, "/password").to_owned(),
        )),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn short_names_mean_the_public_registry() {
        let full = |image: &str| Reference::parse(image).map(|r| r.full());
        assert_eq!(full("nginx").as_deref(), Some("docker.io/library/nginx:latest"));
        assert_eq!(full("shop/web:1").as_deref(), Some("docker.io/shop/web:1"));
        assert_eq!(full("r.example:5000/a/b:1").as_deref(), Some("r.example:5000/a/b:1"));
        assert_eq!(full("Shop/Web:1"), None);
        assert_eq!(full("shop/web:"), None);
    }

    #[test]
    fn a_private_registry_wants_its_own_credential() {
        let mut registry = Registry::default();
        registry.private("r.example", "robot", "right");
        registry.push("r.example/a:1", Program::default());
        let reference = Reference::parse("r.example/a:1").unwrap();
        let secret = |password: &str| {
            let config = json!({"auths": {"r.example": {"username": "robot", "password": password}}});
            json!({"data": {".dockerconfigjson": STANDARD.encode(config.to_string())}})
        };
        assert_eq!(registry.pull(&reference, &[]), Err(PullFailure::Denied));
        assert_eq!(registry.pull(&reference, &[&secret("wrong")]), Err(PullFailure::Denied));
        assert_eq!(registry.pull(&reference, &[&secret("wrong"), &secret("right")]), Ok(()));
        let elsewhere = Reference::parse("nowhere.example/a:1").unwrap();
        assert_eq!(registry.pull(&elsewhere, &[]), Err(PullFailure::NoSuchHost));
    }
}
