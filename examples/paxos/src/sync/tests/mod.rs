//! Copies between nodes of a simulated cluster whose log is written by an oracle: what is executed is
//! compared, slot by slot, with the map that the slots up to it make.

mod copies;
mod kill_points;
mod kill_points_alone;
mod offline;
mod provider;
mod wired;
mod world;
