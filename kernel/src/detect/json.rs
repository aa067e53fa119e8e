//! Scrubs within the strings and numbers of a JSON text, at any depth. All other bytes stay as they are.

use super::scrub::Scrub;

/// Numbers with fewer digits are not looked at.
const SHORTEST: usize = 7;

/// An object or array that is open, and the key that its current value is under.
struct Level {
    array: bool,
    key: (usize, usize),
}

/// Appends the text scrubbed; `None` (and nothing of it) when it is no JSON that this can read. Returns how much was found.
pub fn scrub(value: &[u8], name: &[u8], scrub: &mut Scrub<'_>, out: &mut Vec<u8>) -> Option<usize> {
    let begun = out.len();
    let mut walk = Walk {
        value,
        name,
        levels: Vec::new(),
        copied: 0,
        count: 0,
        plain: Vec::new(),
    };
    if walk.all(scrub, out).is_none() {
        out.truncate(begun);
        return None;
    }
    out.extend_from_slice(value.get(walk.copied..).unwrap_or_default());
    Some(walk.count)
}

struct Walk<'a> {
    value: &'a [u8],
    name: &'a [u8],
    levels: Vec<Level>,
    copied: usize,
    count: usize,
    plain: Vec<u8>,
}

impl<'a> Walk<'a> {
    fn all(&mut self, scrub: &mut Scrub<'_>, out: &mut Vec<u8>) -> Option<()> {
        let mut at = 0;
        while let Some(&c) = self.value.get(at) {
            match c {
                b'"' => at = self.string(at + 1, scrub, out)?,
                b'0'..=b'9' | b'-' => at = self.number(at, scrub, out),
                b'{' | b'[' => {
                    self.levels.push(Level {
                        array: c == b'[',
                        key: (0, 0),
                    });
                    at += 1;
                }
                b'}' | b']' => {
                    self.levels.pop()?;
                    at += 1;
                }
                b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' => at += 1,
                b'a'..=b'z' => at += 1,
                _ => return None,
            }
        }
        Some(())
    }

    fn string(&mut self, start: usize, scrub: &mut Scrub<'_>, out: &mut Vec<u8>) -> Option<usize> {
        let end = string_end(self.value, start)?;
        let mut after = end + 1;
        while matches!(self.value.get(after), Some(b' ' | b'\t')) {
            after += 1;
        }
        let is_key = self.value.get(after) == Some(&b':')
            && self.levels.last().is_some_and(|level| !level.array);
        let body = self.value.get(start..end)?;
        let name = if is_key { b"" } else { self.key() };
        if memchr::memchr(b'\\', body).is_none() {
            if scrub.scan(body, name, || self.path(is_key)) {
                out.extend_from_slice(self.value.get(self.copied..start)?);
                scrub.write(body, out);
                self.copied = end;
                self.count += scrub.count();
            }
        } else {
            let mut plain = std::mem::take(&mut self.plain);
            unescape(body, &mut plain);
            if scrub.scan(&plain, name, || self.path(is_key)) {
                out.extend_from_slice(self.value.get(self.copied..start)?);
                let mut clean = Vec::with_capacity(plain.len());
                scrub.write(&plain, &mut clean);
                escape(&clean, out);
                self.copied = end;
                self.count += scrub.count();
            }
            self.plain = plain;
        }
        if is_key {
            if let Some(level) = self.levels.last_mut() {
                level.key = (start, end);
            }
        }
        Some(end + 1)
    }

    fn number(&mut self, start: usize, scrub: &mut Scrub<'_>, out: &mut Vec<u8>) -> usize {
        let rest = self.value.get(start..).unwrap_or_default();
        let length = rest
            .iter()
            .position(|c| !matches!(c, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'))
            .unwrap_or(rest.len())
            .max(1);
        let digits = rest.get(..length).unwrap_or_default();
        if length >= SHORTEST
            && digits.iter().all(u8::is_ascii_digit)
            && scrub.scan(digits, self.key(), || self.path(false))
        {
            out.extend_from_slice(self.value.get(self.copied..start).unwrap_or_default());
            out.push(b'0');
            self.copied = start + length;
            self.count += scrub.count();
        }
        start + length
    }

    /// The key that the value here is under; in arrays that of the array.
    fn key(&self) -> &'a [u8] {
        self.levels
            .iter()
            .rev()
            .find(|level| level.key.1 > 0)
            .and_then(|level| self.value.get(level.key.0..level.key.1))
            .unwrap_or(self.name)
    }

    /// Where this is, as `messages[].content`.
    fn path(&self, of_key: bool) -> Vec<u8> {
        let mut path = self.name.to_vec();
        let last = self.levels.len().saturating_sub(1);
        for (index, level) in self.levels.iter().enumerate() {
            if level.array {
                path.extend_from_slice(b"[]");
            } else if !(of_key && index == last) {
                if !path.is_empty() {
                    path.push(b'.');
                }
                path.extend_from_slice(
                    self.value.get(level.key.0..level.key.1).unwrap_or_default(),
                );
            }
        }
        if of_key {
            path.extend_from_slice(b"{key}");
        }
        path
    }
}

fn string_end(value: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr::memchr2(b'"', b'\\', value.get(at..)?)?;
        if value.get(at) == Some(&b'"') {
            return Some(at);
        }
        at += 2;
    }
}

/// What the escapes of a string stand for, so that none can hide a value.
fn unescape(body: &[u8], plain: &mut Vec<u8>) {
    plain.clear();
    let mut rest = body;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        plain.extend_from_slice(rest.get(..at).unwrap_or_default());
        let Some(escape) = rest.get(at + 1) else {
            return;
        };
        let mut length = 2;
        match escape {
            b'u' => {
                let (known, read) = code(rest.get(at..).unwrap_or_default());
                plain.extend_from_slice(known.encode_utf8(&mut [0; 4]).as_bytes());
                length = read;
            }
            b'n' => plain.push(b'\n'),
            b't' => plain.push(b'\t'),
            b'r' => plain.push(b'\r'),
            b'b' => plain.push(8),
            b'f' => plain.push(12),
            other => plain.push(*other),
        }
        rest = rest.get(at + length..).unwrap_or_default();
    }
    plain.extend_from_slice(rest);
}

/// The character of a `\uXXXX` or a pair of them, and how many bytes that took.
fn code(text: &[u8]) -> (char, usize) {
    let unit = |from: usize| {
        text.get(from..from + 2).filter(|mark| *mark == b"\\u")?;
        let hex = std::str::from_utf8(text.get(from + 2..from + 6)?).ok()?;
        u32::from_str_radix(hex, 16).ok()
    };
    match (unit(0), unit(6)) {
        (Some(high @ 0xD800..=0xDBFF), Some(low @ 0xDC00..=0xDFFF)) => {
            let whole = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
            (char::from_u32(whole).unwrap_or('\u{fffd}'), 12)
        }
        (Some(one), _) => (char::from_u32(one).unwrap_or('\u{fffd}'), 6),
        _ => ('\u{fffd}', 6),
    }
}

fn escape(plain: &[u8], out: &mut Vec<u8>) {
    for &byte in plain {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\r' => out.extend_from_slice(b"\\r"),
            0..=0x1f => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
}
