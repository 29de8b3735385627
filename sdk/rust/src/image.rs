//! Names of container images.

/// The parts of an image's name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImageName {
    /// The registry's host and port; `docker.io` where the name has none.
    pub registry: String,
    /// The repository, such as `library/nginx`.
    pub repository: String,
    /// The tag; empty where a digest is given or nothing.
    pub tag: String,
    /// The digest, such as `sha256:…`; empty where none is given.
    pub digest: String,
}

/// Takes an image's name apart as container runtimes do: the first part is a registry if it has a dot or a
/// colon or is `localhost`.
pub fn parse(image: &str) -> ImageName {
    let (name, digest) = image.split_once('@').unwrap_or((image, ""));
    let (registry, rest) = match name.split_once('/') {
        Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => (host, rest),
        _ => ("docker.io", name),
    };
    let (path, tag) = rest.rsplit_once(':').unwrap_or((rest, ""));
    let registry = match registry {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        other => other,
    };
    let repository = if registry == "docker.io" && !path.contains('/') {
        format!("library/{path}")
    } else {
        path.to_owned()
    };
    ImageName {
        registry: registry.into(),
        repository,
        tag: tag.into(),
        digest: digest.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn names_are_taken_apart_as_runtimes_do() {
        let parts = |image| {
            let n = parse(image);
            (n.registry, n.repository, n.tag, n.digest)
        };
        let own = |a: &str, b: &str, c: &str, d: &str| (a.into(), b.into(), c.into(), d.into());
        assert_eq!(parts("nginx"), own("docker.io", "library/nginx", "", ""));
        assert_eq!(parts("shop/api:1.2"), own("docker.io", "shop/api", "1.2", ""));
        assert_eq!(
            parts("registry.test:5000/shop/api:1.2"),
            own("registry.test:5000", "shop/api", "1.2", "")
        );
        assert_eq!(parts("localhost/x@sha256:ab"), own("localhost", "x", "", "sha256:ab"));
    }
}
