//! The house is built as its plan says: which crate may know which.

#![allow(clippy::disallowed_methods, reason = "cargo tells a test where the checkout is")]

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

/// Each crate, and the crates of ours that it may depend on. `domain` may be known by all.
const ARROWS: [(&str, &[&str]); 12] = [
    ("dreamops-domain", &[]),
    ("dreamops-package", &[]),
    ("dreamops-policy", &[]),
    ("dreamops-vault", &[]),
    ("dreamops-store", &[]),
    ("dreamops-cluster", &[]),
    ("dreamops-simulator", &[]),
    ("dreamops-responder", &[]),
    ("dreamops-recording", &[]),
    ("dreamops-server", &["dreamops-responder"]),
    ("dreamops-sandbox", &["dreamops-package"]),
    (
        "dreamops-cli",
        &[
            "dreamops-package",
            "dreamops-policy",
            "dreamops-vault",
            "dreamops-store",
            "dreamops-cluster",
            "dreamops-simulator",
            "dreamops-responder",
            "dreamops-recording",
            "dreamops-server",
            "dreamops-sandbox",
        ],
    ),
];

/// Libraries that only one crate of the host may use.
const OWNED: [(&str, &str); 4] = [
    ("kube", "dreamops-cluster"),
    ("wasmtime", "dreamops-sandbox"),
    ("sqlx", "dreamops-store"),
    ("fernet", "dreamops-vault"),
];

fn packages() -> Vec<Package> {
    // asked when run, not when compiled: a build cache may be shared by several checkouts
    let manifest = format!(
        "{}/../Cargo.toml",
        std::env::var("CARGO_MANIFEST_DIR").expect("cargo runs this")
    );
    let metadata = MetadataCommand::new()
        .manifest_path(manifest)
        .no_deps()
        .exec()
        .expect("cargo metadata works");
    metadata.packages
}

fn host(packages: &[Package]) -> Vec<&Package> {
    packages
        .iter()
        .filter(|p| p.manifest_path.as_str().contains("/host/"))
        .collect()
}

fn normal(package: &Package) -> Vec<&str> {
    let normal = package.dependencies.iter().filter(|d| d.kind == DependencyKind::Normal);
    normal.map(|d| d.name.as_str()).collect()
}

#[test]
fn dependencies_point_one_way() {
    let packages = packages();
    for package in host(&packages) {
        let (_, allowed) = ARROWS
            .iter()
            .find(|(name, _)| *name == package.name.as_str())
            .unwrap_or_else(|| panic!("{} is not in the plan of the house", package.name));
        for dependency in normal(package).into_iter().filter(|d| d.starts_with("dreamops-")) {
            let known = dependency == "dreamops-domain" || allowed.contains(&dependency);
            assert!(known, "{} must not know {dependency}", package.name);
        }
    }
}

#[test]
fn each_heavy_library_has_one_user() {
    let packages = packages();
    for (library, owner) in OWNED {
        for package in host(&packages).into_iter().filter(|p| p.name.as_str() != owner) {
            assert!(
                !normal(package).contains(&library),
                "{} must not use {library}: {owner} does",
                package.name
            );
        }
    }
}

#[test]
fn domain_does_no_input_or_output() {
    let packages = packages();
    let domain = packages
        .iter()
        .find(|p| p.name.as_str() == "dreamops-domain")
        .expect("domain exists");
    for library in ["tokio", "hyper", "reqwest", "kube", "sqlx", "wasmtime", "axum"] {
        assert!(!normal(domain).contains(&library), "domain must not use {library}");
    }
}
