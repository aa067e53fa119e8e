//! Values of the same shape, made up: the same for equal values under one key, and derived from the whole value, so that no
//! table of characters can be worked out from them.

use super::base::Base;
use super::crypto::{Key, Stream};
use super::value::Value;
use super::{numeric, times};

const YEARS: i64 = 5 * 365;

/// Letters become letters, digits digits, other ASCII stays; a letter beyond ASCII becomes one within it.
///
/// False: there is something, and nothing of it would change.
pub fn text(value: &[u8], key: &Key, out: &mut Vec<u8>) -> bool {
    shaped(value, &mut key.stream(value), out)
}

fn shaped(value: &[u8], stream: &mut Stream<'_>, out: &mut Vec<u8>) -> bool {
    let start = out.len();
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
    changeable || value.is_empty()
}

/// A number of as many digits, a day within five years, another uuid; None where nothing of the shape can be made.
pub fn scalar(value: &Value, key: &Key, base: Base) -> Option<Value> {
    let mut stream = value.with_canonical(|canonical| key.stream(canonical));
    Some(match value {
        Value::Whole(n) => Value::Whole(whole(*n, base.most(), &mut stream)),
        Value::Float(n) => Value::Float(float(*n, base, &mut stream)),
        Value::Decimal(text) => Value::Decimal(decimal(text, &mut stream)?),
        Value::Day(day) => Value::Day(day.checked_add(shift(&mut stream))?),
        Value::Moment(micros, zone) => {
            Value::Moment(times::shifted(*micros, shift(&mut stream))?, zone.clone())
        }
        Value::Uuid(_) => value.hashed(key, base, None)?,
        Value::Bytes(bytes) => {
            let mut made: Vec<u8> = bytes.iter().map(|_| stream.byte()).collect();
            if made == *bytes {
                if let Some(first) = made.first_mut() {
                    *first ^= 1;
                }
            }
            Value::Bytes(made)
        }
    })
}

/// A zero before the point stays, and so do zeros at the end of a fraction: equal numbers of different scales stay equal.
fn decimal(text: &str, stream: &mut Stream<'_>) -> Option<String> {
    let (told, zeros) = text.split_at_checked(numeric::canonical(text).len())?;
    let sign = usize::from(told.starts_with('-'));
    let small = told.get(sign..)?.starts_with("0.");
    let (head, digits) = told.split_at_checked(sign + if small { 2 } else { 0 })?;
    let mut made = head.as_bytes().to_vec();
    shaped(digits.as_bytes(), stream, &mut made);
    let leading = made.get_mut(head.len())?;
    if !small && *leading == b'0' && digits.len() > 1 {
        *leading = if digits.starts_with('1') { b'2' } else { b'1' };
    }
    made.extend_from_slice(zeros.as_bytes());
    if made.iter().all(|c| matches!(c, b'-' | b'0' | b'.')) {
        made.retain(|c| *c != b'-');
    }
    String::from_utf8(made).ok()
}

fn float(n: f64, base: Base, stream: &mut Stream<'_>) -> f64 {
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
    let (size, made) = {
        let size = n.clamp(-9e15, 9e15) as i64;
        (size, base.rounded(whole(size, i64::MAX, stream) as f64))
    };
    if made != n {
        return made;
    }
    // Rounding led back to the value itself.
    let digits = size.unsigned_abs().checked_ilog10().unwrap_or(0);
    let low = base.rounded(10f64.powi(i32::try_from(digits).unwrap_or(0)).copysign(n));
    if low == n {
        low * 3.0
    } else {
        low
    }
}

fn shift(stream: &mut Stream<'_>) -> i64 {
    let days = i64::try_from(stream.below(2 * YEARS.unsigned_abs())).unwrap_or(0) - YEARS;
    if days >= 0 {
        days + 1
    } else {
        days
    }
}

