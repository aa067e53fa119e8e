//! Masks runs of DataRow messages: an i16 count of fields, then per field an i32 length (-1: NULL) and the value.

use crate::frames::each;
use crate::masks::{ColumnMask, Made, Seen};
use crate::Malformed;

/// Rewrites `run` into `out` by the plan; hidden (non-NULL) values are added to `masked`, one place per column.
///
/// Returns the number of rows, and whether the run may pass as it is: then `out` is empty. On an error `out` holds rubbish that
/// must not be used.
pub fn mask(
    run: &[u8],
    columns: &[Option<ColumnMask>],
    out: &mut Vec<u8>,
    masked: &mut [u64],
    seen: &mut Seen,
) -> Result<(u64, bool), Malformed> {
    let mut same = !columns.iter().flatten().any(ColumnMask::hides_all);
    let mut passed = 0;
    let mut rows = 0;
    for frame in each(run) {
        let frame = frame?;
        if frame.first() != Some(&b'D') {
            return Err(Malformed("a run of rows holds something else"));
        }
        rows += 1;
        if same {
            if untouched(frame, columns, out, seen)? {
                passed += frame.len();
                continue;
            }
            same = false;
            out.clear();
            out.reserve(run.len() + run.len() / 8);
            out.extend_from_slice(run.get(..passed).unwrap_or_default());
        } else if out.is_empty() {
            out.reserve(run.len() + run.len() / 8);
        }
        let start = out.len();
        out.extend_from_slice(
            frame
                .get(..7)
                .ok_or(Malformed("a row ends before its field count"))?,
        );
        let tuple = frame.get(5..).unwrap_or_default();
        let body = fields(tuple, columns, out, masked, seen)?;
        if !body.is_empty() {
            return Err(Malformed("a row holds more than its fields"));
        }
        set_length(out, start + 1)?;
    }
    Ok((rows, same))
}

/// Whether nothing in a row is to be hidden; what is found counts only then.
fn untouched(
    frame: &[u8],
    columns: &[Option<ColumnMask>],
    room: &mut Vec<u8>,
    seen: &mut Seen,
) -> Result<bool, Malformed> {
    let tuple = frame.get(5..).unwrap_or_default();
    alone(room, seen, |room, seen| passes(tuple, columns, room, seen))
}

/// Runs a look that counts what it finds, and forgets that if it ends with no.
pub fn alone(
    room: &mut Vec<u8>,
    seen: &mut Seen,
    look: impl FnOnce(&mut Vec<u8>, &mut Seen) -> Result<bool, Malformed>,
) -> Result<bool, Malformed> {
    let before = std::mem::take(&mut seen.tally);
    let passes = look(room, seen);
    room.clear();
    let found = std::mem::replace(&mut seen.tally, before);
    if passes == Ok(true) {
        seen.join(found);
    }
    passes
}

/// Whether nothing in a count-prefixed tuple is to be hidden.
pub fn passes(
    tuple: &[u8],
    columns: &[Option<ColumnMask>],
    room: &mut Vec<u8>,
    seen: &mut Seen,
) -> Result<bool, Malformed> {
    let (count, mut rest) = tuple
        .split_at_checked(2)
        .ok_or(Malformed("a row ends before its field count"))?;
    counted(count, columns)?;
    for (index, column) in (0u16..).zip(columns) {
        let (_, value, after) = field(rest)?;
        rest = after;
        if let (Some(mask), Some(value)) = (column, value) {
            seen.column = index;
            room.clear();
            if mask.apply(value, room, seen) != Made::Same {
                return Ok(false);
            }
        }
    }
    if !rest.is_empty() {
        return Err(Malformed("a row holds more than its fields"));
    }
    Ok(true)
}

fn counted(count: &[u8], columns: &[Option<ColumnMask>]) -> Result<(), Malformed> {
    if usize::from(u16::from_be_bytes([byte(count, 0), byte(count, 1)])) != columns.len() {
        return Err(Malformed(
            "a row has another number of fields than the plan",
        ));
    }
    Ok(())
}

/// The length of a field, its value (None: NULL), and what follows it.
type Field<'a> = (i32, Option<&'a [u8]>, &'a [u8]);

/// The first field.
fn field(rest: &[u8]) -> Result<Field<'_>, Malformed> {
    let (length, after) = rest
        .split_at_checked(4)
        .ok_or(Malformed("a row ends within a length"))?;
    let length = i32::from_be_bytes([
        byte(length, 0),
        byte(length, 1),
        byte(length, 2),
        byte(length, 3),
    ]);
    if length < -1 {
        return Err(Malformed("a field has a negative length"));
    }
    if length == -1 {
        return Ok((length, None, after));
    }
    let (value, after) = after
        .split_at_checked(usize::try_from(length).unwrap_or(0))
        .ok_or(Malformed("a row ends within a field"))?;
    Ok((length, Some(value), after))
}

