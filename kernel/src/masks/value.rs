//! Values that are not text: read from either wire format, masked as numbers or days, written back in the same format.
//!
//! Source: the send and receive functions of the types, https://www.postgresql.org/docs/current/protocol-overview.html.

use std::io::Write;

use super::base::Base;
use super::crypto::hex_of;
use super::{number, numeric, times};

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
            // By way of the type itself, so that it is the number which the binary format holds.
            Base::Float4 => Self::Float(text.parse::<f32>().ok()?.into()).finite()?,
            Base::Float8 => Self::Float(text.parse().ok()?).finite()?,
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
            Base::Date => {
                let day = i32::from_be_bytes(raw.try_into().ok()?).into();
                Self::Day(times::is_day(day).then_some(day)?)
            }
            Base::Timestamp | Base::Timestamptz => {
                let micros = i64::from_be_bytes(raw.try_into().ok()?);
                Self::Moment(
                    times::is_moment(micros, "").then_some(micros)?,
                    String::new(),
                )
            }
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

    /// Writes the value in the format it came in; false when it does not fit the type (and nothing was written).
    pub fn write(&self, base: Base, binary: bool, out: &mut Vec<u8>) -> bool {
        if !self.fits(base) {
            return false;
        }
        if binary {
            return self.binary(base, out).is_some();
        }
        self.text(out);
        true
    }

    fn fits(&self, base: Base) -> bool {
        match (self, base) {
            (Self::Whole(n), Base::Int2) => i16::try_from(*n).is_ok(),
            (Self::Whole(n), Base::Int4) => i32::try_from(*n).is_ok(),
            (Self::Whole(n), Base::Oid) => u32::try_from(*n).is_ok(),
            (Self::Float(n), _) => base.rounded(*n).is_finite(),
            (Self::Day(day), _) => times::is_day(*day),
            (Self::Moment(micros, zone), _) => times::is_moment(*micros, zone),
            _ => true,
        }
    }

    fn binary(&self, base: Base, out: &mut Vec<u8>) -> Option<()> {
        match (self, base) {
            (Self::Whole(n), Base::Int2) => out.extend(i16::try_from(*n).ok()?.to_be_bytes()),
            (Self::Whole(n), Base::Int4) => out.extend(i32::try_from(*n).ok()?.to_be_bytes()),
            (Self::Whole(n), Base::Int8) => out.extend(n.to_be_bytes()),
            (Self::Whole(n), Base::Oid) => out.extend(u32::try_from(*n).ok()?.to_be_bytes()),
            #[allow(clippy::cast_possible_truncation)]
            (Self::Float(n), Base::Float4) => out.extend((*n as f32).to_be_bytes()),
            (Self::Float(n), Base::Float8) => out.extend(n.to_be_bytes()),
            (Self::Decimal(text), Base::Numeric) => out.extend(numeric::write(text)?),
            (Self::Day(day), Base::Date) => out.extend(i32::try_from(*day).ok()?.to_be_bytes()),
            (Self::Moment(micros, _), Base::Timestamp | Base::Timestamptz) => {
                out.extend(micros.to_be_bytes());
            }
            (Self::Uuid(bytes), Base::Uuid) => out.extend_from_slice(bytes),
            (Self::Bytes(bytes), Base::Bytea) => out.extend_from_slice(bytes),
            _ => return None,
        }
        Some(())
    }

    /// The value as PostgreSQL prints it.
    pub fn text(&self, out: &mut Vec<u8>) {
        // Writing to memory does not fail.
        let _ = match self {
            Self::Whole(n) => {
                number::print(*n, out);
                Ok(())
            }
            Self::Float(n) => write!(out, "{n}"),
            Self::Decimal(text) => out.write_all(text.as_bytes()),
            Self::Day(day) => {
                times::print_day(*day, out);
                Ok(())
            }
            Self::Moment(micros, zone) => {
                times::print_moment(*micros, zone, out);
                Ok(())
            }
            Self::Uuid(bytes) => {
                print_uuid(bytes, out);
                Ok(())
            }
            Self::Bytes(bytes) => {
                out.extend_from_slice(b"\\x");
                out.extend(bytes.iter().flat_map(|byte| hex_of(*byte)));
                Ok(())
            }
        };
    }
}

