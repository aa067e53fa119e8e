//! PostgreSQL's numeric: base-10,000 digits on the wire, a decimal in text. NaN and the infinities are not masked but nulled.
//!
//! Layout (numeric_send): i16 digits, i16 weight, u16 sign (0x0000, 0x4000 negative), u16 scale, then the digits.

const NEGATIVE: u16 = 0x4000;

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
