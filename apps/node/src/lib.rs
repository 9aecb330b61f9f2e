//! One worker's machines composed: bytes, time and answers in; transmits, questions and events out.
