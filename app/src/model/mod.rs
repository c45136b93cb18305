//! What the page knows, and what it does on behalf of the person. No markup here.
//!
//! [`App`](app::App) holds the rooms and which one is shown; a [`Room`](room::Room) holds its tasks, one signal each,
//! and is fed from the service worker only: a write is asked for, and what it made of the task is read back. The rest of
//! the modules are pure: order, moves, finding, pages, days, fields, routes, words.

pub(crate) mod app;
mod arrange;
pub(crate) mod bulk;
pub(crate) mod choice;
pub(crate) mod connection;
mod copies;
pub(crate) mod day_words;
pub(crate) mod device_name;
mod did;
pub(crate) mod drafts;
pub(crate) mod entry;
pub(crate) mod everywhere;
pub(crate) mod field;
pub(crate) mod find;
#[cfg(test)]
pub(crate) mod fixture;
pub(crate) mod group;
pub(crate) mod kept_filters;
mod later;
pub(crate) mod listing;
pub(crate) mod markdown;
pub(crate) mod moves;
pub(crate) mod network;
pub(crate) mod news;
pub(crate) mod notice;
pub(crate) mod order;
pub(crate) mod pages;
pub(crate) mod palette;
pub(crate) mod pasted;
pub(crate) mod quick_add;
pub(crate) mod report;
pub(crate) mod rest;
pub(crate) mod room;
pub(crate) mod route;
mod section_edits;
pub(crate) mod sections;
pub(crate) mod seen;
pub(crate) mod shifts;
pub(crate) mod subtasks;
pub(crate) mod swipe;
pub(crate) mod talk;
mod task_edits;
pub(crate) mod task_place;
pub(crate) mod trash;
pub(crate) mod trouble;
mod turn;
pub(crate) mod undo;
pub(crate) mod window;
