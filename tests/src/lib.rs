//! Whole-program tests against real parts
