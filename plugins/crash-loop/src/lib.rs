//! x
use dreamops_sdk::prelude::*;
/// x
pub struct CrashLoop;
impl Strategy for CrashLoop {
    fn assess(incident: &Incident) -> Result<Assessment, Failure> {
        let s = dreamops_sdk::owner::subject(incident)?;
        Ok(Assessment::claiming(0.9).signal("x", s.pods.is_empty(), "y"))
    }
    fn diagnose(incident: &Incident) -> Result<Finding, Failure> {
        let i = Inquiry::new();
        Ok(i.cause("x", &incident.owner(), "y", 0.9))
    }
}
dreamops_sdk::export!(CrashLoop);
