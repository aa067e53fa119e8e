//! The text format: fields between delimiters, what stands for something else behind a backslash.

/// The fields of a line, as they stand.
pub fn fields(line: &[u8], delimiter: u8) -> Fields<'_> {
    Fields {
        line,
        at: Some(0),
        delimiter,
    }
}

/// See `fields`.
pub struct Fields<'a> {
    line: &'a [u8],
    at: Option<usize>,
    delimiter: u8,
}

impl<'a> Iterator for Fields<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let start = self.at?;
        let mut at = start;
        while let Some(found) = self
            .line
            .get(at..)
            .and_then(|rest| memchr::memchr2(b'\\', self.delimiter, rest))
        {
            at += found;
            if self.line.get(at) == Some(&self.delimiter) {
                self.at = Some(at + 1);
                return self.line.get(start..at);
            }
            at += 2;
        }
        self.at = None;
        self.line.get(start..)
    }
}

/// The value that a field stands for; `value` is room for it where it differs from the field.
pub fn unescape<'a>(field: &'a [u8], value: &'a mut Vec<u8>) -> &'a [u8] {
    let Some(mut at) = memchr::memchr(b'\\', field) else {
        return field;
    };
    value.clear();
    value.extend_from_slice(field.get(..at).unwrap_or_default());
    while let Some(&c) = field.get(at) {
        if c == b'\\' {
            at += 1;
            value.push(match field.get(at) {
                Some(b'b') => 8,
                Some(b'f') => 12,
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(b't') => b'\t',
                Some(b'v') => 11,
                Some(other) => *other,
                None => b'\\',
            });
        } else {
            value.push(c);
        }
        at += 1;
    }
    value
}

/// Makes the value that stands in `out` from `start` on into its field.
pub fn escape_from(start: usize, delimiter: u8, out: &mut Vec<u8>) {
    let value = out.get(start..).unwrap_or_default();
    if value
        .iter()
        .any(|&c| c < 14 || c == b'\\' || c == delimiter)
    {
        let value = out.split_off(start);
        escape(&value, delimiter, out);
    }
}

/// Appends the field of a value, as the server writes it.
pub fn escape(value: &[u8], delimiter: u8, out: &mut Vec<u8>) {
    let mut written = 0;
    for (at, &byte) in value.iter().enumerate() {
        let after = match byte {
            8 => b'b',
            12 => b'f',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            11 => b'v',
            _ if byte == b'\\' || byte == delimiter => byte,
            _ => continue,
        };
        out.extend_from_slice(value.get(written..at).unwrap_or_default());
        out.extend_from_slice(&[b'\\', after]);
        written = at + 1;
    }
    out.extend_from_slice(value.get(written..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_ends_at_a_delimiter_that_nothing_escapes() {
        let line = b"a|b\\|c|\\\\||x\\";
        let found: Vec<&[u8]> = fields(line, b'|').collect();
        assert_eq!(found, [&b"a"[..], b"b\\|c", b"\\\\", b"", b"x\\"]);
        assert_eq!(fields(b"", b'|').count(), 1);
    }

    #[test]
    fn every_value_comes_back_from_its_field() {
        let all: Vec<u8> = (1..=255).collect();
        for delimiter in [b'\t', b',', b'|', b'N', 1] {
            let (mut field, mut value) = (Vec::new(), b"left over".to_vec());
            escape(&all, delimiter, &mut field);
            assert_eq!(fields(&field, delimiter).count(), 1);
            assert!(!field.contains(&b'\n'));
            assert_eq!(unescape(&field, &mut value), all);
            let mut beside = [b"before".as_slice(), &all].concat();
            escape_from(6, delimiter, &mut beside);
            assert_eq!(beside, [b"before".as_slice(), &field].concat());
        }
    }
}
