//! Values that are not text: read from either wire format, masked as numbers or days, written back in the same format.
//!
//! Source: the send and receive functions of the types, https://www.postgresql.org/docs/current/protocol-overview.html.

use super::crypto::Key;
use super::{numeric, times};

/// The classes of types that masks tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    Text,
    Char,
    Name,
    Json,
    Jsonb,
    Xml,
    Uuid,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Numeric,
    Date,
    Timestamp,
    Timestamptz,
    Bytea,
    Other,
}

impl Base {
    /// The class of a kind by its name; what is not known is `Other`, whose masks are all NULL.
    pub fn named(kind: &str) -> Self {
        match kind {
            "text" | "varchar" | "bpchar" => Self::Text,
            "char" => Self::Char,
            "name" => Self::Name,
            "json" => Self::Json,
            "jsonb" => Self::Jsonb,
            "xml" => Self::Xml,
            "uuid" => Self::Uuid,
            "int2" => Self::Int2,
            "int4" => Self::Int4,
            "int8" => Self::Int8,
            "oid" => Self::Oid,
            "float4" => Self::Float4,
            "float8" => Self::Float8,
            "numeric" => Self::Numeric,
            "date" => Self::Date,
            "timestamp" => Self::Timestamp,
            "timestamptz" => Self::Timestamptz,
            "bytea" => Self::Bytea,
            _ => Self::Other,
        }
    }

    /// Whether a value is its own text in both formats.
    pub fn textual(self) -> bool {
        matches!(self, Self::Text | Self::Char | Self::Name | Self::Xml)
    }

    /// The largest whole number of the type.
    pub fn most(self) -> i64 {
        match self {
            Self::Int2 => i64::from(i16::MAX),
            Self::Int4 => i64::from(i32::MAX),
            Self::Oid => i64::from(u32::MAX),
            Self::Float4 => 1 << 24,
            Self::Float8 => 1 << 53,
            _ => i64::MAX,
        }
    }
}

/// A value out of its format.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Whole(i64),
    Float(f64),
    /// A decimal in text, as PostgreSQL prints it.
    Decimal(String),
    /// Days since 2000-01-01.
    Day(i64),
    /// Microseconds since 2000-01-01, and how the zone was written behind it.
    Moment(i64, String),
    Uuid([u8; 16]),
    Bytes(Vec<u8>),
}

impl Value {
    /// Reads a value; None when it does not fit its type (or a setting of the session prints it otherwise).
    pub fn read(base: Base, binary: bool, raw: &[u8]) -> Option<Self> {
        if binary {
            return Self::read_binary(base, raw);
        }
        let text = std::str::from_utf8(raw).ok()?;
        Some(match base {
            Base::Int2 | Base::Int4 | Base::Int8 | Base::Oid => Self::Whole(text.parse().ok()?),
            Base::Float4 | Base::Float8 => Self::Float(
                text.parse()
                    .ok()
                    .filter(|number: &f64| number.is_finite())?,
            ),
            Base::Numeric => Self::Decimal(numeric::checked(text)?.to_owned()),
            Base::Date => Self::Day(times::day(text)?),
            Base::Timestamp | Base::Timestamptz => times::moment(text)?,
            Base::Uuid => Self::Uuid(uuid(text)?),
            Base::Bytea => Self::Bytes(bytes(text)?),
            _ => return None,
        })
    }

    fn read_binary(base: Base, raw: &[u8]) -> Option<Self> {
        Some(match base {
            Base::Int2 => Self::Whole(i16::from_be_bytes(raw.try_into().ok()?).into()),
            Base::Int4 => Self::Whole(i32::from_be_bytes(raw.try_into().ok()?).into()),
            Base::Int8 => Self::Whole(i64::from_be_bytes(raw.try_into().ok()?)),
            Base::Oid => Self::Whole(u32::from_be_bytes(raw.try_into().ok()?).into()),
            Base::Float4 => {
                Self::Float(f64::from(f32::from_be_bytes(raw.try_into().ok()?))).finite()?
            }
            Base::Float8 => Self::Float(f64::from_be_bytes(raw.try_into().ok()?)).finite()?,
            Base::Numeric => Self::Decimal(numeric::read(raw)?),
            Base::Date => Self::Day(times::finite_day(i32::from_be_bytes(raw.try_into().ok()?))?),
            Base::Timestamp | Base::Timestamptz => Self::Moment(
                times::finite_moment(i64::from_be_bytes(raw.try_into().ok()?))?,
                String::new(),
            ),
            Base::Uuid => Self::Uuid(raw.try_into().ok()?),
            Base::Bytea => Self::Bytes(raw.to_owned()),
            _ => return None,
        })
    }

    fn finite(self) -> Option<Self> {
        match self {
            Self::Float(number) if !number.is_finite() => None,
            other => Some(other),
        }
    }

    /// Writes the value in the format it came in; false when it does not fit the type.
    pub fn write(&self, base: Base, binary: bool, out: &mut Vec<u8>) -> bool {
        let written = if binary {
            self.binary(base)
        } else {
            Some(self.text())
        };
        match written {
            Some(bytes) => {
                out.extend_from_slice(&bytes);
                true
            }
            None => false,
        }
    }

