//! One look over a whole exchange: is it the same as one seen before, but for values? Used to recognise, never to understand.
//!
//! A signature holds everything of the messages but what may differ without changing what they mean: a Query's plain literals,
//! a Bind's values, the rows of a result and their number. Whatever is not of the few kinds known here has no signature.

use crate::normalize::normalize;

/// What a client's messages are, and where the text of a lone Query stands (0, 0: none).
pub type Asked = (Vec<u8>, (usize, usize));

/// The signature of a client's whole messages: one Query, or a pipeline up to its Sync.
pub fn asked(data: &[u8]) -> Option<Asked> {
    if data.first() == Some(&b'Q') {
        let (whole, body) = message(data, 0)?;
        let text = body
            .strip_suffix(b"\0")
            .filter(|text| whole == data.len() && !text.contains(&0))?;
        let mut signature = normalize(text)?.0;
        signature.insert(0, b'Q');
        return Some((signature, (5, 5 + text.len())));
    }
    let mut signature = Vec::with_capacity(data.len());
    let mut at = 0;
    while let Some((end, body)) = message(data, at) {
        let kind = *data.get(at)?;
        match kind {
            b'B' => {
                signature.push(b'B');
                bind(body, &mut signature)?;
            }
            b'P' | b'D' | b'E' => signature.extend_from_slice(data.get(at..end)?),
            b'S' => {
                signature.push(b'S');
                return (end == data.len() && body.is_empty()).then_some((signature, (0, 0)));
            }
            _ => return None,
        }
        at = end;
    }
    None
}

/// What a server's answer is: its signature, where its rows stand (start, end) and how many, and where its tag stands.
#[derive(Debug, PartialEq, Eq)]
pub struct Answered {
    pub signature: Vec<u8>,
    pub rows: (usize, usize),
    pub count: u64,
    pub tag: (usize, usize),
}

/// The signature of a server's whole answer, up to its ReadyForQuery: at most one result, no error, no notice.
pub fn answered(data: &[u8]) -> Option<Answered> {
    let mut found = Answered {
        signature: Vec::with_capacity(64),
        rows: (0, 0),
        count: 0,
        tag: (0, 0),
    };
    let mut at = 0;
    while let Some((end, body)) = message(data, at) {
        let kind = *data.get(at)?;
        match kind {
            b'D' => {
                if found.count == 0 {
                    found.rows = (at, end);
                    found.signature.push(b'D');
                } else if found.rows.1 == at {
                    found.rows.1 = end;
                } else {
                    return None;
                }
                found.count += 1;
            }
            b'C' => {
                if found.tag.1 != 0 {
                    return None;
                }
                let tag = body.strip_suffix(b"\0")?;
                found.tag = (at + 5, at + 5 + tag.len());
                found.signature.push(b'C');
                found
                    .signature
                    .extend(tag.iter().filter(|byte| !byte.is_ascii_digit()));
            }
            b'1' | b'2' | b'n' | b'I' | b'T' => {
                found.signature.extend_from_slice(data.get(at..end)?)
            }
            b'Z' => {
                found.signature.extend_from_slice(data.get(at..end)?);
                return (end == data.len() && body.len() == 1).then_some(found);
            }
            _ => return None,
        }
        at = end;
    }
    None
}

/// The end and the body of the whole message at `at`.
fn message(data: &[u8], at: usize) -> Option<(usize, &[u8])> {
    let length = data.get(at + 1..at + 5)?;
    let length = u32::from_be_bytes(length.try_into().ok()?) as usize;
    let end = at.checked_add(1)?.checked_add(length)?;
    let body = data.get(at + 5..end)?;
    (length >= 4).then_some((end, body))
}

/// A Bind without its values: names, formats, how many values and which of them are NULL.
fn bind(body: &[u8], signature: &mut Vec<u8>) -> Option<()> {
    let mut at = 0;
    for _ in 0..2 {
        at += body.get(at..)?.iter().position(|byte| *byte == 0)? + 1;
    }
    at += 2 + 2 * usize::from(short(body, at)?);
    let count = short(body, at)?;
    at += 2;
    signature.extend_from_slice(body.get(..at)?);
    for _ in 0..count {
        let length = i32::from_be_bytes(body.get(at..at + 4)?.try_into().ok()?);
        at += 4;
        if length < -1 {
            return None;
        }
        at += usize::try_from(length.max(0)).ok()?;
    }
    let formats = body.get(at..)?;
    if formats.len() != 2 + 2 * usize::from(short(body, at)?) {
        return None;
    }
    signature.extend_from_slice(formats);
    Some(())
}

