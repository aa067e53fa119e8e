//! Finds sensitive values in bytes. One pass over the text; detectors are tried only where the first bytes allow them, each
//! over a bounded stretch, and all of them together within a budget that grows with the text alone.

mod automaton;
mod beginnings;
pub mod checks;
pub mod files;
pub mod json;
mod national;
pub mod scrub;
mod words;

use automaton::Automaton;
use beginnings::Beginnings;
pub use words::Hint;
use words::Words;

use crate::Malformed;

/// A detector as declared. Texts are patterns over bytes.
pub struct Spec {
    /// What has to stand before the value and is no part of it; empty: nothing.
    pub lead: String,
    /// The value.
    pub pattern: String,
    /// The byte that has to follow the value; None: anything.
    pub follow: Option<u8>,
    /// What stands for the value in a scrubbed text, without the brackets.
    pub shown: String,
    /// A check by name; empty: none.
    pub check: String,
    /// What the unbroken run of characters where it begins has to hold: `@`, `:` (or `=`), digits (`0`). `n`: it is looked for
    /// only under a name that speaks for it.
    pub needs: String,
    /// `word`, `token` or `open`: what may stand beside it.
    pub bound: String,
    /// Words that speak for it.
    pub context: Vec<String>,
    /// Words that speak against it.
    pub against: Vec<String>,
    /// How sure a match is by itself, in percent.
    pub alone: u8,
    /// How sure a match of digits alone is by itself.
    pub bare: u8,
    /// How sure it is where a word speaks for it.
    pub told: u8,
    /// The most bytes that lead and value are looked for in.
    pub reach: usize,
}

/// A value found: where, by which detector, how sure in percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    pub start: usize,
    pub end: usize,
    pub detector: u16,
    pub confidence: u8,
}

/// Stands for no detector: the rest of a text that took more work than its length allows. It has to be hidden.
pub const UNREAD: u16 = u16::MAX;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Bound {
    Word,
    Token,
    Open,
}

struct Detector {
    shown: String,
    lead: Option<Automaton>,
    pattern: Automaton,
    follow: Option<u8>,
    check: Option<checks::Check>,
    cut: Option<checks::Cut>,
    bound: Bound,
    alone: u8,
    bare: u8,
    told: u8,
}

/// All detectors, compiled.
pub struct Detectors {
    detectors: Vec<Detector>,
    beginnings: Beginnings,
    /// By percent, those that need a word that speaks for them to be that sure.
    quiet: Box<[u128; 101]>,
    /// By what a run of characters holds (`HOLDS`), the detectors that can begin in it.
    possible: [u128; 8],
    /// Those looked for only under a name that speaks for them.
    named: u128,
    words: Words,
}

const LETTER: u8 = 1;
const DIGIT: u8 = 2;
const AT: u8 = 4;
const COLON: u8 = 8;
const JOINED: u8 = 16;

/// Bytes of a run; 0 stands between runs.
const CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [LETTER | JOINED; 256];
    let mut byte = 0;
    // The index is below the length, and a constant that panics does not compile.
    #[allow(clippy::indexing_slicing)]
    while byte < 128 {
        table[byte] = match byte as u8 {
            b'0'..=b'9' => DIGIT,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => LETTER,
            b'@' => AT | JOINED,
            b':' | b'=' => COLON | JOINED,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'(' | b')' | b'*' | b'+' | b'-' | b'.' | b'/'
            | b'?' | b'^' | b'|' | b'~' => JOINED,
            _ => 0,
        };
        byte += 1;
    }
    table
}

fn class(byte: u8) -> u8 {
    CLASS.get(usize::from(byte)).copied().unwrap_or(0)
}

fn word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

impl Detectors {
    /// At most 127; an unknown check or bound, or a pattern that cannot be compiled, is an error.
    pub fn new(specs: &[Spec]) -> Result<Self, Malformed> {
        if specs.len() > 127 {
            return Err(Malformed("there are more than 127 detectors"));
        }
        let mut made = Self {
            detectors: Vec::with_capacity(specs.len()),
            beginnings: Beginnings::new(&[]),
            quiet: Box::new([0; 101]),
            possible: [0; 8],
            named: 0,
            words: Words::default(),
        };
        for (index, spec) in specs.iter().enumerate() {
            made.add(1u128 << index, spec)?;
        }
        let first: Vec<&Automaton> = made
            .detectors
            .iter()
            .map(|detector| detector.lead.as_ref().unwrap_or(&detector.pattern))
            .collect();
        made.beginnings = Beginnings::new(&first);
        Ok(made)
    }

