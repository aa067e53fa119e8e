//! Values without a label, looked through as they pass: what is found and may not be seen is replaced in its place, the rest stays.
//!
//! A value stays valid for its type: in a JSON only strings and numbers are replaced, in a bytea its bytes, and an XML that holds
//! anything is replaced whole. What cannot be written otherwise becomes NULL.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use super::base::Base;
use super::memo::Memo;
use super::subjects::Subjects;
use super::value::Value;
use super::{ColumnMask, LEAST, NAME};
use crate::detect::scrub::{hides, Scrub};
use crate::detect::{json, Detectors, Finding, Hint, UNREAD};
use crate::masks::text;
use crate::quick::Quick;

/// What a mask made of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// Nothing: it stays as it is, and nothing was appended.
    Same,
    /// What was appended stands for it.
    New,
    /// It is NULL now; nothing was appended that counts.
    Null,
}

/// Where something was found: the column, the path within a JSON, the detector.
pub type Place = (u16, Vec<u8>, u16);

/// How often it was found there, and how often it was all of its value.
pub type Counts = (u64, u64);

/// What was found, by where.
#[derive(Default)]
pub struct Tally {
    /// In values that are no JSON, by column and detector.
    plain: HashMap<(u16, u16), Counts, BuildHasherDefault<Quick>>,
    within: HashMap<Place, Counts>,
}

impl Tally {
    fn note(&mut self, (column, path, detector): (u16, &[u8], u16), (count, whole): Counts) {
        let counts = match path {
            [] => self.plain.entry((column, detector)).or_default(),
            _ => {
                let place = (column, path.to_vec(), detector);
                self.within.entry(place).or_default()
            }
        };
        counts.0 += count;
        counts.1 += whole;
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.plain.is_empty() && self.within.is_empty()
    }

    /// Everything, in no order.
    pub fn all(self) -> impl Iterator<Item = (Place, Counts)> {
        let plain = self.plain.into_iter();
        plain
            .map(|((column, detector), counts)| ((column, Vec::new(), detector), counts))
            .chain(self.within)
    }
}

/// Room to work in, and what was found so far.
#[derive(Default)]
pub struct Seen {
    /// Of which column the next values are.
    pub column: u16,
    /// What was found.
    pub tally: Tally,
    /// Whom the rows were about.
    pub subjects: Subjects,
    found: Vec<Finding>,
    plain: Vec<u8>,
    memo: Memo,
    /// Nothing at all was found in the last value.
    clean: bool,
}

impl Seen {
    fn note(&mut self, path: &[u8], detector: u16, count: u64, whole: bool) {
        let counts = (count, u64::from(whole));
        self.tally.note((self.column, path, detector), counts);
    }

    /// Adds what was found elsewhere.
    pub fn join(&mut self, other: Tally) {
        if self.tally.is_empty() {
            self.tally = other;
            return;
        }
        if other.is_empty() {
            return;
        }
        for ((column, path, detector), counts) in other.all() {
            self.tally.note((column, &path, detector), counts);
        }
    }
}

/// What is looked for under the name of a column, and whose findings are hidden.
#[derive(Clone, Default)]
pub struct Look {
    pub name: Vec<u8>,
    pub hint: Hint,
    pub hide: u128,
}

impl ColumnMask {
    /// Looks one value through (of an array: one element).
    pub(super) fn look(&self, value: &[u8], out: &mut Vec<u8>, seen: &mut Seen) -> Made {
        let Some(detectors) = self.detectors.as_deref() else {
            return Made::Null;
        };
        match self.base {
            Base::Json => self.look_in_json(detectors, value, b"", out, seen),
            Base::Jsonb if self.binary => match value.strip_prefix(b"\x01") {
                Some(body) => self.look_in_json(detectors, body, b"\x01", out, seen),
                None => Made::Null,
            },
            Base::Jsonb => self.look_in_json(detectors, value, b"", out, seen),
            Base::Xml => self.look_in_xml(detectors, value, out, seen),
            Base::Bytea => self.look_in_bytes(detectors, value, out, seen),
            base if base.textual() => self.look_in_text(detectors, value, out, seen),
            _ => match self.hidden(detectors, value, seen) {
                true => Made::Null,
                false => Made::Same,
            },
        }
    }

    /// Scans and counts; whether any of it is to be hidden, which then stands in `seen.found`.
    fn hidden(&self, detectors: &Detectors, value: &[u8], seen: &mut Seen) -> bool {
        seen.found.clear();
        detectors.scan(value, self.sought.hint, LEAST, &mut seen.found);
        seen.clean = seen.found.is_empty();
        if seen.clean {
            return false;
        }
        let mut found = std::mem::take(&mut seen.found);
        let length = text::unpadded(value).len();
        for one in &found {
            let whole = (one.end - one.start) * 10 >= length * 9;
            seen.note(b"", one.detector, 1, whole);
        }
        found.retain(|one| hides(self.sought.hide, one.detector));
        seen.found = found;
        !seen.found.is_empty()
    }

