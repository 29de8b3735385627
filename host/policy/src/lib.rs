//! Who may do what, and what may run without a person
