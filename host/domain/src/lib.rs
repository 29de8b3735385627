//! Words and rules of incident response: no input, no output
