//! The pipeline from alert to closed incident
