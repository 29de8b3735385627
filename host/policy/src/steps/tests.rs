use crate::{BuiltIn, OwnerRule, Rules};
use dreamops_domain::decision::{Decision, StepFacts};
use dreamops_domain::object::ObjectRef;
use dreamops_domain::phase::Mode;
use dreamops_domain::plan::{Action, Step};
use dreamops_domain::ports::Policy;
use dreamops_domain::rehearsal::{Check, CheckOutcome, Rehearsal, Risk};

/// A step that every rule lets pass, to be spoilt by one thing.
struct Case {
    rules: Rules,
    mode: Mode,
    namespace: &'static str,
    confidence: f64,
    action: Action,
    rehearsal: Rehearsal,
    irreversible_so_far: usize,
}

fn object(kind: &str) -> ObjectRef {
    ObjectRef::new(kind, "shop", "web", "uid-1")
}

fn undo() -> Action {
    Action::UndoRollout {
        workload: object("Deployment"),
        revision: "rev-uid".into(),
    }
}

fn restart_pod() -> Action {
    Action::RestartPod { pod: object("Pod") }
}

fn good() -> Case {
    Case {
        rules: Rules::default(),
        mode: Mode::Yolo,
        namespace: "shop",
        confidence: 0.8,
        action: undo(),
        rehearsal: Rehearsal {
            diff: String::new(),
            checks: vec![Check {
                name: "dry run".into(),
                outcome: CheckOutcome::Passed,
            }],
            risk: Risk::Medium,
            reversible: true,
            versions: Vec::new(),
            pods_affected: 50,
            managed_by: None,
            writes: Vec::new(),
        },
        irreversible_so_far: 0,
    }
}

