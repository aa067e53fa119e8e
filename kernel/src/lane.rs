//! One session's fast lane: the exchange under way in it, and what those that went through it have left behind.
//!
//! Whether it is open, which tracks there are and what they are worth is the session's to say. An exchange goes through three
//! doors: `ask`, which gives the lines of its record; `go`, which takes the log's word for them and gives what may go upstream
//! then; `answer` and `ended`, which give the lines that complete the record and, once the log has those, let the next one in.

use crate::tracks::{Began, Ended, Tracks};

/// The log's word that it holds the lines of an exchange's record. Made by whoever wrote them, after that; good for one `go`.
pub struct Receipt(());

impl Receipt {
    /// To be called where lines have just been written, and nowhere else.
    pub fn written() -> Self {
        Self(())
    }
}

/// What became of a client's messages.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    /// The lane is not open.
    Closed,
    /// They are no track, or none that may be taken now.
    Unknown,
    /// They are a track, but for what stands in them.
    Telling,
    /// They are a track: the lines of its record.
    Known(Vec<u8>),
}

/// What only the session can answer about messages that are a track.
pub enum Doubt<'a> {
    /// Do the names that the track needs still mean what they meant?
    Meant(usize),
    /// Is there nothing in this text that its record would have to leave out?
    Clean(&'a [u8]),
}

/// An exchange under way.
pub struct Ride {
    pub track: usize,
    /// Of the connection's last event before it.
    pub number: u64,
    pub at: f64,
    pub data: Vec<u8>,
    pub sent: bool,
}

/// One session's lane. Times are seconds since the epoch.
pub struct Lane {
    pub tracks: Tracks,
    /// Of the connection's last event.
    pub number: u64,
    /// When that was.
    pub now: f64,
    open: bool,
    until: f64,
    ride: Option<Ride>,
    spare: Vec<u8>,
    rides: u64,
    finished: Vec<usize>,
}

impl Lane {
    /// A lane that is closed. `connection` as `Tracks` has it; at `until` who uses it may do so no longer.
    pub fn new(connection: &str, until: f64) -> Self {
        Self {
            tracks: Tracks::new(connection),
            number: 0,
            now: 0.0,
            open: false,
            until,
            ride: None,
            spare: Vec::new(),
            rides: 0,
            finished: Vec::new(),
        }
    }

    /// Whether the next messages may enter; what a track needs is to be looked at anew.
    pub fn settle(&mut self, open: bool, number: u64) {
        self.open = open && self.ride.is_none();
        self.number = number;
        self.tracks.doubt();
    }

    /// An exchange is under way.
    pub fn riding(&self) -> bool {
        self.ride.is_some()
    }

    /// The track of the one under way.
    pub fn track(&self) -> Option<usize> {
        self.ride.as_ref().map(|ride| ride.track)
    }

    /// It waits for its receipt.
    pub fn waits(&self) -> bool {
        self.ride.as_ref().is_some_and(|ride| !ride.sent)
    }

    /// How many events the exchange under way records when it is asked.
    pub fn under_way(&self) -> u64 {
        self.ride
            .as_ref()
            .map_or(0, |ride| self.tracks.events(ride.track))
    }

    /// The ids of these events.
    pub fn ids(&self) -> Vec<String> {
        let ride = self.ride.as_ref();
        ride.map_or_else(Vec::new, |ride| self.tracks.ids(ride.track, ride.number))
    }

    /// How many exchanges have ended since this was last asked, and their tracks, each once, by their last end.
    pub fn finished(&mut self) -> (u64, Vec<usize>) {
        (
            std::mem::take(&mut self.rides),
            std::mem::take(&mut self.finished),
        )
    }

