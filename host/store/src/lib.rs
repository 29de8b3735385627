//! Durable incidents, journal, leases and audit
