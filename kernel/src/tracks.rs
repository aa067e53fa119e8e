//! Exchanges that are known: recognised by their signature, and the lines that record them written from what was laid down.
//!
//! What a track is worth, who may use it and for how long is the session's to know; here are only bytes.

use std::collections::HashMap;
use std::sync::Arc;

use crate::masks::{ColumnMask, Seen};
use crate::{rows, skim};

/// One statement of a track, as the log wants it: what stands behind the line's time, its own text or not, and the rest.
pub struct Leg {
    pub before: Vec<u8>,
    pub own_text: bool,
    pub rest: Vec<u8>,
    /// How it ends: `completed` or `prepared`.
    pub ending: String,
}

/// The names of statements that a track hangs on: what it needs must mean what it meant, what it defines means something new.
#[derive(Default)]
pub struct Names {
    pub needs: Vec<String>,
    pub defines: Vec<String>,
}

struct Track {
    legs: Vec<Leg>,
    own_text: bool,
    reply: Vec<u8>,
    mask: Option<Arc<Vec<Option<ColumnMask>>>>,
    names: Names,
    trusted: bool,
}

impl Track {
    fn gives(&self, names: &[String]) -> bool {
        self.names.defines.iter().any(|name| names.contains(name))
    }
}

/// Where an exchange began: its track, the number its events count from, and when.
#[derive(Clone, Copy)]
pub struct Began {
    pub track: usize,
    pub number: u64,
    pub at: f64,
}

/// What became of a known answer: the lines that complete its record, and what the client gets if that is something else.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended {
    pub lines: Vec<u8>,
    pub out: Option<Vec<u8>>,
}

/// The tracks of one connection.
pub struct Tracks {
    connection: String,
    known: HashMap<Vec<u8>, usize>,
    tracks: Vec<Track>,
    last: Option<Vec<u8>>,
    trusting: bool,
}

impl Tracks {
    /// `connection` is the connection's id as the log writes it, of letters, digits and `_.:-`.
    pub fn new(connection: &str) -> Self {
        Self {
            connection: connection.to_owned(),
            known: HashMap::new(),
            tracks: Vec::new(),
            last: None,
            trusting: false,
        }
    }

    /// Forgets every track.
    pub fn clear(&mut self) {
        self.known.clear();
        self.tracks.clear();
    }

    /// How many tracks there are.
    pub fn len(&self) -> usize {
        self.tracks.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.tracks.is_empty()
    }

    /// The signature of the messages last asked about, if they have one; once.
    pub fn signature(&mut self) -> Option<Vec<u8>> {
        self.last.take()
    }

    /// Lays down a track; its index.
    pub fn keep(
        &mut self,
        signature: Vec<u8>,
        reply: Vec<u8>,
        legs: Vec<Leg>,
        mask: Option<Arc<Vec<Option<ColumnMask>>>>,
        names: Names,
    ) -> usize {
        self.known.insert(signature, self.tracks.len());
        self.tracks.push(Track {
            own_text: legs.iter().any(|leg| leg.own_text),
            trusted: names.needs.is_empty(),
            legs,
            reply,
            mask,
            names,
        });
        self.tracks.len() - 1
    }

    /// How many events a track records.
    pub fn events(&self, track: usize) -> u64 {
        self.tracks
            .get(track)
            .map_or(0, |track| track.legs.len() as u64)
    }

    /// The ids of the events that follow event `number` when the exchange of this track is recorded.
    pub fn ids(&self, track: usize, number: u64) -> Vec<String> {
        let id = |place| format!("{}-{}", self.connection, number + place);
        (1..=self.events(track)).map(id).collect()
    }

    /// Whether a track's record has the text of its own messages.
    pub fn own_text(&self, track: usize) -> bool {
        self.tracks.get(track).is_some_and(|track| track.own_text)
    }

    /// Something happened that may have given any name another meaning.
    pub fn doubt(&mut self) {
        if std::mem::take(&mut self.trusting) {
            for track in &mut self.tracks {
                track.trusted = track.names.needs.is_empty();
            }
        }
    }

    /// Whether a name that a track needs may mean something else by now.
    pub fn doubted(&self, track: usize) -> bool {
        self.tracks.get(track).is_none_or(|track| !track.trusted)
    }

    /// The names that a track needs mean what they meant.
    pub fn trust(&mut self, track: usize) {
        if let Some(track) = self.tracks.get_mut(track) {
            track.trusted = true;
            self.trusting = true;
        }
    }

    /// Whether one of these tracks gives a meaning to a name that this one needs.
    pub fn disputed(&self, track: usize, others: &[usize]) -> bool {
        let needs = self
            .tracks
            .get(track)
            .map_or(&[][..], |track| &track.names.needs);
        others
            .iter()
            .filter_map(|other| self.tracks.get(*other))
            .any(|other| other.gives(needs))
    }

