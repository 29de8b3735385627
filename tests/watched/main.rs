//! The program as a server that watches the real cluster, and is told of it by others.
