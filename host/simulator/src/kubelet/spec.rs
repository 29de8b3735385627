//! What a container's spec gives its program: environment, limits, files.

use crate::fields;
use crate::quantity::Quantity;
use crate::world::World;
use crate::world::kind::Kind;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::collections::BTreeMap;

/// The environment of a container, or what the kubelet says is missing.
pub(super) fn environment(world: &World, pod: &Value, container: &Value) -> Result<BTreeMap<String, String>, String> {
    let namespace = fields::namespace(pod);
    let mut found = BTreeMap::new();
    for source in fields::list(container, "/envFrom") {
        for (key, kind) in [("configMapRef", Kind::ConfigMap), ("secretRef", Kind::Secret)] {
            let from = &source[key];
            if !from.is_object() {
                continue;
            }
            match world.get(kind, namespace, fields::text(from, "/name")) {
                Some(object) => {
                    for (name, _) in fields::members(object, "/data") {
                        found.insert(name.to_owned(), value(kind, object, name).unwrap_or_default());
                    }
                }
                None if from["optional"] == true => {}
                None => return Err(missing_object(kind, fields::text(from, "/name"))),
            }
        }
    }
    for variable in fields::list(container, "/env") {
        let name = fields::text(variable, "/name").to_owned();
        let from = &variable["valueFrom"];
        if !from.is_object() {
            found.insert(name, fields::text(variable, "/value").to_owned());
            continue;
        }
        if let Some(value) = referred(world, pod, from)? {
            found.insert(name, value);
        }
    }
    Ok(found)
}

fn referred(world: &World, pod: &Value, from: &Value) -> Result<Option<String>, String> {
    if let Some(path) = from["fieldRef"]["fieldPath"].as_str() {
        let pointer = format!("/{}", path.replace('.', "/"));
        return Ok(Some(fields::text(pod, &pointer).to_owned()));
    }
    for (key, kind) in [("configMapKeyRef", Kind::ConfigMap), ("secretKeyRef", Kind::Secret)] {
        let reference = &from[key];
        if !reference.is_object() {
            continue;
        }
        let (name, key) = (fields::text(reference, "/name"), fields::text(reference, "/key"));
        let optional = reference["optional"] == true;
        return match world.get(kind, fields::namespace(pod), name) {
            None if optional => Ok(None),
            None => Err(missing_object(kind, name)),
            Some(object) => match value(kind, object, key) {
                Some(value) => Ok(Some(value)),
                None if optional => Ok(None),
                None => {
                    let namespace = fields::namespace(pod);
                    Err(format!(
                        "couldn't find key {key} in {} {namespace}/{name}",
                        kind.row().name
                    ))
                }
            },
        };
    }
    Ok(None)
}

fn missing_object(kind: Kind, name: &str) -> String {
    format!("{} {name:?} not found", kind.row().name.to_lowercase())
}

fn value(kind: Kind, object: &Value, key: &str) -> Option<String> {
    let stored = object["data"][key].as_str()?;
    if kind == Kind::Secret {
        let bytes = STANDARD.decode(stored).ok()?;
        return Some(String::from_utf8_lossy(&bytes).into_owned());
    }
    Some(stored.to_owned())
}

/// The volume that cannot be mounted, with what the kubelet says.
pub(super) fn missing_volume(world: &World, pod: &Value) -> Option<String> {
    fields::list(pod, "/spec/volumes").iter().find_map(|volume| {
        let name = fields::text(volume, "/name");
        for (key, field, kind) in [
            ("configMap", "/name", Kind::ConfigMap),
            ("secret", "/secretName", Kind::Secret),
        ] {
            let source = &volume[key];
            let object = fields::text(source, field);
            let absent = source.is_object()
                && source["optional"] != true
                && world.get(kind, fields::namespace(pod), object).is_none();
            if absent {
                let what = missing_object(kind, object);
                return Some(format!("MountVolume.SetUp failed for volume {name:?} : {what}"));
            }
        }
        None
    })
}

/// The memory limit in bytes.
pub(super) fn memory_limit(container: &Value) -> Option<u64> {
    Quantity::of(&container["resources"]["limits"]["memory"]).map(Quantity::whole)
}

/// The processor limit in millicores.
pub(super) fn cpu_limit(container: &Value) -> Option<u64> {
    let limit = Quantity::of(&container["resources"]["limits"]["cpu"])?;
    u64::try_from(limit.millis()).ok()
}

/// The number of a port that a probe or Service names by number or name.
pub(crate) fn port_number(containers: &[Value], port: &Value) -> Option<u16> {
    if let Some(number) = port.as_u64() {
        return u16::try_from(number).ok();
    }
    let name = port.as_str()?;
    if let Ok(number) = name.parse() {
        return Some(number);
    }
    containers
        .iter()
        .flat_map(|c| fields::list(c, "/ports"))
        .find(|p| p["name"] == name)
        .and_then(|p| p["containerPort"].as_u64())
        .and_then(|n| u16::try_from(n).ok())
}
