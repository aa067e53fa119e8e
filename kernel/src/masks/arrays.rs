//! Arrays, element by element: dimensions and NULLs stay. What does not read as an array becomes NULL whole.
//!
//! Layouts: array_send (i32 dimensions, i32 has-null, u32 element oid, per dimension i32 length and i32 lower bound, then
//! length-prefixed elements); text as in https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO.

use super::{ColumnMask, Made, Seen};

const MOST_DIMENSIONS: i32 = 6;

/// Appends what stands for an element; false: NULL.
type OfElement<'a> = dyn FnMut(&[u8], &mut Vec<u8>) -> bool + 'a;

/// Appends the masked array; false: NULL.
pub fn apply(mask: &ColumnMask, value: &[u8], out: &mut Vec<u8>, one: &mut OfElement<'_>) -> bool {
    let done = if mask.binary {
        binary(value, out, one)
    } else {
        text(value, out, one)
    };
    done.is_some()
}

/// Looks every element through.
pub fn look(mask: &ColumnMask, value: &[u8], out: &mut Vec<u8>, seen: &mut Seen) -> Made {
    let start = out.len();
    let mut changed = false;
    let read = apply(
        mask,
        value,
        out,
        &mut |element, out| match mask.look(element, out, seen) {
            Made::Same => {
                out.extend_from_slice(element);
                true
            }
            made => {
                changed = true;
                made == Made::New
            }
        },
    );
    if !read {
        return Made::Null;
    }
    if !changed {
        out.truncate(start);
        return Made::Same;
    }
    Made::New
}

fn word(value: &[u8], at: usize) -> Option<i32> {
    Some(i32::from_be_bytes(
        value.get(at..at.checked_add(4)?)?.try_into().ok()?,
    ))
}

fn binary(value: &[u8], out: &mut Vec<u8>, one: &mut OfElement<'_>) -> Option<()> {
    let dimensions = word(value, 0)?;
    if !(0..=MOST_DIMENSIONS).contains(&dimensions) {
        return None;
    }
    let mut at = 12 + 8 * usize::try_from(dimensions).ok()?;
    let flag = out.len() + 4;
    out.extend_from_slice(value.get(..at)?);
    let mut nulls = false;
    while at < value.len() {
        let length = word(value, at)?;
        at += 4;
        let start = out.len();
        out.extend_from_slice(&length.to_be_bytes());
        if length == -1 {
            nulls = true;
            continue;
        }
        let end = at.checked_add(usize::try_from(length).ok()?)?;
        let element = value.get(at..end)?;
        at = end;
        if one(element, out) {
            let written = i32::try_from(out.len() - start - 4).ok()?;
            out.get_mut(start..start + 4)?
                .copy_from_slice(&written.to_be_bytes());
        } else {
            nulls = true;
            out.truncate(start);
            out.extend_from_slice(&(-1i32).to_be_bytes());
        }
    }
    out.get_mut(flag..flag + 4)?
        .copy_from_slice(&i32::from(nulls).to_be_bytes());
    Some(())
}

fn text(value: &[u8], out: &mut Vec<u8>, one: &mut OfElement<'_>) -> Option<()> {
    let mut at = 0;
    if value.first() == Some(&b'[') {
        at = value.iter().position(|c| *c == b'=')? + 1;
        let bounds = value.get(..at)?;
        if !bounds
            .iter()
            .all(|c| matches!(c, b'0'..=b'9' | b'-' | b':' | b'[' | b']' | b'='))
        {
            return None;
        }
        out.extend_from_slice(bounds);
    }
    let mut depth = 0usize;
    let mut opened = false;
    while at < value.len() {
        match value.get(at)? {
            b'{' => {
                depth += 1;
                opened = true;
                out.push(b'{');
                at += 1;
            }
            b'}' => {
                depth = depth.checked_sub(1)?;
                out.push(b'}');
                at += 1;
            }
            b',' if depth > 0 => {
                out.push(b',');
                at += 1;
            }
            _ if depth == 0 => return None,
            b'"' => {
                let (element, end) = quoted(value, at + 1)?;
                element_of(&element, out, one);
                at = end;
            }
            _ => {
                let rest = value.get(at..)?;
                let length = rest.iter().position(|c| matches!(c, b',' | b'}'))?;
                let element = rest.get(..length)?;
                if element.eq_ignore_ascii_case(b"null") {
                    out.extend_from_slice(b"NULL");
                } else {
                    element_of(element, out, one);
                }
                at += length;
            }
        }
    }
    (depth == 0 && opened).then_some(())
}

