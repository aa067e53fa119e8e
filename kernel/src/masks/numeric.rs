//! PostgreSQL's numeric: base-10,000 digits on the wire, a decimal in text. NaN and the infinities are not masked but nulled.
//!
//! Layout (numeric_send): i16 digits, i16 weight, u16 sign (0x0000, 0x4000 negative), u16 scale, then the digits.

const NEGATIVE: u16 = 0x4000;

/// What a column says of its numbers: how many digits there may be, and how many of them behind the point (or, below zero, how
/// many places before it are rounded away).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declared {
    pub precision: u32,
    pub scale: i32,
}

/// The text itself if it is a plain decimal.
pub fn checked(text: &str) -> Option<&str> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_digit());
    (plain(whole) && plain(fraction)).then_some(text)
}

/// The decimal of a binary value.
pub fn read(raw: &[u8]) -> Option<String> {
    let mut words = raw
        .chunks_exact(2)
        .map(|pair| u16::from_be_bytes(pair.try_into().unwrap_or_default()));
    let (count, weight, sign, scale) = (words.next()?, words.next()?, words.next()?, words.next()?);
    if raw.len() != 8 + 2 * usize::from(count) || sign & !NEGATIVE != 0 || scale > 0x3fff {
        return None;
    }
    let digits: Vec<u16> = words.collect();
    if digits.iter().any(|digit| *digit > 9999) {
        return None;
    }
    let weight = i32::from(i16::from_be_bytes(weight.to_be_bytes()));
    let group = |position: i32| -> u16 {
        let index = weight - position;
        usize::try_from(index)
            .ok()
            .and_then(|index| digits.get(index))
            .copied()
            .unwrap_or(0)
    };
    let mut text = String::new();
    for position in (0..=weight.max(0)).rev() {
        text.push_str(&format!("{:04}", group(position)));
    }
    let whole = text.trim_start_matches('0');
    let mut text = if whole.is_empty() {
        "0".to_owned()
    } else {
        whole.to_owned()
    };
    if scale > 0 {
        let mut fraction = String::new();
        let mut position = -1;
        while fraction.len() < usize::from(scale) {
            fraction.push_str(&format!("{:04}", group(position)));
            position -= 1;
        }
        fraction.truncate(usize::from(scale));
        text = format!("{text}.{fraction}");
    }
    let zero = text.bytes().all(|c| matches!(c, b'0' | b'.'));
    Some(if sign == NEGATIVE && !zero {
        format!("-{text}")
    } else {
        text
    })
}

/// The binary value of a decimal.
pub fn write(text: &str) -> Option<Vec<u8>> {
    let negative = text.starts_with('-');
    let (whole, fraction) = checked(text)?
        .trim_start_matches('-')
        .split_once('.')
        .unwrap_or((text.trim_start_matches('-'), ""));
    let padded_whole = format!("{}{whole}", "0".repeat((4 - whole.len() % 4) % 4));
    let padded_fraction = format!("{fraction}{}", "0".repeat((4 - fraction.len() % 4) % 4));
    let all = format!("{padded_whole}{padded_fraction}");
    let mut digits: Vec<u16> = all
        .as_bytes()
        .chunks(4)
        .map(|four| std::str::from_utf8(four).ok()?.parse().ok())
        .collect::<Option<_>>()?;
    let mut weight = i16::try_from(padded_whole.len() / 4).ok()? - 1;
    while digits.first() == Some(&0) {
        digits.remove(0);
        weight -= 1;
    }
    while digits.last() == Some(&0) {
        digits.pop();
    }
    if digits.is_empty() {
        weight = 0;
    }
    let sign = if negative && !digits.is_empty() {
        NEGATIVE
    } else {
        0
    };
    let mut out = Vec::with_capacity(8 + 2 * digits.len());
    out.extend_from_slice(&u16::try_from(digits.len()).ok()?.to_be_bytes());
    out.extend_from_slice(&weight.to_be_bytes());
    out.extend_from_slice(&sign.to_be_bytes());
    out.extend_from_slice(&u16::try_from(fraction.len()).ok()?.to_be_bytes());
    for digit in digits {
        out.extend_from_slice(&digit.to_be_bytes());
    }
    Some(out)
}

/// The decimal without what does not change its value, so that equal ones are the same text.
pub fn canonical(text: &str) -> &str {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}

/// The start of the bucket a decimal is in.
pub fn bucket(text: &str, width: i64) -> Option<String> {
    let negative = text.starts_with('-');
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole: i64 = whole.parse().ok()?;
    // Below zero the floor lies one further down when anything stands behind the point.
    let floor = if negative && fraction.bytes().any(|c| c != b'0') {
        whole.checked_sub(1)?
    } else {
        whole
    };
    Some(floor.checked_sub(floor.rem_euclid(width))?.to_string())
}

/// A number below `10^precision` with the point where it is declared to be.
pub fn placed(number: u64, declared: Declared) -> String {
    let number = match 10u64.checked_pow(declared.precision) {
        Some(most) => number.checked_rem(most).unwrap_or(0),
        None => number,
    };
    let digits = number.to_string();
    match usize::try_from(declared.scale) {
        Ok(0) => digits,
        Ok(scale) => {
            let digits = format!("{digits:0>width$}", width = scale + 1);
            let (whole, fraction) = digits
                .split_at_checked(digits.len() - scale)
                .unwrap_or_default();
            format!("{whole}.{fraction}")
        }
        Err(_) => digits + &"0".repeat(usize::try_from(declared.scale.unsigned_abs()).unwrap_or(0)),
    }
}