    fn splice(detectors: &Detectors, value: &[u8], found: &[Finding], out: &mut Vec<u8>) {
        let mut from = 0;
        for one in found {
            out.extend_from_slice(value.get(from..one.start).unwrap_or_default());
            out.push(b'[');
            out.extend_from_slice(detectors.shown(one.detector).as_bytes());
            out.push(b']');
            from = one.end;
        }
        out.extend_from_slice(value.get(from..).unwrap_or_default());
    }

    fn look_in_text(
        &self,
        all: &Detectors,
        value: &[u8],
        out: &mut Vec<u8>,
        seen: &mut Seen,
    ) -> Made {
        let value = match self.base {
            Base::Padded => text::unpadded(value),
            _ => value,
        };
        if seen.memo.clean(seen.column, value) {
            return Made::Same;
        }
        if !self.hidden(all, value, seen) {
            if seen.clean {
                seen.memo.keep(seen.column, value);
            }
            return Made::Same;
        }
        let start = out.len();
        Self::splice(all, value, &seen.found, out);
        match (self.base, self.max_len) {
            (Base::Char, _) => out.truncate(start + 1),
            (Base::Name, _) => text::cut_bytes(out, start, NAME),
            (Base::Text | Base::Padded, Some(most)) => text::cut(out, start, most),
            _ => {}
        }
        if let (Base::Padded, Some(length)) = (self.base, self.max_len) {
            text::pad(out, start, length);
        }
        Made::New
    }

    fn look_in_json(
        &self,
        all: &Detectors,
        body: &[u8],
        before: &[u8],
        out: &mut Vec<u8>,
        seen: &mut Seen,
    ) -> Made {
        let start = out.len();
        out.extend_from_slice(before);
        let mut scrub = Scrub::new(all, None, LEAST);
        scrub.hide = self.sought.hide;
        scrub.tally = Some(HashMap::new());
        let hidden = json::scrub(body, &self.sought.name, &mut scrub, out);
        for ((path, detector), count) in scrub.tally.unwrap_or_default() {
            // The path begins with the column's own name.
            let path = path.get(self.sought.name.len()..).unwrap_or_default();
            let path = path.strip_prefix(b".").unwrap_or(path);
            seen.note(path, detector, count, false);
        }
        match hidden {
            Some(0) => {
                out.truncate(start);
                Made::Same
            }
            Some(_) => Made::New,
            None => {
                out.truncate(start);
                seen.note(b"", UNREAD, 1, true);
                Made::Null
            }
        }
    }

    fn look_in_xml(
        &self,
        all: &Detectors,
        value: &[u8],
        out: &mut Vec<u8>,
        seen: &mut Seen,
    ) -> Made {
        let mut hidden = self.hidden(all, value, seen);
        if !hidden && memchr::memchr(b'&', value).is_some() {
            let mut plain = std::mem::take(&mut seen.plain);
            unreferenced(value, &mut plain);
            hidden = self.hidden(all, &plain, seen);
            seen.plain = plain;
        }
        if !hidden {
            return Made::Same;
        }
        out.extend_from_slice(b"<redacted/>");
        Made::New
    }

    fn look_in_bytes(
        &self,
        all: &Detectors,
        value: &[u8],
        out: &mut Vec<u8>,
        seen: &mut Seen,
    ) -> Made {
        if self.binary {
            if !self.hidden(all, value, seen) {
                return Made::Same;
            }
            Self::splice(all, value, &seen.found, out);
            return Made::New;
        }
        let Some(Value::Bytes(plain)) = Value::read(Base::Bytea, false, value) else {
            seen.note(b"", UNREAD, 1, true);
            return Made::Null;
        };
        if !self.hidden(all, &plain, seen) {
            return Made::Same;
        }
        let mut clean = Vec::with_capacity(plain.len());
        Self::splice(all, &plain, &seen.found, &mut clean);
        match Value::Bytes(clean).write(Base::Bytea, false, out) {
            true => Made::New,
            false => Made::Null,
        }
    }
}

/// An XML text with the characters that its references stand for.
fn unreferenced(value: &[u8], plain: &mut Vec<u8>) {
    plain.clear();
    let mut rest = value;
    while let Some(at) = memchr::memchr(b'&', rest) {
        plain.extend_from_slice(rest.get(..at).unwrap_or_default());
        rest = rest.get(at..).unwrap_or_default();
        let end = rest.iter().take(12).position(|c| *c == b';');
        let known = end.and_then(|end| Some((referred(rest.get(1..end)?)?, end + 1)));
        let length = match known {
            Some((character, length)) => {
                plain.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                length
            }
            None => {
                plain.push(b'&');
                1
            }
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    plain.extend_from_slice(rest);
}

fn referred(name: &[u8]) -> Option<char> {
    let name = std::str::from_utf8(name).ok()?;
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => digits.parse(),
            };
            char::from_u32(code.ok()?)
        }
    }
}