fn uuid(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    let mut digits = text.bytes().filter(|c| *c != b'-');
    for byte in &mut bytes {
        *byte = nibble(digits.next()?)? << 4 | nibble(digits.next()?)?;
    }
    digits.next().is_none().then_some(bytes)
}

fn print_uuid(bytes: &[u8; 16], out: &mut Vec<u8>) {
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        out.extend(hex_of(*byte));
    }
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let hex = text.strip_prefix("\\x")?.as_bytes();
    hex.chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(nibble(*high)? << 4 | nibble(*low)?),
            _ => None,
        })
        .collect()
}

fn nibble(c: u8) -> Option<u8> {
    Some(match c {
        b'0'..=b'9' => c - b'0',
        b'a'..=b'f' => c - b'a' + 10,
        b'A'..=b'F' => c - b'A' + 10,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCALARS: [Base; 12] = [
        Base::Int2,
        Base::Int4,
        Base::Int8,
        Base::Oid,
        Base::Float4,
        Base::Float8,
        Base::Numeric,
        Base::Date,
        Base::Timestamp,
        Base::Timestamptz,
        Base::Uuid,
        Base::Bytea,
    ];

    fn told(base: Base, text: &str) -> Option<Value> {
        Value::read(base, false, text.as_bytes())
    }

    fn shown(value: &Value, base: Base, binary: bool) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        value.write(base, binary, &mut out).then_some(out)
    }

    #[test]
    fn a_value_comes_back_from_both_formats() {
        for (base, text) in [
            (Base::Int2, "-32768"),
            (Base::Int4, "2147483647"),
            (Base::Int8, "-9223372036854775808"),
            (Base::Oid, "4294967295"),
            (Base::Float4, "0.5"),
            (Base::Float8, "-123456.789"),
            (Base::Numeric, "12345.6700"),
            (Base::Date, "0044-03-15 BC"),
            (Base::Timestamp, "2026-01-02 03:04:05.678"),
            (Base::Uuid, "01234567-89ab-cdef-0123-456789abcdef"),
            (Base::Bytea, "\\x00ff10"),
        ] {
            let value = told(base, text).unwrap_or(Value::Whole(0));
            assert_eq!(shown(&value, base, false).as_deref(), Some(text.as_bytes()));
            let binary = shown(&value, base, true).unwrap_or_default();
            assert_eq!(Value::read(base, true, &binary), Some(value), "{text}");
        }
    }

    #[test]
    fn what_is_no_value_of_its_type_is_not_read() {
        for (base, text) in [
            (Base::Int4, "1.5"),
            (Base::Int4, ""),
            (Base::Float8, "NaN"),
            (Base::Float4, "Infinity"),
            (Base::Float4, "1e39"),
            (Base::Numeric, "NaN"),
            (Base::Date, "infinity"),
            (Base::Uuid, "0123"),
            (Base::Uuid, "+1234567-89ab-cdef-0123-456789abcdef"),
            (Base::Bytea, "abc"),
            (Base::Bytea, "\\x0"),
            (Base::Bytea, "\\xzz"),
        ] {
            assert_eq!(told(base, text), None, "{text}");
        }
        for base in SCALARS.into_iter().filter(|base| *base != Base::Bytea) {
            for length in [0, 1, 3, 5, 7, 17] {
                assert_eq!(
                    Value::read(base, true, &vec![0x7f; length]),
                    None,
                    "{base:?} {length}"
                );
            }
        }
    }

    #[test]
    fn a_result_beyond_its_type_is_not_written() {
        for (value, base) in [
            (Value::Whole(-32_770), Base::Int2),
            (Value::Whole(-2_147_483_650), Base::Int4),
            (Value::Whole(-1), Base::Oid),
            (Value::Float(1e39), Base::Float4),
            (Value::Float(f64::INFINITY), Base::Float8),
            (Value::Day(-2_451_546), Base::Date),
            (Value::Moment(i64::MIN + 1, String::new()), Base::Timestamp),
        ] {
            for binary in [false, true] {
                assert_eq!(shown(&value, base, binary), None, "{value:?}");
            }
        }
    }
}
