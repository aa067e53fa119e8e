//! Masks COPY TO STDOUT: CopyData messages whose payload is one stream of rows, cut anywhere.
//!
//! Source: https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS

mod csv;
mod text;

use crate::frames::each;
use crate::masks::{ColumnMask, Made, Seen};
use crate::rows;
use crate::Malformed;

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

const TOO_FEW: Malformed = Malformed("a row has fewer fields than the plan");
const TOO_MANY: Malformed = Malformed("a row has more fields than the plan");

/// How the rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Text,
    Csv,
    Binary,
}

/// The characters of a text format, one byte each as PostgreSQL demands.
#[derive(Debug, Clone)]
pub struct Marks {
    pub delimiter: u8,
    pub null: Vec<u8>,
    pub quote: u8,
    pub escape: u8,
}

/// The state of one COPY.
pub struct CopyMask {
    columns: Vec<Option<ColumnMask>>,
    format: Format,
    marks: Marks,
    header: bool,
    begun: bool,
    ended: bool,
    max_row: usize,
    held: Vec<u8>,
    scanned: usize,
    quoted: bool,
    /// A value may be written as NULL is, so what is masked is all written so; the caller could guess values else.
    ambiguous: bool,
}

impl CopyMask {
    /// `header`: the first line names columns and passes as it is. `max_row`: the most bytes that are put together.
    pub fn new(
        columns: Vec<Option<ColumnMask>>,
        format: Format,
        marks: Marks,
        header: bool,
        max_row: usize,
    ) -> Self {
        let ambiguous = format == Format::Text && !marks.null.is_empty() && {
            let (mut written, mut value) = (Vec::new(), Vec::new());
            let meant = text::unescape(&marks.null, &mut value);
            text::escape(meant, marks.delimiter, &mut written);
            written == marks.null
        };
        Self {
            columns,
            ambiguous,
            format,
            marks,
            header,
            begun: false,
            ended: false,
            max_row,
            held: Vec::new(),
            scanned: 0,
            quoted: false,
        }
    }

    /// The plan.
    pub fn columns(&self) -> &[Option<ColumnMask>] {
        &self.columns
    }

    /// Takes a run of CopyData messages; appends a message for each masked row that is whole by now, as the server would:
    /// drivers take one message for one row. Returns their number, and whether the run may pass as it is: then `out` is empty.
    pub fn feed(
        &mut self,
        run: &[u8],
        out: &mut Vec<u8>,
        masked: &mut [u64],
        seen: &mut Seen,
    ) -> Result<(u64, bool), Malformed> {
        let mut rows = 0;
        let mut same = !self.columns.iter().flatten().any(ColumnMask::hides_all);
        let mut passed = 0;
        for frame in each(run) {
            let frame = frame?;
            let payload = frame.get(5..).unwrap_or_default();
            if same {
                if rows::alone(out, seen, |out, seen| self.untouched(payload, out, seen))? {
                    passed += frame.len();
                    rows += 1;
                    continue;
                }
                same = false;
                out.extend_from_slice(run.get(..passed).unwrap_or_default());
            }
            if out.is_empty() {
                out.reserve(run.len() + run.len() / 8);
            }
            if self.held.is_empty() {
                // The server puts each row into a message of its own: most need not be put together.
                let (used, whole) = self.rows(payload, out, masked, seen)?;
                let rest = payload.get(used..).unwrap_or_default();
                self.held.extend_from_slice(rest);
                rows += whole;
            } else {
                self.held.extend_from_slice(payload);
                let mut held = std::mem::take(&mut self.held);
                let (used, whole) = self.rows(&held, out, masked, seen)?;
                held.drain(..used.min(held.len()));
                self.held = held;
                rows += whole;
            }
            if self.held.len() > self.max_row {
                return Err(Malformed("a row of a COPY is longer than allowed"));
            }
        }
        Ok((rows, same))
    }

    /// Whether a message is one whole row in which nothing is to be hidden.
    fn untouched(
        &self,
        payload: &[u8],
        room: &mut Vec<u8>,
        seen: &mut Seen,
    ) -> Result<bool, Malformed> {
        if !self.begun || self.ended || !self.held.is_empty() {
            return Ok(false);
        }
        match self.format {
            Format::Binary => match tuple_length(payload) {
                Some(length) if length == payload.len() && !payload.starts_with(b"\xff\xff") => {
                    rows::passes(payload, &self.columns, room, seen)
                }
                _ => Ok(false),
            },
            Format::Text => self.untouched_line(payload, room, seen),
            Format::Csv => Ok(false),
        }
    }

