use crate::guests::Guest;
use dreamops_package::contract::{Contract, SOURCES};
use dreamops_package::{ContractError, ManifestError, SIZE_CAP, check, inspect};

const READ: &str = "dreamops:kubernetes/read@0.1.0";
const DRAFT: &str = "dreamops:plan/draft@0.1.0";

/// A guest built against a contract in which one text was replaced by another everywhere.
fn built_against(name: &str, from: &str, to: &str) -> Guest {
    let texts: Vec<(&str, String)> = SOURCES
        .iter()
        .map(|(path, text)| (*path, text.replace(from, to)))
        .collect();
    assert!(texts.iter().zip(SOURCES).any(|(a, b)| a.1 != b.1), "{from}");
    let sources = texts.iter().map(|(path, text)| (*path, text.as_str()));
    Guest {
        contract: Contract::parse(sources).expect("a contract"),
        ..Guest::new(name)
    }
}

#[test]
fn a_good_component_is_taken_and_says_what_it_uses() {
    let mut guest = Guest::new("good");
    guest.assess = guest.import(READ, "logs", "");
    let bytes = guest.component();
    let found = check(&bytes).expect("taken");
    assert_eq!(found.manifest, guest.manifest());
    assert_eq!(found.imports[READ], ["logs"]);
    assert_eq!(found.size, bytes.len());
    assert_eq!(found.digest, dreamops_package::digest(&bytes));
    assert_eq!(found.exports["dreamops:strategy/strategy@0.1.0"].len(), 5);
}

#[test]
fn a_component_imports_only_what_it_calls() {
    let found = inspect(&Guest::new("idle").component()).expect("read");
    let functions: usize = found.imports.values().map(Vec::len).sum();
    assert_eq!(functions, 0, "{:?}", found.imports);
}

#[test]
fn a_file_cut_anywhere_is_refused_and_never_a_panic() {
    let bytes = Guest::new("cut").component();
    for end in 0..bytes.len() {
        let error = check(&bytes[..end]).expect_err("cut");
        assert!(
            matches!(
                error,
                ContractError::Truncated { .. } | ContractError::Manifest(ManifestError::Missing)
            ),
            "at {end}: {error}"
        );
    }
}

#[test]
fn a_changed_byte_never_makes_the_check_panic() {
    let bytes = Guest::new("flip").component();
    for at in (0..bytes.len()).step_by(7) {
        let mut changed = bytes.clone();
        changed[at] ^= 0x55;
        let _ = check(&changed);
    }
}

#[test]
fn other_files_are_named_for_what_they_are() {
    assert_eq!(check(b"#!/bin/sh\nexit 0"), Err(ContractError::NotWasm));
    assert_eq!(check(&Guest::new("core").core()), Err(ContractError::CoreModule));
    assert!(matches!(
        check(b"\0asm\x77\0\x09\0"),
        Err(ContractError::UnknownFormat(_))
    ));
    assert!(matches!(check(b""), Err(ContractError::Truncated { .. })));
    assert!(matches!(
        check(&vec![0; SIZE_CAP + 1]),
        Err(ContractError::TooLarge { .. })
    ));
}

#[test]
fn a_component_without_a_manifest_is_refused() {
    let mut component = wit_component::ComponentEncoder::default()
        .module(&Guest::new("bare").core())
        .and_then(|mut encoder| encoder.encode())
        .expect("encoded");
    let missing = ContractError::Manifest(ManifestError::Missing);
    assert_eq!(check(&component), Err(missing));
    // two of them are no better: it would be open which one counts
    for _ in 0..2 {
        wasm_encoder::ComponentSection::append_to_component(
            &wasm_encoder::CustomSection {
                name: dreamops_package::MANIFEST_SECTION.into(),
                data: b"{}".into(),
            },
            &mut component,
        );
    }
    let many = ContractError::Manifest(ManifestError::Many(2));
    assert_eq!(check(&component), Err(many));
}

#[test]
fn another_contract_version_is_named_with_what_is_offered_and_what_to_do() {
    let newer = built_against("newer", "@0.1.0", "@0.3.0");
    let error = check(&versioned(&newer, "0.3.0")).expect_err("another version");
    let ContractError::OtherVersion {
        package,
        wanted,
        offered,
    } = &error
    else {
        panic!("{error}");
    };
    assert!(package.starts_with("dreamops:"), "{package}");
    assert_eq!(
        (wanted.as_str(), offered.as_slice()),
        ("0.3.0", &["0.1.0".to_owned()][..])
    );
    assert!(error.to_string().contains("update dreamops"), "{error}");
}

