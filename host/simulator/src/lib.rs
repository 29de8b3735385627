//! Scenarios in memory: a Kubernetes API that breaks and heals
