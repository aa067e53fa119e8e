//! What lines of the log say, counted: by kind, source and outcome, with the rows that were sent and the values that were hidden.

use memchr::memmem::Finder;

/// So many events of a kind. `source`: of statements asked; `outcome`: of these and of statements done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tallied {
    pub kind: Vec<u8>,
    pub source: Vec<u8>,
    pub outcome: Vec<u8>,
    pub events: u64,
    pub rows: u64,
    pub masked: u64,
}

const HEAD: &[u8] = b"{\"event\":\"";
const ASKED: &[u8] = b"statement-asked";
const DONE: &[u8] = b"statement-done";

/// Counts whole lines; what is no event counts for nothing.
///
/// A mark like `"outcome":"` cannot stand inside a JSON string, whose quotes are escaped.
pub fn tally(lines: &[u8]) -> Vec<Tallied> {
    let (source, outcome) = (
        Finder::new(b"\"source\":\""),
        Finder::new(b"\"outcome\":\""),
    );
    let (rows, masked) = (Finder::new(b"\"rows\":"), Finder::new(b"\"masked\":["));
    let mut found: Vec<Tallied> = Vec::new();
    let mut rest = lines;
    while let Some(end) = memchr::memchr(b'\n', rest) {
        let (line, behind) = rest.split_at(end);
        rest = behind.get(1..).unwrap_or_default();
        let Some(kind) = line.strip_prefix(HEAD).and_then(word) else {
            continue;
        };
        let said = |mark: &Finder| behind_mark(line, mark).and_then(word).unwrap_or_default();
        let (asked, done) = (kind == ASKED, kind == DONE);
        let from = if asked { said(&source) } else { b"" };
        let how = if asked || done { said(&outcome) } else { b"" };
        let place = found
            .iter()
            .position(|one| one.kind == kind && one.outcome == how && one.source == from);
        let place = place.unwrap_or_else(|| {
            found.push(Tallied {
                kind: kind.to_vec(),
                source: from.to_vec(),
                outcome: how.to_vec(),
                events: 0,
                rows: 0,
                masked: 0,
            });
            found.len() - 1
        });
        if let Some(one) = found.get_mut(place) {
            one.events += 1;
            if done {
                one.rows = one
                    .rows
                    .saturating_add(behind_mark(line, &rows).map_or(0, sum));
                one.masked = one
                    .masked
                    .saturating_add(behind_mark(line, &masked).map_or(0, sum));
            }
        }
    }
    found
}

fn behind_mark<'a>(line: &'a [u8], mark: &Finder) -> Option<&'a [u8]> {
    line.get(mark.find(line)? + mark.needle().len()..)
}

fn word(text: &[u8]) -> Option<&[u8]> {
    text.get(..memchr::memchr(b'"', text)?)
}

/// Of the numbers that stand here: one up to a comma, or all up to the end of a list.
fn sum(text: &[u8]) -> u64 {
    let (mut total, mut number) = (0_u64, 0_u64);
    let list = text.iter().position(|byte| *byte == b']');
    let field = text.iter().position(|byte| *byte == b'"' || *byte == b'}');
    let end = list.into_iter().chain(field).min().unwrap_or(text.len());
    for byte in text.get(..end).unwrap_or_default() {
        if byte.is_ascii_digit() {
            number = number
                .saturating_mul(10)
                .saturating_add(u64::from(byte - b'0'));
        } else {
            total = total.saturating_add(number);
            number = 0;
        }
    }
    total.saturating_add(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &[u8] = b"{\"event\":\"statement-asked\",\"source\":\"shop\",\"text\":\"\\\"outcome\\\":\\\"x\\\"\",\"outcome\":\"allow\"}\n\
        {\"event\":\"statement-done\",\"outcome\":\"completed\",\"rows\":12,\"bytes\":9,\"masked\":[3,0,40],\"duration_us\":7}\n\
        {\"event\":\"statement-done\",\"outcome\":\"completed\",\"rows\":1,\"bytes\":9,\"masked\":[],\"duration_us\":7}\n\
        {\"event\":\"connected\",\"source\":\"shop\"}\n\
        nonsense\n{\"event\":\"cut off";

    #[test]
    fn events_are_counted_by_what_they_say() {
        let found = tally(LINES);
        let row = |one: &Tallied| (one.events, one.rows, one.masked);
        assert_eq!(
            found.iter().map(row).collect::<Vec<_>>(),
            [(1, 0, 0), (2, 13, 43), (1, 0, 0)]
        );
        assert_eq!(
            found
                .iter()
                .map(|one| one.outcome.as_slice())
                .collect::<Vec<_>>(),
            [&b"allow"[..], b"completed", b""]
        );
        assert_eq!(
            found
                .iter()
                .map(|one| one.source.as_slice())
                .collect::<Vec<_>>(),
            [&b"shop"[..], b"", b""]
        );
    }

    #[test]
    fn numbers_stop_where_their_field_or_list_does() {
        assert_eq!(
            (
                sum(b"12,\"bytes\":9"),
                sum(b"3,4],\"x\":5"),
                sum(b"]"),
                sum(b"99999999999999999999999,1]")
            ),
            (12, 7, 0, u64::MAX)
        );
    }
}
