//! The CSV format: fields between delimiters, in quotes where they must be.

use super::Marks;
use crate::Malformed;

/// The first field of a line as it stands, and what follows the delimiter behind it.
pub fn field<'a>(line: &'a [u8], marks: &Marks) -> Result<(&'a [u8], Option<&'a [u8]>), Malformed> {
    // Most fields have no quotes.
    let end = memchr::memchr2(marks.delimiter, marks.quote, line).unwrap_or(line.len());
    let (mut at, mut quoted) = (end, false);
    while let Some(&c) = line.get(at) {
        if quoted && escapes(line, at, marks) {
            at += 2;
            continue;
        }
        if c == marks.quote {
            quoted = !quoted;
        } else if c == marks.delimiter && !quoted {
            break;
        }
        at += 1;
    }
    if quoted {
        return Err(Malformed("a quoted field does not end"));
    }
    let field = line.get(..at).unwrap_or_default();
    Ok((field, line.get(at + 1..).filter(|_| at < line.len())))
}

/// The value that a field stands for, in place of what `value` held.
pub fn unquote(field: &[u8], marks: &Marks, value: &mut Vec<u8>) {
    value.clear();
    let (mut at, mut quoted) = (0, false);
    while let Some(&c) = field.get(at) {
        if quoted && escapes(field, at, marks) {
            value.extend(field.get(at + 1));
            at += 2;
            continue;
        }
        if c == marks.quote {
            quoted = !quoted;
        } else {
            value.push(c);
        }
        at += 1;
    }
}

/// Appends a value in quotes.
pub fn quote(value: &[u8], marks: &Marks, out: &mut Vec<u8>) {
    out.push(marks.quote);
    for &byte in value {
        if byte == marks.quote || byte == marks.escape {
            out.push(marks.escape);
        }
        out.push(byte);
    }
    out.push(marks.quote);
}

fn escapes(line: &[u8], at: usize, marks: &Marks) -> bool {
    line.get(at) == Some(&marks.escape)
        && line
            .get(at + 1)
            .is_some_and(|next| *next == marks.quote || *next == marks.escape)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(delimiter: u8, quote: u8, escape: u8) -> Marks {
        Marks {
            delimiter,
            null: Vec::new(),
            quote,
            escape,
        }
    }

    #[test]
    fn a_delimiter_in_quotes_ends_nothing() {
        let marks = marks(b',', b'"', b'"');
        assert_eq!(field(b"a,b", &marks), Ok((&b"a"[..], Some(&b"b"[..]))));
        assert_eq!(
            field(b"\"a,\"\",\",", &marks),
            Ok((&b"\"a,\"\",\""[..], Some(&b""[..])))
        );
        assert_eq!(field(b"", &marks), Ok((&b""[..], None)));
        assert!(field(b"\"a,b", &marks).is_err());
    }

    #[test]
    fn every_value_comes_back_from_its_quotes() {
        let all: Vec<u8> = (1..=255).rev().collect();
        for (delimiter, quoting, escape) in [
            (b',', b'"', b'"'),
            (b';', b'\'', b'\\'),
            (b',', b'"', b','),
            (b'\t', b'"', b'x'),
        ] {
            let marks = marks(delimiter, quoting, escape);
            let (mut written, mut value) = (Vec::new(), b"left over".to_vec());
            quote(&all, &marks, &mut written);
            assert_eq!(field(&written, &marks), Ok((written.as_slice(), None)));
            unquote(&written, &marks, &mut value);
            assert_eq!(value, all);
        }
    }
}
