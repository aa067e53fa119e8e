//! Cuts one direction of a PostgreSQL v3 stream into messages, rows in runs.
//!
//! Layout: a type byte, a big-endian length that counts itself and not the type byte, the body.

const HEADER: usize = 5;
const CLIENT: &[u8] = b"QPBDESHCdcfFX";
const SERVER: &[u8] = b"TDdCIs123ntVENASGHWcZKRv";

/// The state of one direction. The cut of the input never matters to what comes out, but for the cut of runs.
pub struct Frames {
    server: bool,
    max_frame: usize,
    held: Vec<u8>,
    broken: bool,
    /// Hand on parts of an incomplete row at once.
    pub stream: bool,
    streaming: Option<(u8, u64)>,
    rows: u64,
}

impl Frames {
    /// `max_frame`: the longest message, header included, that is put together.
    pub fn new(server: bool, max_frame: usize) -> Self {
        Self {
            server,
            max_frame,
            held: Vec::new(),
            broken: false,
            stream: false,
            streaming: None,
            rows: 0,
        }
    }

    /// Bytes of an unfinished message.
    pub fn pending(&self) -> usize {
        self.held.len()
    }

    /// Rows (or CopyData messages) begun since the last call.
    pub fn take_rows(&mut self) -> u64 {
        std::mem::take(&mut self.rows)
    }

    /// Calls `out` with each message (runs of rows as one) that `data` completes; kind 0 is the reason the stream is broken.
    pub fn feed<E>(
        &mut self,
        data: &[u8],
        mut out: impl FnMut(u8, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.broken {
            return Ok(());
        }
        if self.held.is_empty() {
            let used = self.cut(data, &mut out)?;
            self.held
                .extend_from_slice(data.get(used..).unwrap_or_default());
            return Ok(());
        }
        let mut held = std::mem::take(&mut self.held);
        held.extend_from_slice(data);
        let used = self.cut(&held, &mut out)?;
        held.drain(..used.min(held.len()));
        self.held = held;
        Ok(())
    }

    fn cut<E>(
        &mut self,
        data: &[u8],
        out: &mut impl FnMut(u8, &[u8]) -> Result<(), E>,
    ) -> Result<usize, E> {
        let mut at = 0;
        let mut run: Option<(u8, usize)> = None;
        while at < data.len() {
            if let Some((kind, left)) = self.streaming {
                let rest = data.get(at..).unwrap_or_default();
                let part = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                out(kind, rest.get(..part).unwrap_or_default())?;
                let left = left.saturating_sub(part as u64);
                self.streaming = (left > 0).then_some((kind, left));
                at += part;
                continue;
            }
            let Some((kind, whole)) = header(data, at) else {
                break;
            };
            if let Some(reason) = self.fault(kind, whole) {
                flush(data, run.take(), at, out)?;
                self.broken = true;
                out(0, reason.as_bytes())?;
                return Ok(data.len());
            }
            let row = (kind == b'D' && self.server) || kind == b'd';
            if whole > (data.len() - at) as u64 {
                if row && self.stream {
                    flush(data, run.take(), at, out)?;
                    out(kind, data.get(at..).unwrap_or_default())?;
                    self.rows += 1;
                    self.streaming = Some((kind, whole - (data.len() - at) as u64));
                    return Ok(data.len());
                }
                if whole > self.max_frame as u64 {
                    flush(data, run.take(), at, out)?;
                    self.broken = true;
                    out(0, b"message is longer than allowed")?;
                    return Ok(data.len());
                }
                break;
            }
            if run.is_some_and(|(of, _)| of != kind) {
                flush(data, run.take(), at, out)?;
            }
            let end = at + usize::try_from(whole).unwrap_or(usize::MAX);
            if row {
                self.rows += 1;
                run = run.or(Some((kind, at)));
            } else {
                out(kind, data.get(at..end).unwrap_or_default())?;
            }
            at = end;
        }
        flush(data, run, at, out)?;
        Ok(at)
    }

    fn fault(&self, kind: u8, whole: u64) -> Option<&'static str> {
        let known = if self.server { SERVER } else { CLIENT };
        if !known.contains(&kind) {
            return Some("unknown message type");
        }
        if whole < HEADER as u64 || whole > i32::MAX as u64 {
            return Some("impossible message length");
        }
        let row = (kind == b'D' && self.server) || kind == b'd';
        (whole > self.max_frame as u64 && !(row && self.stream))
            .then_some("message is longer than allowed")
    }
}