    fn untouched_line(
        &self,
        payload: &[u8],
        room: &mut Vec<u8>,
        seen: &mut Seen,
    ) -> Result<bool, Malformed> {
        let Some((b'\n', line)) = payload.split_last() else {
            return Ok(false);
        };
        if memchr::memchr(b'\n', line).is_some() {
            return Ok(false);
        }
        let mut fields = text::fields(line, self.marks.delimiter);
        let mut value = Vec::new();
        for (index, column) in (0u16..).zip(&self.columns) {
            let field = fields.next().ok_or(TOO_FEW)?;
            let Some(mask) = column.as_ref().filter(|_| field != self.marks.null) else {
                continue;
            };
            seen.column = index;
            room.clear();
            let value = text::unescape(field, &mut value);
            if mask.apply(value, room, seen) != Made::Same {
                return Ok(false);
            }
        }
        match fields.next() {
            Some(_) => Err(TOO_MANY),
            None => Ok(true),
        }
    }

    /// Masks the rows that are whole in `held`: (bytes used, rows).
    fn rows(
        &mut self,
        held: &[u8],
        out: &mut Vec<u8>,
        masked: &mut [u64],
        seen: &mut Seen,
    ) -> Result<(usize, u64), Malformed> {
        let (used, rows) = match self.format {
            Format::Binary => self.binary(held, out, masked, seen)?,
            _ => self.lines(held, out, masked, seen)?,
        };
        self.scanned = self.scanned.saturating_sub(used);
        Ok((used, rows))
    }

    /// At the end nothing may be left.
    pub fn finish(&self) -> Result<(), Malformed> {
        if self.held.is_empty() && (self.format != Format::Binary || self.ended) {
            return Ok(());
        }
        Err(Malformed("a COPY ends within a row"))
    }

    fn binary(
        &mut self,
        held: &[u8],
        out: &mut Vec<u8>,
        masked: &mut [u64],
        seen: &mut Seen,
    ) -> Result<(usize, u64), Malformed> {
        let mut at = 0;
        let mut head: &[u8] = b"";
        if !self.begun {
            head = match held.get(..19) {
                Some(head) => head,
                None => return Ok((0, 0)),
            };
            let extension = head
                .get(15..19)
                .and_then(|bytes| bytes.try_into().ok())
                .map_or(0, u32::from_be_bytes);
            if head.get(..11) != Some(SIGNATURE) || extension != 0 {
                return Err(Malformed("a binary COPY does not begin as one"));
            }
            at = 19;
        }
        let mut rows = 0;
        // The header stands in one message with the first row, or with the end if there is none.
        while let Some(rest) = held.get(at..).filter(|rest| rest.len() >= 2) {
            if self.ended {
                return Err(Malformed("a binary COPY goes on behind its end"));
            }
            let ends = rest.starts_with(b"\xff\xff");
            let length = if ends { Some(2) } else { tuple_length(rest) };
            let Some(length) = length else {
                break;
            };
            let start = begin(out);
            out.extend_from_slice(std::mem::take(&mut head));
            self.begun = true;
            out.extend_from_slice(rest.get(..2).unwrap_or_default());
            at += length;
            if ends {
                self.ended = true;
                rows::set_length(out, start)?;
                continue;
            }
            let tuple = rest.get(..length).unwrap_or_default();
            if !rows::fields(tuple, &self.columns, out, masked, seen)?.is_empty() {
                return Err(Malformed("a row holds more than its fields"));
            }
            rows::set_length(out, start)?;
            rows += 1;
        }
        Ok((if self.begun { at } else { 0 }, rows))
    }

    fn lines(
        &mut self,
        held: &[u8],
        out: &mut Vec<u8>,
        masked: &mut [u64],
        seen: &mut Seen,
    ) -> Result<(usize, u64), Malformed> {
        let (mut at, mut rows) = (0, 0);
        while let Some(end) = self.line_end(held, at) {
            let line = held.get(at..end).unwrap_or_default();
            let start = begin(out);
            if self.header && !self.begun {
                out.extend_from_slice(line);
            } else if self.format == Format::Csv {
                self.csv(line, out, masked, seen)?;
            } else {
                self.text(line, out, masked, seen)?;
            }
            rows += u64::from(self.begun || !self.header);
            self.begun = true;
            out.push(b'\n');
            rows::set_length(out, start)?;
            at = end + 1;
            self.scanned = at;
        }
        Ok((at, rows))
    }

