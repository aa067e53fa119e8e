//! Patterns as fully built automata: one table look-up per byte, no cache that an input could thrash, no way to go back.

use regex_automata::dfa::{dense, Automaton as _, StartKind};
use regex_automata::nfa::thompson;
use regex_automata::util::primitives::StateID;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchKind};

use crate::Malformed;

/// One pattern, matched only where it is told to begin, over at most `reach` bytes.
pub struct Automaton {
    dfa: dense::DFA<Vec<u32>>,
    start: StateID,
    reach: usize,
}

impl Automaton {
    /// The pattern is over bytes; a pattern whose tables would be large is an error.
    pub fn new(pattern: &str, reach: usize) -> Result<Self, Malformed> {
        let dfa = dense::Builder::new()
            .syntax(syntax::Config::new().unicode(false).utf8(false))
            .thompson(thompson::Config::new().utf8(false).shrink(true))
            .configure(
                dense::Config::new()
                    .start_kind(StartKind::Anchored)
                    .match_kind(MatchKind::LeftmostFirst)
                    .accelerate(false)
                    .dfa_size_limit(Some(4 << 20))
                    .determinize_size_limit(Some(16 << 20)),
            )
            .build(pattern)
            .map_err(|_| Malformed("a detector's pattern cannot be compiled"))?;
        // No pattern looks at what stands before it, so that one state begins all matches.
        let start = dfa
            .start_state_forward(&Input::new(b"").anchored(Anchored::Yes))
            .map_err(|_| Malformed("a detector's pattern has no beginning"))?;
        Ok(Self { dfa, start, reach })
    }

    /// Where the match that begins at `start` ends. `steps` grows by the bytes looked at.
    pub fn end(&self, text: &[u8], start: usize, steps: &mut usize) -> Option<usize> {
        let stop = start.saturating_add(self.reach).min(text.len());
        let mut state = self.start;
        let mut found = None;
        for (at, &byte) in (start..).zip(text.get(start..stop)?) {
            state = self.dfa.next_state(state, byte);
            if self.dfa.is_special_state(state) {
                if self.dfa.is_match_state(state) {
                    // A match is known one byte after its end.
                    found = Some(at);
                } else if self.dfa.is_dead_state(state) || self.dfa.is_quit_state(state) {
                    *steps += at - start + 1;
                    return found;
                }
            }
        }
        *steps += stop - start;
        state = match text.get(stop) {
            Some(&byte) => self.dfa.next_state(state, byte),
            None => self.dfa.next_eoi_state(state),
        };
        if self.dfa.is_match_state(state) {
            found = Some(stop);
        }
        found
    }

    /// Where a match begins.
    pub fn start(&self) -> StateID {
        self.start
    }

    /// Where a byte leads; None: nowhere that a match could be.
    pub fn step(&self, state: StateID, byte: u8) -> Option<StateID> {
        let next = self.dfa.next_state(state, byte);
        (!self.dfa.is_dead_state(next)).then_some(next)
    }

    /// Whether a match may end where this is, or did a byte ago.
    pub fn may_end(&self, state: StateID) -> bool {
        self.dfa.is_match_state(state)
            || self.dfa.is_match_state(self.dfa.next_eoi_state(state))
            || self.dfa.is_quit_state(state)
    }

    /// Bytes of one class are the same to this automaton.
    pub fn class(&self, byte: u8) -> u8 {
        self.dfa.byte_classes().get(byte)
    }
}
