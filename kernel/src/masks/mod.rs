//! One mask on one column: a method, the kind of the values, their wire format. A value it cannot keep valid becomes NULL.

mod arrays;
mod base;
mod crypto;
mod found;
mod memo;
mod number;
mod numeric;
mod pseudonym;
mod scalar;
mod subjects;
mod text;
mod times;
mod value;

use std::sync::Arc;

use base::Base;
pub use crypto::Key;
use found::Look;
pub use found::{Counts, Made, Place, Seen};
use numeric::Declared;
pub use subjects::{hash as subject_hash, Subjects};
use value::Value;

use crate::detect::scrub::Scrub;
use crate::detect::{json, Detectors};
use crate::Malformed;

/// How sure a finding has to be for `scrub` to hide it, in percent.
const LEAST: u8 = 50;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Null,
    Redact,
    Partial,
    Email,
    Hash,
    Pseudonym,
    Generalize,
    Scrub,
    Detect,
    /// It stays as it is; only `watch` has something to do.
    Pass,
}

/// NAMEDATALEN - 1: what the server takes as a `name`, in bytes.
const NAME: usize = 63;

/// A mask, compiled.
#[derive(Clone)]
pub struct ColumnMask {
    method: Method,
    base: Base,
    array: bool,
    binary: bool,
    keep_first: usize,
    keep_last: usize,
    width: i64,
    month: bool,
    max_len: Option<usize>,
    declared: Option<Declared>,
    key: Key,
    detectors: Option<Arc<Detectors>>,
    sought: Look,
    watch: Option<subjects::Watch>,
}

