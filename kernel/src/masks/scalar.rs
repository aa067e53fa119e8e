//! What becomes of a value that is no text: a stand-in, a hash, the start of its bucket. Always of its own type.

use super::base::Base;
use super::crypto::Key;
use super::numeric::{self, Declared};
use super::value::Value;
use super::{number, times};

impl Value {
    /// A fixed stand-in, where the type has an obvious one.
    pub fn redacted(&self) -> Option<Self> {
        match self {
            Self::Uuid(_) => Some(Self::Uuid([0; 16])),
            Self::Bytes(_) => Some(Self::Bytes(Vec::new())),
            _ => None,
        }
    }

    /// The keyed hash of the value's text, as a value of its own type: the same in both formats, and for equal values.
    pub fn hashed(&self, key: &Key, base: Base, declared: Option<Declared>) -> Option<Self> {
        let digest = self.with_canonical(|text| key.digest(text));
        let number = i64::from_be_bytes(digest.first_chunk::<8>().copied()?) & i64::MAX;
        let below = |most: i64, taken: Option<i64>| {
            let made = number.checked_rem(most).unwrap_or(0);
            if Some(made) == taken {
                (made + 1).checked_rem(most).unwrap_or(0)
            } else {
                made
            }
        };
        match self {
            Self::Whole(n) => Some(Self::Whole(below(base.most(), Some(*n)))),
            #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
            Self::Float(n) => {
                let taken = (n.fract() == 0.0).then_some(*n as i64);
                Some(Self::Float(below(base.most(), taken) as f64))
            }
            Self::Decimal(text) => {
                let placed = |number: i64| match declared {
                    Some(declared) => numeric::placed(number.unsigned_abs(), declared),
                    None => number.to_string(),
                };
                let made = placed(number);
                let itself = numeric::canonical(&made) == numeric::canonical(text);
                Some(Self::Decimal(if itself {
                    placed(number ^ 1)
                } else {
                    made
                }))
            }
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

    /// Hands on what is hashed: one text for all equal values of a type, whatever format they came in.
    pub fn with_canonical<T>(&self, then: impl FnOnce(&[u8]) -> T) -> T {
        let mut out = Vec::new();
        match self {
            Self::Bytes(bytes) => return then(bytes),
            Self::Uuid(bytes) => return then(bytes),
            Self::Decimal(text) => return then(numeric::canonical(text).as_bytes()),
            Self::Whole(n) | Self::Day(n) | Self::Moment(n, _) => {
                return number::with_text(*n, then)
            }
            Self::Float(n) if *n == 0.0 => out.push(b'0'),
            Self::Float(_) => self.text(&mut out),
        }
        then(&out)
    }

    /// The start of the bucket, month or year that the value is in.
    pub fn generalized(&self, base: Base, width: i64, month: bool) -> Option<Self> {
        Some(match self {
            Self::Whole(n) => Self::Whole(n.checked_sub(n.rem_euclid(width))?),
            Self::Float(n) => Self::Float(bucket(*n, base, width)?),
            Self::Decimal(text) => Self::Decimal(numeric::bucket(text, width)?),
            Self::Day(day) => Self::Day(times::start(*day, month)),
            Self::Moment(micros, zone) => {
                Self::Moment(times::start_of(*micros, month)?, zone.clone())
            }
            Self::Uuid(_) | Self::Bytes(_) => return None,
        })
    }
}

/// None where the type's numbers lie so far apart that each would be a bucket of its own.
#[allow(clippy::cast_precision_loss)]
fn bucket(n: f64, base: Base, width: i64) -> Option<f64> {
    let width = width as f64;
    let place = (n / width).floor();
    (n.abs() < base.most() as f64).then_some(place * width + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(base: Base, text: &str) -> Option<Value> {
        Value::read(base, false, text.as_bytes())
    }

    #[test]
    fn only_types_with_an_obvious_stand_in_are_redacted_to_one() {
        assert_eq!(Value::Uuid([7; 16]).redacted(), Some(Value::Uuid([0; 16])));
        assert_eq!(
            Value::Bytes(vec![1]).redacted(),
            Some(Value::Bytes(Vec::new()))
        );
        assert_eq!(Value::Whole(1).redacted(), None);
        assert_eq!(Value::Day(1).redacted(), None);
    }

    #[test]
    fn equal_values_are_hashed_alike_in_both_formats() {
        let key = Key::new(b"k");
        for (base, one, other) in [
            (Base::Numeric, "1.50", "1.5"),
            (Base::Numeric, "100.00", "100"),
            (Base::Float8, "-0", "0"),
            (Base::Float4, "0.1", "0.10000000149"),
        ] {
            let hash = |text| told(base, text).and_then(|value| value.hashed(&key, base, None));
            assert!(hash(one).is_some());
            assert_eq!(hash(one), hash(other), "{one}");
        }
        let text = told(Base::Float4, "0.1");
        assert_eq!(text, Value::read(Base::Float4, true, &0.1f32.to_be_bytes()));
    }

    #[test]
    fn no_hash_is_the_value_itself() {
        let key = Key::new(b"k");
        for n in i16::MIN..=i16::MAX {
            let value = Value::Whole(n.into());
            assert_ne!(value.hashed(&key, Base::Int2, None), Some(value));
        }
        let declared = Some(Declared {
            precision: 2,
            scale: 1,
        });
        for n in 0..100 {
            let value = Value::Decimal(format!("{}.{}", n / 10, n % 10));
            assert_ne!(value.hashed(&key, Base::Numeric, declared), Some(value));
        }
    }

    #[test]
    fn floats_too_far_apart_for_buckets_have_none() {
        for (n, base, start) in [
            (19.9, Base::Float8, Some(10.0)),
            (-0.5, Base::Float8, Some(-10.0)),
            (-0.0, Base::Float8, Some(0.0)),
            (1e300, Base::Float8, None),
            (16_777_216.0, Base::Float4, None),
            (16_777_215.0, Base::Float4, Some(16_777_210.0)),
        ] {
            let made = Value::Float(n).generalized(base, 10, false);
            assert_eq!(made, start.map(Value::Float), "{n}");
        }
        assert_eq!(
            bucket(-0.0, Base::Float8, 10).map(f64::is_sign_positive),
            Some(true)
        );
    }
}