    fn binary(&self, base: Base) -> Option<Vec<u8>> {
        Some(match (self, base) {
            (Self::Whole(n), Base::Int2) => i16::try_from(*n).ok()?.to_be_bytes().to_vec(),
            (Self::Whole(n), Base::Int4) => i32::try_from(*n).ok()?.to_be_bytes().to_vec(),
            (Self::Whole(n), Base::Int8) => n.to_be_bytes().to_vec(),
            (Self::Whole(n), Base::Oid) => u32::try_from(*n).ok()?.to_be_bytes().to_vec(),
            #[allow(clippy::cast_possible_truncation)]
            (Self::Float(n), Base::Float4) => (*n as f32).to_be_bytes().to_vec(),
            (Self::Float(n), Base::Float8) => n.to_be_bytes().to_vec(),
            (Self::Decimal(text), Base::Numeric) => numeric::write(text)?,
            (Self::Day(day), Base::Date) => i32::try_from(*day).ok()?.to_be_bytes().to_vec(),
            (Self::Moment(micros, _), Base::Timestamp | Base::Timestamptz) => {
                micros.to_be_bytes().to_vec()
            }
            (Self::Uuid(bytes), Base::Uuid) => bytes.to_vec(),
            (Self::Bytes(bytes), Base::Bytea) => bytes.clone(),
            _ => return None,
        })
    }

    /// The value as PostgreSQL prints it.
    pub fn text(&self) -> Vec<u8> {
        match self {
            Self::Whole(n) => n.to_string().into_bytes(),
            Self::Float(n) => n.to_string().into_bytes(),
            Self::Decimal(text) => text.clone().into_bytes(),
            Self::Day(day) => times::print_day(*day).into_bytes(),
            Self::Moment(micros, zone) => times::print_moment(*micros, zone).into_bytes(),
            Self::Uuid(bytes) => print_uuid(bytes),
            Self::Bytes(bytes) => {
                let mut text = b"\\x".to_vec();
                for byte in bytes {
                    text.extend_from_slice(format!("{byte:02x}").as_bytes());
                }
                text
            }
        }
    }

    /// A fixed stand-in, where the type has an obvious one.
    pub fn redacted(&self) -> Option<Self> {
        match self {
            Self::Uuid(_) => Some(Self::Uuid([0; 16])),
            Self::Bytes(_) => Some(Self::Bytes(Vec::new())),
            _ => None,
        }
    }

    /// The keyed hash of the value's text, as a value of its own type: the same in both formats and all whole-number types.
    pub fn hashed(&self, key: &Key, base: Base) -> Option<Self> {
        let digest = key.digest(&self.canonical());
        let number = i64::from_be_bytes(digest.first_chunk::<8>().copied()?) & i64::MAX;
        match self {
            Self::Whole(_) => Some(Self::Whole(number % base.most())),
            #[allow(clippy::cast_precision_loss)]
            Self::Float(_) => Some(Self::Float((number % base.most()) as f64)),
            Self::Decimal(_) => Some(Self::Decimal(number.to_string())),
            Self::Uuid(_) => {
                let mut bytes: [u8; 16] = digest.first_chunk::<16>().copied()?;
                if let Some(version) = bytes.get_mut(6) {
                    *version = *version & 0x0f | 0x40;
                }
                if let Some(variant) = bytes.get_mut(8) {
                    *variant = *variant & 0x3f | 0x80;
                }
                Some(Self::Uuid(bytes))
            }
            Self::Bytes(_) => Some(Self::Bytes(digest.to_vec())),
            Self::Day(_) | Self::Moment(..) => None,
        }
    }

    /// What is hashed: the text of the value without what its format alone adds.
    pub fn canonical(&self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.clone(),
            Self::Moment(micros, _) => micros.to_string().into_bytes(),
            other => other.text(),
        }
    }

    /// The start of the bucket, month or year that the value is in.
    pub fn generalized(&self, width: i64, month: bool) -> Option<Self> {
        Some(match self {
            Self::Whole(n) => Self::Whole(n.checked_sub(n.rem_euclid(width))?),
            #[allow(clippy::cast_precision_loss)]
            Self::Float(n) => Self::Float((n / width as f64).floor() * width as f64),
            Self::Decimal(text) => Self::Decimal(numeric::bucket(text, width)?),
            Self::Day(day) => Self::Day(times::start(*day, month)),
            Self::Moment(micros, zone) => {
                Self::Moment(times::start_of(*micros, month)?, zone.clone())
            }
            Self::Uuid(_) | Self::Bytes(_) => return None,
        })
    }
}

fn uuid(text: &str) -> Option<[u8; 16]> {
    let hex: String = text.chars().filter(|c| *c != '-').collect();
    (hex.len() == 32)
        .then(|| u128::from_str_radix(&hex, 16).ok())
        .flatten()
        .map(u128::to_be_bytes)
}

fn print_uuid(bytes: &[u8; 16]) -> Vec<u8> {
    let hex = format!("{:032x}", u128::from_be_bytes(*bytes));
    let mut out = Vec::with_capacity(36);
    for (index, c) in hex.bytes().enumerate() {
        if matches!(index, 8 | 12 | 16 | 20) {
            out.push(b'-');
        }
        out.push(c);
    }
    out
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let hex = text.strip_prefix("\\x")?.as_bytes();
    hex.chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}
