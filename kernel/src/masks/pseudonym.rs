//! Values of the same shape, made up: the same for equal values under one key, and derived from the whole value, so that no
//! table of characters can be worked out from them.

use super::crypto::Key;
use super::times;
use super::value::{Base, Value};

const YEARS: i64 = 5 * 365;

/// Letters become letters, digits digits, other ASCII stays; a letter beyond ASCII becomes one within it.
pub fn text(value: &[u8], key: &Key, out: &mut Vec<u8>) {
    let start = out.len();
    let mut stream = key.stream(value);
    let mut changeable = false;
    for byte in value {
        let made = match byte {
            b'0'..=b'9' => b'0' + stream.byte() % 10,
            b'a'..=b'z' => b'a' + stream.byte() % 26,
            b'A'..=b'Z' => b'A' + stream.byte() % 26,
            0xC0.. => b'a' + stream.byte() % 26,
            0x80..=0xBF => continue,
            other => {
                out.push(*other);
                continue;
            }
        };
        changeable = true;
        out.push(made);
    }
    if changeable && out.get(start..) == Some(value) {
        if let Some(first) = out
            .iter_mut()
            .skip(start)
            .find(|byte| byte.is_ascii_alphanumeric())
        {
            *first = match *first {
                b'9' => b'0',
                b'z' => b'a',
                b'Z' => b'A',
                other => other + 1,
            };
        }
    }
}

/// A number of as many digits, a day within five years, another uuid; None where nothing of the shape can be made.
pub fn scalar(value: &Value, key: &Key, base: Base) -> Option<Value> {
    let mut stream = key.stream(&value.canonical());
    Some(match value {
        Value::Whole(n) => Value::Whole(whole(*n, base.most(), &mut stream)),
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
        Value::Float(n) => {
            Value::Float(whole(n.clamp(-9e15, 9e15) as i64, base.most(), &mut stream) as f64)
        }
        Value::Decimal(decimal) => {
            let mut made = Vec::new();
            text(decimal.as_bytes(), key, &mut made);
            let leading = made.iter().position(u8::is_ascii_digit)?;
            if decimal.as_bytes().get(leading) != Some(&b'0') && made.get(leading) == Some(&b'0') {
                *made.get_mut(leading)? = if decimal.as_bytes().get(leading) == Some(&b'1') {
                    b'2'
                } else {
                    b'1'
                };
            }
            Value::Decimal(String::from_utf8(made).ok()?)
        }
        Value::Day(day) => Value::Day(day.checked_add(shift(&mut stream))?),
        Value::Moment(micros, zone) => {
            Value::Moment(times::shifted(*micros, shift(&mut stream))?, zone.clone())
        }
        Value::Uuid(_) => value.hashed(key, base)?,
        Value::Bytes(bytes) => Value::Bytes(bytes.iter().map(|_| stream.byte()).collect()),
    })
}

fn shift(stream: &mut super::crypto::Stream) -> i64 {
    let days = i64::try_from(stream.below(2 * YEARS.unsigned_abs())).unwrap_or(0) - YEARS;
    if days >= 0 {
        days + 1
    } else {
        days
    }
}

fn whole(n: i64, most: i64, stream: &mut super::crypto::Stream) -> i64 {
    let size = n.unsigned_abs();
    let digits = size.checked_ilog10().unwrap_or(0);
    let low = if digits == 0 {
        0
    } else {
        10u64.saturating_pow(digits)
    };
    let high = 10u64.saturating_pow(digits + 1).min(most.unsigned_abs());
    let span = high.saturating_sub(low).max(1);
    let mut made = low + stream.below(span);
    if made == size {
        made = if made + 1 < high { made + 1 } else { low };
    }
    let made = i64::try_from(made).unwrap_or(i64::MAX);
    if n < 0 {
        -made
    } else {
        made
    }
}
