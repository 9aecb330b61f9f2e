//! The one gate between a transaction and every user of it.
