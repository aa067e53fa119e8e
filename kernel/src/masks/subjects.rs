//! Whom a result is about: keyed hashes of identifying values as they pass, so that it can be asked later who saw a person's row
//! and no value is kept.
//!
//! The hash is SipHash-2-4 under a key of 128 bits, which is a pseudo-random function: without the key no guess can be confirmed.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use siphasher::sip::SipHasher24;

use super::base::Base;
use super::value::Value;
use super::{arrays, numeric, text, ColumnMask, Seen};
use crate::Malformed;

/// Distinct values of a column that are told of one result; of more it is only said that there were more.
pub const MOST: usize = 1024;

/// What a value is hashed with, and what stands in the event beside the hashes of its column.
#[derive(Clone)]
pub struct Watch {
    key: [u8; 16],
    told: Arc<[u8]>,
}

impl Watch {
    /// `key` is in hex; `told` the fields of a JSON object.
    pub(super) fn new(key: &[u8], told: &[u8]) -> Result<Self, Malformed> {
        let mut bytes = [0; 16];
        let digits = std::str::from_utf8(key).ok().filter(|key| key.len() == 32);
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = digits
                .and_then(|digits| u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok())
                .ok_or(Malformed("a key of hashes is not 32 hexadecimal digits"))?;
        }
        Ok(Self {
            key: bytes,
            told: told.into(),
        })
    }
}

/// The hash of a value: one for all ways in which it is written.
pub fn hash(value: &[u8], key: &[u8; 16]) -> u64 {
    let mut room = Vec::new();
    SipHasher24::new_with_key(key).hash(folded(value, &mut room))
}

/// A value as it is hashed: in lower case, without blanks at its ends, and without what separates digits unless it is an address.
fn folded<'a>(value: &[u8], room: &'a mut Vec<u8>) -> &'a [u8] {
    room.clear();
    let value = value.trim_ascii();
    let address = memchr::memchr(b'@', value).is_some();
    let dropped = |c: u8| !address && matches!(c, b' ' | b'-' | b'.' | b'/' | b'(' | b')');
    match std::str::from_utf8(value) {
        Ok(text) if !text.is_ascii() => {
            let lower = text.to_lowercase();
            room.extend(lower.bytes().filter(|c| !dropped(*c)));
        }
        _ => room.extend(
            value
                .iter()
                .filter(|c| !dropped(**c))
                .map(u8::to_ascii_lowercase),
        ),
    }
    room
}

/// Hashes are spread evenly as they are.
#[derive(Default)]
struct Itself(u64);

impl Hasher for Itself {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0 << 8 | u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

struct Gathered {
    column: u16,
    told: Arc<[u8]>,
    hashes: HashSet<u64, BuildHasherDefault<Itself>>,
    /// Not all values are among the hashes.
    more: bool,
    full: bool,
}

impl Gathered {
    fn add(&mut self, value: &[u8], key: &[u8; 16], room: &mut Vec<u8>) {
        let hash = SipHasher24::new_with_key(key).hash(folded(value, room));
        if self.hashes.insert(hash) && self.hashes.len() > MOST {
            // A part of a long list answers nothing that the statement itself does not.
            self.hashes = HashSet::default();
            self.more = true;
            self.full = true;
        }
    }
}

/// The hashes of one result, by column.
#[derive(Default)]
pub struct Subjects {
    columns: Vec<Gathered>,
    room: Vec<u8>,
    spare: Vec<u8>,
}

impl Subjects {
    /// Begins to gather for the columns of a plan that are watched; only then anything is noted.
    pub fn enter(&mut self, plan: &[Option<ColumnMask>]) {
        for (column, mask) in (0u16..).zip(plan) {
            let Some(watch) = mask.as_ref().and_then(|mask| mask.watch.as_ref()) else {
                continue;
            };
            let last = self.columns.iter().rev().find(|one| one.column == column);
            if last.is_none_or(|one| one.told != watch.told) {
                self.columns.push(Gathered {
                    column,
                    told: watch.told.clone(),
                    hashes: HashSet::default(),
                    more: false,
                    full: false,
                });
            }
        }
    }

