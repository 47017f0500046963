//! Servers that behave well and badly, recorded and replayed: what the client says is the same.