    /// Where the line that begins at `at` ends; in CSV a line feed may stand in quotes.
    fn line_end(&mut self, held: &[u8], at: usize) -> Option<usize> {
        let from = self.scanned.max(at);
        let rest = held.get(from..).unwrap_or_default();
        if self.format == Format::Text {
            let found = memchr::memchr(b'\n', rest).map(|found| from + found);
            self.scanned = held.len();
            return found;
        }
        let mut here = from;
        while let Some(&c) = held.get(here) {
            if self.quoted && c == self.marks.escape && self.marks.escape != self.marks.quote {
                match held.get(here + 1) {
                    None => break,
                    Some(n) if *n == self.marks.quote || *n == self.marks.escape => here += 1,
                    Some(_) => {}
                }
            } else if c == self.marks.quote {
                self.quoted = !self.quoted;
            } else if c == b'\n' && !self.quoted {
                return Some(here);
            }
            here += 1;
        }
        self.scanned = here;
        None
    }

    fn text(
        &self,
        line: &[u8],
        out: &mut Vec<u8>,
        masked: &mut [u64],
        seen: &mut Seen,
    ) -> Result<(), Malformed> {
        let delimiter = self.marks.delimiter;
        let mut fields = text::fields(line, delimiter);
        let mut room = Vec::new();
        // Up to where the line is written; what needs no mask is written with what stands beside it.
        let (mut written, mut at) = (0, 0);
        for (index, (column, hidden)) in (0u16..).zip(self.columns.iter().zip(masked.iter_mut())) {
            let field = fields.next().ok_or(TOO_FEW)?;
            let (begins, ends) = (at, at + field.len());
            at = ends + 1;
            let Some(mask) = column.as_ref().filter(|_| field != self.marks.null) else {
                continue;
            };
            let start = out.len();
            let before = line.get(written..begins).unwrap_or_default();
            out.extend_from_slice(before);
            let from = out.len();
            let value = text::unescape(field, &mut room);
            seen.column = index;
            match mask.apply(value, out, seen) {
                Made::Same => {
                    out.truncate(start);
                    continue;
                }
                Made::New if !self.ambiguous => text::escape_from(from, delimiter, out),
                _ => {
                    out.truncate(from);
                    out.extend_from_slice(&self.marks.null);
                }
            }
            *hidden += 1;
            written = ends;
        }
        if fields.next().is_some() {
            return Err(TOO_MANY);
        }
        out.extend_from_slice(line.get(written..).unwrap_or_default());
        Ok(())
    }

    fn csv(
        &self,
        line: &[u8],
        out: &mut Vec<u8>,
        masked: &mut [u64],
        seen: &mut Seen,
    ) -> Result<(), Malformed> {
        let mut rest = Some(line);
        let (mut value, mut shown) = (Vec::new(), Vec::new());
        for (index, (column, hidden)) in self.columns.iter().zip(masked.iter_mut()).enumerate() {
            let (field, after) = csv::field(rest.ok_or(TOO_FEW)?, &self.marks)?;
            rest = after;
            if index > 0 {
                out.push(self.marks.delimiter);
            }
            // A value that reads as NULL does stands in quotes.
            let Some(mask) = column.as_ref().filter(|_| field != self.marks.null) else {
                out.extend_from_slice(field);
                continue;
            };
            shown.clear();
            let plain = match memchr::memchr(self.marks.quote, field) {
                None => field,
                Some(_) => {
                    csv::unquote(field, &self.marks, &mut value);
                    &value
                }
            };
            seen.column = u16::try_from(index).unwrap_or(u16::MAX);
            let made = mask.apply(plain, &mut shown, seen);
            *hidden += u64::from(made != Made::Same);
            match made {
                Made::Same => out.extend_from_slice(field),
                Made::New => csv::quote(&shown, &self.marks, out),
                Made::Null => out.extend_from_slice(&self.marks.null),
            }
        }
        rest.map_or(Ok(()), |_| Err(TOO_MANY))
    }
}

/// Begins a message; where its length belongs.
fn begin(out: &mut Vec<u8>) -> usize {
    out.extend_from_slice(b"d\0\0\0\0");
    out.len() - 4
}