    /// The entries of the event, joined by commas; empty: nothing is watched.
    pub fn told(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for one in &self.columns {
            if !out.is_empty() {
                out.push(b',');
            }
            out.extend_from_slice(format!("{{\"output\":{},", one.column).as_bytes());
            out.extend_from_slice(&one.told);
            out.extend_from_slice(b",\"values\":\"");
            let mut hashes: Vec<u64> = one.hashes.iter().copied().collect();
            hashes.sort_unstable();
            let bytes: Vec<u8> = hashes.into_iter().flat_map(u64::to_be_bytes).collect();
            base64(&bytes, &mut out);
            out.extend_from_slice(if one.more {
                b"\",\"more\":true}"
            } else {
                b"\"}"
            });
        }
        out
    }
}

impl ColumnMask {
    /// Notes a value that is about to leave, in whatever form.
    pub(super) fn note(&self, watch: &Watch, value: &[u8], seen: &mut Seen) {
        let column = seen.column;
        let Subjects {
            columns,
            room,
            spare,
        } = &mut seen.subjects;
        let Some(here) = columns.iter_mut().rev().find(|one| one.column == column) else {
            return;
        };
        if here.full {
            return;
        }
        if !self.array {
            let read = self.named(value, |text| here.add(text, &watch.key, room));
            here.more |= !read;
            return;
        }
        spare.clear();
        let mut unread = false;
        let read = self.base != Base::Other
            && arrays::apply(self, value, spare, &mut |element, _| {
                unread |= !self.named(element, |text| here.add(text, &watch.key, room));
                false
            });
        here.more |= unread || !read;
    }

