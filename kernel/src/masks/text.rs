//! Masks that show a part of a text. By code point where it is UTF-8, by byte where it is not.

/// All but the first and last few characters become `*`; a text too short to hide anything that way is hidden whole.
pub fn partial(value: &[u8], first: usize, last: usize, out: &mut Vec<u8>) {
    let length = characters(value);
    let kept = first + last;
    if length <= kept.saturating_mul(2) {
        out.extend(std::iter::repeat_n(b'*', length));
        return;
    }
    let head = offset(value, first);
    let tail = offset(value, length - last);
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
            out.extend_from_slice(value.get(..offset(value, 1)).unwrap_or_default());
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
        let keep = start + offset(written, most);
        out.truncate(keep);
    }
}

fn begins(byte: u8) -> bool {
    byte & 0xC0 != 0x80
}

fn characters(value: &[u8]) -> usize {
    value
        .iter()
        .filter(|byte| begins(**byte))
        .count()
        .max(usize::from(!value.is_empty()))
}

/// Where the n-th character begins.
fn offset(value: &[u8], n: usize) -> usize {
    value
        .iter()
        .enumerate()
        .filter(|(_, byte)| begins(**byte))
        .nth(n)
        .map_or(value.len(), |(at, _)| at)
}
