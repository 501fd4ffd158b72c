//! Sockets: how long the service waits for a client, bodies that were not read to their end, and event streams.
//!
//! - [`connection`]: a client's connection, and its deadlines.
//! - [`outside`]: which addresses may be connected to at somebody else's wish.
//! - [`unread`]: bodies that nobody read to their end.
//! - [`writer`]: a stream on its way to its reader.

pub mod connection;
pub mod outside;
pub mod unread;
pub mod writer;
