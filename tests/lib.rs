//! Whole-program tests live beside this file; the library is empty.
