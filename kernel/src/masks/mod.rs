//! One mask on one column: a method, the kind of the values, their wire format. A value it cannot keep valid becomes NULL.

mod arrays;
mod crypto;
mod numeric;
mod pseudonym;
mod text;
mod times;
mod value;

use std::sync::Arc;

pub use crypto::Key;
use value::{Base, Value};

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
}

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
    key: Key,
    detectors: Option<Arc<Detectors>>,
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
            key: key.clone(),
            detectors: detectors.cloned(),
        };
        if mask.method == Method::Scrub && detectors.is_none() {
            return Err(Malformed("a scrub has no detectors"));
        }
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
                "unit" => mask.month = setting == "month",
                _ => return Err(Malformed("a mask has an unknown setting")),
            }
        }
        Ok(mask)
    }

    /// Appends the masked value; false: it is NULL now (and nothing was appended that counts).
    pub fn apply(&self, value: &[u8], out: &mut Vec<u8>) -> bool {
        if self.method == Method::Null || self.base == Base::Other {
            return false;
        }
        if self.array {
            return arrays::apply(self, value, out);
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
            Method::Pseudonym => pseudonym::text(value, &self.key, out),
            Method::Scrub => match &self.detectors {
                Some(detectors) => {
                    Scrub::new(detectors, None, LEAST).text(value, b"", out);
                }
                None => return false,
            },
            Method::Null | Method::Hash => return false,
        }
        let most = match self.base {
            Base::Char => Some(1),
            Base::Name => Some(63),
            _ => self.max_len,
        };
        if let Some(most) = most {
            text::cut(out, start, most);
        }
        true
    }

    fn json(&self, value: &[u8], out: &mut Vec<u8>) -> bool {
        let prefixed = self.base == Base::Jsonb && self.binary;
        let body = if prefixed {
            value.get(1..).unwrap_or_default()
        } else {
            value
        };
        if prefixed {
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
            Method::Null | Method::Email | Method::Pseudonym => return false,
        }
        true
    }

    fn scalar(&self, raw: &[u8]) -> Option<Value> {
        let value = Value::read(self.base, self.binary, raw)?;
        match self.method {
            Method::Redact => value.redacted(),
            Method::Hash => value.hashed(&self.key, self.base),
            Method::Pseudonym => pseudonym::scalar(&value, &self.key, self.base),
            Method::Generalize => value.generalized(self.width, self.month),
            Method::Null | Method::Partial | Method::Email | Method::Scrub => None,
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
        _ => return Err(Malformed("unknown mask method")),
    })
}
