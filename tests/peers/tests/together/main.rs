//! Clusters of every kind, and the command. They mostly wait, each for members of its own, so they
//! are one program: its tests run side by side, whatever file they are in.

mod alertmanager;
mod command;
mod demo;
mod encryption;
mod epmd;
mod go;
mod matrix;
mod messages;
mod ring;
mod serf;
mod serf_layer;
