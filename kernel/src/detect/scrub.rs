//! Text with what is sensitive in it replaced, each value by its kind in brackets. With a key the brackets also hold a mark that
//! is the same for equal values, so that a scrubbed file still tells who is who.

use std::collections::HashMap;

use super::{Detectors, Finding, Hint};
use crate::masks::Key;

/// What was found where: (path, detector) to how often.
pub type Tally = HashMap<(Vec<u8>, u16), u64>;

/// All detectors, and what could not be read.
pub const ALL: u128 = u128::MAX;

const REMEMBERED: usize = 4096;

/// Whether the findings of a detector are among those to be hidden.
pub fn hides(hide: u128, detector: u16) -> bool {
    hide >> detector.min(127) & 1 == 1
}

/// One pass over some data.
pub struct Scrub<'a> {
    detectors: &'a Detectors,
    key: Option<&'a Key>,
    least: u8,
    found: Vec<Finding>,
    hints: HashMap<Vec<u8>, Hint>,
    /// Whose findings are replaced, one bit each; the rest is only counted. The last bit is of what could not be read.
    pub hide: u128,
    /// Counts by place, where anybody asked for them.
    pub tally: Option<Tally>,
}

impl<'a> Scrub<'a> {
    /// `least`: how sure a finding has to be, in percent.
    pub fn new(detectors: &'a Detectors, key: Option<&'a Key>, least: u8) -> Self {
        Self {
            detectors,
            key,
            least,
            found: Vec::new(),
            hints: HashMap::new(),
            hide: ALL,
            tally: None,
        }
    }

    /// Scans a value that is under the column or key `name`; what is to be replaced is there for `write` until the next scan.
    pub fn scan(&mut self, value: &[u8], name: &[u8], path: impl FnOnce() -> Vec<u8>) -> bool {
        self.found.clear();
        let hint = self.hint(name);
        self.detectors
            .scan(value, hint, self.least, &mut self.found);
        if self.found.is_empty() {
            return false;
        }
        if let Some(tally) = &mut self.tally {
            let path = path();
            for one in &self.found {
                *tally.entry((path.clone(), one.detector)).or_insert(0) += 1;
            }
        }
        if self.hide != ALL {
            let hide = self.hide;
            self.found.retain(|one| hides(hide, one.detector));
        }
        !self.found.is_empty()
    }

    /// Names come again and again, and are many only where they are data themselves.
    fn hint(&mut self, name: &[u8]) -> Hint {
        if name.is_empty() {
            return Hint::default();
        }
        if let Some(known) = self.hints.get(name) {
            return *known;
        }
        let hint = self.detectors.hint(name);
        if self.hints.len() < REMEMBERED {
            self.hints.insert(name.to_vec(), hint);
        }
        hint
    }

    /// How many values the last scan found.
    pub fn count(&self) -> usize {
        self.found.len()
    }

    /// Whether the last scan found one value that is all of a text of this length.
    pub fn whole(&self, length: usize) -> bool {
        matches!(self.found.as_slice(), [one] if one.start == 0 && one.end == length)
    }

    /// Appends the value last scanned without what was found in it.
    pub fn write(&self, value: &[u8], out: &mut Vec<u8>) {
        let mut from = 0;
        for one in &self.found {
            out.extend_from_slice(value.get(from..one.start).unwrap_or_default());
            self.stand_in(one, value.get(one.start..one.end).unwrap_or_default(), out);
            from = one.end;
        }
        out.extend_from_slice(value.get(from..).unwrap_or_default());
    }

    /// Scans and appends in one.
    pub fn text(&mut self, value: &[u8], name: &[u8], out: &mut Vec<u8>) -> usize {
        if self.scan(value, name, Vec::new) {
            self.write(value, out);
            self.found.len()
        } else {
            out.extend_from_slice(value);
            0
        }
    }

    /// The same, counted under a path.
    pub fn text_at(&mut self, value: &[u8], path: &[u8], out: &mut Vec<u8>) {
        if self.scan(value, b"", || path.to_vec()) {
            self.write(value, out);
        } else {
            out.extend_from_slice(value);
        }
    }

    fn stand_in(&self, one: &Finding, value: &[u8], out: &mut Vec<u8>) {
        out.push(b'[');
        out.extend_from_slice(self.detectors.shown(one.detector).as_bytes());
        if let Some(key) = self.key {
            // The mark does not depend on how the value was written.
            let plain: Vec<u8> = value
                .iter()
                .filter(|c| !matches!(c, b' ' | b'-' | b'(' | b')'))
                .map(u8::to_ascii_lowercase)
                .collect();
            out.push(b':');
            out.extend_from_slice(key.hex(&plain).get(..8).unwrap_or_default());
        }
        out.push(b']');
    }
}
