//! # sawt
//!
//! *Sawt* (صوت) means both "voice" and "vote". It records readers' votes on a news site's polls, keeps each reader to
//! one ballot, and serves tallies that move as the votes come in.
//!
//! The modules, in the order that reads best:
//!
//! - [`poll`]: the domain, pure. What a poll is, what may be chosen, when it is open, how votes are counted.
//! - [`article`]: what names an article: its publisher's id, or its address in one form.
//! - [`place`]: spots in a site's pages, and which poll stands in one at a moment.
//! - [`site`]: publishers, the origins that may embed their polls, and their API keys.
//! - [`tlog`]: transparency logs as C2SP specifies them: trees, tiles, checkpoints and proofs, pure.
//! - [`voter`]: the signed tokens that tell one anonymous reader from another.
//! - [`client`]: whose address a request came from.
//! - [`net`]: sockets, and how long a client is waited for.
//! - [`wire`]: the JSON of polls and tallies, with their entity tags.
//! - [`store`]: the contract that keeps every vote exactly once, and its two implementations, SQLite and Redis.
//! - [`quota`]: how many requests a client, a voter or a key may make, at one replica and at all of them.
//! - [`live`]: what a replica knows: polls as last read, and the newest tally of each.
//! - [`views`]: how often polls and articles were seen, and what ranks highest on a site.
//! - [`voting`]: ballots cast and taken back, and the tally that somebody may see, whatever way a reader takes.
//! - [`events`]: the log of each site, and what the clock does to polls.
//! - [`publishing`]: polls, sites and keys, made and changed, whatever way a publisher takes.
//! - [`integrity`]: what is suspect is counted apart, and editors decide whether it counts.
//! - [`proof`]: the transparency log of each site, snapshots and receipts: anyone can check that the number is honest.
//! - [`webhooks`]: what happens on a site, sent to the addresses that its publishers name.
//! - [`embed`]: what readers see: the poll as a page, a plain form, and the widget beside an article.
//! - [`card`]: the picture of a poll, for those who share it.
//! - [`newsroom`]: what editors see: polls made, placed, watched and closed from a page.
//! - [`oidc`]: people whom an identity provider names.
//! - [`http`]: the service on the wire: the one route table, the one table of errors, one file per resource.
//! - [`telemetry`]: what an operator sees: log lines and metrics, and the name of every one.
//! - [`config`] and [`cli`]: every setting and every command, read and checked before anything binds.
//! - [`server`]: wires it all, binds, becomes ready, serves and drains.
//! - [`demo`] and [`healthcheck`]: two commands that talk to a running replica, over [`http_client`].
//! - [`verify`]: the command that checks a log, a snapshot or a receipt.
//!
//! Below them all: [`clock`], the one reader of the system's clock; [`descriptors`], how many files may be open;
//! [`secret`], whose values print as nothing; [`supervisor`], which starts background tasks again; and [`threads`],
//! which go on after a panic. A test holds which of these may use which: see `floors.rs`.

pub mod article;
pub mod card;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod demo;
pub mod descriptors;
pub mod embed;
pub mod events;
#[cfg(test)]
mod floors;
#[cfg(test)]
mod fuzz;
pub mod healthcheck;
pub mod http;
pub mod http_client;
pub mod integrity;
pub mod live;
pub mod net;
pub mod newsroom;
pub mod oidc;
pub mod place;
pub mod poll;
pub mod proof;
pub mod publishing;
pub mod quota;
pub mod secret;
pub mod server;
pub mod site;
pub mod store;
pub mod supervisor;
pub mod telemetry;
pub mod threads;
pub mod tlog;
pub mod verify;
pub mod views;
pub mod voter;
pub mod voting;
pub mod webhooks;
pub mod wire;
