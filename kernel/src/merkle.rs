//! The audit log's tree (RFC 9162, section 2.1): what a line's leaf is, and the hashes over leaves, by the batch.
//!
//! A leaf's entry is the SHA-256 of the line's redacted form. In it a top-level `"text"` is replaced by
//! `"[redacted <hex of SHA-256(salt, the text as JSON)>]"`; so a text can be struck out later, and its salt with it, and the
//! line still hashes to the same leaf.

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
    let count = salts.len() / SALT;
    let mut found = Leaves {
        entries: Vec::with_capacity(count * HASH),
        hashes: Vec::with_capacity(count * HASH),
        salts: Vec::with_capacity(salts.len()),
    };
    let mut salt = salts.chunks_exact(SALT);
    let mut rest = lines;
    while !rest.is_empty() {
        let end = memchr::memchr(b'\n', rest).ok_or(Malformed("the last line is not whole"))?;
        let (line, behind) = rest.split_at(end);
        rest = behind.get(1..).unwrap_or_default();
        let own = salt.next().ok_or(Malformed("fewer salts than lines"))?;
        let (entry, used) = entry(line, own);
        found
            .salts
            .extend_from_slice(if used { own } else { &[0; SALT] });
        found.entries.extend_from_slice(&entry);
        found.hashes.extend_from_slice(&leaf(&entry));
    }
    if salt.next().is_some() || !salts.len().is_multiple_of(SALT) {
        return Err(Malformed("more salts than lines"));
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
    let mut level = hashes.to_vec();
    while level.len() > HASH {
        let mut next = Vec::with_capacity(level.len() / 2 + HASH);
        for pair in level.chunks(2 * HASH) {
            if pair.len() == HASH {
                next.extend_from_slice(pair);
            } else {
                next.extend_from_slice(
                    &Sha256::new()
                        .chain_update([1])
                        .chain_update(pair)
                        .finalize(),
                );
            }
        }
        level = next;
    }
    level
        .try_into()
        .map_err(|_| Malformed("a hash is 32 bytes"))
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
    let (start, end) = text(line)?;
    let mut out = Vec::with_capacity(line.len());
    out.extend_from_slice(line.get(..start)?);
    out.extend_from_slice(&stand_in(line.get(start..end)?, salt));
    out.extend_from_slice(line.get(end..)?);
    Some(out)
}

fn entry(line: &[u8], salt: &[u8]) -> ([u8; HASH], bool) {
    let parts = text(line).and_then(|(start, end)| {
        Some((line.get(..start)?, line.get(start..end)?, line.get(end..)?))
    });
    match parts {
        None => (Sha256::digest(line).into(), false),
        Some((before, text, behind)) => {
            let hash = Sha256::new()
                .chain_update(before)
                .chain_update(stand_in(text, salt))
                .chain_update(behind)
                .finalize();
            (hash.into(), true)
        }
    }
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
fn text(line: &[u8]) -> Option<(usize, usize)> {
    let (mut at, mut depth) = (0, 0u32);
    loop {
        match *line.get(at)? {
            b'"' => {
                let end = string(line, at)?;
                let key = line.get(at..end)? == b"\"text\"" && line.get(end) == Some(&b':');
                if depth == 1 && key {
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
    if line.get(at) != Some(&b'"') {
        return None;
    }
    let mut at = at + 1;
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
