//! Sockets, clock and the worker loop.
