//! The virtual network and clock that drive apps/node in tests.