fn flush<E>(
    data: &[u8],
    run: Option<(u8, usize)>,
    end: usize,
    out: &mut impl FnMut(u8, &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    match run {
        Some((kind, start)) => out(kind, data.get(start..end).unwrap_or_default()),
        None => Ok(()),
    }
}

/// The type and whole length (with the type byte) of the message at `at`; None: not there yet.
fn header(data: &[u8], at: usize) -> Option<(u8, u64)> {
    let head = data.get(at..at + HEADER)?;
    let (kind, length) = head.split_first()?;
    Some((
        *kind,
        u64::from(u32::from_be_bytes(length.try_into().ok()?)) + 1,
    ))
}

/// The messages of a run of whole messages, headers included. Ends early with an error when the run is not whole.
pub fn each(run: &[u8]) -> impl Iterator<Item = Result<&[u8], crate::Malformed>> {
    let mut at = 0;
    let mut failed = false;
    std::iter::from_fn(move || {
        if failed || at >= run.len() {
            return None;
        }
        let whole = header(run, at)
            .and_then(|(_, whole)| usize::try_from(whole).ok())
            .filter(|whole| *whole >= HEADER);
        let frame = whole.and_then(|whole| run.get(at..at.checked_add(whole)?));
        match frame {
            Some(frame) => {
                at += frame.len();
                Some(Ok(frame))
            }
            None => {
                failed = true;
                Some(Err(crate::Malformed(
                    "a run does not end with a whole message",
                )))
            }
        }
    })
}

/// How many messages a run holds.
pub fn count(run: &[u8]) -> Result<u64, crate::Malformed> {
    let mut found = 0;
    for frame in each(run) {
        frame?;
        found += 1;
    }
    Ok(found)
}

/// The length of the first `n` messages of a run.
pub fn head(run: &[u8], n: u64) -> Result<usize, crate::Malformed> {
    let mut length = 0;
    for (index, frame) in each(run).enumerate() {
        if index as u64 >= n {
            break;
        }
        length += frame?.len();
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Found = Vec<(u8, Vec<u8>)>;

    fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut frame = vec![kind];
        frame.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
        frame.extend_from_slice(body);
        frame
    }

    fn fed(frames: &mut Frames, data: &[u8]) -> Found {
        let mut found = Vec::new();
        let done: Result<(), ()> = frames.feed(data, |kind, raw| {
            found.push((kind, raw.to_vec()));
            Ok(())
        });
        assert_eq!(done, Ok(()));
        found
    }

    fn broken(server: bool, data: &[u8]) -> Option<String> {
        let found = fed(&mut Frames::new(server, 64), data);
        found
            .last()
            .filter(|(kind, _)| *kind == 0)
            .map(|(_, reason)| String::from_utf8_lossy(reason).into_owned())
    }

    #[test]
    fn rows_come_in_runs_and_other_messages_alone() {
        let (row, done) = (frame(b'D', b"\0\0"), frame(b'C', b"x\0"));
        let data = [&row[..], &row, &done, &done, &row].concat();
        let mut frames = Frames::new(true, 64);
        let found = fed(&mut frames, &data);
        let run = [&row[..], &row].concat();
        assert_eq!(
            found,
            [(b'D', run), (b'C', done.clone()), (b'C', done), (b'D', row)]
        );
        assert_eq!(
            (frames.pending(), frames.take_rows(), frames.take_rows()),
            (0, 3, 0)
        );
    }

    #[test]
    fn the_first_fault_is_the_last_thing_said() {
        let good = frame(b'S', b"");
        for (server, bad, reason) in [
            (false, &b"\0\0\0\0\x04"[..], "unknown message type"),
            (false, b"Z\0\0\0\x05I", "unknown message type"),
            (true, b"Q\0\0\0\x04", "unknown message type"),
            (false, b"S\0\0\0\x03", "impossible message length"),
            (false, b"S\0\0\0\0", "impossible message length"),
            (false, b"S\xff\xff\xff\xff", "impossible message length"),
            (false, b"Q\0\0\0\x40", "message is longer than allowed"),
            (true, b"D\0\0\0\x40", "message is longer than allowed"),
        ] {
            assert_eq!(broken(server, bad).as_deref(), Some(reason));
            let mut frames = Frames::new(false, 64);
            if !server {
                assert_eq!(fed(&mut frames, &[&good, bad, &good].concat()).len(), 2);
                assert_eq!(fed(&mut frames, &good), []);
            }
        }
        assert_eq!(broken(false, b"Q\0\0\0"), None);
        assert_eq!(broken(false, b"Q\0\0\0\x3f"), None);
    }

    #[test]
    fn a_row_may_pass_in_parts_and_nothing_else_may() {
        let row = frame(b'D', &[7; 200]);
        let (first, rest) = row.split_at_checked(9).unwrap_or_default();
        let mut frames = Frames::new(true, 64);
        frames.stream = true;
        assert_eq!(fed(&mut frames, first), [(b'D', first.to_vec())]);
        assert_eq!(frames.pending(), 0);
        frames.stream = false;
        let behind = [rest, &frame(b'Z', b"I")].concat();
        assert_eq!(
            fed(&mut frames, &behind),
            [(b'D', rest.to_vec()), (b'Z', frame(b'Z', b"I"))]
        );
        assert_eq!(frames.take_rows(), 1);
        frames.stream = true;
        assert_eq!(fed(&mut frames, b"C\0\0\0\x40").len(), 1);
    }

    #[test]
    fn a_run_is_taken_apart_or_found_wanting() {
        let (one, two) = (frame(b'D', b"a"), frame(b'D', b""));
        let run = [&one[..], &two, &one].concat();
        assert_eq!(count(&run), Ok(3));
        assert_eq!(
            [0, 1, 2, 3, 9].map(|n| head(&run, n)),
            [0, 6, 11, 17, 17].map(Ok)
        );
        for bad in [
            &b"D"[..],
            b"D\0\0\0\x05",
            b"D\0\0\0\x03",
            b"D\xff\xff\xff\xff",
        ] {
            assert!(count(bad).is_err());
            assert!(head(bad, 1).is_err());
            assert_eq!(head(bad, 0), Ok(0));
        }
        assert_eq!(count(b""), Ok(0));
    }
}
