//! Images that nodes hold.
//!
//! Names are compared as the container runtime keeps them: with registry (`docker.io` where none is
//! written), with `library/` for bare names there, with `:latest` where neither tag nor digest is
//! written. A digest says more than a tag beside it.

use super::{Stop, elements, text};
use crate::api::Api;
use serde_json::Value;

/// Names of nodes that report the image. They report 50 at most: absence proves nothing.
pub(crate) async fn that_hold(api: &Api, image: &str) -> Result<Vec<String>, Stop> {
    let nodes = api.list_all("Node", "", "", "").await?;
    let wanted = full_name(image);
    let holding = nodes.iter().filter(|node| holds(node, &wanted));
    Ok(holding.map(|node| text(node, "/metadata/name").to_owned()).collect())
}

fn holds(node: &Value, wanted: &str) -> bool {
    elements(node, "/status/images")
        .iter()
        .flat_map(|image| elements(image, "/names"))
        .filter_map(Value::as_str)
        .any(|name| full_name(name) == wanted)
}

/// The name as a container runtime keeps it.
fn full_name(image: &str) -> String {
    let (first, rest) = image.split_once('/').unwrap_or(("", image));
    let is_registry = first.contains(['.', ':']) || first == "localhost";
    let (registry, path) = if is_registry {
        (first, rest)
    } else {
        ("docker.io", image)
    };
    let registry = if registry == "index.docker.io" {
        "docker.io"
    } else {
        registry
    };
    let (name, digest) = match path.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (path, None),
    };
    let (name, tag) = match name.rsplit_once(':') {
        Some((name, tag)) => (name, tag),
        None => (name, "latest"),
    };
    let library = if registry == "docker.io" && !name.contains('/') {
        "library/"
    } else {
        ""
    };
    match digest {
        Some(digest) => format!("{registry}/{library}{name}@{digest}"),
        None => format!("{registry}/{library}{name}:{tag}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn short_and_full_names_are_the_same_image() {
        assert_eq!(full_name("nginx"), "docker.io/library/nginx:latest");
        assert_eq!(full_name("shop/web:2"), "docker.io/shop/web:2");
        assert_eq!(full_name("localhost:5000/web"), "localhost:5000/web:latest");
        assert_eq!(full_name("localhost/web:1"), "localhost/web:1");
        assert_eq!(full_name("r.example/a/b:1@sha256:aa"), "r.example/a/b@sha256:aa");
    }

    #[test]
    fn a_node_holds_what_it_reports_under_any_name() {
        let node =
            json!({"status": {"images": [{"names": ["docker.io/library/web@sha256:aa", "docker.io/library/web:1"]}]}});
        assert!(holds(&node, &full_name("web:1")) && holds(&node, &full_name("web:9@sha256:aa")));
        assert!(!holds(&node, &full_name("web:2")));
    }
}
