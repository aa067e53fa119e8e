//! Words around a value that say what it is. They are looked at only where a value was found that needs them.

use std::collections::HashMap;

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
#[derive(Default)]
pub struct Words(HashMap<Box<[u8]>, Hint>);

impl Words {
    /// A word, in small letters, that speaks for or against the detector of `bit`.
    pub fn add(&mut self, word: &str, bit: u128, against: bool) {
        let hint = self.0.entry(word.as_bytes().into()).or_default();
        if against {
            hint.against |= bit;
        } else {
            hint.speaks_for |= bit;
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
        let mut last = 0;
        let mut pair = [0u8; 2 * LONGEST];
        let mut length = 0;
        for (word, joined) in (Split { rest: text }) {
            if word.len() > LONGEST || word.is_empty() {
                last = 0;
                continue;
            }
            // Two words in a row are also looked for as one, so that `birth date` is `birthdate`.
            pair.copy_within(length - last..length, 0);
            length = last;
            for byte in word {
                if let Some(place) = pair.get_mut(length) {
                    *place = byte.to_ascii_lowercase();
                    length += 1;
                }
            }
            let both = pair
                .get(..length)
                .filter(|both| joined || both.len() >= least);
            for part in [pair.get(last..length), both] {
                if let Some(known) = part.and_then(|part| self.0.get(part)) {
                    hint = hint.and(*known);
                }
            }
            last = word.len();
        }
        hint
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
        let mut end = 1;
        while let (Some(before), Some(c)) = (rest.get(end - 1), rest.get(end)) {
            if !within(*c) || (before.is_ascii_lowercase() && c.is_ascii_uppercase()) {
                break;
            }
            end += 1;
        }
        self.rest = rest.get(end..).unwrap_or_default();
        Some((rest.get(..end)?, start == 0))
    }
}