/// The length of a binary row if all of it is there.
fn tuple_length(rest: &[u8]) -> Option<usize> {
    let count = i16::from_be_bytes(rest.get(..2)?.try_into().ok()?);
    let mut at = 2usize;
    for _ in 0..count.max(0) {
        let length = i32::from_be_bytes(rest.get(at..at.checked_add(4)?)?.try_into().ok()?);
        at = at
            .checked_add(4)?
            .checked_add(usize::try_from(length.max(0)).ok()?)?;
    }
    (at <= rest.len()).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::masks::Key;

    fn copy(format: Format, null: &str, max_row: usize) -> CopyMask {
        let mask = ColumnMask::new(
            "redact",
            "text",
            format == Format::Binary,
            [],
            &Key::new(b"k"),
            None,
        );
        let marks = Marks {
            delimiter: if format == Format::Csv { b',' } else { b'\t' },
            null: null.as_bytes().to_vec(),
            quote: b'"',
            escape: b'"',
        };
        CopyMask::new(vec![None, mask.ok()], format, marks, false, max_row)
    }

    fn message(data: &[u8]) -> Vec<u8> {
        let mut frame = b"d".to_vec();
        frame.extend_from_slice(&(data.len() as u32 + 4).to_be_bytes());
        frame.extend_from_slice(data);
        frame
    }

    fn fed(copy: &mut CopyMask, data: &[u8]) -> Result<(Vec<u8>, u64), Malformed> {
        let mut out = Vec::new();
        let run = message(data);
        let (rows, same) = copy.feed(&run, &mut out, &mut [0, 0], &mut Seen::default())?;
        Ok((if same { run } else { out }, rows))
    }

    #[test]
    fn a_null_that_a_value_could_be_written_as_hides_all_that_is_masked() {
        for (null, masked) in [
            ("\\N", "[redacted]"),
            ("", "[redacted]"),
            ("\\x", "[redacted]"),
            ("guess", "guess"),
            ("\\t", "\\t"),
        ] {
            let made = fed(&mut copy(Format::Text, null, 99), b"1\tvalue\n");
            assert_eq!(
                made,
                Ok((message(format!("1\t{masked}\n").as_bytes()), 1)),
                "{null}"
            );
        }
        let quoted = fed(
            &mut copy(Format::Csv, "guess", 99),
            b"1,\"guess\"\n2,guess\n",
        );
        assert_eq!(
            quoted,
            Ok((
                [message(b"1,\"[redacted]\"\n"), message(b"2,guess\n")].concat(),
                2
            ))
        );
    }

    #[test]
    fn a_row_that_does_not_fit_its_plan_is_an_error() {
        for line in [&b"1\n"[..], b"\n", b"1\ta\tb\n"] {
            assert!(fed(&mut copy(Format::Text, "\\N", 99), line).is_err());
        }
        for line in [&b"1\n"[..], b"\n", b"1,a,b\n"] {
            assert!(fed(&mut copy(Format::Csv, "", 99), line).is_err());
        }
        let head = [SIGNATURE, &[0; 8]].concat();
        for tuple in [
            &b"\0\x01\0\0\0\x01a"[..],
            b"\0\0",
            b"\xff\xfe",
            b"\xff\xff\0\0",
        ] {
            assert!(fed(&mut copy(Format::Binary, "", 99), &[&head, tuple].concat()).is_err());
        }
        assert!(fed(&mut copy(Format::Binary, "", 99), &[0; 19]).is_err());
    }

    #[test]
    fn an_endless_row_is_an_error() {
        let mut copy = copy(Format::Text, "\\N", 9);
        assert_eq!(fed(&mut copy, b"123456789"), Ok((Vec::new(), 0)));
        assert!(copy.finish().is_err());
        assert!(fed(&mut copy, b"0").is_err());
    }

    #[test]
    fn a_line_feed_in_quotes_ends_no_row_wherever_the_data_is_cut() {
        let data = b"1,\"a\n\"\"b\n\"\n\"2\n\",\n";
        for at in 0..data.len() {
            let (one, other) = data.split_at_checked(at).unwrap_or_default();
            let mut copy = copy(Format::Csv, "", 99);
            let (mut made, rows) = fed(&mut copy, one).unwrap_or_default();
            let (rest, more) = fed(&mut copy, other).unwrap_or_default();
            made.extend_from_slice(&rest);
            assert_eq!(
                made,
                [message(b"1,\"[redacted]\"\n"), message(b"\"2\n\",\n")].concat()
            );
            assert_eq!((rows + more, copy.finish()), (2, Ok(())));
        }
    }
}
