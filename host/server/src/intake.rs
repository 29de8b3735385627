//! From a delivery to the incidents that it opens. Asks no cluster: what the alerts themselves say is enough.
//!
//! | part of an incident | taken from |
//! | --- | --- |
//! | alerts | those of the delivery that name the same cluster, namespace and first object |
//! | cluster | the record that the alert names, else the source's, else the tenant's only one |
//! | namespace | the alert's, else the cluster record's |
//! | mode | the cluster record's, else the server's |
//!
//! Where no cluster is registered under the name, the incident keeps the name with an empty key: it is not lost, and a
//! worker closes it saying so. Texts and labels are redacted before anything is stored.

use dreamops_domain::access::PageRequest;
use dreamops_domain::alert::{Alert, Delivery, Source};
use dreamops_domain::fleet::{ClusterRecord, Fleet};
use dreamops_domain::id::TenantId;
use dreamops_domain::incident::{ClusterId, Incident};
use dreamops_domain::intake::NewDelivery;
use dreamops_domain::phase::Mode;
use dreamops_domain::ports::StoreError;
use dreamops_domain::redact::Redactor;
use dreamops_domain::time::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a repeat of the same Alertmanager notification is the same delivery. Its `group_interval` is 5 minutes by
/// default, so that a later one is news: the symptom is still there.
pub const ALERTMANAGER_REPEATS: Duration = Duration::from_mins(5);

/// Where a delivery came in.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The team.
    pub tenant: TenantId,
    /// The source's name; empty for the routes without one.
    pub source: String,
    /// The cluster that its alerts are about, where they name none.
    pub cluster: Option<String>,
}

impl Origin {
    /// A route without a source's name.
    pub fn of(tenant: TenantId) -> Self {
        Self {
            tenant,
            source: String::new(),
            cluster: None,
        }
    }
}

/// The delivery as it is to be taken in.
pub async fn prepare(
    fleet: &dyn Fleet,
    origin: &Origin,
    delivery: Delivery,
    redactor: &Redactor,
    mode: Mode,
    now: Timestamp,
) -> Result<NewDelivery, StoreError> {
    let delivery = delivery.redacted(redactor);
    let mut places = Places::new(fleet, origin);
    let mut incidents = Vec::new();
    for ((cluster, namespace, _), alerts) in grouped(delivery.alerts) {
        let place = places.find(cluster.as_deref()).await?;
        let namespace = namespace.unwrap_or_else(|| place.namespace.clone());
        incidents.push(Incident::received(
            origin.tenant,
            place.cluster.clone(),
            &namespace,
            place.mode.unwrap_or(mode),
            alerts,
            now,
        ));
    }
    Ok(NewDelivery {
        tenant: origin.tenant,
        kind: delivery.source,
        source: origin.source.clone(),
        key: delivery.key,
        repeats_for: (delivery.source == Source::Alertmanager).then_some(ALERTMANAGER_REPEATS),
        received_at: now,
        incidents,
    })
}

/// Cluster, namespace and first object as the alert names them.
type Named = (Option<String>, Option<String>, Option<(String, String)>);

/// The alerts by what they name, in the order in which the names came first.
fn grouped(alerts: Vec<Alert>) -> Vec<(Named, Vec<Alert>)> {
    let mut groups: Vec<(Named, Vec<Alert>)> = Vec::new();
    let mut index: BTreeMap<Named, usize> = BTreeMap::new();
    for alert in alerts {
        let hints = &alert.hints;
        let named = (
            hints.cluster.clone(),
            hints.namespace.clone(),
            hints.objects.first().cloned(),
        );
        let at = *index.entry(named.clone()).or_insert(groups.len());
        match groups.get_mut(at) {
            Some((_, together)) => together.push(alert),
            None => groups.push((named, vec![alert])),
        }
    }
    groups
}

/// What is known of the cluster that alerts are about.
struct Place {
    cluster: ClusterId,
    namespace: String,
    mode: Option<Mode>,
}

impl Place {
    fn of(record: ClusterRecord) -> Self {
        Self {
            cluster: record.cluster,
            namespace: record.namespace,
            mode: record.mode,
        }
    }

    fn unknown(name: &str) -> Self {
        let cluster = ClusterId {
            name: name.to_owned(),
            address: String::new(),
            ca_digest: String::new(),
            key: String::new(),
        };
        Self {
            cluster,
            namespace: String::new(),
            mode: None,
        }
    }
}

/// Looks each name up once per delivery.
struct Places<'a> {
    fleet: &'a dyn Fleet,
    origin: &'a Origin,
    found: BTreeMap<Option<String>, Place>,
}

impl<'a> Places<'a> {
    fn new(fleet: &'a dyn Fleet, origin: &'a Origin) -> Self {
        Self {
            fleet,
            origin,
            found: BTreeMap::new(),
        }
    }

    async fn find(&mut self, named: Option<&str>) -> Result<&Place, StoreError> {
        let wanted = named.map(str::to_owned);
        if !self.found.contains_key(&wanted) {
            let place = self.look(named.or(self.origin.cluster.as_deref())).await?;
            self.found.insert(wanted.clone(), place);
        }
        Ok(self.found.entry(wanted).or_insert_with(|| Place::unknown("")))
    }

    async fn look(&self, name: Option<&str>) -> Result<Place, StoreError> {
        let tenant = self.origin.tenant;
        if let Some(name) = name {
            let record = self.fleet.cluster(tenant, name).await?;
            return Ok(record.map_or_else(|| Place::unknown(name), Place::of));
        }
        let two = PageRequest { limit: 2, after: None };
        let mut records = self.fleet.clusters(tenant, &two).await?.items;
        match (records.pop(), records.pop()) {
            (Some(only), None) => Ok(Place::of(only)),
            _ => Ok(Place::unknown("")),
        }
    }
}
