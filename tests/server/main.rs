//! The program as a server, on real databases.
