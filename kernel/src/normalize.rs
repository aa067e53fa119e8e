//! Cache keys for statements: the text with its plain literals replaced by placeholders that keep their kind.
//!
//! It must agree with the server's lexer wherever it answers at all, so whatever could be read in two ways (escapes, dollar quotes,
//! prefixes, comments, anything beyond ASCII) is no answer. Source: https://www.postgresql.org/docs/current/sql-syntax-lexical.html

/// A key, and where the literals stood (start, end).
pub type Key = (Vec<u8>, Vec<(usize, usize)>);

/// The key, and where the literals stood. None: not sure.
pub fn normalize(sql: &[u8]) -> Option<Key> {
    let mut key = Vec::with_capacity(sql.len());
    let mut spans = Vec::new();
    let mut at = 0;
    let mut after_string = false;
    while let Some(&c) = sql.get(at) {
        let start = at;
        match c {
            b'\'' => {
                // Two strings with only space between them are one string if a newline is among it.
                if after_string {
                    return None;
                }
                at = string_end(sql, at)?;
                key.extend_from_slice(b"?'");
                spans.push((start, at));
                after_string = true;
                continue;
            }
            b'"' => {
                at = name_end(sql, at)?;
                key.extend_from_slice(sql.get(start..at)?);
            }
            b'0'..=b'9' => {
                at = number_end(sql, at)?;
                key.extend_from_slice(b"?0");
                spans.push((start, at));
            }
            b'.' if sql.get(at + 1).is_some_and(u8::is_ascii_digit) => return None,
            b'$' => {
                at += 1;
                while sql.get(at).is_some_and(u8::is_ascii_digit) {
                    at += 1;
                }
                if at == start + 1 || sql.get(at).is_some_and(|c| word(*c) || *c == b'$') {
                    return None;
                }
                key.extend_from_slice(sql.get(start..at)?);
            }
            b'A'..=b'Z' | b'a'..=b'z' | b'_' => {
                while sql.get(at).is_some_and(|c| word(*c)) {
                    at += 1;
                }
                // A prefix changes how the string behind it is read; `$` may belong to a name.
                if sql
                    .get(at)
                    .is_some_and(|c| matches!(c, b'\'' | b'"' | b'$' | b'&'))
                {
                    return None;
                }
                key.extend_from_slice(sql.get(start..at)?);
            }
            b'-' if sql.get(at + 1) == Some(&b'-') => return None,
            b'/' if sql.get(at + 1) == Some(&b'*') => return None,
            b' ' | b'\t' | b'\n' | b'\r' | 0x0c | 0x0b => {
                key.push(c);
                at += 1;
                continue;
            }
            0x21..=0x7e if c != b'\\' && c != b'?' => {
                key.push(c);
                at += 1;
            }
            _ => return None,
        }
        after_string = false;
    }
    Some((key, spans))
}

fn word(c: u8) -> bool {
    c.is_ascii_alphanumeric() || c == b'_'
}

fn string_end(sql: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        match sql.get(at)? {
            b'\'' if sql.get(at + 1) == Some(&b'\'') => at += 2,
            b'\'' => return Some(at + 1),
            b'\\' | 0 | 0x80.. => return None,
            _ => at += 1,
        }
    }
}

fn name_end(sql: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        match sql.get(at)? {
            b'"' if sql.get(at + 1) == Some(&b'"') => return None,
            b'"' => return Some(at + 1),
            b'\\' | 0 | 0x80.. => return None,
            _ => at += 1,
        }
    }
}

fn number_end(sql: &[u8], at: usize) -> Option<usize> {
    let mut at = digits(sql, at);
    if sql.get(at) == Some(&b'.') {
        if sql.get(at + 1) == Some(&b'.') {
            return None;
        }
        at = digits(sql, at + 1);
    }
    if matches!(sql.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(sql.get(at + 1), Some(b'+' | b'-')));
        let end = digits(sql, at + 1 + sign);
        if end == at + 1 + sign {
            return None;
        }
        at = end;
    }
    (!sql
        .get(at)
        .is_some_and(|c| word(*c) || matches!(c, b'.' | b'$' | b'\'')))
    .then_some(at)
}

fn digits(sql: &[u8], mut at: usize) -> usize {
    while sql.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(sql: &str) -> Option<String> {
        normalize(sql.as_bytes()).map(|(key, _)| String::from_utf8_lossy(&key).into_owned())
    }

    #[test]
    fn literals_become_placeholders_of_their_kind() {
        for (sql, told) in [
            (
                "select a from t where b = 1",
                "select a from t where b = ?0",
            ),
            ("select 'it''s', 1.5e-3", "select ?', ?0"),
            (
                "select \"A b\" from t1 where x=$1",
                "select \"A b\" from t1 where x=$1",
            ),
            ("select -1", "select -?0"),
            ("select a[1:2]", "select a[?0:?0]"),
        ] {
            assert_eq!(key(sql).as_deref(), Some(told));
        }
        assert_eq!(
            normalize(b"f('a', 22)").map(|(_, spans)| spans),
            Some(vec![(2, 5), (7, 9)])
        );
    }

    #[test]
    fn what_could_be_read_in_two_ways_has_no_key() {
        for sql in [
            "select 'a' 'b'",
            "select 'a'\n'b'",
            "select e'a'",
            "select U&'a'",
            "select n'a'",
            "select b'1'",
            "select 'a\\b'",
            "select 'a",
            "select \"a",
            "select \"a\"\"b\"",
            "select $$a$$",
            "select $a$b$a$",
            "select $1a",
            "select a$1",
            "select 1a",
            "select 1.5.2",
            "select 1..2",
            "select .5",
            "select 1e",
            "select 1_000",
            "select 0x1f",
            "-- x",
            "/* x */",
            "select 'é'",
            "select é",
            "select ?",
            "select a \\ b",
            "select \0",
            "select 1'a'",
        ] {
            assert_eq!(key(sql), None, "{sql}");
        }
    }
}
