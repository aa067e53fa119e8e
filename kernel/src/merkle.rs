//! The audit log's tree (RFC 9162, section 2.1): what a line's leaf is, and the hashes over leaves, by the batch.
//!
//! A leaf's entry is the SHA-256 of the line's redacted form. In it a top-level `"text"` is replaced by
//! `"[redacted <hex of SHA-256(salt, the text as JSON)>]"`; so a text can be struck out later, and its salt with it, and the
//! line still hashes to the same leaf.

use std::cmp::Ordering;

use memchr::memmem::Finder;
use sha2::{Digest, Sha256};

use crate::Malformed;

/// Bytes of a hash.
pub const HASH: usize = 32;
/// Bytes of a line's salt.
pub const SALT: usize = 16;
/// Hashes in a full tile.
pub const WIDTH: usize = 256;

const OPEN: &[u8] = b"\"[redacted ";
const SHUT: &[u8] = b"]\"";
const KEY: &[u8] = b"\"text\":";
/// Strings up to here are read byte by byte: most are shorter, and a search costs more to begin than they are long.
const SHORT: usize = 24;

/// The leaves of a run of lines.
pub struct Leaves {
    /// What is in the leaves: 32 bytes a line.
    pub entries: Vec<u8>,
    /// The leaves' hashes: 32 bytes a line.
    pub hashes: Vec<u8>,
    /// The salts that were used: 16 bytes a line, zeros where the line has no text to strike out.
    pub salts: Vec<u8>,
}

/// The leaves of whole lines (each ends in a line feed), with 16 bytes of salt a line.
pub fn leaves(lines: &[u8], salts: &[u8]) -> Result<Leaves, Malformed> {
    let found = run(lines, salts.len() / SALT, |number| {
        let own = salts.get(number * SALT..).and_then(<[u8]>::first_chunk);
        own.copied().ok_or(Malformed("fewer salts than lines"))
    })?;
    match (found.entries.len() / HASH * SALT).cmp(&salts.len()) {
        Ordering::Less => Err(Malformed("more salts than lines")),
        Ordering::Equal => Ok(found),
        Ordering::Greater => Err(Malformed("fewer salts than lines")),
    }
}

/// The leaves of whole lines that were never signed, with salts stretched from a seed that is used for nothing else.
///
/// The salt of line n is the first half of SHA-256(seed, n): as hard to guess as the seed, which the caller drew.
pub fn fresh(lines: &[u8], seed: &[u8; HASH]) -> Result<Leaves, Malformed> {
    run(lines, count(lines), |number| {
        let stretched = Sha256::new()
            .chain_update(seed)
            .chain_update((number as u64).to_be_bytes())
            .finalize();
        let half = stretched.first_chunk::<SALT>();
        half.copied().ok_or(Malformed("a hash is 32 bytes"))
    })
}

/// How many line feeds there are.
pub fn count(lines: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', lines).count()
}

/// The leaves' hashes of what is in them: 32 bytes each.
pub fn hashes(entries: &[u8]) -> Result<Vec<u8>, Malformed> {
    if !entries.len().is_multiple_of(HASH) {
        return Err(Malformed("an entry is 32 bytes"));
    }
    let mut found = Vec::with_capacity(entries.len());
    for entry in entries.chunks_exact(HASH) {
        found.extend_from_slice(&leaf(entry));
    }
    Ok(found)
}

/// `salt_of` is asked for the salts of those lines that need one.
fn run(
    lines: &[u8],
    count: usize,
    salt_of: impl Fn(usize) -> Result<[u8; SALT], Malformed>,
) -> Result<Leaves, Malformed> {
    let mut found = Leaves {
        entries: Vec::with_capacity(count * HASH),
        hashes: Vec::with_capacity(count * HASH),
        salts: Vec::with_capacity(count * SALT),
    };
    let key = Finder::new(KEY);
    let (mut rest, mut number) = (lines, 0);
    while !rest.is_empty() {
        let end = memchr::memchr(b'\n', rest).ok_or(Malformed("the last line is not whole"))?;
        let (line, behind) = rest.split_at(end);
        rest = behind.get(1..).unwrap_or_default();
        let (entry, salt): ([u8; HASH], _) = match parts(line, &key) {
            None => (Sha256::digest(line).into(), [0; SALT]),
            Some((before, text, after)) => {
                let salt = salt_of(number)?;
                let hash = Sha256::new()
                    .chain_update(before)
                    .chain_update(stand_in(text, &salt))
                    .chain_update(after)
                    .finalize();
                (hash.into(), salt)
            }
        };
        number += 1;
        found.salts.extend_from_slice(&salt);
        found.entries.extend_from_slice(&entry);
        found.hashes.extend_from_slice(&leaf(&entry));
    }
    Ok(found)
}

