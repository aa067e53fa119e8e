//! Masks that show a part of a text. By code point where it is UTF-8, by byte where it is not.

/// All but the first and last few characters become `*`; a text too short to hide anything that way is hidden whole.
pub fn partial(value: &[u8], first: usize, last: usize, out: &mut Vec<u8>) {
    let wide = wide(value);
    let length = characters(value, wide);
    let kept = first.saturating_add(last);
    if length <= kept.saturating_mul(2) {
        out.extend(std::iter::repeat_n(b'*', length));
        return;
    }
    let head = offset(value, first, wide);
    let tail = offset(value, length - last, wide);
    out.extend_from_slice(value.get(..head).unwrap_or_default());
    out.extend(std::iter::repeat_n(b'*', length - kept));
    out.extend_from_slice(value.get(tail..).unwrap_or_default());
}

/// The first character and the domain of an address; anything else becomes eight stars.
pub fn email(value: &[u8], out: &mut Vec<u8>) {
    let at = memchr::memrchr(b'@', value).filter(|at| *at > 0 && at + 1 < value.len());
    let domain = at.and_then(|at| value.get(at..)).filter(|domain| {
        domain
            .iter()
            .skip(1)
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-'))
            && domain.contains(&b'.')
    });
    match domain {
        Some(domain) if !value.contains(&b' ') => {
            let first = offset(value, 1, wide(value));
            out.extend_from_slice(value.get(..first).unwrap_or_default());
            out.extend_from_slice(b"***");
            out.extend_from_slice(domain);
        }
        _ => out.extend_from_slice(b"********"),
    }
}

/// Cuts what stands in `out` from `start` to so many characters.
pub fn cut(out: &mut Vec<u8>, start: usize, most: usize) {
    let written = out.get(start..).unwrap_or_default();
    if written.len() > most {
        let keep = start + offset(written, most, wide(written));
        out.truncate(keep);
    }
}

/// Cuts what stands in `out` from `start` to so many bytes, and no character in two.
pub fn cut_bytes(out: &mut Vec<u8>, start: usize, most: usize) {
    let written = out.get(start..).unwrap_or_default();
    if written.len() > most {
        let mut keep = most;
        if wide(written) {
            while keep > 0 && written.get(keep).is_some_and(|byte| !begins(*byte)) {
                keep -= 1;
            }
        }
        out.truncate(start + keep);
    }
}

/// Fills what stands in `out` from `start` with spaces up to so many characters.
pub fn pad(out: &mut Vec<u8>, start: usize, to: usize) {
    let written = out.get(start..).unwrap_or_default();
    let missing = to.saturating_sub(characters(written, wide(written)));
    out.extend(std::iter::repeat_n(b' ', missing));
}

/// The text without the spaces at its end.
pub fn unpadded(value: &[u8]) -> &[u8] {
    let length = value
        .iter()
        .rposition(|c| *c != b' ')
        .map_or(0, |last| last + 1);
    value.get(..length).unwrap_or_default()
}

fn wide(value: &[u8]) -> bool {
    std::str::from_utf8(value).is_ok()
}

fn begins(byte: u8) -> bool {
    byte & 0xC0 != 0x80
}

fn characters(value: &[u8], wide: bool) -> usize {
    if wide {
        value.iter().filter(|byte| begins(**byte)).count()
    } else {
        value.len()
    }
}

/// Where the n-th character begins.
fn offset(value: &[u8], n: usize, wide: bool) -> usize {
    if !wide {
        return n.min(value.len());
    }
    value
        .iter()
        .enumerate()
        .filter(|(_, byte)| begins(**byte))
        .nth(n)
        .map_or(value.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partly(value: &[u8], first: usize, last: usize) -> Vec<u8> {
        let mut out = Vec::new();
        partial(value, first, last, &mut out);
        out
    }

    fn mailed(value: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        email(value, &mut out);
        out
    }

    #[test]
    fn the_ends_stay_and_the_middle_goes() {
        assert_eq!(partly(b"4242424242424242", 0, 4), b"************4242");
        assert_eq!(partly(b"0123456789", 2, 1), b"01*******9");
        assert_eq!(partly("äöüßéèê".as_bytes(), 1, 1), "ä*****ê".as_bytes());
        assert_eq!(partly(b"abc", 0, 0), b"***");
    }

    #[test]
    fn what_is_too_short_to_be_hidden_in_part_is_hidden_whole() {
        assert_eq!(partly(b"12345678", 0, 4), b"********");
        assert_eq!(partly(b"123456789", 0, 4), b"*****6789");
        assert_eq!(partly(b"", 0, 4), b"");
        assert_eq!(partly(b"abc", usize::MAX, usize::MAX), b"***");
    }

    #[test]
    fn bytes_of_another_encoding_count_one_each() {
        assert_eq!(partly(b"\xe9\xbf\x80\x81\x82\x83", 0, 2), b"****\x82\x83");
        let mut out = b"x\xe9\x80A".to_vec();
        cut(&mut out, 1, 2);
        assert_eq!(out, b"x\xe9\x80");
    }

    #[test]
    fn an_address_keeps_its_first_character_and_its_domain() {
        assert_eq!(mailed(b"ann@example.com"), b"a***@example.com");
        assert_eq!(
            mailed("émile@example.com".as_bytes()),
            "é***@example.com".as_bytes()
        );
        assert_eq!(mailed(b"a@b@example.com"), b"a***@example.com");
    }

    #[test]
    fn what_is_no_address_becomes_stars() {
        for value in [
            &b""[..],
            b"ann",
            b"@example.com",
            b"ann@",
            b"ann@localhost",
            b"ann@exa mple.com",
            b"a b@example.com",
            b"a@b.c/x",
        ] {
            assert_eq!(mailed(value), b"********");
        }
    }

    #[test]
    fn a_cut_never_halves_a_character() {
        let mut out = "xäöü".as_bytes().to_vec();
        cut(&mut out, 1, 2);
        assert_eq!(out, "xäö".as_bytes());
        for most in 0..8 {
            let mut out = "xäöü".as_bytes().to_vec();
            cut_bytes(&mut out, 1, most);
            assert!(std::str::from_utf8(&out).is_ok() && out.len() <= most + 1);
        }
    }

    #[test]
    fn only_spaces_at_the_end_are_padding() {
        for (value, told) in [
            (&b" a b  "[..], &b" a b"[..]),
            (b"   ", b""),
            (b"", b""),
            (b"a\t ", b"a\t"),
        ] {
            assert_eq!(unpadded(value), told);
        }
    }

    #[test]
    fn padding_counts_characters() {
        let mut out = "xä".as_bytes().to_vec();
        pad(&mut out, 1, 3);
        assert_eq!(out, "xä  ".as_bytes());
        pad(&mut out, 1, 2);
        assert_eq!(out, "xä  ".as_bytes());
    }
}
