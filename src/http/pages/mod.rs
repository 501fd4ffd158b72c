//! What people and programs are shown: a poll's page and the widget's files ([`embed`], [`oembed`], [`drawn_cards`]),
//! and what the service says of itself ([`home`], [`docs`], [`contract`], [`health`], [`demo`]).

pub(super) mod contract;
pub(super) mod demo;
pub(super) mod docs;
pub(super) mod drawn_cards;
pub(super) mod embed;
pub(super) mod health;
pub(super) mod home;
pub(super) mod oembed;
