//! Sluice's loops over bytes: cutting frames, masking rows, deriving cache keys.
//!
//! No I/O, no policy, no panics on any input: what does not fit its layout is an error value. The plain Python twins in the
//! project's tests pin the behaviour.

pub mod copy;
pub mod detect;
pub mod frames;
pub mod lane;
pub mod masks;
pub mod merkle;
pub mod normalize;
mod quick;
pub mod rows;
pub mod skim;
pub mod tally;
pub mod tracks;

/// Input that breaks its own layout. The text says what, never what it held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Malformed {}