    fn add(&mut self, bit: u128, spec: &Spec) -> Result<(), Malformed> {
        let lead = if spec.lead.is_empty() {
            None
        } else {
            Some(Automaton::new(&spec.lead, spec.reach)?)
        };
        let pattern = Automaton::new(&spec.pattern, spec.reach)?;
        for (least, bits) in (0u8..).zip(self.quiet.iter_mut()) {
            if spec.alone.max(spec.bare) < least {
                *bits |= bit;
            }
        }
        for (holds, bits) in self.possible.iter_mut().enumerate() {
            let fits = spec.needs.bytes().all(|need| match need {
                b'0' => holds & 1 > 0,
                b'@' => holds & 2 > 0,
                b':' => holds & 4 > 0,
                b'n' => true,
                _ => false,
            });
            if fits {
                *bits |= bit;
            }
        }
        if spec.needs.contains('n') {
            self.named |= bit;
        }
        for (words, against) in [(&spec.context, false), (&spec.against, true)] {
            for said in words {
                self.words.add(said, bit, against);
            }
        }
        self.detectors.push(Detector {
            shown: spec.shown.clone(),
            lead,
            pattern,
            follow: spec.follow,
            check: match spec.check.as_str() {
                "" => None,
                name => Some(
                    checks::named(name).ok_or(Malformed("a detector names an unknown check"))?,
                ),
            },
            cut: checks::cutting(&spec.check),
            bound: match spec.bound.as_str() {
                "word" => Bound::Word,
                "token" => Bound::Token,
                "open" => Bound::Open,
                _ => return Err(Malformed("a detector has an unknown bound")),
            },
            alone: spec.alone,
            bare: spec.bare,
            told: spec.told,
        });
        Ok(())
    }

    /// What the name of a column or key says about the values under it.
    pub fn hint(&self, name: &[u8]) -> Hint {
        self.words.said(name)
    }

    /// Appends what is found with at least `least` percent; `hint` is that of the name the text is under.
    ///
    /// Returns how many bytes were looked at by automata, which never exceeds `budget` by more than one detector's reach.
    pub fn scan(&self, text: &[u8], hint: Hint, least: u8, found: &mut Vec<Finding>) -> usize {
        let mut sight = Sight {
            text,
            hint,
            steps: 0,
        };
        let allowed = !self.named | hint.speaks_for;
        let quiet = self.quiet.get(usize::from(least)).copied().unwrap_or(0);
        let most = budget(text.len());
        let mut free = 0;
        let mut at = 0;
        let mut lettered = false;
        while let Some(first) = text.get(at) {
            if class(*first) == 0 {
                at += 1;
                continue;
            }
            let start = at;
            let mut holds = 0;
            while let Some(more) = text.get(at).map(|c| class(*c)).filter(|c| *c != 0) {
                holds |= more;
                at += 1;
            }
            // Every word that says anything has a letter.
            lettered |= holds & LETTER > 0;
            let possible = self.possible(holds) & allowed;
            let last = if holds & JOINED == 0 { start + 1 } else { at };
            let mut from = start.max(free);
            while from < last {
                let starts = from == 0 || begins(text, from);
                let mut candidates = match starts {
                    true => possible & self.beginnings.of(text.get(from..).unwrap_or_default()),
                    false => 0,
                };
                let mut told = None;
                if candidates & quiet != 0 {
                    // Looking at the words before costs less than running automata for nothing.
                    let words = match lettered {
                        true => sight.hint(&self.words, from),
                        false => hint,
                    };
                    candidates &= !quiet | words.speaks_for;
                    told = Some(words);
                }
                if candidates != 0 {
                    if let Some(best) = self.best(&mut sight, from, candidates, least, told) {
                        free = best.end.max(from + 1);
                        found.push(best);
                        from = free;
                        continue;
                    }
                    if sight.steps > most {
                        found.push(Finding {
                            start: from,
                            end: text.len(),
                            detector: UNREAD,
                            confidence: 100,
                        });
                        return sight.steps;
                    }
                }
                // What begins within a UUID is a part of that.
                from += if starts && uuid(text, from) { 36 } else { 1 };
            }
            at = at.max(free);
        }
        sight.steps
    }

    /// What stands for a detector's findings in a scrubbed text.
    pub fn shown(&self, detector: u16) -> &str {
        self.detectors
            .get(usize::from(detector))
            .map_or("unread", |detector| detector.shown.as_str())
    }

    fn possible(&self, holds: u8) -> u128 {
        let index = usize::from(holds & DIGIT > 0)
            | usize::from(holds & AT > 0) << 1
            | usize::from(holds & COLON > 0) << 2;
        self.possible.get(index).copied().unwrap_or(0)
    }

