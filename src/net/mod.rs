//! Sockets.
//!
//! - [`connection`]: a client's connection, and its deadlines.
//! - [`outside`]: the addresses that the service may connect to when somebody else names them.
//! - [`outgoing`]: clients that ask other services.
//! - [`unread`]: request bodies that were not read to their end.
//! - [`writer`]: writes an event stream to its reader.

pub mod connection;
pub mod outgoing;
pub mod outside;
pub mod unread;
pub mod writer;
