//! Whole numbers as text, without a detour over the heap.

/// Appends the number in decimal.
pub fn print(number: i64, out: &mut Vec<u8>) {
    with_text(number, |text| out.extend_from_slice(text));
}

/// Hands on the number in decimal.
pub fn with_text<T>(number: i64, then: impl FnOnce(&[u8]) -> T) -> T {
    let mut text = [b'0'; 20];
    let mut left = number.unsigned_abs();
    let mut from = text.len();
    for place in text.iter_mut().rev() {
        from -= 1;
        *place = b'0' + u8::try_from(left % 10).unwrap_or(0);
        left /= 10;
        if left == 0 {
            break;
        }
    }
    if number < 0 {
        from = from.saturating_sub(1);
        if let Some(sign) = text.get_mut(from) {
            *sign = b'-';
        }
    }
    then(text.get(from..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_everywhere() {
        for number in (-1100..1100).chain([i64::MAX, i64::MIN, i64::MIN + 1, 10_000_000_000]) {
            let mut out = b"x".to_vec();
            print(number, &mut out);
            assert_eq!(out, format!("x{number}").into_bytes());
        }
    }
}