/// The hash of a leaf (RFC 9162, 2.1.1).
pub fn leaf(entry: &[u8]) -> [u8; HASH] {
    Sha256::new()
        .chain_update([0])
        .chain_update(entry)
        .finalize()
        .into()
}

/// The tree hash over hashes of leaves, or of perfect subtrees of one size of which the last may be incomplete.
pub fn root(hashes: &[u8]) -> Result<[u8; HASH], Malformed> {
    if !hashes.len().is_multiple_of(HASH) {
        return Err(Malformed("a hash is 32 bytes"));
    }
    if hashes.is_empty() {
        return Ok(Sha256::digest(b"").into());
    }
    let mut held = hashes.to_vec();
    let mut length = held.len();
    let mut framed = [1; 2 * HASH + 1];
    while length > HASH {
        // Each pair's hash goes where an earlier pair stood, so one buffer serves all levels.
        let mut to = 0;
        for from in (0..length).step_by(2 * HASH) {
            if length - from > HASH {
                let (pair, node) = (held.get(from..from + 2 * HASH), framed.get_mut(1..));
                if let (Some(pair), Some(node)) = (pair, node) {
                    node.copy_from_slice(pair);
                }
                if let Some(at) = held.get_mut(to..to + HASH) {
                    at.copy_from_slice(&Sha256::digest(framed));
                }
            } else {
                held.copy_within(from..from + HASH, to);
            }
            to += HASH;
        }
        length = to;
    }
    held.first_chunk()
        .copied()
        .ok_or(Malformed("a hash is 32 bytes"))
}

/// The tree hash of each full tile: 256 hashes become one.
pub fn above(hashes: &[u8]) -> Result<Vec<u8>, Malformed> {
    if !hashes.len().is_multiple_of(HASH * WIDTH) {
        return Err(Malformed("a full tile is 256 hashes"));
    }
    let mut found = Vec::with_capacity(hashes.len() / WIDTH);
    for tile in hashes.chunks_exact(HASH * WIDTH) {
        found.extend_from_slice(&root(tile)?);
    }
    Ok(found)
}

/// The redacted form of a line without its line feed; None: it has no text, or one that is struck out already.
pub fn struck(line: &[u8], salt: &[u8]) -> Option<Vec<u8>> {
    let (before, text, after) = parts(line, &Finder::new(KEY))?;
    Some([before, &stand_in(text, salt), after].concat())
}

/// A line around the text that can be struck out; None: there is none.
fn parts<'a>(line: &'a [u8], key: &Finder<'_>) -> Option<(&'a [u8], &'a [u8], &'a [u8])> {
    let (start, end) = text(line, key)?;
    Some((line.get(..start)?, line.get(start..end)?, line.get(end..)?))
}

fn stand_in(text: &[u8], salt: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digest = Sha256::new()
        .chain_update(salt)
        .chain_update(text)
        .finalize();
    let mut out = Vec::with_capacity(OPEN.len() + 2 * HASH + SHUT.len());
    out.extend_from_slice(OPEN);
    for byte in digest {
        for half in [byte >> 4, byte & 15] {
            out.extend(DIGITS.get(usize::from(half)));
        }
    }
    out.extend_from_slice(SHUT);
    out
}

/// Where the JSON string stands that is the value of the first top-level `"text"`; None: there is none to strike out.
fn text(line: &[u8], key: &Finder<'_>) -> Option<(usize, usize)> {
    key.find(line)?;
    let (mut at, mut depth) = (0, 0u32);
    loop {
        match *line.get(at)? {
            b'"' => {
                let end = string(line, at)?;
                if depth == 1 && line.get(at..=end)? == KEY {
                    let (start, last) = (end + 1, string(line, end + 1)?);
                    return worth(line.get(start..last)?).then_some((start, last));
                }
                at = end;
            }
            b'{' | b'[' => (at, depth) = (at + 1, depth + 1),
            b'}' | b']' => (at, depth) = (at + 1, depth.checked_sub(1)?),
            _ => at += 1,
        }
    }
}