impl Case {
    fn decision(self) -> Decision {
        let step = Step {
            action: self.action,
            reason: "r".into(),
            expect: "e".into(),
        };
        BuiltIn::new(self.rules).expect("valid rules").step(&StepFacts {
            mode: self.mode,
            cluster: "prod",
            namespace: self.namespace,
            confidence: self.confidence,
            step: &step,
            rehearsal: &self.rehearsal,
            index: 0,
            irreversible_so_far: self.irreversible_so_far,
        })
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

#[track_caller]
fn asks(case: Case, word: &str) {
    match case.decision() {
        Decision::NeedsApproval { because } => assert!(because.contains(word), "{word:?} is not in: {because}"),
        other => panic!("{other:?}, not a question about {word}"),
    }
}

#[track_caller]
fn denies(case: Case, word: &str) {
    match case.decision() {
        Decision::Deny { because } => assert!(because.contains(word), "{word:?} is not in: {because}"),
        other => panic!("{other:?}, not a denial for {word}"),
    }
}

#[test]
fn a_sure_bearable_reversible_step_runs_without_a_person() {
    assert_eq!(good().decision(), Decision::Auto);
}

#[test]
fn nothing_is_written_to_a_protected_namespace_in_any_mode() {
    for mode in [Mode::Yolo, Mode::Approval, Mode::Observe] {
        denies(
            good().with(|c| (c.namespace, c.mode) = ("kube-system", mode)),
            "kube-system is protected",
        );
    }
    denies(good().with(|c| c.namespace = "dreamops"), "dreamops is protected");
    let elsewhere = Action::RestartPod {
        pod: ObjectRef::new("Pod", "kube-public", "p", "u"),
    };
    denies(good().with(|c| c.action = elsewhere), "kube-public is protected");
    let configured = Rules {
        protected_namespaces: vec!["prod-*".into(), "vault".into()],
        ..Rules::default()
    };
    for (namespace, pattern) in [("prod-eu", "prod-*"), ("vault", "vault"), ("kube-system", "kube-*")] {
        denies(
            good().with(|c| (c.rules, c.namespace) = (configured.clone(), namespace)),
            pattern,
        );
    }
    for free in ["prod", "vault-2", "kubernetes", "my-kube-system"] {
        assert_eq!(
            good()
                .with(|c| (c.rules, c.namespace) = (configured.clone(), free))
                .decision(),
            Decision::Auto,
            "{free}"
        );
    }
}

#[test]
fn a_failed_rehearsal_is_final() {
    let failed = Check {
        name: "quota".into(),
        outcome: CheckOutcome::Failed {
            why: "needs 3Gi of 2Gi".into(),
        },
    };
    denies(
        good().with(|c| c.rehearsal.checks.push(failed.clone())),
        "quota: needs 3Gi of 2Gi",
    );
    denies(
        good().with(|c| (c.rehearsal.checks, c.mode) = (vec![failed], Mode::Approval)),
        "quota",
    );
    let unknown = Check {
        name: "node room".into(),
        outcome: CheckOutcome::NotChecked {
            because: "no right".into(),
        },
    };
    assert_eq!(
        good().with(|c| c.rehearsal.checks.push(unknown)).decision(),
        Decision::Auto
    );
}

#[test]
fn without_a_person_one_restart_pod_is_all_that_cannot_be_taken_back() {
    let restart = |so_far: usize| {
        good().with(|c| (c.action, c.rehearsal.reversible, c.irreversible_so_far) = (restart_pod(), false, so_far))
    };
    assert_eq!(restart(1).decision(), Decision::Auto);
    denies(restart(2), "only one restart-pod");
    denies(
        good().with(|c| (c.rehearsal.reversible, c.irreversible_so_far) = (false, 1)),
        "undo-rollout on Deployment/web cannot be taken back",
    );
    asks(
        good().with(|c| (c.rehearsal.reversible, c.mode) = (false, Mode::Approval)),
        "cannot be taken back",
    );
}

#[test]
fn only_yolo_goes_without_a_person() {
    asks(good().with(|c| c.mode = Mode::Approval), "mode approval");
    asks(good().with(|c| c.mode = Mode::Observe), "mode observe");
}

#[test]
fn an_unsure_diagnosis_is_for_a_person() {
    for unsure in [0.79, 0.0, -1.0, 1.5, f64::NAN, f64::INFINITY] {
        asks(good().with(|c| c.confidence = unsure), "min_confidence is 0.80");
    }
    assert_eq!(
        good()
            .with(|c| (c.confidence, c.rules.min_confidence) = (0.5, 0.5))
            .decision(),
        Decision::Auto
    );
}

#[test]
fn a_risk_above_the_ceiling_is_for_a_person() {
    asks(good().with(|c| c.rehearsal.risk = Risk::High), "risk is high");
    asks(good().with(|c| c.rules.max_risk = Risk::Low), "max_risk is low");
    assert_eq!(
        good()
            .with(|c| (c.rehearsal.risk, c.rules.max_risk) = (Risk::High, Risk::High))
            .decision(),
        Decision::Auto
    );
}

#[test]
fn replacing_many_pods_is_for_a_person() {
    asks(good().with(|c| c.rehearsal.pods_affected = 51), "51 pods");
}

#[test]
fn a_spec_that_somebody_else_keeps_is_for_a_person() {
    for keeper in ["Helm", "Argo CD", "Flux", "postgres-operator"] {
        asks(good().with(|c| c.rehearsal.managed_by = Some(keeper.into())), keeper);
    }
    let act = |keeper: &str| {
        good().with(|c| (c.rules.owners.helm, c.rehearsal.managed_by) = (OwnerRule::Act, Some(keeper.into())))
    };
    assert_eq!(act("Helm").decision(), Decision::Auto);
    asks(act("Argo CD"), "Argo CD");
}

#[test]
fn a_restart_is_allowed_whoever_keeps_the_spec() {
    for action in [
        restart_pod(),
        Action::RestartWorkload {
            workload: object("Deployment"),
        },
    ] {
        assert_eq!(
            good()
                .with(|c| (c.action, c.rehearsal.managed_by) = (action, Some("Argo CD".into())))
                .decision(),
            Decision::Auto
        );
    }
}

#[test]
fn words_to_a_person_pass_everywhere() {
    let words = Action::Escalate {
        target: object("Deployment"),
        proposal: "p".into(),
    };
    assert_eq!(
        good()
            .with(|c| (c.action, c.mode, c.namespace) = (words, Mode::Observe, "kube-system"))
            .decision(),
        Decision::Auto
    );
}

#[test]
fn each_rule_and_nothing_else_changes_the_digest() {
    let digest = |rules: Rules| BuiltIn::new(rules).expect("valid").digest();
    let base = digest(Rules::default());
    assert_eq!((base.len(), base.as_str()), (64, digest(Rules::default()).as_str()));
    let changes: [fn(&mut Rules); 8] = [
        |r| r.min_confidence = 0.9,
        |r| r.max_risk = Risk::High,
        |r| r.protected_namespaces.push("x".into()),
        |r| r.max_pods_affected = 1,
        |r| r.max_steps_per_incident = 1,
        |r| r.cool_down_minutes = 1,
        |r| r.max_actions_per_hour = 1,
        |r| r.owners.helm = OwnerRule::Act,
    ];
    for (i, change) in changes.into_iter().enumerate() {
        let mut rules = Rules::default();
        change(&mut rules);
        assert_ne!(digest(rules), base, "change {i}");
    }
}

#[test]
fn the_file_may_say_any_part_and_nothing_unknown() {
    let rules: Rules =
        toml::from_str("min_confidence = 0.9\nmax_risk = \"low\"\n[owners]\nhelm = \"act\"").expect("valid");
    assert_eq!(
        rules,
        Rules {
            min_confidence: 0.9,
            max_risk: Risk::Low,
            owners: crate::Owners { helm: OwnerRule::Act },
            ..Rules::default()
        }
    );
    assert!(
        toml::from_str::<Rules>("min_confidense = 0.9")
            .expect_err("misspelt")
            .to_string()
            .contains("min_confidense")
    );
    for bad in [
        Rules {
            min_confidence: 1.1,
            ..Rules::default()
        },
        Rules {
            min_confidence: f64::NAN,
            ..Rules::default()
        },
    ] {
        assert!(
            BuiltIn::new(bad)
                .expect_err("out of range")
                .to_string()
                .contains("between 0 and 1")
        );
    }
    for bad in ["", "*", "a*b"] {
        assert!(
            BuiltIn::new(Rules {
                protected_namespaces: vec![bad.into()],
                ..Rules::default()
            })
            .is_err(),
            "{bad}"
        );
    }
}