/// The component of a guest whose contract has another version throughout.
fn versioned(guest: &Guest, version: &str) -> Vec<u8> {
    let text = guest.text().replace("@0.1.0", &format!("@{version}"));
    let mut module = wat::parse_str(text).expect("valid");
    wit_component::embed_component_metadata(
        &mut module,
        guest.contract.resolve(),
        guest.contract.world(),
        wit_component::StringEncoding::UTF8,
    )
    .expect("metadata");
    dreamops_package::encode(&module, &guest.manifest()).expect("encoded")
}

#[test]
fn a_changed_record_is_named_with_its_field() {
    for (from, to, wants) in [
        (
            "    last-restart-ms: option<u64>,",
            "    last-restart-ms: option<u32>,",
            "last-restart-ms",
        ),
        ("    restarts: u32,", "    restarts: u32,\n    grown: bool,", "`grown`"),
        ("    settled: bool,\n", "", "`settled`"),
    ] {
        let mut guest = built_against("changed", from, to);
        guest.assess = guest.import(READ, "health-of", "");
        let error = check(&guest.component()).expect_err("changed");
        assert!(matches!(error, ContractError::Mismatch { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.contains(wants) && text.contains("record `health`") && text.contains("health-of"),
            "{text}"
        );
    }
}

#[test]
fn a_changed_type_that_is_not_used_does_no_harm() {
    let guest = built_against("unused", "    settled: bool,\n", "");
    assert!(check(&guest.component()).is_ok());
}

#[test]
fn changed_exports_are_refused_too() {
    let guest = built_against("verdict", "    worse(string),", "    worse(u64),");
    let error = check(&guest.component()).expect_err("changed");
    let text = error.to_string();
    assert!(text.contains("case `worse` of variant `verdict`"), "{text}");
}

#[test]
fn a_function_the_host_does_not_have_is_named() {
    let mut guest = built_against(
        "future",
        "    /// Set the number of replicas",
        "    /// Deletes it.\n    delete: func(workload: object-ref);\n    /// Set the number of replicas",
    );
    guest.plan = guest.import(DRAFT, "[method]draft.delete", "(local.get $draft)");
    let unknown = ContractError::UnknownFunction {
        interface: DRAFT.into(),
        function: "[method]draft.delete".into(),
    };
    assert_eq!(check(&guest.component()), Err(unknown));
}

#[test]
fn an_import_outside_the_contract_is_refused_and_wasi_is_explained() {
    let with = |package: &str| {
        let worlds = format!("import {package}/thing@0.2.0;\n  import dreamops:host/log@0.1.0;");
        let mut texts: Vec<(String, String)> = SOURCES
            .iter()
            .map(|(path, text)| {
                let text = text.replace("import dreamops:host/log@0.1.0;", &worlds);
                ((*path).to_owned(), text)
            })
            .collect();
        let other = format!("package {package}@0.2.0; interface thing {{ go: func(); }}");
        texts.insert(0, ("other.wit".into(), other));
        let sources = texts.iter().map(|(p, t)| (p.as_str(), t.as_str()));
        let mut guest = Guest {
            contract: Contract::parse(sources).expect("a contract"),
            ..Guest::new("more")
        };
        guest.assess = guest.import(&format!("{package}/thing@0.2.0"), "go", "");
        check(&guest.component()).expect_err("refused")
    };
    assert!(matches!(with("wasi:cli"), ContractError::Wasi { .. }));
    assert!(matches!(with("acme:extra"), ContractError::UnknownImport { .. }));
}

#[test]
fn a_component_that_imports_more_than_its_manifest_asks_is_refused() {
    let refused = |function: &str, interface: &str, grants: Vec<&'static str>| {
        let mut guest = Guest::new("greedy");
        guest.grants = grants;
        guest.plan = guest.import(interface, function, "(local.get $draft)");
        check(&guest.component())
    };
    let scale = "[method]draft.scale";
    let error = refused(scale, DRAFT, vec!["plan/escalate"]).expect_err("not asked");
    assert!(error.to_string().contains("plan/scale"), "{error}");
    assert!(refused(scale, DRAFT, vec!["plan/scale"]).is_ok());
    // a kind is enough to import `get`; which kinds it may name is checked in the call
    assert!(refused("get", READ, vec!["kubernetes/read/logs"]).is_err());
    assert!(refused("get", READ, vec!["kubernetes/read/pods"]).is_ok());
}