    /// Hands on a value's text, the same in both formats; false: it has none that is known to be.
    fn named(&self, value: &[u8], mut then: impl FnMut(&[u8])) -> bool {
        match self.base {
            Base::Json | Base::Jsonb | Base::Xml => return false,
            Base::Padded => then(text::unpadded(value)),
            base if base.textual() => then(value),
            // As it is printed, which is all that is known of it.
            Base::Other if !self.binary => then(value),
            base => match Value::read(base, self.binary, value) {
                None | Some(Value::Moment(..) | Value::Float(_)) => return false,
                Some(Value::Bytes(bytes)) => then(&bytes),
                Some(Value::Decimal(text)) => then(numeric::canonical(&text).as_bytes()),
                Some(value) => {
                    let mut text = Vec::new();
                    value.text(&mut text);
                    then(&text);
                }
            },
        }
        true
    }
}

fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for three in bytes.chunks(3) {
        let at = |place: usize| u32::from(three.get(place).copied().unwrap_or(0));
        let word = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4usize {
            let digit = DIGITS.get((word >> (18 - 6 * place)) as usize & 63);
            out.push(match digit {
                Some(digit) if place <= three.len() => *digit,
                _ => b'=',
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::masks::Key;

    const KEY: &str = "000102030405060708090a0b0c0d0e0f";

    fn watched(method: &str, kind: &str, binary: bool) -> Vec<Option<ColumnMask>> {
        let params = [("subject", KEY), ("told", "\"shown\":true")];
        let made = ColumnMask::new(method, kind, binary, params, &Key::new(b"k"), None);
        vec![made.ok()]
    }

    fn told(plan: &[Option<ColumnMask>], values: &[&[u8]]) -> String {
        let mut seen = Seen::default();
        seen.subjects.enter(plan);
        for value in values {
            for mask in plan.iter().flatten() {
                mask.apply(value, &mut Vec::new(), &mut seen);
            }
        }
        String::from_utf8_lossy(&seen.subjects.told()).into_owned()
    }

    #[test]
    fn the_hash_is_siphash_2_4_as_its_authors_give_it() {
        let mut key = [0; 16];
        for (at, byte) in (0u8..).zip(&mut key) {
            *byte = at;
        }
        let message: Vec<u8> = (0..15).collect();
        assert_eq!(
            SipHasher24::new_with_key(&key).hash(&message),
            0xa129_ca61_49be_45e5
        );
    }

    #[test]
    fn ways_to_write_a_value_have_one_hash_and_different_values_do_not() {
        let key = [7; 16];
        for (one, other) in [
            ("Ada@Example.com", " ada@example.com\n"),
            ("123-45-6789", "123456789"),
            ("ÄDA@example.com", "äda@example.com"),
            ("AB 12 34 56 C", "ab123456c"),
        ] {
            assert_eq!(hash(one.as_bytes(), &key), hash(other.as_bytes(), &key));
        }
        assert_ne!(hash(b"a.da@x.org", &key), hash(b"ada@x.org", &key));
        assert_ne!(hash(b"123456789", &key), hash(b"123456788", &key));
        assert_ne!(hash(b"123456789", &key), hash(b"123456789", &[8; 16]));
    }

    #[test]
    fn text_and_binary_give_one_hash_whatever_hides_the_value() {
        for (kind, text, binary) in [
            ("text", &b"42"[..], &b"42"[..]),
            ("int4", b"42", b"\0\0\0\x2a"),
            ("int8", b"42", b"\0\0\0\0\0\0\0\x2a"),
            ("numeric", b"42.00", b"\0\x01\0\0\0\0\0\x02\0\x2a"),
            ("bytea", b"\\x3432", b"42"),
            (
                "array:int4",
                b"{42,NULL}",
                b"\0\0\0\x01\0\0\0\x01\0\0\0\x17\0\0\0\x02\0\0\0\x01\0\0\0\x04\0\0\0\x2a\xff\xff\xff\xff",
            ),
        ] {
            for method in ["pass", "null", "hash"] {
                let said = told(&watched(method, kind, false), &[text, text]);
                assert_eq!(said, told(&watched(method, kind, true), &[binary]), "{kind}");
                assert_eq!(said, told(&watched("pass", "text", false), &[b"42"]), "{kind}");
            }
        }
        let uuid = b"00112233-4455-6677-8899-AABBCCDDEEFF";
        let bytes = b"\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff";
        assert_eq!(
            told(&watched("pass", "uuid", true), &[bytes]),
            told(&watched("pass", "text", true), &[uuid])
        );
    }

    #[test]
    fn what_cannot_be_told_says_that_there_is_more() {
        for (kind, binary, value) in [
            ("other", true, &b"x"[..]),
            ("jsonb", false, b"{}"),
            ("int4", true, b"x"),
            ("array:text", false, b"x"),
            ("array:other", false, b"{x}"),
        ] {
            assert_eq!(
                told(&watched("pass", kind, binary), &[value]),
                "{\"output\":0,\"shown\":true,\"values\":\"\",\"more\":true}",
                "{kind}"
            );
        }
        assert_eq!(
            told(&watched("pass", "text", false), &[]),
            "{\"output\":0,\"shown\":true,\"values\":\"\"}"
        );
    }

    #[test]
    fn a_long_list_is_not_told() {
        let values: Vec<Vec<u8>> = (0..=MOST).map(|n| format!("c{n}").into_bytes()).collect();
        let all: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
        let plan = watched("pass", "text", false);
        let short = all.get(1..).unwrap_or_default();
        assert!(!told(&plan, short).contains("more"));
        assert_eq!(
            told(&plan, &all),
            "{\"output\":0,\"shown\":true,\"values\":\"\",\"more\":true}"
        );
    }

    #[test]
    fn nothing_is_noted_where_nothing_was_entered() {
        let mut seen = Seen::default();
        for mask in watched("pass", "text", false).iter().flatten() {
            mask.apply(b"x", &mut Vec::new(), &mut seen);
        }
        assert!(seen.subjects.told().is_empty());
    }

    #[test]
    fn a_key_is_what_it_has_to_be() {
        for key in [
            "",
            "00",
            "g00102030405060708090a0b0c0d0e0f",
            "é00102030405060708090a0b0c0d0e0",
        ] {
            assert!(Watch::new(key.as_bytes(), b"").is_err());
        }
    }

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (plain, written) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
        ] {
            let mut out = Vec::new();
            base64(plain.as_bytes(), &mut out);
            assert_eq!(String::from_utf8_lossy(&out), written);
        }
    }
}