/// Masks one count-prefixed tuple (the count itself is not written); what follows it is returned.
pub fn fields<'a>(
    tuple: &'a [u8],
    columns: &[Option<ColumnMask>],
    out: &mut Vec<u8>,
    masked: &mut [u64],
    seen: &mut Seen,
) -> Result<&'a [u8], Malformed> {
    let (count, mut rest) = tuple
        .split_at_checked(2)
        .ok_or(Malformed("a row ends before its field count"))?;
    counted(count, columns)?;
    for (index, (column, hidden)) in (0u16..).zip(columns.iter().zip(masked.iter_mut())) {
        let (length, value, after) = field(rest)?;
        rest = after;
        let start = out.len();
        out.extend_from_slice(&length.to_be_bytes());
        let Some(value) = value else {
            continue;
        };
        let Some(mask) = column else {
            out.extend_from_slice(value);
            continue;
        };
        seen.column = index;
        match mask.apply(value, out, seen) {
            Made::Same => out.extend_from_slice(value),
            Made::New => {
                *hidden += 1;
                set_field(out, start)?;
            }
            Made::Null => {
                *hidden += 1;
                out.truncate(start);
                out.extend_from_slice(&(-1i32).to_be_bytes());
            }
        }
    }
    Ok(rest)
}

fn byte(of: &[u8], at: usize) -> u8 {
    of.get(at).copied().unwrap_or(0)
}

fn set_field(out: &mut [u8], at: usize) -> Result<(), Malformed> {
    put(out, at, out.len().saturating_sub(at + 4))
}

/// Writes the length of the message that ends `out` at `at`, counting itself.
pub fn set_length(out: &mut [u8], at: usize) -> Result<(), Malformed> {
    put(out, at, out.len().saturating_sub(at))
}

fn put(out: &mut [u8], at: usize, length: usize) -> Result<(), Malformed> {
    let length = i32::try_from(length).map_err(|_| Malformed("a masked row is too long"))?;
    match out.get_mut(at..at + 4) {
        Some(place) => place.copy_from_slice(&length.to_be_bytes()),
        None => return Err(Malformed("a masked row is too short")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::masks::Key;

    fn row(body: &[u8]) -> Vec<u8> {
        let mut frame = b"D".to_vec();
        frame.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
        frame.extend_from_slice(body);
        frame
    }

    fn masked(run: &[u8], methods: &[Option<&str>]) -> Result<(Vec<u8>, u64, Vec<u64>), Malformed> {
        let key = Key::new(b"k");
        let columns: Vec<_> = methods
            .iter()
            .map(|method| {
                method
                    .and_then(|method| ColumnMask::new(method, "text", false, [], &key, None).ok())
            })
            .collect();
        let (mut out, mut hidden) = (Vec::new(), vec![0; columns.len()]);
        let (rows, same) = mask(run, &columns, &mut out, &mut hidden, &mut Seen::default())?;
        Ok((if same { run.to_vec() } else { out }, rows, hidden))
    }

    #[test]
    fn lengths_follow_their_values_and_nulls_stay() {
        let run = [
            row(b"\0\x02\0\0\0\x01a\0\0\0\x02bc"),
            row(b"\0\x02\xff\xff\xff\xff\xff\xff\xff\xff"),
            row(b"\0\x02\0\0\0\0\0\0\0\0"),
        ];
        let made = [
            row(b"\0\x02\0\0\0\x01a\0\0\0\x0a[redacted]"),
            row(b"\0\x02\xff\xff\xff\xff\xff\xff\xff\xff"),
            row(b"\0\x02\0\0\0\0\0\0\0\x0a[redacted]"),
        ];
        assert_eq!(
            masked(&run.concat(), &[None, Some("redact")]),
            Ok((made.concat(), 3, vec![0, 2]))
        );
        let nulled = row(b"\0\x02\xff\xff\xff\xff\0\0\0\x02bc");
        let first = row(b"\0\x02\0\0\0\x01a\0\0\0\x02bc");
        assert_eq!(
            masked(&first, &[Some("null"), None]),
            Ok((nulled, 1, vec![1, 0]))
        );
        assert_eq!(masked(&row(b"\0\0"), &[]), Ok((row(b"\0\0"), 1, vec![])));
    }

    #[test]
    fn a_row_that_is_not_what_it_says_is_an_error() {
        for body in [
            &b""[..],
            b"\0",
            b"\0\0",
            b"\0\x02\0\0\0\0\0\0\0\0",
            b"\xff\xff",
            b"\0\x01\0\0\0",
            b"\0\x01\0\0\0\x02a",
            b"\0\x01\xff\xff\xff\xfe",
            b"\0\x01\x7f\xff\xff\xff",
            b"\0\x01\0\0\0\x01ab",
        ] {
            assert!(masked(&row(body), &[Some("redact")]).is_err(), "{body:?}");
        }
        assert!(masked(b"C\0\0\0\x06\0\0", &[]).is_err());
    }
}
