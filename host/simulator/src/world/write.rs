//! Writes: as a client of the API makes them (with defaults, validation, admission), and as controllers do.

use crate::admission::{self, TEMPLATE_GENERATION};
use crate::fields;
use crate::kubelet;
use crate::world::World;
use crate::world::kind::Kind;
use crate::world::managed;
use crate::world::refusal::Refusal;
use serde_json::{Value, json};

/// Milliseconds until a pod that was deleted is gone, its containers having ended.
const STOPPING: u64 = 500;

impl World {
    /// Makes an object as a client asks for it. Dry, nothing is kept.
    pub(crate) fn create(&mut self, kind: Kind, mut object: Value, manager: &str, dry: bool) -> Result<Value, Refusal> {
        let row = kind.row();
        object["apiVersion"] = json!(row.api_version());
        object["kind"] = json!(row.name);
        if fields::name(&object).is_empty() {
            let prefix = fields::text(&object, "/metadata/generateName").to_owned();
            let name = format!("{prefix}{}", self.names.suffix());
            fields::set(&mut object, &["metadata", "name"], name);
        }
        let (namespace, name) = (fields::namespace(&object).to_owned(), fields::name(&object).to_owned());
        if row.namespaced && self.get(Kind::Namespace, "", &namespace).is_none() {
            return Err(Refusal::not_found(Kind::Namespace.row(), &namespace));
        }
        if self.get(kind, &namespace, &name).is_some() {
            return Err(Refusal::already_exists(kind, &name));
        }
        admission::complete(kind, &mut object)?;
        let now = fields::time(self.now);
        managed::note(None, &mut object, manager, &now);
        admission::add_own(self, kind, &mut object);
        admission::validate(kind, &object, None)?;
        admission::admit(self, kind, &object)?;
        let uid = self.names.uid();
        let metadata = &mut object["metadata"];
        metadata["uid"] = json!(uid);
        metadata["creationTimestamp"] = json!(now);
        if row.generation {
            metadata["generation"] = json!(1);
        }
        if !dry {
            self.store(kind, &mut object);
        }
        Ok(object)
    }

    /// Changes an object as a client asks for it. Dry, nothing is kept.
    pub(crate) fn update(&mut self, kind: Kind, mut object: Value, manager: &str, dry: bool) -> Result<Value, Refusal> {
        let (namespace, name) = (fields::namespace(&object).to_owned(), fields::name(&object).to_owned());
        let Some(old) = self.get(kind, &namespace, &name).cloned() else {
            return Err(Refusal::not_found(kind.row(), &name));
        };
        keep_server_fields(&old, &mut object);
        admission::complete(kind, &mut object)?;
        admission::validate(kind, &object, Some(&old))?;
        count_generation(kind, &old, &mut object);
        managed::note(Some(&old), &mut object, manager, &fields::time(self.now));
        if fields::without_nulls(&old) == fields::without_nulls(&object) {
            return Ok(old);
        }
        if !dry {
            self.store(kind, &mut object);
        }
        Ok(object)
    }

    /// Changes an object as a controller does, which knows what it writes.
    pub(crate) fn put(&mut self, kind: Kind, mut object: Value) {
        let (namespace, name) = (fields::namespace(&object).to_owned(), fields::name(&object).to_owned());
        match self.get(kind, &namespace, &name) {
            Some(old) if *old == object => {}
            Some(old) => {
                let old = old.clone();
                count_generation(kind, &old, &mut object);
                self.store(kind, &mut object);
            }
            None => self.store(kind, &mut object),
        }
    }

    /// Binds a pod to its node: a change of the spec that no generation counts.
    pub(crate) fn bind(&mut self, mut pod: Value, node: &str) {
        pod["spec"]["nodeName"] = json!(node);
        self.store(Kind::Pod, &mut pod);
    }

    /// Sets the status of an object that is still there.
    pub(crate) fn set_status(&mut self, kind: Kind, object: &Value, status: Value) {
        let key = (
            kind,
            fields::namespace(object).to_owned(),
            fields::name(object).to_owned(),
        );
        let Some(present) = self.objects.get_mut(&key) else {
            return;
        };
        if present["status"] == status || fields::uid(present) != fields::uid(object) {
            return;
        }
        let before = std::mem::replace(&mut present["status"], status);
        let matters = kind != Kind::Pod || gist(&before) != gist(&present["status"]);
        self.revision += 1;
        present["metadata"]["resourceVersion"] = json!(self.revision.to_string());
        if matters {
            let changed = present.clone();
            self.mark(kind, &changed);
        }
    }

