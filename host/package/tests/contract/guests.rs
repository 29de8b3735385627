//! Small components made from text, for tests: a core module whose exports do what a test says.

use dreamops_domain::manifest::Manifest;
use dreamops_package::contract::Contract;
use std::fmt::Write;
use wit_parser::abi::{AbiVariant, WasmType};
use wit_parser::{SizeAlign, Type, WorldItem};

/// Where exports put their results: nothing but zeros, which mean "ok" with empty values.
const RESULT: u32 = 1024;
/// Where arguments that do not fit into parameters are put.
const ARGUMENTS: u32 = 2048;
/// Where host functions put their results.
const ANSWER: u32 = 4096;
/// Where the text `Pod` lies.
const POD: u32 = 512;

const EXPORTS: &str = "dreamops:strategy/strategy@0.1.0";

/// A component in the making.
#[derive(Clone)]
pub struct Guest {
    pub contract: Contract,
    pub name: String,
    pub grants: Vec<&'static str>,
    /// Host functions that it imports, as (interface, function).
    pub imports: Vec<(String, String)>,
    /// More of the module.
    pub module: String,
    /// What each export does before it returns. `$incident`, `$draft` and `$execution` are the handles.
    pub describe: String,
    pub assess: String,
    pub diagnose: String,
    pub plan: String,
    pub verify: String,
}

impl Guest {
    pub fn new(name: &str) -> Self {
        let contract = dreamops_package::contract::contract().expect("wit/ is valid");
        Self {
            contract: contract.clone(),
            name: name.into(),
            grants: vec!["kubernetes/read/*", "plan/*"],
            imports: Vec::new(),
            module: String::new(),
            describe: String::new(),
            assess: String::new(),
            // ok(healthy([]))
            diagnose: format!("(i32.store8 (i32.const {}) (i32.const 2))", RESULT + 8),
            plan: String::new(),
            verify: String::new(),
        }
    }

    /// Imports a host function and returns the text that calls it with zeros, and a handle where it is a method.
    pub fn import(&mut self, interface: &str, function: &str, handle: &str) -> String {
        let contract = self.contract.clone();
        let id = contract.imports()[interface];
        let function = &contract.resolve().interfaces[id].functions[function];
        self.imports.push((interface.to_owned(), function.name.clone()));
        let signature = contract.resolve().wasm_signature(AbiVariant::GuestImport, function);
        let method = function.name.starts_with("[method]");
        let mut call = String::new();
        let mut arguments: Vec<String> = Vec::new();
        if signature.indirect_params {
            let _ = write!(call, "(i32.store (i32.const {ARGUMENTS}) {handle})");
            arguments.push(format!("(i32.const {ARGUMENTS})"));
        } else {
            for ty in &signature.params {
                arguments.push(format!("({}.const 0)", core(*ty)));
            }
            if method {
                handle.clone_into(&mut arguments[0]);
            }
            if ["get", "list"].contains(&function.name.as_str()) && interface.contains("kubernetes") {
                arguments[0] = format!("(i32.const {POD})");
                arguments[1] = "(i32.const 3)".into();
            }
        }
        if signature.retptr {
            if signature.indirect_params {
                arguments.push(String::new());
            }
            let last = arguments.len() - 1;
            arguments[last] = format!("(i32.const {ANSWER})");
        }
        let named = label(interface, &function.name);
        let _ = write!(call, "(call {named} {})", arguments.join(" "));
        if !signature.results.is_empty() {
            call = format!("(drop {call})");
        }
        call
    }

    /// The manifest.
    pub fn manifest(&self) -> Manifest {
        Manifest {
            format: 1,
            name: self.name.clone(),
            version: "1.0.0".into(),
            summary: "A guest for tests".into(),
            faults: vec!["crash-loop".into()],
            grants: self
                .grants
                .iter()
                .map(|grant| ((*grant).to_owned(), "a test needs it".to_owned()))
                .collect(),
        }
    }

    /// The core module with its description of the contract.
    pub fn core(&self) -> Vec<u8> {
        let text = self.text();
        let mut module = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        wit_component::embed_component_metadata(
            &mut module,
            self.contract.resolve(),
            self.contract.world(),
            wit_component::StringEncoding::UTF8,
        )
        .expect("metadata");
        module
    }

    /// The component.
    pub fn component(&self) -> Vec<u8> {
        dreamops_package::encode(&self.core(), &self.manifest()).expect("encoded")
    }

