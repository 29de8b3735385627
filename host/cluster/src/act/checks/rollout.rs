//! How many pods a rollout makes, and how many go before the first is made.

use crate::act::pointer;
use serde_json::Value;

/// The course of a rollout, or of a raise of replicas.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Rollout {
    /// Pods made beside all that are there.
    beside: u64,
    /// Pods made in place of old ones.
    in_place: u64,
    /// Old pods that may go before one is made; 0: the pods beside have to fit first.
    removed_first: u64,
}

impl Rollout {
    /// From the workload as it would be: `kept` of its pods are right already, `old` will go.
    pub(super) fn of(kind: &str, after: &Value, kept: usize, old: usize) -> Self {
        let (kept, old) = (kept as u64, old as u64);
        let wanted = match kind {
            "DaemonSet" => pointer::count(after, "/status/desiredNumberScheduled").unwrap_or(0),
            _ => pointer::count(after, "/spec/replicas").unwrap_or(1),
        };
        let made = wanted.saturating_sub(kept);
        let (surge, unavailable) = widths(kind, after, wanted);
        let beside = (wanted + surge).saturating_sub(kept + old).min(made);
        Self {
            beside,
            in_place: made - beside,
            removed_first: unavailable.min(old),
        }
    }

    /// Pods that are made.
    pub(super) fn made(&self) -> u64 {
        self.beside + self.in_place
    }

    /// Whether a new pod has to find room while all old ones still take theirs.
    pub(super) fn starts_beside(&self) -> bool {
        self.removed_first == 0 && self.beside > 0
    }

    /// The most of a resource that it takes beyond what is taken now, if a new pod takes `new` and the old ones
    /// together `old`.
    pub(super) fn need(&self, new: i128, old: i128, old_pods: usize) -> i128 {
        let each = i128::try_from(old_pods).ok().filter(|n| *n > 0).map_or(0, |n| old / n);
        let (beside, in_place) = (i128::from(self.beside), i128::from(self.in_place));
        if self.removed_first == 0 {
            return (beside * new + in_place * (new - each).max(0)).max(0);
        }
        let first = new - i128::from(self.removed_first) * each;
        let last = i128::from(self.made()) * new - old;
        if self.made() == 0 { 0 } else { first.max(last).max(0) }
    }
}

/// `maxSurge` and `maxUnavailable` as counts.
fn widths(kind: &str, after: &Value, wanted: u64) -> (u64, u64) {
    let spec = &after["spec"];
    match kind {
        "Deployment" if spec["strategy"]["type"] == "Recreate" => (0, u64::MAX),
        "Deployment" => {
            let rolling = &spec["strategy"]["rollingUpdate"];
            let surge = count(&rolling["maxSurge"], wanted, true).unwrap_or(wanted.div_ceil(4));
            let gone = count(&rolling["maxUnavailable"], wanted, false).unwrap_or(wanted / 4);
            // as the controller does: with both at zero nothing could ever move
            if surge == 0 && gone == 0 { (0, 1) } else { (surge, gone) }
        }
        "DaemonSet" => {
            let rolling = &spec["updateStrategy"]["rollingUpdate"];
            let surge = count(&rolling["maxSurge"], wanted, true).unwrap_or(0);
            let gone = count(&rolling["maxUnavailable"], wanted, true).unwrap_or(1);
            (surge, gone)
        }
        _ => (0, 1),
    }
}

/// A count, or a share of `of`; shares of surge are rounded up, those of a Deployment's unavailable pods down.
fn count(value: &Value, of: u64, up: bool) -> Option<u64> {
    if let Some(n) = value.as_u64() {
        return Some(n);
    }
    let percent: u64 = value.as_str()?.strip_suffix('%')?.parse().ok()?;
    let hundredfold = of.checked_mul(percent)?;
    Some(if up {
        hundredfold.div_ceil(100)
    } else {
        hundredfold / 100
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn deployment(replicas: u64, surge: &Value, unavailable: &Value) -> Value {
        json!({"spec": {"replicas": replicas, "strategy": {"type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}}})
    }

    #[test]
    fn one_replica_surges_by_one_and_the_new_pod_has_to_fit_beside() {
        let one = deployment(1, &json!("25%"), &json!("25%"));
        let rollout = Rollout::of("Deployment", &one, 0, 1);
        assert!(rollout.starts_beside());
        assert_eq!(rollout.need(96, 64, 1), 96);
    }

    #[test]
    fn a_surge_is_followed_by_the_difference_for_the_others() {
        let three = deployment(3, &json!(1), &json!(0));
        assert_eq!(Rollout::of("Deployment", &three, 0, 3).need(96, 192, 3), 96 + 2 * 32);
    }

    #[test]
    fn where_old_pods_go_first_only_the_difference_is_needed() {
        let four = deployment(4, &json!(1), &json!(1));
        let rollout = Rollout::of("Deployment", &four, 0, 4);
        assert!(!rollout.starts_beside());
        assert_eq!(rollout.need(96, 256, 4), 4 * 96 - 256);
        let recreate = json!({"spec": {"replicas": 2, "strategy": {"type": "Recreate"}}});
        assert_eq!(Rollout::of("Deployment", &recreate, 0, 2).need(100, 100, 2), 100);
        let set = json!({"spec": {"replicas": 3}});
        assert_eq!(Rollout::of("StatefulSet", &set, 0, 3).need(50, 150, 3), 0);
    }

    #[test]
    fn going_back_to_pods_that_are_there_takes_nothing() {
        let three = deployment(3, &json!(1), &json!(0));
        let rollout = Rollout::of("Deployment", &three, 3, 1);
        assert_eq!(rollout.made(), 0);
        assert_eq!(rollout.need(96, 64, 1), 0);
    }

    #[test]
    fn more_replicas_take_a_pod_each() {
        let five = deployment(5, &json!("25%"), &json!("25%"));
        let rollout = Rollout::of("Deployment", &five, 2, 0);
        assert_eq!((rollout.made(), rollout.need(10, 0, 0)), (3, 30));
        assert!(rollout.starts_beside());
    }
}