    fn store(&mut self, kind: Kind, object: &mut Value) {
        self.revision += 1;
        object["metadata"]["resourceVersion"] = json!(self.revision.to_string());
        let key = (
            kind,
            fields::namespace(object).to_owned(),
            fields::name(object).to_owned(),
        );
        let before = self.objects.insert(key, object.clone());
        if kind != Kind::Event {
            self.mark(kind, object);
            // what it was labelled with before matters to those that selected it
            before.inspect(|o| self.mark(kind, o));
        }
    }

    /// Deletes an object: at once, or, for a pod that has a node, when its containers have ended.
    /// Returns the object as it is on its way out. Dry, nothing happens to it.
    pub(crate) fn delete(&mut self, kind: Kind, namespace: &str, name: &str, dry: bool) -> Option<Value> {
        let mut object = self.get(kind, namespace, name)?.clone();
        if fields::leaving(&object) {
            return Some(object);
        }
        if kind != Kind::Pod || !self.kubelet.runs(&object) {
            if !dry {
                self.erase(kind, namespace, name);
            }
            return Some(object);
        }
        if !dry {
            kubelet::stop(self, &object, self.now + STOPPING);
        }
        let grace = fields::number(&object, "/spec/terminationGracePeriodSeconds").unwrap_or(30);
        let until = self.now + u64::try_from(grace).unwrap_or(0) * 1000;
        object["metadata"]["deletionTimestamp"] = json!(fields::time(until));
        object["metadata"]["deletionGracePeriodSeconds"] = json!(grace);
        count_generation(kind, &Value::Null, &mut object);
        if !dry {
            self.store(kind, &mut object);
        }
        Some(object)
    }

    /// Takes an object out.
    pub(crate) fn erase(&mut self, kind: Kind, namespace: &str, name: &str) {
        let key = (kind, namespace.to_owned(), name.to_owned());
        if let Some(object) = self.objects.remove(&key) {
            self.revision += 1;
            if kind != Kind::Event {
                self.mark(kind, &object);
            }
        }
    }
}

/// What controllers look at in a pod's status. What a crashing container does between two starts is not among it, so
/// that hours of crashing cost the world little.
fn gist(status: &Value) -> (&Value, &Value, Option<(&Value, &Value)>) {
    let ready = fields::list(status, "/conditions")
        .iter()
        .find(|c| c["type"] == "Ready");
    (
        &status["phase"],
        &status["podIP"],
        ready.map(|c| (&c["status"], &c["lastTransitionTime"])),
    )
}

/// What a client cannot set: identity, times and counters are the server's, status is the controllers'.
fn keep_server_fields(old: &Value, object: &mut Value) {
    for key in [
        "uid",
        "creationTimestamp",
        "generation",
        "resourceVersion",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "name",
        "namespace",
        "generateName",
    ] {
        match old["metadata"].get(key) {
            Some(value) => object["metadata"][key] = value.clone(),
            None => fields::remove(object, &["metadata", key]),
        }
    }
    for key in ["apiVersion", "kind", "status"] {
        match old.get(key) {
            Some(value) => object[key] = value.clone(),
            None => fields::remove(object, &[key]),
        }
    }
}

fn count_generation(kind: Kind, old: &Value, object: &mut Value) {
    if !kind.row().generation {
        return;
    }
    let same = fields::without_nulls(&old["spec"]) == fields::without_nulls(&object["spec"]);
    if !same {
        let before = fields::number(object, "/metadata/generation").unwrap_or(0);
        object["metadata"]["generation"] = json!(before + 1);
    }
    let template = |o: &Value| fields::without_nulls(&o["spec"]["template"]);
    if kind == Kind::DaemonSet && template(old) != template(object) {
        count_templates(object);
    }
}

/// A DaemonSet counts its templates in an annotation; pods carry the number as a label.
fn count_templates(set: &mut Value) {
    let before: u64 = set["metadata"]["annotations"][TEMPLATE_GENERATION]
        .as_str()
        .and_then(|n| n.parse().ok())
        .unwrap_or(0);
    fields::set(
        set,
        &["metadata", "annotations", TEMPLATE_GENERATION],
        (before + 1).to_string(),
    );
}
