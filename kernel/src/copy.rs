//! Masks COPY TO STDOUT: CopyData messages whose payload is one stream of rows, cut anywhere.
//!
//! Source: https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS

use crate::frames::each;
use crate::masks::ColumnMask;
use crate::rows;
use crate::Malformed;

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

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
            let mut written = Vec::new();
            escape(&unescaped(&marks.null), marks.delimiter, &mut written);
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

    /// Takes a run of CopyData messages; appends a message for each masked row that is whole by now, as the server would:
    /// drivers take one message for one row. Returns their number.
    pub fn feed(
        &mut self,
        run: &[u8],
        out: &mut Vec<u8>,
        masked: &mut [u64],
    ) -> Result<u64, Malformed> {
        for frame in each(run) {
            self.held
                .extend_from_slice(frame?.get(5..).unwrap_or_default());
        }
        let mut held = std::mem::take(&mut self.held);
        let (used, rows) = match self.format {
            Format::Binary => self.binary(&held, out, masked)?,
            _ => self.lines(&held, out, masked)?,
        };
        held.drain(..used.min(held.len()));
        self.held = held;
        self.scanned = self.scanned.saturating_sub(used);
        if self.held.len() > self.max_row {
            return Err(Malformed("a row of a COPY is longer than allowed"));
        }
        Ok(rows)
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
            if !rows::fields(tuple, &self.columns, out, masked)?.is_empty() {
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
    ) -> Result<(usize, u64), Malformed> {
        let (mut at, mut rows) = (0, 0);
        while let Some(end) = self.line_end(held, at) {
            let line = held.get(at..end).unwrap_or_default();
            let start = begin(out);
            if self.header && !self.begun {
                out.extend_from_slice(line);
            } else if self.format == Format::Csv {
                self.csv(line, out, masked)?;
            } else {
                self.text(line, out, masked)?;
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
                if here + 1 >= held.len() {
                    break;
                }
                here += 1;
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

    fn text(&self, line: &[u8], out: &mut Vec<u8>, masked: &mut [u64]) -> Result<(), Malformed> {
        let mut fields = Fields {
            line,
            at: Some(0),
            delimiter: self.marks.delimiter,
        };
        for (index, (column, hidden)) in self.columns.iter().zip(masked.iter_mut()).enumerate() {
            let field = fields
                .next()
                .ok_or(Malformed("a row has fewer fields than the plan"))?;
            if index > 0 {
                out.push(self.marks.delimiter);
            }
            match column {
                _ if field == self.marks.null => out.extend_from_slice(field),
                None => out.extend_from_slice(field),
                Some(mask) => {
                    *hidden += 1;
                    let mut shown = Vec::new();
                    if !self.ambiguous && mask.apply(&unescaped(field), &mut shown) {
                        escape(&shown, self.marks.delimiter, out);
                    } else {
                        out.extend_from_slice(&self.marks.null);
                    }
                }
            }
        }
        if fields.next().is_some() {
            return Err(Malformed("a row has more fields than the plan"));
        }
        Ok(())
    }

    fn csv(&self, line: &[u8], out: &mut Vec<u8>, masked: &mut [u64]) -> Result<(), Malformed> {
        let mut rest = Some(line);
        for (index, (column, hidden)) in self.columns.iter().zip(masked.iter_mut()).enumerate() {
            let line = rest.ok_or(Malformed("a row has fewer fields than the plan"))?;
            let (raw, value, after) = self.csv_field(line)?;
            rest = after;
            if index > 0 {
                out.push(self.marks.delimiter);
            }
            match (column, value) {
                (Some(mask), Some(value)) => {
                    *hidden += 1;
                    let mut shown = Vec::new();
                    if mask.apply(&value, &mut shown) {
                        self.quote(&shown, out);
                    } else {
                        out.extend_from_slice(&self.marks.null);
                    }
                }
                _ => out.extend_from_slice(raw),
            }
        }
        if rest.is_some() {
            return Err(Malformed("a row has more fields than the plan"));
        }
        Ok(())
    }

    /// A field as it stands, its value (None: NULL), and what follows the delimiter behind it.
    #[allow(clippy::type_complexity)]
    fn csv_field<'a>(
        &self,
        line: &'a [u8],
    ) -> Result<(&'a [u8], Option<Vec<u8>>, Option<&'a [u8]>), Malformed> {
        let (mut at, mut quoted, mut was_quoted) = (0, false, false);
        let mut value = Vec::new();
        while let Some(&c) = line.get(at) {
            if quoted
                && c == self.marks.escape
                && line
                    .get(at + 1)
                    .is_some_and(|n| *n == self.marks.quote || *n == self.marks.escape)
            {
                value.push(line.get(at + 1).copied().unwrap_or(c));
                at += 2;
                continue;
            }
            if c == self.marks.quote {
                quoted = !quoted;
                was_quoted = true;
            } else if c == self.marks.delimiter && !quoted {
                break;
            } else {
                value.push(c);
            }
            at += 1;
        }
        if quoted {
            return Err(Malformed("a quoted field does not end"));
        }
        let raw = line.get(..at).unwrap_or_default();
        let null = !was_quoted && raw == self.marks.null;
        Ok((
            raw,
            (!null).then_some(value),
            line.get(at + 1..).filter(|_| at < line.len()),
        ))
    }

    fn quote(&self, value: &[u8], out: &mut Vec<u8>) {
        out.push(self.marks.quote);
        for &byte in value {
            if byte == self.marks.quote || byte == self.marks.escape {
                out.push(self.marks.escape);
            }
            out.push(byte);
        }
        out.push(self.marks.quote);
    }
}

/// Begins a message; where its length belongs.
fn begin(out: &mut Vec<u8>) -> usize {
    out.extend_from_slice(b"d\0\0\0\0");
    out.len() - 4
}

struct Fields<'a> {
    line: &'a [u8],
    at: Option<usize>,
    delimiter: u8,
}

impl<'a> Iterator for Fields<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let start = self.at?;
        let mut at = start;
        while let Some(&c) = self.line.get(at) {
            if c == b'\\' {
                at += 1;
            } else if c == self.delimiter {
                self.at = Some(at + 1);
                return self.line.get(start..at);
            }
            at += 1;
        }
        self.at = None;
        self.line.get(start..)
    }
}

fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(field.len());
    let mut at = 0;
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

fn escape(value: &[u8], delimiter: u8, out: &mut Vec<u8>) {
    for &byte in value {
        match byte {
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\\' => out.extend_from_slice(b"\\\\"),
            _ if byte == delimiter => out.extend_from_slice(&[b'\\', byte]),
            _ => out.push(byte),
        }
    }
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
