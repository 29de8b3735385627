use crate::guests::Guest;
use crate::world::{Tape, execution, load, quiet, sandbox};
use dreamops_domain::finding::Verdict;
use dreamops_domain::grant::Grants;
use dreamops_domain::ports::{CallError, Strategies};
use dreamops_sandbox::{LoadError, Origin, Outcome, PluginSettings, Sandbox};
use std::path::Path;
use std::sync::Arc;

fn write(folder: &Path, file: &str, bytes: &[u8]) {
    std::fs::write(folder.join(file), bytes).unwrap();
}

#[tokio::test]
async fn a_bad_file_is_reported_and_never_stops_the_host() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a-good.wasm", &Guest::new("good").component());
    write(folder.path(), "b-cut.wasm", &Guest::new("cut").component()[..500]);
    write(folder.path(), "c-core.wasm", &Guest::new("core").core());
    write(folder.path(), "notes.txt", b"not a component");
    std::fs::create_dir(folder.path().join("folder.wasm")).unwrap();
    let sandbox = sandbox(|_| {});
    let problems = sandbox.load_directory(folder.path()).await;
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert!(problems[0].to_string().contains("b-cut.wasm: the file is cut short"));
    assert!(problems[1].to_string().contains("core module"));
    assert_eq!(sandbox.installed().len(), 1);
    assert!(sandbox.load_directory(&folder.path().join("none")).await.is_empty());
}

#[tokio::test]
async fn a_file_takes_the_place_of_a_first_party_component_and_keeps_its_rank() {
    let folder = tempfile::tempdir().unwrap();
    let mut ours = Guest::new("second");
    ours.grants = vec!["plan/scale"];
    write(folder.path(), "x.wasm", &ours.component());
    write(folder.path(), "y.wasm", &Guest::new("second").component());
    let sandbox = sandbox(|_| {});
    let first_party = ["first", "second", "third"].map(|name| Guest::new(name).component());
    assert!(sandbox.load_first_party(first_party.to_vec()).await.is_empty());
    let before = sandbox.installed();
    let problems = sandbox.load_directory(folder.path()).await;
    assert!(matches!(problems[0].error, LoadError::SameName { .. }), "{problems:?}");
    let after = sandbox.installed();
    let names: Vec<_> = after.iter().map(|info| info.manifest.name.as_str()).collect();
    assert_eq!(names, ["first", "second", "third"]);
    assert!(!after[1].first_party && after[1].digest != before[1].digest);
    assert!((sandbox.confidence_cap(&after[1].digest) - 0.7).abs() < f64::EPSILON);
    assert!((sandbox.confidence_cap(&after[0].digest) - 1.0).abs() < f64::EPSILON);
    let again = sandbox.load(Guest::new("second").component(), Origin::FirstParty).await;
    assert!(matches!(again, Err(LoadError::Replaced { .. })));
}

#[tokio::test]
async fn a_call_goes_on_with_the_component_it_began_with() {
    let sandbox = sandbox(|_| {});
    let old = load(&sandbox, &Guest::new("swap")).await;
    let mut slow = Guest::new("swap");
    slow.module = "(global $n (mut i32) (i32.const 3000000))".into();
    slow.assess =
        "(loop $more (global.set $n (i32.sub (global.get $n) (i32.const 1))) (br_if $more (global.get $n)))".into();
    let slow = load(&sandbox, &slow).await;
    assert!(sandbox.assess(&old.digest, &quiet()).await.is_err());
    let (context, newer) = (quiet(), Guest::new("swap"));
    let (running, new) = tokio::join!(sandbox.assess(&slow.digest, &context), load(&sandbox, &newer));
    running.unwrap();
    assert_eq!(sandbox.installed()[0].digest, new.digest);
}

/// A component that finds all healed, and one of its name that finds all worse.
fn old_and_new() -> (Vec<u8>, Vec<u8>) {
    let mut old = Guest::new("swap");
    old.assess = old.import("dreamops:kubernetes/read@0.1.0", "get", "");
    let mut new = old.clone();
    // ok(worse(""))
    new.verify = "(i32.store8 (i32.const 1032) (i32.const 2))".into();
    (old.component(), new.component())
}

async fn word(sandbox: &Sandbox, digest: &str) -> Result<Verdict, CallError> {
    sandbox.verify(digest, &quiet(), &execution()).await
}

