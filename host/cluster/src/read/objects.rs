//! Objects by name and by selector.

use super::{Stop, live, reference};
use crate::api::{Api, Selection};
use dreamops_domain::object::ObjectRef;
use dreamops_domain::read::{LIST_CAP, ListQuery, Object, Page};
use dreamops_domain::redact::Redactor;
use serde_json::Value;

pub(crate) async fn get(api: &Api, redactor: &Redactor, object: &ObjectRef, mask: &[String]) -> Result<Object, Stop> {
    let found = live(api, object).await?;
    Ok(shown(redactor, &found, mask))
}

pub(crate) async fn list(api: &Api, redactor: &Redactor, place: &ObjectRef, query: &ListQuery) -> Result<Page, Stop> {
    let beyond = query.limit == 0 || query.limit > LIST_CAP;
    let selection = Selection {
        labels: &query.labels,
        fields: &query.fields,
        limit: if beyond { LIST_CAP } else { query.limit },
        cursor: &query.cursor,
    };
    let listed = api.list(&place.kind, &place.namespace, selection).await?;
    Ok(Page {
        items: listed.items.iter().map(|o| shown(redactor, o, &query.mask)).collect(),
        cut: beyond && !listed.cursor.is_empty(),
        cursor: listed.cursor,
    })
}

fn shown(redactor: &Redactor, object: &Value, mask: &[String]) -> Object {
    // who wrote a field is shown where it is asked for: it is long, and seldom wanted
    let writers = mask.iter().any(|part| part.starts_with("/metadata/managedFields"));
    let whole = if writers {
        redactor.object_with_writers(object)
    } else {
        redactor.object(object)
    };
    Object {
        reference: reference(object),
        body: if mask.is_empty() { whole } else { whole.only(mask) },
    }
}
