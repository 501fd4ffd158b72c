//! Sockets: how long a client is waited for, what is left of a request that was answered, and what is written to whoever
//! only listens.
//!
//! - [`connection`]: a client's connection, and its deadlines.
//! - [`unread`]: bodies that nobody read to their end.
//! - [`writer`]: a stream on its way to its reader.

pub mod connection;
pub mod unread;
pub mod writer;