/// The decimal as a column so declared prints it, what is beyond its scale cut off. None: it has too many digits.
pub fn fit(text: &str, declared: Declared) -> Option<String> {
    let (sign, digits) = text
        .strip_prefix('-')
        .map_or(("", text), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = whole.trim_start_matches('0');
    let scale = usize::try_from(declared.scale).unwrap_or(0);
    let before = i64::from(declared.precision) - i64::from(declared.scale);
    // The place of the first digit that counts: 1 for units, 0 for tenths.
    let first = if whole.is_empty() {
        -i64::try_from(
            fraction
                .bytes()
                .position(|c| c != b'0')
                .unwrap_or(fraction.len()),
        )
        .ok()?
    } else {
        i64::try_from(whole.len()).ok()?
    };
    let nothing = whole.is_empty() && fraction.bytes().all(|c| c == b'0');
    if first > before && !nothing {
        return None;
    }
    let rounded = usize::try_from(declared.scale.min(0).unsigned_abs()).ok()?;
    let kept = whole
        .get(..whole.len().saturating_sub(rounded))
        .unwrap_or_default();
    let mut made = if kept.is_empty() {
        "0".to_owned()
    } else {
        kept.to_owned() + &"0".repeat(rounded)
    };
    if scale > 0 {
        let fraction = fraction
            .get(..scale.min(fraction.len()))
            .unwrap_or_default();
        made = format!("{made}.{fraction:0<scale$}");
    }
    let zero = made.bytes().all(|c| matches!(c, b'0' | b'.'));
    Some(if zero { made } else { format!("{sign}{made}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(precision: u32, scale: i32) -> Declared {
        Declared { precision, scale }
    }

    #[test]
    fn a_decimal_comes_back_from_its_binary_form() {
        for text in [
            "0",
            "1",
            "-1",
            "9999",
            "10000",
            "12345678.9",
            "-0.00012",
            "0.10",
            "100000000",
            "0.0001",
            "99999999999999999999.5",
        ] {
            assert_eq!(write(text).as_deref().and_then(read).as_deref(), Some(text));
        }
        assert_eq!(
            write("-0.00").as_deref().and_then(read).as_deref(),
            Some("0.00")
        );
        assert_eq!(
            write("12.5"),
            Some(vec![0, 2, 0, 0, 0, 0, 0, 1, 0, 12, 0x13, 0x88])
        );
    }

    #[test]
    fn what_is_no_plain_decimal_is_not_read() {
        for text in [
            "", "-", ".", "1.", ".5", "1e5", "NaN", "Infinity", "--1", "1.2.3", "+1", " 1",
        ] {
            assert_eq!(checked(text), None, "{text}");
        }
        for raw in [
            &b""[..],
            &[0, 1, 0, 0, 0, 0, 0, 0],
            &[0, 0, 0, 0, 0xC0, 0, 0, 0],
            &[0, 0, 0, 0, 0xD0, 0, 0, 0],
            &[0, 1, 0, 0, 0, 0, 0, 0, 0x27, 0x10],
            &[0, 0, 0, 0, 0, 0, 0x40, 0],
        ] {
            assert_eq!(read(raw), None, "{raw:?}");
        }
    }

    #[test]
    fn equal_decimals_have_one_canonical_text() {
        for (text, canon) in [
            ("1.50", "1.5"),
            ("1.00", "1"),
            ("100", "100"),
            ("-0.10", "-0.1"),
            ("0.0", "0"),
        ] {
            assert_eq!(canonical(text), canon);
        }
    }

    #[test]
    fn buckets_lie_below_what_is_in_them() {
        for (text, width, start) in [
            ("19.99", 10, "10"),
            ("-0.5", 10, "-10"),
            ("-10", 10, "-10"),
            ("-10.00", 10, "-10"),
            ("-10.01", 10, "-20"),
            ("0", 7, "0"),
        ] {
            assert_eq!(bucket(text, width).as_deref(), Some(start), "{text}");
        }
        assert_eq!(bucket("99999999999999999999", 10), None);
    }

    #[test]
    fn a_hash_has_the_digits_that_are_declared() {
        for (number, precision, scale, text) in [
            (123_456, 4, 2, "34.56"),
            (7, 4, 2, "0.07"),
            (123_456, 3, 0, "456"),
            (99, 2, -3, "99000"),
            (99, 2, 5, "0.00099"),
            (u64::MAX, 1000, 0, "18446744073709551615"),
        ] {
            let made = placed(number, declared(precision, scale));
            assert_eq!(made, text);
            assert_eq!(
                fit(&made, declared(precision, scale)).as_deref(),
                Some(text)
            );
        }
    }

    #[test]
    fn what_does_not_fit_its_declaration_is_nothing() {
        for (text, precision, scale, fitted) in [
            ("-100", 4, 2, None),
            ("99.99", 4, 2, Some("99.99")),
            ("99.999", 4, 2, Some("99.99")),
            ("10", 4, 2, Some("10.00")),
            ("12345", 2, -3, Some("12000")),
            ("123", 2, -3, Some("0")),
            ("0.00099", 2, 5, Some("0.00099")),
            ("0.001", 2, 5, None),
            ("-0.00", 4, 2, Some("0.00")),
            ("0007", 1, 0, Some("7")),
        ] {
            assert_eq!(
                fit(text, declared(precision, scale)).as_deref(),
                fitted,
                "{text}"
            );
        }
    }
}