    /// A track has given its names their meaning: those that need one of them are doubted.
    pub fn redefined(&mut self, track: usize) {
        if !self.trusting
            || self
                .tracks
                .get(track)
                .is_none_or(|track| track.names.defines.is_empty())
        {
            return;
        }
        for other in 0..self.tracks.len() {
            if self.disputed(other, &[track]) {
                if let Some(other) = self.tracks.get_mut(other) {
                    other.trusted = false;
                }
            }
        }
    }

    /// The track of a client's whole messages, and where the text of a lone Query stands in them.
    pub fn find(&mut self, data: &[u8]) -> Option<(usize, (usize, usize))> {
        self.last = None;
        let (signature, text) = skim::asked(data)?;
        let known = self.known.get(&signature).copied();
        self.last = Some(signature);
        Some((known?, text))
    }

    /// The lines of a track's record. `number`: of the connection's last event.
    pub fn asked(
        &self,
        track: usize,
        (start, end): (usize, usize),
        data: &[u8],
        number: u64,
        at: f64,
    ) -> Option<Vec<u8>> {
        let track = self.tracks.get(track)?;
        let mut lines = Vec::with_capacity(1024);
        let time = stamp(at)?;
        for (place, leg) in (1..).zip(&track.legs) {
            let number = number.checked_add(place)?;
            self.head("asked", (number, number), &time, &mut lines);
            lines.extend_from_slice(&leg.before);
            if leg.own_text {
                quote(data.get(start..end)?, &mut lines)?;
            }
            lines.extend_from_slice(&leg.rest);
        }
        Some(lines)
    }

    /// What every line begins with: its event, the number in its id and its own, and its time.
    fn head(&self, event: &str, (id, seq): (u64, u64), time: &[u8], lines: &mut Vec<u8>) {
        lines.extend_from_slice(b"{\"event\":\"statement-");
        lines.extend_from_slice(event.as_bytes());
        lines.extend_from_slice(b"\",\"id\":\"");
        lines.extend_from_slice(self.connection.as_bytes());
        lines.push(b'-');
        decimal(id, lines);
        lines.extend_from_slice(b"\",\"seq\":");
        decimal(seq, lines);
        lines.extend_from_slice(b",\"time\":\"");
        lines.extend_from_slice(time);
        lines.extend_from_slice(b"\",");
    }

    /// The lines that complete the record of an exchange, if the server's whole answer is the one its track expects.
    ///
    /// `number`: of the connection's last event. None: the answer must be looked at.
    pub fn answer(&self, data: &[u8], began: Began, number: u64, at: f64) -> Option<Ended> {
        let track = self.tracks.get(began.track)?;
        let found = skim::answered(data)?;
        if found.signature != track.reply {
            return None;
        }
        let (start, end) = found.rows;
        let run = data.get(start..end)?;
        let mut size = run.len();
        let mut masked = Vec::new();
        let mut out = None;
        let mut about = Vec::new();
        if let (Some(mask), 1..) = (&track.mask, found.count) {
            masked.resize(mask.len(), 0u64);
            let mut seen = Seen::default();
            seen.subjects.enter(mask);
            let mut rewritten = Vec::new();
            let (_, same) = rows::mask(run, mask, &mut rewritten, &mut masked, &mut seen).ok()?;
            if !seen.tally.is_empty() {
                // What was found is to be told of, which is not done here.
                return None;
            }
            about = seen.subjects.told();
            if same {
                masked.clear();
            } else {
                size = rewritten.len();
                let mut whole = Vec::with_capacity(data.len() + data.len() / 8);
                whole.extend_from_slice(data.get(..start)?);
                whole.extend_from_slice(&rewritten);
                whole.extend_from_slice(data.get(end..)?);
                out = Some(whole);
            }
        }
        let tag = data.get(found.tag.0..found.tag.1)?;
        let counts = (found.count, size, masked.as_slice(), about.as_slice());
        let lines = self.done(track, began, number, at, tag, counts)?;
        Some(Ended { lines, out })
    }