    /// The core module as text.
    pub fn text(&self) -> String {
        let mut text = String::from("(module\n");
        let mut imported = Vec::new();
        for (interface, function) in &self.imports {
            let named = label(interface, function);
            if imported.contains(&named) {
                continue;
            }
            let id = self.contract.imports()[interface];
            let signature = self.contract.resolve().wasm_signature(
                AbiVariant::GuestImport,
                &self.contract.resolve().interfaces[id].functions[function],
            );
            let params: Vec<_> = signature.params.iter().map(|ty| core(*ty)).collect();
            let results: Vec<_> = signature.results.iter().map(|ty| core(*ty)).collect();
            let _ = writeln!(
                text,
                "(import {interface:?} {function:?} (func {named} (param {}) (result {})))",
                params.join(" "),
                results.join(" ")
            );
            imported.push(named);
        }
        text.push_str(DROPS);
        text.push_str(MEMORY);
        let _ = writeln!(text, "(data (i32.const {POD}) \"Pod\")");
        text.push_str(&self.module);
        self.exports(&mut text);
        text.push(')');
        text
    }

    fn exports(&self, text: &mut String) {
        let incident = "(call $drop-incident (local.get $incident))";
        let end = format!("(i32.const {RESULT}))\n");
        let _ = write!(
            text,
            "(func (export \"{EXPORTS}#describe\") (result i32) {} {end}",
            self.describe
        );
        for (name, body) in [("assess", &self.assess), ("diagnose", &self.diagnose)] {
            let _ = write!(
                text,
                "(func (export \"{EXPORTS}#{name}\") (param $incident i32) (result i32) {body} {incident} {end}"
            );
        }
        let _ = write!(
            text,
            "(func (export \"{EXPORTS}#verify\") (param $incident i32) (param $execution i32) (result i32) {} \
             {incident} (call $drop-execution (local.get $execution)) {end}",
            self.verify
        );
        // the finding has too many parts for parameters, so all arguments lie in memory
        let _ = write!(
            text,
            "(func (export \"{EXPORTS}#plan\") (param $all i32) (result i32) (local $incident i32) (local $draft i32) \
             (local.set $incident (i32.load (local.get $all))) \
             (local.set $draft (i32.load offset={} (local.get $all))) \
             {} {incident} (call $drop-draft (local.get $draft)) {end}",
            self.draft_offset(),
            self.plan
        );
    }

    /// Where the handle of the draft lies among the arguments of `plan`.
    fn draft_offset(&self) -> usize {
        let resolve = self.contract.resolve();
        let mut sizes = SizeAlign::default();
        sizes.fill(resolve);
        let world = &resolve.worlds[self.contract.world()];
        let plan = world
            .exports
            .values()
            .find_map(|item| match item {
                WorldItem::Interface { id, .. } => resolve.interfaces[*id].functions.get("plan"),
                _ => None,
            })
            .expect("plan is exported");
        let types: Vec<Type> = plan.params.iter().map(|p| p.ty).collect();
        let offsets = sizes.field_offsets(&types);
        offsets[2].0.size_wasm32()
    }
}

fn label(interface: &str, function: &str) -> String {
    format!("${interface}#{function}").replace(['[', ']'], "_")
}

fn core(ty: WasmType) -> &'static str {
    match ty {
        WasmType::I32 | WasmType::Pointer | WasmType::Length => "i32",
        WasmType::I64 | WasmType::PointerOrI64 => "i64",
        WasmType::F32 => "f32",
        WasmType::F64 => "f64",
    }
}

const DROPS: &str = r#"
(import "dreamops:incident/view@0.1.0" "[resource-drop]incident" (func $drop-incident (param i32)))
(import "dreamops:incident/view@0.1.0" "[resource-drop]execution" (func $drop-execution (param i32)))
(import "dreamops:plan/draft@0.1.0" "[resource-drop]draft" (func $drop-draft (param i32)))
"#;

const MEMORY: &str = r#"
(memory (export "memory") 4)
(global $heap (mut i32) (i32.const 65536))
(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
  (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
  (global.set $heap (i32.add (local.get $at) (local.get 3)))
  (block $fits
    (br_if $fits (i32.le_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536))))
    (br_if $fits (i32.ne (i32.const -1) (memory.grow
      (i32.add (i32.const 1) (i32.div_u (local.get 3) (i32.const 65536))))))
    unreachable)
  (local.get $at))
"#;
