//! The routes under `/api/v1/kubernetes/agno`. Their fields are fixed by the product.
//!
//! | file | routes |
//! | --- | --- |
//! | `connect` | `connect-cluster`, `clusters` |
//! | `process` | `process-incident` |
//! | `rehearse` | `test-remediation` |
//! | `agent` | `agent-status`, `test-connection` |

pub(super) mod agent;
pub(super) mod connect;
pub(super) mod process;
pub(super) mod rehearse;