    fn done(
        &self,
        track: &Track,
        began: Began,
        number: u64,
        at: f64,
        tag: &[u8],
        (count, size, masked, about): (u64, usize, &[u64], &[u8]),
    ) -> Option<Vec<u8>> {
        if !tag
            .iter()
            .all(|byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b' '))
        {
            return None;
        }
        let time = stamp(at)?;
        let micros = ((at - began.at) * 1e6).round_ties_even().max(0.0) as u64;
        let mut lines = Vec::with_capacity(256);
        for (place, leg) in (1u64..).zip(&track.legs) {
            let (id, seq) = (began.number.checked_add(place)?, number.checked_add(place)?);
            let last = place == track.legs.len() as u64;
            let (rows, bytes) = if last { (count, size) } else { (0, 0) };
            self.head("done", (id, seq), &time, &mut lines);
            lines.extend_from_slice(b"\"outcome\":\"");
            lines.extend_from_slice(leg.ending.as_bytes());
            lines.extend_from_slice(b"\",\"rows\":");
            decimal(rows, &mut lines);
            lines.extend_from_slice(b",\"bytes\":");
            decimal(bytes as u64, &mut lines);
            lines.extend_from_slice(b",\"masked\":[");
            for (column, hidden) in masked.iter().enumerate().filter(|_| last) {
                if column != 0 {
                    lines.push(b',');
                }
                decimal(*hidden, &mut lines);
            }
            lines.extend_from_slice(b"],\"duration_us\":");
            decimal(micros, &mut lines);
            lines.extend_from_slice(b",\"error\":\"\",\"tag\":\"");
            if leg.ending == "completed" {
                lines.extend_from_slice(tag);
            }
            lines.push(b'"');
            if last && !about.is_empty() {
                lines.extend_from_slice(b",\"subjects\":[");
                lines.extend_from_slice(about);
                lines.push(b']');
            }
            lines.extend_from_slice(b"}\n");
        }
        Some(lines)
    }
}

/// A text as JSON, if it is printable ASCII and holds no comment; the log shows others in another way.
fn quote(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    if text.len() > LONGEST || text.windows(2).any(|two| two == b"--" || two == b"/*") {
        return None;
    }
    out.push(b'"');
    for byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b' '..=b'~' => out.push(*byte),
            _ => return None,
        }
    }
    out.extend_from_slice(b"\",");
    Some(())
}

/// Texts longer than this are cut in the log, which is not done here.
const LONGEST: usize = 16_384;

/// A number in decimal digits; what the formatting machinery does takes longer than a whole line.
fn decimal(number: u64, out: &mut Vec<u8>) {
    let (mut digits, mut left, mut at) = ([0u8; 20], number, 20);
    loop {
        at -= 1;
        if let Some(digit) = digits.get_mut(at) {
            *digit = b'0' + (left % 10) as u8;
        }
        left /= 10;
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(at..).unwrap_or_default());
}

