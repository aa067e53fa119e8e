//! Scrubs runs of whole records of files: JSON lines, CSV, plain text. And finds where a run may be cut.

use memchr::{memchr, memchr2, memrchr};

use super::json;
use super::scrub::Scrub;

/// JSON lines; a line that is no JSON is scrubbed as text.
pub fn json_lines(run: &[u8], scrub: &mut Scrub<'_>, out: &mut Vec<u8>) {
    let mut rest = run;
    while !rest.is_empty() {
        let end = memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        let (line, after) = rest.split_at_checked(end).unwrap_or((rest, b""));
        if json::scrub(line, b"", scrub, out).is_none() {
            text(line, scrub, out);
        }
        rest = after;
    }
}

/// One JSON value over any number of lines; what is none is read line by line.
pub fn json_value(run: &[u8], scrub: &mut Scrub<'_>, out: &mut Vec<u8>) {
    if json::scrub(run, b"", scrub, out).is_none() {
        json_lines(run, scrub, out);
    }
}

/// Text without structure.
pub fn text(run: &[u8], scrub: &mut Scrub<'_>, out: &mut Vec<u8>) {
    scrub.text_at(run, b"text", out);
}

/// Records of fields; `columns` are their names. Fields in quotes may hold anything.
pub fn csv(
    run: &[u8],
    delimiter: u8,
    columns: &[Vec<u8>],
    scrub: &mut Scrub<'_>,
    out: &mut Vec<u8>,
) {
    let mut rest = run;
    let mut column = 0;
    while !rest.is_empty() {
        let quoted = rest.first() == Some(&b'"');
        let end = if quoted {
            quoted_end(rest)
        } else {
            field_end(rest, delimiter)
        };
        let (raw, after) = rest.split_at_checked(end).unwrap_or((rest, b""));
        let name = columns.get(column).map_or(&b"?"[..], Vec::as_slice);
        if quoted {
            quoted_field(raw, name, scrub, out);
        } else if raw.len() > 2 {
            field(raw, name, scrub, out);
        } else {
            out.extend_from_slice(raw);
        }
        rest = after;
        if let Some((mark, after)) = rest.split_first() {
            column = match *mark {
                b'\n' => 0,
                mark if mark == delimiter => column + 1,
                _ => column,
            };
            out.push(*mark);
            rest = after;
        }
    }
}

/// One value under a name; JSON within it is scrubbed as such.
pub fn field(value: &[u8], name: &[u8], scrub: &mut Scrub<'_>, out: &mut Vec<u8>) {
    if matches!(value.first(), Some(b'{' | b'[')) && json::scrub(value, name, scrub, out).is_some()
    {
        return;
    }
    if scrub.scan(value, name, || name.to_vec()) {
        scrub.write(value, out);
    } else {
        out.extend_from_slice(value);
    }
}

fn quoted_field(raw: &[u8], name: &[u8], scrub: &mut Scrub<'_>, out: &mut Vec<u8>) {
    let inner = raw.get(1..).unwrap_or_default();
    let closed = inner.last() == Some(&b'"');
    let inner = inner
        .get(..inner.len() - usize::from(closed))
        .unwrap_or_default();
    let plain = doubled(inner, false);
    let mut clean = Vec::with_capacity(plain.len());
    field(&plain, name, scrub, &mut clean);
    if clean == plain {
        out.extend_from_slice(raw);
    } else {
        out.push(b'"');
        out.extend_from_slice(&doubled(&clean, true));
        out.push(b'"');
    }
}

/// Quotes made double, or doubled quotes made single.
fn doubled(text: &[u8], make: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr(b'"', rest) {
        out.extend_from_slice(rest.get(..=at).unwrap_or_default());
        let skip = if make {
            out.push(b'"');
            1
        } else {
            1 + usize::from(rest.get(at + 1) == Some(&b'"'))
        };
        rest = rest.get(at + skip..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out
}

fn quoted_end(rest: &[u8]) -> usize {
    let mut at = 1;
    while let Some(quote) = rest.get(at..).and_then(|rest| memchr(b'"', rest)) {
        at += quote + 1;
        if rest.get(at) != Some(&b'"') {
            return at;
        }
        at += 1;
    }
    rest.len()
}

fn field_end(rest: &[u8], delimiter: u8) -> usize {
    memchr2(delimiter, b'\n', rest).unwrap_or(rest.len())
}

/// How much of a buffer of CSV is whole records.
pub fn csv_cut(buffer: &[u8]) -> usize {
    let mut open = false;
    let mut cut = 0;
    let mut at = 0;
    while let Some(next) = buffer.get(at..).and_then(|rest| memchr2(b'"', b'\n', rest)) {
        at += next + 1;
        match buffer.get(at - 1) {
            Some(b'"') => open = !open,
            _ if !open => cut = at,
            _ => {}
        }
    }
    cut
}

/// How much of a buffer is whole lines.
pub fn line_cut(buffer: &[u8]) -> usize {
    memrchr(b'\n', buffer).map_or(0, |at| at + 1)
}

/// How much of a buffer of text is whole lines that hold no beginning of a key whose end is missing.
pub fn text_cut(buffer: &[u8]) -> usize {
    let cut = line_cut(buffer);
    let whole = buffer.get(..cut).unwrap_or_default();
    let open = memchr::memmem::rfind(whole, b"-----BEGIN ");
    let closed = memchr::memmem::rfind(whole, b"-----END ");
    match open {
        Some(open)
            if closed.is_none_or(|closed| closed < open) && open > 0 && cut - open < 8192 =>
        {
            open
        }
        _ => cut,
    }
}
