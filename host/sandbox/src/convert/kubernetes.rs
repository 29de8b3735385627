//! `dreamops:kubernetes`.

use crate::bindings::dreamops::kubernetes::read as wit;
use domain::{ReadError, ReadRequest, ReadResponse};
use dreamops_domain::inert::inert;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::read as domain;

/// The answer to a function, if the port returned the kind that was asked for.
pub(crate) trait Answer: Sized {
    /// Takes it out of the port's answer.
    fn of(response: ReadResponse) -> Option<Self>;
}

macro_rules! answer {
    ($variant:ident => $wit:ty, $convert:expr) => {
        impl Answer for $wit {
            fn of(response: ReadResponse) -> Option<Self> {
                match response {
                    ReadResponse::$variant(value) => Some(($convert)(value)),
                    _ => None,
                }
            }
        }
    };
}

answer!(Object => wit::Object, object);
answer!(Page => wit::Page, page);
answer!(Events => Vec<wit::Event>, |all: Vec<_>| all.into_iter().map(event).collect());
answer!(Log => wit::LogText, |log: domain::LogText| wit::LogText {
    text: inert(&log.text.into_inner(), domain::LOG_CAP_BYTES as usize),
    cut: log.cut,
});
answer!(Owners => Vec<wit::Owner>, |all: Vec<_>| all.into_iter().map(owner).collect());
answer!(Revisions => Vec<wit::Revision>, |all: Vec<_>| all.into_iter().map(revision).collect());
answer!(Health => wit::Health, |health: domain::Health| (&health).into());
answer!(Service => wit::Service, service);
answer!(NodeImages => Vec<String>, |nodes| nodes);
answer!(Quota => wit::Quota, quota);
answer!(Usage => Vec<wit::Usage>, |all: Vec<_>| all.into_iter().map(usage).collect());

fn object(object: domain::Object) -> wit::Object {
    wit::Object {
        reference: (&object.reference).into(),
        json: object.body.into_inner().to_string(),
    }
}

fn page(page: domain::Page) -> wit::Page {
    wit::Page {
        items: page.items.into_iter().map(object).collect(),
        cursor: page.cursor,
        cut: page.cut,
    }
}

fn event(event: domain::EventFact) -> wit::Event {
    wit::Event {
        severity: event.severity,
        reason: event.reason,
        message: event.message.into_inner(),
        about: (&event.about).into(),
        count: event.count,
        first_ms: event.first_seen.millis(),
        last_ms: event.last_seen.millis(),
    }
}

fn owner(owner: domain::OwnerFact) -> wit::Owner {
    wit::Owner {
        object: (&owner.object).into(),
        managed_by: owner.managed_by,
    }
}

fn revision(revision: domain::Revision) -> wit::Revision {
    wit::Revision {
        uid: revision.uid,
        number: revision.number,
        name: revision.name,
        current: revision.current,
        ready_pods: revision.ready_pods,
        created_ms: revision.created.millis(),
        template: revision.template.into_inner().to_string(),
        change_cause: revision.change_cause,
    }
}

fn service(service: domain::ServiceFact) -> wit::Service {
    let endpoints = |all: Vec<domain::Endpoint>| {
        all.into_iter()
            .map(|endpoint| wit::Endpoint {
                pod: endpoint.pod.as_ref().map(Into::into),
                ports: endpoint.ports,
            })
            .collect()
    };
    wit::Service {
        object: (&service.object).into(),
        kind: service.kind,
        selector: service.selector,
        ports: service
            .ports
            .into_iter()
            .map(|port| wit::ServicePort {
                name: port.name,
                port: port.port,
                target_port: port.target_port,
                protocol: port.protocol,
            })
            .collect(),
        ready: endpoints(service.ready),
        not_ready: endpoints(service.not_ready),
        selected: service.selected.iter().map(Into::into).collect(),
    }
}

fn quota(quota: domain::QuotaFact) -> wit::Quota {
    wit::Quota {
        quotas: quota
            .quotas
            .into_iter()
            .map(|line| wit::QuotaLine {
                name: line.name,
                resource: line.resource,
                hard: line.hard,
                used: line.used,
            })
            .collect(),
        ranges: quota
            .ranges
            .into_iter()
            .map(|line| wit::RangeLine {
                name: line.name,
                applies_to: line.applies_to,
                resource: line.resource,
                max: line.max,
                min: line.min,
                max_ratio_millis: line.max_ratio_millis,
            })
            .collect(),
        largest_free_memory: quota.largest_free_memory_bytes,
        largest_node_memory: quota.largest_node_memory_bytes,
        largest_free_cpu: quota.largest_free_cpu_millis,
        not_checked: quota.not_checked,
    }
}

fn usage(usage: domain::ContainerUsage) -> wit::Usage {
    wit::Usage {
        pod: (&usage.pod).into(),
        container: usage.container,
        cpu_millis: usage.cpu_millis,
        memory_bytes: usage.memory_bytes,
        cpu_limit: usage.cpu_limit_millis,
        memory_limit: usage.memory_limit_bytes,
        cpu_request: usage.cpu_request_millis,
        memory_request: usage.memory_request_bytes,
        at_ms: usage.at.millis(),
        window_ms: usage.window_ms,
    }
}

/// Every object whose uid an answer shows.
pub(crate) fn shown(request: &ReadRequest, response: &ReadResponse) -> Vec<ObjectRef> {
    match response {
        ReadResponse::Object(object) => vec![object.reference.clone()],
        ReadResponse::Page(page) => page.items.iter().map(|o| o.reference.clone()).collect(),
        ReadResponse::Events(events) => events.iter().map(|e| e.about.clone()).collect(),
        ReadResponse::Owners(owners) => owners.iter().map(|o| o.object.clone()).collect(),
        ReadResponse::Revisions(revisions) => {
            let ReadRequest::Revisions { workload } = request else {
                return Vec::new();
            };
            let kind = if workload.kind == "Deployment" {
                "ReplicaSet"
            } else {
                "ControllerRevision"
            };
            revisions
                .iter()
                .map(|r| ObjectRef::new(kind, &workload.namespace, &r.name, &r.uid))
                .collect()
        }
        ReadResponse::Health(health) => health.unready_pods.clone(),
        ReadResponse::Service(service) => {
            let endpoints = service.ready.iter().chain(&service.not_ready);
            std::iter::once(&service.object)
                .chain(endpoints.filter_map(|e| e.pod.as_ref()))
                .chain(&service.selected)
                .cloned()
                .collect()
        }
        ReadResponse::Usage(usage) => usage.iter().map(|u| u.pod.clone()).collect(),
        ReadResponse::Log(_) | ReadResponse::NodeImages(_) | ReadResponse::Quota(_) => Vec::new(),
    }
}

impl From<ReadError> for wit::Failure {
    fn from(error: ReadError) -> Self {
        let sentence = error.to_string();
        match error {
            ReadError::NotFound { .. } => Self::NotFound(sentence),
            // the component cannot do anything about either; a person can
            ReadError::Forbidden { .. } | ReadError::Unauthorized { .. } => Self::Forbidden(sentence),
            ReadError::NotAvailable { .. } => Self::NotAvailable(sentence),
            ReadError::Invalid { .. } => Self::Invalid(sentence),
            ReadError::Unavailable { .. } => Self::Unavailable(sentence),
        }
    }
}