    /// A client's messages; `sure` answers what only the session can.
    pub fn ask(&mut self, data: &[u8], at: f64, mut sure: impl FnMut(Doubt<'_>) -> bool) -> Asked {
        if !self.open || at >= self.until {
            // No track is to be made of them either.
            self.tracks.signature();
            return Asked::Closed;
        }
        let Some((track, text)) = self.tracks.find(data) else {
            return Asked::Unknown;
        };
        if self.tracks.doubted(track) {
            if self.tracks.disputed(track, &self.finished) || !sure(Doubt::Meant(track)) {
                return Asked::Unknown;
            }
            self.tracks.trust(track);
        }
        if self.tracks.own_text(track) && telling(data) && !sure(Doubt::Clean(data)) {
            self.tracks.signature();
            return Asked::Telling;
        }
        let Some(lines) = self.tracks.asked(track, text, data, self.number, at) else {
            return Asked::Unknown;
        };
        let mut kept = std::mem::take(&mut self.spare);
        kept.clear();
        kept.extend_from_slice(data);
        self.ride = Some(Ride {
            track,
            number: self.number,
            at,
            data: kept,
            sent: false,
        });
        self.open = false;
        self.number = self.number.saturating_add(self.tracks.events(track));
        self.now = at;
        Asked::Known(lines)
    }

    /// Takes the last `ask` back: the log could not be asked for its lines here.
    pub fn unask(&mut self) {
        if let Some(ride) = self.ride.take() {
            self.number = ride.number;
            self.spare = ride.data;
            self.open = true;
        }
    }

    /// What goes upstream, now that the log has its record.
    pub fn go(&mut self, _: Receipt) -> &[u8] {
        match &mut self.ride {
            Some(ride) if !ride.sent => {
                ride.sent = true;
                &ride.data
            }
            _ => &[],
        }
    }

    /// What a server's whole answer to the exchange under way comes to, if it is the one that is expected.
    pub fn answer(&self, data: &[u8], at: f64) -> Option<Ended> {
        let ride = self.ride.as_ref().filter(|ride| ride.sent)?;
        let began = Began {
            track: ride.track,
            number: ride.number,
            at: ride.at,
        };
        self.tracks.answer(data, began, self.number, at)
    }

    /// The log has the lines that complete the record.
    pub fn ended(&mut self, at: f64) {
        let Some(ride) = self.ride.take() else {
            return;
        };
        self.number = self.number.saturating_add(self.tracks.events(ride.track));
        self.now = at;
        self.rides += 1;
        if self.finished.last() != Some(&ride.track) {
            self.finished.retain(|track| *track != ride.track);
            self.finished.push(ride.track);
        }
        self.tracks.redefined(ride.track);
        self.spare = ride.data;
        self.open = true;
    }

    /// The exchange under way, which goes the whole way from here on.
    pub fn leave(&mut self) -> Option<Ride> {
        self.open = false;
        self.ride.take()
    }

    /// Forgets every track. None may be under way or unreported.
    pub fn forget(&mut self) {
        self.tracks.clear();
        self.finished.clear();
    }
}

/// Whether a text has a literal in which a detector might find something by itself: one in quotes, or a long number.
fn telling(data: &[u8]) -> bool {
    let mut digits = 0;
    data.iter().any(|byte| {
        digits = if byte.is_ascii_digit() { digits + 1 } else { 0 };
        digits == LONG_NUMBER || matches!(byte, b'\'' | b'$')
    })
}

const LONG_NUMBER: u32 = 7;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tracks::{Leg, Names};

    fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut frame = vec![kind];
        frame.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
        frame.extend_from_slice(body);
        frame
    }

    fn query(text: &str) -> Vec<u8> {
        frame(b'Q', format!("{text}\0").as_bytes())
    }

    fn answer() -> Vec<u8> {
        [frame(b'C', b"SELECT 0\0"), frame(b'Z', b"I")].concat()
    }

    fn sure(_: Doubt<'_>) -> bool {
        true
    }

    fn keep(lane: &mut Lane, text: &str, names: Names) {
        lane.settle(true, lane.number);
        assert_eq!(lane.ask(&query(text), 1.0, sure), Asked::Unknown);
        let signature = lane.tracks.signature().unwrap_or_default();
        let reply = crate::skim::answered(&answer()).map(|found| found.signature);
        let leg = Leg {
            before: Vec::new(),
            own_text: true,
            rest: b"}\n".to_vec(),
            ending: "completed".to_owned(),
        };
        lane.tracks
            .keep(signature, reply.unwrap_or_default(), vec![leg], None, names);
    }

    fn lane() -> Lane {
        let mut lane = Lane::new("c", f64::INFINITY);
        keep(&mut lane, "select 1", Names::default());
        lane
    }

    fn ride(lane: &mut Lane, text: &str) {
        assert!(matches!(lane.ask(&query(text), 1.0, sure), Asked::Known(_)));
        lane.go(Receipt::written());
        assert!(lane.answer(&answer(), 2.0).is_some());
        lane.ended(2.0);
    }

    #[test]
    fn an_exchange_goes_through_its_doors_in_their_order() {
        let mut lane = lane();
        assert!(matches!(
            lane.ask(&query("select 22"), 1.0, sure),
            Asked::Known(_)
        ));
        assert!(lane.riding() && lane.waits());
        assert_eq!(
            lane.ask(&query("select 22"), 1.0, sure),
            Asked::Closed,
            "one at a time"
        );
        assert_eq!(
            lane.answer(&answer(), 2.0),
            None,
            "nothing was sent that could be answered"
        );
        assert_eq!(lane.go(Receipt::written()), query("select 22"));
        assert_eq!(lane.go(Receipt::written()), b"", "once");
        assert!(lane.answer(&query("x"), 2.0).is_none());
        assert!(lane.answer(&answer(), 2.0).is_some());
        lane.ended(2.0);
        assert_eq!((lane.number, lane.riding()), (2, false));
        assert_eq!(lane.finished(), (1, vec![0]));
        assert_eq!(lane.finished(), (0, vec![]));
    }

    #[test]
    fn what_was_taken_back_left_nothing_behind() {
        let mut lane = lane();
        assert!(matches!(
            lane.ask(&query("select 2"), 1.0, sure),
            Asked::Known(_)
        ));
        lane.unask();
        assert_eq!((lane.number, lane.riding()), (0, false));
        ride(&mut lane, "select 3");
        assert_eq!(lane.number, 2);
    }

    #[test]
    fn nobody_enters_a_closed_lane_nor_one_whose_time_is_over() {
        let mut lane = Lane::new("c", 5.0);
        keep(&mut lane, "select 1", Names::default());
        assert_eq!(lane.ask(&query("select 1"), 5.0, sure), Asked::Closed);
        lane.settle(false, 0);
        assert_eq!(lane.ask(&query("select 1"), 1.0, sure), Asked::Closed);
        lane.settle(true, 0);
        assert!(matches!(
            lane.ask(&query("select 1"), 4.9, sure),
            Asked::Known(_)
        ));
        assert!(lane.leave().is_some_and(|ride| !ride.sent));
        assert_eq!(lane.ask(&query("select 1"), 1.0, sure), Asked::Closed);
    }

    #[test]
    fn a_text_with_a_literal_that_tells_something_is_asked_about() {
        let mut lane = lane();
        keep(&mut lane, "select 'a'", Names::default());
        let never = |_: Doubt<'_>| false;
        assert_eq!(lane.ask(&query("select 'b'"), 1.0, never), Asked::Telling);
        assert_eq!(
            lane.ask(&query("select 1234567"), 1.0, never),
            Asked::Telling
        );
        assert!(matches!(
            lane.ask(&query("select 123456"), 1.0, never),
            Asked::Known(_)
        ));
    }

    #[test]
    fn a_needed_name_is_asked_about_once_until_something_gives_it_a_meaning() {
        let mut lane = Lane::new("c", f64::INFINITY);
        let names = |needs: &[&str], defines: &[&str]| Names {
            needs: needs.iter().map(|name| (*name).to_owned()).collect(),
            defines: defines.iter().map(|name| (*name).to_owned()).collect(),
        };
        keep(&mut lane, "select a", names(&["s", "t"], &[]));
        keep(&mut lane, "select b", names(&[], &["t"]));
        keep(&mut lane, "select c", names(&[], &["other"]));
        lane.settle(true, lane.number);
        let mut asked = 0;
        let mut enters = |lane: &mut Lane, text: &str| {
            let known = lane.ask(&query(text), 1.0, |_| {
                asked += 1;
                true
            });
            lane.go(Receipt::written());
            lane.ended(2.0);
            (matches!(known, Asked::Known(_)), asked)
        };
        assert_eq!(enters(&mut lane, "select a"), (true, 1));
        assert_eq!(enters(&mut lane, "select a"), (true, 1));
        assert_eq!(enters(&mut lane, "select c"), (true, 1));
        assert_eq!(enters(&mut lane, "select a"), (true, 1));
        assert_eq!(enters(&mut lane, "select b"), (true, 1));
        assert_eq!(
            enters(&mut lane, "select a"),
            (false, 1),
            "the session has not heard of the new meaning yet"
        );
        assert_eq!(lane.finished(), (5, vec![2, 0, 1]));
        assert_eq!(enters(&mut lane, "select a"), (true, 2));
        lane.settle(true, lane.number);
        assert_eq!(
            lane.ask(&query("select a"), 1.0, |_| false),
            Asked::Unknown,
            "after anything else happened it is asked about anew"
        );
    }
}
