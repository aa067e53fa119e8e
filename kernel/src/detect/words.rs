//! Words around a value that say what it is. They are looked at only where a value was found that needs them.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use crate::quick::Quick;

/// How far before a value its words are looked for.
const WINDOW: usize = 56;
const LONGEST: usize = 32;
const LONG: usize = 8;

/// Which detectors a word speaks for, and which against. One bit per detector.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hint {
    /// Detectors that have one of the words as context.
    pub speaks_for: u128,
    /// Detectors that have one of the words as a reason to doubt.
    pub against: u128,
}

impl Hint {
    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self {
            speaks_for: self.speaks_for | other.speaks_for,
            against: self.against | other.against,
        }
    }
}

/// All words of all detectors.
pub struct Words {
    known: HashMap<Box<[u8]>, Hint, BuildHasherDefault<Quick>>,
    /// By its first byte, the lengths (one bit each) of the words there are: most words of a text are none of them.
    lengths: Box<[u128; 256]>,
}

impl Default for Words {
    fn default() -> Self {
        Self {
            known: HashMap::default(),
            lengths: Box::new([0; 256]),
        }
    }
}

impl Words {
    /// A word, in small letters, that speaks for or against the detector of `bit`.
    pub fn add(&mut self, word: &str, bit: u128, against: bool) {
        let hint = self.known.entry(word.as_bytes().into()).or_default();
        if against {
            hint.against |= bit;
        } else {
            hint.speaks_for |= bit;
        }
        let first = word.bytes().next().unwrap_or(0);
        if let Some(lengths) = self.lengths.get_mut(usize::from(first)) {
            *lengths |= 1u128.checked_shl(word.len() as u32).unwrap_or(0);
        }
    }

    /// What the line before `start` says.
    pub fn before(&self, text: &[u8], start: usize, steps: &mut usize) -> Hint {
        let from = start.saturating_sub(WINDOW);
        let window = text.get(from..start).unwrap_or_default();
        let line = memchr::memrchr(b'\n', window).map_or(0, |at| at + 1);
        let mut line = window.get(line..).unwrap_or_default();
        if from > 0 && line.len() == window.len() {
            // The first word may be cut.
            let whole = line.iter().position(|c| !c.is_ascii_alphanumeric());
            line = line.get(whole.unwrap_or(line.len())..).unwrap_or_default();
        }
        *steps += line.len();
        self.words(line, LONG)
    }

    /// What a name of a column or a key says: `card_number`, `cardNumber`, `CARD NUMBER`.
    pub fn said(&self, name: &[u8]) -> Hint {
        self.words(name, 0)
    }

    /// `least`: how long two words in a row have to be together to be looked for as one; `it in` is no `itin`.
    fn words(&self, text: &[u8], least: usize) -> Hint {
        let mut hint = Hint::default();
        let mut last: &[u8] = b"";
        for (word, joined) in (Split { rest: text }) {
            if word.len() > LONGEST {
                last = b"";
                continue;
            }
            // Two words in a row are also looked for as one, so that `birth date` is `birthdate`.
            let both = !last.is_empty() && (joined || last.len() + word.len() >= least);
            for before in [Some(&b""[..]), both.then_some(last)].into_iter().flatten() {
                let length = before.len() + word.len();
                let first = before.first().or(word.first());
                if !first.is_some_and(|first| self.may_be(*first, length)) {
                    continue;
                }
                let mut small = [0u8; 2 * LONGEST];
                for (place, byte) in small.iter_mut().zip(before.iter().chain(word)) {
                    *place = byte.to_ascii_lowercase();
                }
                if let Some(known) = small.get(..length).and_then(|said| self.known.get(said)) {
                    hint = hint.and(*known);
                }
            }
            last = word;
        }
        hint
    }

    /// Whether there is a word that begins so and is as long: most are told from all that are known by that alone.
    fn may_be(&self, first: u8, length: usize) -> bool {
        let first = usize::from(first.to_ascii_lowercase());
        let lengths = self.lengths.get(first).copied().unwrap_or(0);
        u32::try_from(length)
            .ok()
            .and_then(|length| lengths.checked_shr(length))
            .is_some_and(|lengths| lengths & 1 == 1)
    }
}

/// Words of letters and digits, cut where a small letter is followed by a capital one.
struct Split<'a> {
    rest: &'a [u8],
}

fn within(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}

impl<'a> Iterator for Split<'a> {
    /// The word, and whether nothing stands between it and the one before.
    type Item = (&'a [u8], bool);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.rest.iter().position(|c| within(*c))?;
        let rest = self.rest.get(start..)?;
        let mut small = false;
        let end = rest
            .iter()
            .position(|c| {
                let ends = !within(*c) || (small && c.is_ascii_uppercase());
                small = c.is_ascii_lowercase();
                ends
            })
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at_checked(end)?;
        self.rest = after;
        Some((word, start == 0))
    }
}
