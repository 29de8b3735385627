//! Loads, checks, grants, meters and calls components