impl ColumnMask {
    /// `params` as in the module's manual; an unknown method, kind or setting is an error, and `scrub` without detectors.
    pub fn new<'a>(
        method: &str,
        kind: &str,
        binary: bool,
        params: impl IntoIterator<Item = (&'a str, &'a str)>,
        key: &Key,
        detectors: Option<&Arc<Detectors>>,
    ) -> Result<Self, Malformed> {
        let (array, name) = kind
            .strip_prefix("array:")
            .map_or((false, kind), |name| (true, name));
        let mut mask = Self {
            method: method_named(method)?,
            base: Base::named(name),
            array,
            binary,
            keep_first: 0,
            keep_last: 4,
            width: 10,
            month: false,
            max_len: None,
            declared: None,
            key: key.clone(),
            detectors: detectors.cloned(),
            sought: Look::default(),
            watch: None,
        };
        if matches!(mask.method, Method::Scrub | Method::Detect) && detectors.is_none() {
            return Err(Malformed("a scrub has no detectors"));
        }
        let (mut precision, mut scale) = (None, 0);
        let (mut subject, mut told) = (None, "");
        for (name, setting) in params {
            let number = || {
                setting
                    .parse::<u32>()
                    .map_err(|_| Malformed("a mask's setting is not a number"))
            };
            match name {
                "keep_first" => mask.keep_first = number()? as usize,
                "keep_last" => mask.keep_last = number()? as usize,
                "width" => mask.width = i64::from(number()?.max(1)),
                "max_len" => mask.max_len = Some(number()? as usize),
                "precision" => precision = Some(number()?),
                "scale" => {
                    scale = setting
                        .parse::<i16>()
                        .map_err(|_| Malformed("a mask's setting is not a number"))?
                        .into();
                }
                "subject" => subject = Some(setting),
                "told" => told = setting,
                "unit" => mask.month = setting == "month",
                "name" => mask.sought.name = setting.as_bytes().to_vec(),
                "hide" => {
                    mask.sought.hide = setting
                        .parse()
                        .map_err(|_| Malformed("a mask's setting is not a number"))?;
                }
                _ => return Err(Malformed("a mask has an unknown setting")),
            }
        }
        if let Some(detectors) = detectors {
            mask.sought.hint = detectors.hint(&mask.sought.name);
        }
        mask.watch = subject
            .map(|key| subjects::Watch::new(key.as_bytes(), told.as_bytes()))
            .transpose()?;
        mask.declared = precision.map(|precision| Declared { precision, scale });
        Ok(mask)
    }

    /// Whether it hides every value, and not only what is found in some.
    pub fn hides_all(&self) -> bool {
        !matches!(self.method, Method::Detect | Method::Pass)
    }

    /// What becomes of a value.
    pub fn apply(&self, value: &[u8], out: &mut Vec<u8>, seen: &mut Seen) -> Made {
        if let Some(watch) = &self.watch {
            self.note(watch, value, seen);
        }
        if self.method == Method::Pass {
            return Made::Same;
        }
        if self.method == Method::Detect {
            return match self.array {
                true => arrays::look(self, value, out, seen),
                false => self.look(value, out, seen),
            };
        }
        match self.masked(value, out) {
            true => Made::New,
            false => Made::Null,
        }
    }

    fn masked(&self, value: &[u8], out: &mut Vec<u8>) -> bool {
        if self.method == Method::Null || self.base == Base::Other {
            return false;
        }
        if self.array {
            return arrays::apply(self, value, out, &mut |element, out| self.one(element, out));
        }
        self.one(value, out)
    }

    fn one(&self, value: &[u8], out: &mut Vec<u8>) -> bool {
        match self.base {
            base if base.textual() => self.textual(value, out),
            Base::Json | Base::Jsonb => self.json(value, out),
            _ => match self.scalar(value) {
                Some(masked) => masked.write(self.base, self.binary, out),
                None => false,
            },
        }
    }

    fn textual(&self, value: &[u8], out: &mut Vec<u8>) -> bool {
        let start = out.len();
        // What pads a text to its declared length is no part of it, and is put back.
        let value = match self.base {
            Base::Padded => text::unpadded(value),
            _ => value,
        };
        match self.method {
            Method::Redact | Method::Generalize if self.base == Base::Xml => {
                out.extend_from_slice(b"<redacted/>")
            }
            Method::Redact | Method::Generalize => out.extend_from_slice(b"[redacted]"),
            Method::Hash if self.base != Base::Xml => {
                out.extend_from_slice(&crypto::hex(&self.key.digest(value)))
            }
            _ if self.base == Base::Xml => return false,
            Method::Partial => text::partial(value, self.keep_first, self.keep_last, out),
            Method::Email => text::email(value, out),
            Method::Pseudonym => {
                if !pseudonym::text(value, &self.key, out) {
                    return false;
                }
            }
            Method::Scrub => match &self.detectors {
                Some(detectors) => {
                    Scrub::new(detectors, None, LEAST).text(value, b"", out);
                }
                None => return false,
            },
            Method::Null | Method::Hash | Method::Detect | Method::Pass => return false,
        }
        match (self.base, self.max_len) {
            (Base::Char, _) => out.truncate(start + 1),
            (Base::Name, _) => text::cut_bytes(out, start, NAME),
            (Base::Text | Base::Padded, Some(most)) => text::cut(out, start, most),
            _ => {}
        }
        if let (Base::Padded, Some(length)) = (self.base, self.max_len) {
            text::pad(out, start, length);
        }
        true
    }

    fn json(&self, value: &[u8], out: &mut Vec<u8>) -> bool {
        let prefixed = self.base == Base::Jsonb && self.binary;
        let mut body = value;
        if prefixed {
            // The one version of the binary form that there is.
            let Some(rest) = value.strip_prefix(b"\x01") else {
                return false;
            };
            body = rest;
            out.push(1);
        }
        match self.method {
            Method::Redact | Method::Generalize | Method::Partial => {
                out.extend_from_slice(b"\"[redacted]\"")
            }
            Method::Hash => {
                out.push(b'"');
                out.extend_from_slice(&crypto::hex(&self.key.digest(body)));
                out.push(b'"');
            }
            Method::Scrub => {
                return self.detectors.as_ref().is_some_and(|detectors| {
                    let mut scrub = Scrub::new(detectors, None, LEAST);
                    json::scrub(body, b"", &mut scrub, out).is_some()
                })
            }
            Method::Null | Method::Email | Method::Pseudonym | Method::Detect | Method::Pass => {
                return false
            }
        }
        true
    }

    fn scalar(&self, raw: &[u8]) -> Option<Value> {
        let has_stand_in = matches!(self.base, Base::Uuid | Base::Bytea);
        match self.method {
            Method::Null
            | Method::Partial
            | Method::Email
            | Method::Scrub
            | Method::Detect
            | Method::Pass => return None,
            Method::Redact if !has_stand_in => return None,
            _ => {}
        }
        let value = Value::read(self.base, self.binary, raw)?;
        let masked = match self.method {
            Method::Redact => value.redacted(),
            Method::Hash => value.hashed(&self.key, self.base, self.declared),
            Method::Pseudonym => pseudonym::scalar(&value, &self.key, self.base),
            Method::Generalize => value.generalized(self.base, self.width, self.month),
            _ => None,
        }?;
        match (masked, self.declared) {
            (Value::Decimal(text), Some(declared)) => {
                let fitted = Value::Decimal(numeric::fit(&text, declared)?);
                // Rounding can lead back to the value itself, which only a bucket may be.
                let itself = self.method != Method::Generalize
                    && fitted.with_canonical(|one| value.with_canonical(|other| one == other));
                (!itself).then_some(fitted)
            }
            (masked, _) => Some(masked),
        }
    }
}

