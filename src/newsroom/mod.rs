//! What editors see: the newsroom, where polls are made, placed, watched and closed without a terminal.
//!
//! Each page is a folder with what is shown (`mod.rs`), its template and its style sheet; what they share is [`frame`].
//! Pages are made here and are forms first: all of it works without script, which only adds to it. The words are in
//! `languages/`, one file a language, with a section for each page. Handlers are in `http/newsroom/`.

pub mod assets;
pub mod chart;
pub mod confirm;
pub mod faults;
pub mod fields;
pub mod frame;
pub mod keys;
pub mod labels;
pub mod make;
pub mod notice;
pub mod offered;
pub mod people;
pub mod places;
pub mod poll;
pub mod polls;
pub mod qr;
pub mod settings;
pub mod sign_in;
pub mod site_log;
pub mod sites;
pub mod templates;
pub mod texts;
pub mod waiting;
pub mod webhooks;
