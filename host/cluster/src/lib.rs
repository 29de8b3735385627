//! Kubernetes: credentials to client, scoped reads, rehearsed actions