fn quoted(value: &[u8], mut at: usize) -> Option<(Vec<u8>, usize)> {
    let mut element = Vec::new();
    loop {
        match value.get(at)? {
            b'"' => return Some((element, at + 1)),
            b'\\' => {
                element.push(*value.get(at + 1)?);
                at += 2;
            }
            other => {
                element.push(*other);
                at += 1;
            }
        }
    }
}

fn element_of(element: &[u8], out: &mut Vec<u8>, one: &mut OfElement<'_>) {
    let mut masked = Vec::new();
    if !one(element, &mut masked) {
        out.extend_from_slice(b"NULL");
        return;
    }
    out.push(b'"');
    for byte in masked {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::super::Key;
    use super::*;

    fn masked(kind: &str, binary: bool, value: &[u8]) -> Option<Vec<u8>> {
        let mask = ColumnMask::new("redact", kind, binary, [], &Key::new(b"k"), None).ok()?;
        let mut out = Vec::new();
        (mask.apply(value, &mut out, &mut Seen::default()) == Made::New).then_some(out)
    }

    fn told(text: &str) -> Option<String> {
        masked("array:text", false, text.as_bytes()).and_then(|out| String::from_utf8(out).ok())
    }

    #[test]
    fn shape_and_nulls_stay() {
        for (text, made) in [
            ("{}", "{}"),
            ("{a,NULL,\"NULL\"}", "{\"[redacted]\",NULL,\"[redacted]\"}"),
            (
                "{{a,b},{\"c,\\\"}\",d}}",
                "{{\"[redacted]\",\"[redacted]\"},{\"[redacted]\",\"[redacted]\"}}",
            ),
            ("[0:1]={a,\"\"}", "[0:1]={\"[redacted]\",\"[redacted]\"}"),
            (
                "[-2:-1][3:3]={{a},{null}}",
                "[-2:-1][3:3]={{\"[redacted]\"},{NULL}}",
            ),
        ] {
            assert_eq!(told(text).as_deref(), Some(made), "{text}");
        }
    }

    #[test]
    fn what_is_no_array_is_null() {
        for text in [
            "",
            "a",
            "{",
            "{a",
            "}",
            "{a}}",
            "{\"a}",
            "{\"a\\",
            "[secret]={a}",
            "[1:1]",
            "{a},b",
            "a{b}",
            ",{}",
        ] {
            assert_eq!(told(text), None, "{text}");
        }
    }

    #[test]
    fn elements_without_a_stand_in_are_null_and_the_flag_says_so() {
        let one = [
            0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 9,
        ];
        let made = masked("array:int4", true, &one).unwrap_or_default();
        assert_eq!(made.get(4..8), Some(&[0, 0, 0, 1][..]));
        assert_eq!(made.get(20..), Some(&[255, 255, 255, 255][..]));
        assert_eq!(
            masked("array:int4", true, one.get(..27).unwrap_or_default()),
            None
        );
        let hostile = [
            0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23, 0, 0, 0, 1, 0, 0, 0, 1, 255, 255, 255, 254,
        ];
        assert_eq!(masked("array:int4", true, &hostile), None);
        assert_eq!(
            masked("array:text", true, &[0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 25]),
            None
        );
    }
}