fn whole(n: i64, most: i64, stream: &mut Stream<'_>) -> i64 {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn made(value: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        text(value, &Key::new(b"k"), &mut out).then_some(out)
    }

    fn shape(text: &[u8]) -> Vec<u8> {
        text.iter()
            .map(|c| match c {
                b'0'..=b'9' => b'0',
                b'a'..=b'z' => b'a',
                b'A'..=b'Z' => b'A',
                other => *other,
            })
            .collect()
    }

    #[test]
    fn a_text_keeps_its_shape_and_nothing_else() {
        for value in [
            &b"4242-4242-4242-4242"[..],
            b"Ann Example, 12 High St.",
            b"x",
            b"0",
        ] {
            let made = made(value).unwrap_or_default();
            assert_eq!(shape(&made), shape(value));
            assert_ne!(made, value);
        }
        assert_eq!(
            made("é".as_bytes()).map(|made| shape(&made)),
            Some(b"a".to_vec())
        );
    }

    #[test]
    fn what_has_nothing_to_change_is_not_shown() {
        assert_eq!(made(b""), Some(Vec::new()));
        for value in [&b"--"[..], b" ", b"\x80\x81", b"***"] {
            assert_eq!(made(value), None);
        }
    }

    #[test]
    fn every_single_character_becomes_another() {
        for key in 0..40u8 {
            for c in b'0'..=b'z' {
                let mut out = Vec::new();
                if text(&[c], &Key::new(&[key]), &mut out) {
                    assert_ne!(out, [c]);
                }
            }
        }
    }

    #[test]
    fn numbers_keep_their_digits_and_their_sign_and_change() {
        let key = Key::new(b"k");
        for n in (-1200..1200).chain([
            i64::from(i32::MAX),
            i64::from(i32::MIN),
            32_767,
            -32_768,
            1_000_000,
        ]) {
            let base = if (-32_768..=32_767).contains(&n) {
                Base::Int2
            } else {
                Base::Int4
            };
            let Some(Value::Whole(made)) = scalar(&Value::Whole(n), &key, base) else {
                unreachable!("a number gives a number");
            };
            assert_ne!(made, n);
            assert!(made.unsigned_abs() <= base.most().unsigned_abs());
            assert!(made == 0 || (made < 0) == (n < 0));
            assert_eq!(
                made.unsigned_abs().checked_ilog10().unwrap_or(0),
                n.unsigned_abs().checked_ilog10().unwrap_or(0)
            );
        }
    }

    #[test]
    fn no_float_becomes_itself() {
        let key = Key::new(b"k");
        for base in [Base::Float4, Base::Float8] {
            for power in 0..30 {
                for n in [
                    10f64.powi(power),
                    -(10f64.powi(power)),
                    2.5 * 10f64.powi(power),
                    10f64.powi(-power),
                ] {
                    let n = base.rounded(n);
                    let Some(Value::Float(made)) = scalar(&Value::Float(n), &key, base) else {
                        unreachable!("a number gives a number");
                    };
                    assert_ne!(made, n);
                    assert_eq!(made, base.rounded(made));
                }
            }
        }
    }

    #[test]
    fn equal_decimals_stay_equal() {
        let key = Key::new(b"k");
        let told = |text: &str| match scalar(&Value::Decimal(text.to_owned()), &key, Base::Numeric)
        {
            Some(Value::Decimal(made)) => made,
            _ => String::new(),
        };
        for (one, other) in [("1.5", "1.500"), ("12", "12.00"), ("-7.25", "-7.250")] {
            assert_eq!(
                numeric::canonical(&told(one)),
                numeric::canonical(&told(other))
            );
            assert_ne!(numeric::canonical(&told(one)), numeric::canonical(one));
        }
        for text in ["100.10", "-0.01", "1", "0", "999999999999999999999.5"] {
            let made = told(text);
            assert_eq!(shape(made.as_bytes()), shape(text.as_bytes()));
            assert_eq!(
                made.starts_with('0') && made.len() > 1,
                text.starts_with('0') && text.len() > 1
            );
        }
    }

    #[test]
    fn days_move_but_not_far() {
        let key = Key::new(b"k");
        for day in -2000..2000 {
            let Some(Value::Day(made)) = scalar(&Value::Day(day), &key, Base::Date) else {
                unreachable!("a day gives a day");
            };
            assert!(made != day && (made - day).abs() <= YEARS);
        }
    }

    #[test]
    fn short_bytes_become_others() {
        for key in 0..=255u8 {
            for byte in [0, 1, 127, 255] {
                let made = scalar(&Value::Bytes(vec![byte]), &Key::new(&[key]), Base::Bytea);
                assert_ne!(made, Some(Value::Bytes(vec![byte])));
            }
        }
        let nothing = Value::Bytes(Vec::new());
        assert_eq!(scalar(&nothing, &Key::new(b""), Base::Bytea), Some(nothing));
    }
}