    /// The surest of the detectors that find something here, of equals the longest.
    fn best(
        &self,
        sight: &mut Sight<'_>,
        from: usize,
        mut bits: u128,
        least: u8,
        mut told: Option<Hint>,
    ) -> Option<Finding> {
        let text = sight.text;
        let mut best: Option<Finding> = None;
        while bits != 0 {
            let index = bits.trailing_zeros();
            bits &= bits - 1;
            let Some(detector) = self.detectors.get(index as usize) else {
                continue;
            };
            let Some((start, end)) = detector.find(sight, from) else {
                continue;
            };
            let hint = *told.get_or_insert_with(|| sight.hint(&self.words, from));
            let bit = 1u128 << index;
            let confidence = if hint.speaks_for & bit != 0 {
                detector.told
            } else if hint.against & bit != 0 {
                detector.by_itself(text, start, end) / 2
            } else {
                detector.by_itself(text, start, end)
            };
            let better = best.is_none_or(|known| {
                (confidence, end - start) > (known.confidence, known.end - known.start)
            });
            if confidence >= least && better {
                best = Some(Finding {
                    start,
                    end,
                    detector: u16::try_from(index).unwrap_or(UNREAD),
                    confidence,
                });
            }
        }
        best
    }
}

/// The most bytes that automata look at for a text of this length.
pub fn budget(length: usize) -> usize {
    length.saturating_mul(64).saturating_add(32 << 10)
}

struct Sight<'a> {
    text: &'a [u8],
    hint: Hint,
    steps: usize,
}

impl Sight<'_> {
    fn hint(&mut self, words: &Words, at: usize) -> Hint {
        match at {
            0 => self.hint,
            _ => self.hint.and(words.before(self.text, at, &mut self.steps)),
        }
    }
}

impl Detector {
    fn by_itself(&self, text: &[u8], start: usize, end: usize) -> u8 {
        match text.get(start..end) {
            Some(value) if value.iter().all(u8::is_ascii_digit) => self.bare,
            _ => self.alone,
        }
    }

    fn find(&self, sight: &mut Sight<'_>, from: usize) -> Option<(usize, usize)> {
        let text = sight.text;
        if self.bound == Bound::Token && from > 0 && text.get(from - 1).is_some_and(|c| glued(*c)) {
            return None;
        }
        let start = match &self.lead {
            Some(lead) => lead.end(text, from, &mut sight.steps)?,
            None => from,
        };
        let mut end = self.pattern.end(text, start, &mut sight.steps)?;
        if let Some(cut) = self.cut {
            end = start + cut(text.get(start..end)?)?;
        }
        let next = text.get(end).copied();
        let fits = match self.bound {
            Bound::Open => true,
            Bound::Word => !next.is_some_and(word),
            Bound::Token => !next.is_some_and(|c| {
                let joins = glued(c)
                    || c == b':' && text.get(start..end).is_some_and(|value| value.contains(&c));
                word(c) || c == b'%' || joins && text.get(end + 1).is_some_and(|c| word(*c))
            }),
        };
        if !fits || end == start || self.follow.is_some_and(|c| next != Some(c)) {
            return None;
        }
        let value = text.get(start..end)?;
        self.check
            .is_none_or(|check| check(value))
            .then_some((start, end))
    }
}

/// Whether a value may begin here: not within a word, and in a word of other letters than ASCII's only digits.
fn begins(text: &[u8], at: usize) -> bool {
    match (text.get(at - 1), text.get(at)) {
        (Some(before), Some(c)) => {
            !word(*before) && (before.is_ascii() || !c.is_ascii_alphabetic() && c.is_ascii())
        }
        _ => true,
    }
}

/// Whether a UUID begins here.
fn uuid(text: &[u8], at: usize) -> bool {
    if text.get(at + 8) != Some(&b'-') || text.get(at + 13) != Some(&b'-') {
        return false;
    }
    let Some(value) = text.get(at..at + 36) else {
        return false;
    };
    let hex = (0..).zip(value).all(|(place, c)| match place {
        8 | 13 | 18 | 23 => *c == b'-',
        _ => c.is_ascii_hexdigit(),
    });
    hex && !text.get(at + 36).is_some_and(|c| word(*c))
}

/// What, beside digits, makes them a part of something longer: a decimal, a version, a path, a price.
fn glued(byte: u8) -> bool {
    matches!(
        byte,
        b'.' | b'-' | b'/' | b'+' | b'$' | b'@' | b'~' | b'^' | b'*' | b'&' | b'#'
    )
}