fn method_named(name: &str) -> Result<Method, Malformed> {
    Ok(match name {
        "null" => Method::Null,
        "redact" => Method::Redact,
        "partial" => Method::Partial,
        "email" => Method::Email,
        "hash" => Method::Hash,
        "pseudonym" => Method::Pseudonym,
        "generalize" => Method::Generalize,
        "scrub" => Method::Scrub,
        "detect" => Method::Detect,
        "pass" => Method::Pass,
        _ => return Err(Malformed("unknown mask method")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const METHODS: [&str; 8] = [
        "null",
        "redact",
        "partial",
        "email",
        "hash",
        "pseudonym",
        "generalize",
        "scrub",
    ];

    fn masked(
        method: &str,
        kind: &str,
        binary: bool,
        params: &[(&str, &str)],
        value: &[u8],
    ) -> Option<Vec<u8>> {
        let mask = ColumnMask::new(
            method,
            kind,
            binary,
            params.iter().copied(),
            &Key::new(b"k"),
            None,
        )
        .ok()?;
        let mut out = Vec::new();
        (mask.apply(value, &mut out, &mut Seen::default()) == Made::New).then_some(out)
    }

    #[test]
    fn a_mask_that_nobody_knows_is_an_error() {
        let key = Key::new(b"");
        for (method, name, setting) in [
            ("rot13", "width", "1"),
            ("partial", "keep_middle", "1"),
            ("partial", "keep_last", "-1"),
            ("partial", "keep_last", "x"),
            ("hash", "scale", "70000"),
            ("hash", "precision", ""),
        ] {
            assert!(ColumnMask::new(method, "text", false, [(name, setting)], &key, None).is_err());
        }
    }

    #[test]
    fn a_kind_that_nobody_knows_is_null_under_every_mask() {
        for method in METHODS {
            for kind in ["other", "bool", "array:other", "array:array:text", ""] {
                assert_eq!(masked(method, kind, false, &[], b"x"), None);
            }
        }
    }

    #[test]
    fn padded_text_is_masked_without_its_padding_and_padded_again() {
        let ten = [("max_len", "10")];
        assert_eq!(
            masked("redact", "bpchar", false, &ten, b"ann       ").as_deref(),
            Some(&b"[redacted]"[..])
        );
        assert_eq!(
            masked(
                "partial",
                "bpchar",
                false,
                &[("max_len", "12")],
                b"0123456789  "
            )
            .as_deref(),
            Some(&b"******6789  "[..])
        );
        assert_eq!(
            masked("hash", "bpchar", false, &[], b"ann   "),
            masked("hash", "text", false, &[], b"ann")
        );
        let mail = masked(
            "email",
            "bpchar",
            false,
            &[("max_len", "24")],
            b"ann@example.com         ",
        );
        assert_eq!(mail.as_deref(), Some(&b"a***@example.com        "[..]));
    }

    #[test]
    fn declared_lengths_are_kept_in_characters_of_varchar_and_bytes_of_name() {
        assert_eq!(
            masked(
                "partial",
                "varchar",
                false,
                &[("max_len", "3")],
                "äöüßä".as_bytes()
            )
            .as_deref(),
            Some(&b"***"[..])
        );
        let long = "é@".to_owned() + &"a".repeat(56) + ".com";
        assert_eq!(
            masked("email", "name", true, &[], long.as_bytes()).map(|out| out.len()),
            Some(63)
        );
        assert_eq!(
            masked("hash", "char", true, &[], b"\xff").map(|out| out.len()),
            Some(1)
        );
        assert_eq!(masked("pseudonym", "char", true, &[], b"\x85"), None);
    }

    #[test]
    fn declared_digits_are_kept() {
        let declared = [("precision", "4"), ("scale", "2")];
        let generalized = [("precision", "4"), ("scale", "2"), ("width", "10")];
        for text in ["-99.99", "0.01", "12.50", "99.00"] {
            for method in ["hash", "pseudonym"] {
                let made = masked(method, "numeric", false, &declared, text.as_bytes())
                    .unwrap_or_default();
                assert!(
                    made.split(|c| *c == b'.').all(|part| part.len() <= 3),
                    "{method} {text}"
                );
            }
        }
        let rounded = [("precision", "2"), ("scale", "-3")];
        for text in ["1000", "5000", "9000"] {
            let made = masked("pseudonym", "numeric", false, &rounded, text.as_bytes());
            assert_ne!(made.as_deref(), Some(text.as_bytes()));
        }
        assert_eq!(
            masked("generalize", "numeric", false, &generalized, b"-99.99"),
            None
        );
        assert_eq!(
            masked("generalize", "numeric", false, &generalized, b"99.99").as_deref(),
            Some(&b"90.00"[..])
        );
    }

    #[test]
    fn json_stays_json() {
        for method in ["redact", "generalize", "partial"] {
            assert_eq!(
                masked(method, "json", false, &[], b"{}").as_deref(),
                Some(&b"\"[redacted]\""[..])
            );
            assert_eq!(
                masked(method, "jsonb", true, &[], b"\x01{}").as_deref(),
                Some(&b"\x01\"[redacted]\""[..])
            );
        }
        assert_eq!(masked("redact", "jsonb", true, &[], b"{}"), None);
        assert_eq!(masked("email", "json", false, &[], b"{}"), None);
        assert_eq!(
            masked("hash", "jsonb", true, &[], b"\x01{}")
                .and_then(|out| out.get(1..).map(<[u8]>::to_vec)),
            masked("hash", "json", false, &[], b"{}")
        );
    }

    #[test]
    fn xml_has_a_stand_in_and_nothing_else() {
        for method in METHODS {
            let made = masked(method, "xml", false, &[], b"<a/>");
            let shown = matches!(method, "redact" | "generalize");
            assert_eq!(made, shown.then(|| b"<redacted/>".to_vec()));
        }
    }
}