#[tokio::test]
async fn after_the_file_was_replaced_the_kept_bytes_do_the_work_of_the_incident_that_they_began() {
    let folder = tempfile::tempdir().unwrap();
    let (old_file, new_file) = old_and_new();
    write(folder.path(), "swap.wasm", &old_file);
    let before = sandbox(|_| {});
    assert!(before.load_directory(folder.path()).await.is_empty());
    let old = before.installed()[0].clone();
    let kept = before.file(&old.digest).unwrap();
    assert_eq!(*kept, *old_file);

    write(folder.path(), "swap.wasm", &new_file);
    let after = sandbox(|_| {});
    assert!(after.load_directory(folder.path()).await.is_empty());
    let new = after.installed()[0].clone();
    assert!(!after.at_hand(&old.digest));
    assert!(matches!(word(&after, &old.digest).await, Err(CallError::Mismatch(_))));

    let revived = after.revive(kept.to_vec()).await.unwrap();
    assert_eq!(revived.digest, old.digest);
    assert_eq!(word(&after, &old.digest).await.unwrap(), Verdict::Healed);
    let worse = word(&after, &new.digest).await.unwrap();
    assert!(matches!(worse, Verdict::Worse { .. }), "{worse:?}");
    // it gets no new incidents
    assert_eq!(after.installed(), [new]);
}

#[tokio::test]
async fn a_kept_component_is_granted_what_the_operator_allows_its_name_now() {
    let tape = Arc::new(Tape::default());
    let recorder = Arc::clone(&tape);
    let sandbox = sandbox(|settings| {
        settings.allowed = Grants::default();
        settings.recorder = Some(recorder);
    });
    let revived = sandbox.revive(old_and_new().0).await.unwrap();
    sandbox.assess(&revived.digest, &quiet()).await.unwrap();
    assert_eq!(tape.0.lock().unwrap()[0].outcome, Outcome::Denied);
}

#[tokio::test]
async fn a_kept_component_that_the_operator_turned_off_is_not_revived() {
    let sandbox = sandbox(|settings| {
        let off = PluginSettings {
            enabled: false,
            ..PluginSettings::default()
        };
        settings.plugins.insert("swap".into(), off);
    });
    let refused = sandbox.revive(old_and_new().0).await;
    assert!(matches!(refused, Err(CallError::Mismatch(why)) if why.contains("turned off")));
}

#[tokio::test]
async fn a_component_is_granted_what_it_asks_for_and_the_operator_allows() {
    let sandbox = sandbox(|settings| {
        settings.allowed = Grants::parse(["kubernetes/read/*"]).unwrap();
        let own = PluginSettings {
            allowed: Some(Grants::parse(["plan/scale"]).unwrap()),
            confidence_cap: Some(0.2),
            ..PluginSettings::default()
        };
        settings.plugins.insert("special".into(), own);
        let off = PluginSettings {
            enabled: false,
            ..PluginSettings::default()
        };
        settings.plugins.insert("off".into(), off);
    });
    for name in ["usual", "special"] {
        let mut guest = Guest::new(name);
        guest.grants = vec!["kubernetes/read/pods", "plan/scale"];
        load(&sandbox, &guest).await;
    }
    let off = sandbox.load(Guest::new("off").component(), Origin::FirstParty).await;
    assert!(matches!(off, Err(LoadError::Disabled { .. })));
    let list = sandbox.list();
    assert_eq!(list[0].granted, ["kubernetes/read/pods"]);
    assert_eq!(list[0].withheld, ["plan/scale"]);
    assert_eq!(list[1].granted, ["plan/scale"]);
    assert!((list[1].confidence_cap - 0.2).abs() < f64::EPSILON);
}

#[tokio::test]
async fn compiled_components_are_kept_between_starts() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("artefacts");
    let start = || {
        let cache = cache.clone();
        sandbox(move |settings| settings.artefact_cache = Some(cache))
    };
    load(&start(), &Guest::new("kept")).await;
    let files = |path: &Path| walk(path);
    let before = files(&cache);
    assert!(before > 0);
    load(&start(), &Guest::new("kept")).await;
    assert_eq!(files(&cache), before);
}

/// How many artefacts lie below a folder; the cache's own notes are not counted.
fn walk(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    entries
        .map(|path| {
            if path.is_dir() {
                walk(&path)
            } else {
                usize::from(path.extension().is_none())
            }
        })
        .sum()
}