fn short(body: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(body.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut frame = vec![kind];
        frame.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
        frame.extend_from_slice(body);
        frame
    }

    fn pipeline(bind: &[u8]) -> Vec<u8> {
        [
            frame(b'B', bind),
            frame(b'E', b"\0\0\0\0\0"),
            frame(b'S', b""),
        ]
        .concat()
    }

    fn signed(data: &[u8]) -> Option<Vec<u8>> {
        asked(data).map(|(signature, _)| signature)
    }

    #[test]
    fn a_bind_differs_by_all_but_its_values() {
        let one = signed(&pipeline(b"p\0s\0\0\0\0\x01\0\0\0\x01a\0\0"));
        assert!(one.is_some());
        assert_eq!(one, signed(&pipeline(b"p\0s\0\0\0\0\x01\0\0\0\x03xyz\0\0")));
        for other in [
            &b"q\0s\0\0\0\0\x01\0\0\0\x01a\0\0"[..],
            b"p\0t\0\0\0\0\x01\0\0\0\x01a\0\0",
            b"p\0s\0\0\x01\0\x01\0\x01\0\0\0\x01a\0\0",
            b"p\0s\0\0\0\0\x01\0\0\0\x01a\0\x01\0\x01",
            b"p\0s\0\0\0\0\0\0\0",
        ] {
            let signature = signed(&pipeline(other));
            assert!(signature.is_some() && signature != one);
        }
    }

    #[test]
    fn what_is_not_whole_has_no_signature() {
        let good = pipeline(b"\0\0\0\0\0\x01\0\0\0\x01a\0\0");
        for length in 0..good.len() {
            assert_eq!(signed(good.get(..length).unwrap_or_default()), None);
        }
        assert_eq!(signed(&[&good[..], b"X"].concat()), None);
        for bind in [
            &b"\0\0\0\0\0\x01\xff\xff\xff\xfe\0\0"[..],
            b"\0\0\0\0\0\x01\0\0\0\x09a\0\0",
            b"\0\0\0\0\0\x01\0\0\0\x01a\0\0\0",
            b"\0",
        ] {
            assert_eq!(signed(&pipeline(bind)), None);
        }
        for query in [&b"select 1"[..], b"select \0 1\0", b"select /* x */ 1\0"] {
            assert_eq!(signed(&frame(b'Q', query)), None);
        }
        assert_eq!(
            signed(&[frame(b'Q', b"select 1\0"), frame(b'S', b"")].concat()),
            None
        );
    }

    #[test]
    fn an_answer_differs_by_all_but_its_rows_and_the_numbers_in_its_tag() {
        let answer = |rows: &[&[u8]], tag: &[u8], status: &[u8]| {
            let rows: Vec<Vec<u8>> = rows.iter().map(|row| frame(b'D', row)).collect();
            [
                frame(b'T', b"t"),
                rows.concat(),
                frame(b'C', tag),
                frame(b'Z', status),
            ]
            .concat()
        };
        let told = |data: &[u8]| answered(data).map(|found| (found.signature, found.count));
        let one = told(&answer(&[b"a"], b"SELECT 1\0", b"I"));
        let two = told(&answer(&[b"bb", b"c"], b"SELECT 2\0", b"I"));
        assert_eq!(one.as_ref().map(|(_, count)| *count), Some(1));
        assert_eq!(
            one.as_ref().map(|(it, _)| it),
            two.as_ref().map(|(it, _)| it)
        );
        for other in [
            answer(&[], b"SELECT 0\0", b"I"),
            answer(&[b"a"], b"UPDATE 1\0", b"I"),
            answer(&[b"a"], b"SELECT 1\0", b"T"),
        ] {
            assert_ne!(
                told(&other).map(|(it, _)| it),
                one.as_ref().map(|(it, _)| it.clone())
            );
        }
    }

    #[test]
    fn an_answer_with_more_than_one_result_or_any_trouble_has_none() {
        let (row, done, ready) = (
            frame(b'D', b""),
            frame(b'C', b"SELECT 1\0"),
            frame(b'Z', b"I"),
        );
        for parts in [
            vec![&row, &done, &row, &ready],
            vec![&row, &done, &done, &ready],
            vec![&row, &done],
            vec![&done, &ready, &ready],
            vec![&frame(b'E', b"\0"), &ready],
            vec![&frame(b'N', b"\0"), &done, &ready],
            vec![&frame(b'C', b"SELECT 1"), &ready],
            vec![&done, &frame(b'Z', b"II")],
        ] {
            let data: Vec<u8> = parts.into_iter().flatten().copied().collect();
            assert_eq!(answered(&data), None);
        }
    }
}