/// Seconds since the epoch as RFC 3339 in UTC, to the microsecond.
fn stamp(at: f64) -> Option<[u8; 27]> {
    let micros = (at * 1e6).round_ties_even();
    if !(0.0..2.5e17).contains(&micros) {
        return None;
    }
    let micros = micros as u64;
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Days to a date by eras of 400 years that begin in March (Howard Hinnant, chrono-compatible date algorithms).
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let place = (5 * of_year + 2) / 153;
    let day = of_year - (153 * place + 2) / 5 + 1;
    let month = if place < 10 { place + 3 } else { place - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    let fields = [
        (0, 4, year),
        (5, 2, month),
        (8, 2, day),
        (11, 2, second / 3600),
        (14, 2, second / 60 % 60),
        (17, 2, second % 60),
        (20, 6, fraction),
    ];
    for (start, width, value) in fields {
        let mut left = value;
        for digit in text.iter_mut().skip(start).take(width).rev() {
            *digit = b'0' + (left % 10) as u8;
            left /= 10;
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leg(own_text: bool) -> Leg {
        Leg {
            before: b"\"source\":\"s\",".to_vec(),
            own_text,
            rest: b"\"end\":1}\n".to_vec(),
            ending: "completed".to_owned(),
        }
    }

    fn query(text: &str) -> Vec<u8> {
        let mut frame = vec![b'Q'];
        frame.extend_from_slice(&(text.len() as u32 + 5).to_be_bytes());
        frame.extend_from_slice(text.as_bytes());
        frame.push(0);
        frame
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(stamp(0.0).as_ref(), Some(b"1970-01-01T00:00:00.000000Z"));
        assert_eq!(
            stamp(951_782_400.25).as_ref(),
            Some(b"2000-02-29T00:00:00.250000Z")
        );
        assert_eq!(
            stamp(1_767_225_599.999_999_5).as_ref(),
            Some(b"2026-01-01T00:00:00.000000Z")
        );
        assert_eq!(stamp(-1.0), None);
        assert_eq!(stamp(f64::NAN), None);
    }

    fn ask(tracks: &mut Tracks, text: &str, number: u64) -> Option<(usize, Vec<u8>)> {
        let data = query(text);
        let (track, span) = tracks.find(&data)?;
        Some((track, tracks.asked(track, span, &data, number, 1.0)?))
    }

    fn keep(tracks: &mut Tracks, text: &str, names: Names) -> usize {
        assert_eq!(ask(tracks, text, 0), None);
        let signature = tracks.signature().unwrap_or_default();
        tracks.keep(signature, b"Z".to_vec(), vec![leg(true)], None, names)
    }

    #[test]
    fn a_track_is_found_whatever_its_literals() {
        let mut tracks = Tracks::new("c");
        keep(&mut tracks, "select a from t where b = 1", Names::default());
        let (index, lines) =
            ask(&mut tracks, "select a from t where b = 22", 6).unwrap_or_default();
        assert_eq!(
            (index, tracks.events(index), tracks.events(index + 1)),
            (0, 1, 0)
        );
        assert_eq!(
            String::from_utf8_lossy(&lines),
            "{\"event\":\"statement-asked\",\"id\":\"c-7\",\"seq\":7,\"time\":\"1970-01-01T00:00:01.000000Z\",\
             \"source\":\"s\",\"select a from t where b = 22\",\"end\":1}\n"
        );
        assert_eq!(ask(&mut tracks, "select a from u where b = 22", 6), None);
    }

    #[test]
    fn numbers_that_run_out_are_no_track() {
        let mut tracks = Tracks::new("c");
        keep(&mut tracks, "select 1", Names::default());
        assert!(ask(&mut tracks, "select 1", u64::MAX - 1).is_some());
        assert_eq!(ask(&mut tracks, "select 1", u64::MAX), None);
    }

    #[test]
    fn numbers_are_written_whole() {
        for number in [0, 9, 10, 1_234_567_890, u64::MAX] {
            let mut out = Vec::new();
            decimal(number, &mut out);
            assert_eq!(out, number.to_string().into_bytes());
        }
    }

    #[test]
    fn an_answer_is_masked_and_told_as_the_whole_way_would() {
        let frame = |kind: u8, body: &[u8]| {
            let mut frame = vec![kind];
            frame.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
            frame.extend_from_slice(body);
            frame
        };
        let answer = |row: &[u8], tag: &[u8]| {
            [
                frame(b'T', b"t"),
                frame(b'D', row),
                frame(b'C', tag),
                frame(b'Z', b"I"),
            ]
            .concat()
        };
        let data = answer(b"\0\x01\0\0\0\x03abc", b"SELECT 1\0");
        let reply = skim::answered(&data)
            .map(|found| found.signature)
            .unwrap_or_default();
        let mask = ColumnMask::new(
            "redact",
            "text",
            false,
            [],
            &crate::masks::Key::new(b"k"),
            None,
        )
        .ok();
        let mut tracks = Tracks::new("c");
        let track = tracks.keep(
            b"s".to_vec(),
            reply,
            vec![leg(false)],
            Some(Arc::new(vec![mask])),
            Names::default(),
        );
        let began = Began {
            track,
            number: 4,
            at: 1.0,
        };
        let ended = tracks.answer(&data, began, 5, 1.5);
        let masked = answer(b"\0\x01\0\0\0\x0a[redacted]", b"SELECT 1\0");
        assert_eq!(
            ended.as_ref().and_then(|ended| ended.out.as_deref()),
            Some(masked.as_slice())
        );
        assert_eq!(
            ended.map(|ended| String::from_utf8_lossy(&ended.lines).into_owned()).as_deref(),
            Some(
                "{\"event\":\"statement-done\",\"id\":\"c-5\",\"seq\":6,\"time\":\"1970-01-01T00:00:01.500000Z\",\
                 \"outcome\":\"completed\",\"rows\":1,\"bytes\":21,\"masked\":[1],\"duration_us\":500000,\"error\":\"\",\
                 \"tag\":\"SELECT 1\"}\n"
            )
        );
        for other in [
            answer(b"\0\x02\0\0\0\x03abc", b"SELECT 1\0"),
            answer(b"\0\x01\0\0\0\x03abc", b"SELECT \"1\0"),
            answer(b"\0\x01\0\0\0\x03abc", b"INSERT 1\0"),
        ] {
            assert_eq!(tracks.answer(&other, began, 5, 1.5), None);
        }
        let gone = Began { track: 9, ..began };
        assert_eq!(tracks.answer(&data, gone, 5, 1.5), None);
    }

    #[test]
    fn a_text_that_the_log_would_show_otherwise_goes_the_whole_way() {
        let mut out = Vec::new();
        for text in [
            "select 1 -- x",
            "select /* x */ 1",
            "select 'é'",
            "a\u{7f}",
            "a\rb",
        ] {
            assert_eq!(quote(text.as_bytes(), &mut out), None, "{text}");
        }
        out.clear();
        assert_eq!(quote(b"a \"b\" \\ \n\t", &mut out), Some(()));
        assert_eq!(out, b"\"a \\\"b\\\" \\\\ \\n\\t\",");
    }
}