/// Where a JSON string that begins at `at` ends, its quotes included.
fn string(line: &[u8], at: usize) -> Option<usize> {
    let inside = line.get(at..)?.strip_prefix(b"\"")?;
    for (n, byte) in inside.iter().take(SHORT).enumerate() {
        match byte {
            b'"' => return Some(at + n + 2),
            b'\\' => return searched(line, at + 1 + n),
            _ => {}
        }
    }
    searched(line, at + 1 + SHORT.min(inside.len()))
}

fn searched(line: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr::memchr2(b'"', b'\\', line.get(at..)?)?;
        if line.get(at) == Some(&b'"') {
            return Some(at + 1);
        }
        at += 2;
    }
}

fn worth(text: &[u8]) -> bool {
    let already = text.len() == OPEN.len() + 2 * HASH + SHUT.len()
        && text.starts_with(OPEN)
        && text.ends_with(SHUT)
        && text
            .iter()
            .skip(OPEN.len())
            .take(2 * HASH)
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    text.len() > 2 && !already
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn a_line_and_its_redacted_form_are_one_leaf() {
        let line = br#"{"a":{"text":"no"},"text":"select 'a\"b'","z":1}"#;
        let other = struck(line, &[7; SALT]).unwrap();
        let whole = |line: &[u8]| [line, b"\n"].concat();
        let asked = leaves(&whole(line), &[7; SALT]).unwrap();
        let later = leaves(&whole(&other), &[0; SALT]).unwrap();
        assert_eq!(asked.hashes, later.hashes);
        assert_eq!((asked.salts, later.salts), (vec![7; SALT], vec![0; SALT]));
        assert!(struck(&other, &[1; SALT]).is_none());
        assert!(!other.windows(6).any(|part| part == b"select"));
    }

    #[test]
    fn stretched_salts_differ_and_make_the_leaves_that_they_make_when_given() {
        let lines = b"{\"text\":\"a\"}\n{\"n\":1}\n{\"text\":\"a\"}\n";
        let made = fresh(lines, &[3; HASH]).unwrap();
        let (one, rest) = made.salts.split_at(SALT);
        let (none, other) = rest.split_at(SALT);
        assert!(one != other && one != [0; SALT] && none == [0; SALT]);
        assert_ne!(made.salts, fresh(lines, &[4; HASH]).unwrap().salts);
        let again = leaves(lines, &made.salts).unwrap();
        assert_eq!(
            (made.entries, &made.hashes),
            (again.entries.clone(), &again.hashes)
        );
        assert_eq!(hashes(&again.entries).unwrap(), made.hashes);
        assert!(fresh(b"no end", &[0; HASH]).is_err() && hashes(&[0; 33]).is_err());
        assert_eq!((count(lines), count(b"")), (3, 0));
    }

    #[test]
    fn a_long_string_and_escapes_are_read_to_their_end() {
        for long in [
            "x".repeat(SHORT - 1),
            "x".repeat(SHORT),
            "x".repeat(90),
            format!("{}\\\"", "y".repeat(SHORT - 1)),
        ] {
            let line = format!("{{\"a\":\"{long}\",\"text\":\"{long}\"}}");
            let made = struck(line.as_bytes(), &[1; SALT]).unwrap();
            let expected = format!("{{\"a\":\"{long}\",\"text\":\"[redacted ");
            assert!(made.starts_with(expected.as_bytes()) && made.ends_with(b"]\"}"));
        }
    }

    #[test]
    fn an_odd_hash_is_carried_up() {
        let hashes: Vec<u8> = (0..3u8).flat_map(|n| leaf(&[n])).collect();
        let pair = root(&hashes[..64]).unwrap();
        let whole = root(&[&pair[..], &hashes[64..]].concat()).unwrap();
        assert_eq!(root(&hashes).unwrap(), whole);
        assert!(above(&hashes).is_err() && root(&hashes[1..]).is_err());
    }

    #[test]
    fn hostile_lines_are_leaves_as_they_are() {
        for line in [
            "",
            "{",
            "\"",
            "]]]",
            "{\"text\":",
            "{\"text\":\"\\",
            "{\"text\":\"\"}",
            "{\"text\":1}",
        ] {
            let found = leaves(format!("{line}\n").as_bytes(), &[1; SALT]).unwrap();
            assert_eq!(found.entries, Sha256::digest(line.as_bytes()).to_vec());
            assert_eq!(found.salts, vec![0; SALT]);
        }
        assert!(leaves(b"no end", &[0; SALT]).is_err() && leaves(b"\n", &[]).is_err());
    }
}
