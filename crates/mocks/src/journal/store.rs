//! The messages, bounded in number and in bytes.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, Uri};
use mgm_api_types::mocks::{FaultKind, MessageKind, RequestMatch, Verdict};
use mgm_system::Clock;
use tokio::sync::Notify;

use super::entry::{Answered, Entry};
use super::packed::Packed;
use crate::matching::{Facts, Matcher};

/// How many messages are kept.
pub(super) const CAPACITY: usize = 10_000;

/// How much memory they may take, in bytes; the oldest are forgotten first.
pub(super) const MAX_BYTES: usize = 6 * 1024 * 1024;

/// How often a change is looked at by those who wait for one.
const LOOK: Duration = Duration::from_millis(5);

/// A bounded record of messages, shared by all clones.
#[derive(Clone, Debug)]
pub(crate) struct Journal(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    clock: Arc<dyn Clock>,
    record: Mutex<Record>,
    changed: Notify,
}

/// What is kept.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// The requests since the start or the last reset.
    pub(super) total: u64,
    /// The number of the last message.
    pub(super) last: u64,
    bytes: usize,
    /// In the order of their numbers.
    pub(super) entries: VecDeque<Entry>,
}

/// A message that goes out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivery<'a> {
    /// The method: `POST` to a callback; anything that tells what it is over a WebSocket.
    pub(crate) method: &'a Method,
    /// Where it goes.
    pub(crate) uri: &'a Uri,
    /// The headers; over a WebSocket, those that a webhook would have.
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
    /// The client that it is for.
    pub(crate) client_id: &'a str,
}

impl Facts for Delivery<'_> {
    fn method(&self) -> &str {
        self.method.as_str()
    }

    fn path(&self) -> &str {
        self.uri.path()
    }

    fn query(&self) -> Option<&str> {
        self.uri.query()
    }

    fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        self.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()))
    }

    fn body(&self) -> &[u8] {
        self.body
    }

    fn owner(&self) -> Option<&str> {
        Some(self.client_id)
    }
}

/// A message that has no answer yet. If it is dropped, the caller is gone.
#[derive(Debug)]
#[must_use = "it counts as abandoned when it is dropped"]
pub(crate) struct Open {
    journal: Journal,
    number: u64,
    begun: Duration,
    fault: Option<FaultKind>,
    is_done: bool,
}

impl Journal {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Shared { clock, record: Mutex::default(), changed: Notify::new() }))
    }

    pub(super) fn record(&self) -> MutexGuard<'_, Record> {
        // No panic can leave a change incomplete.
        self.0.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a request, not yet answered.
    pub(crate) fn received(&self, head: &Parts, body: &[u8]) -> Open {
        let message = Packed::new(Some(&head.uri), &head.headers, Some(body), body.len());
        self.begin(MessageKind::Request, head.method.clone(), message, None)
    }

    /// Records a delivery, not yet answered.
    pub(crate) fn sent(&self, delivery: &Delivery<'_>) -> Open {
        let Delivery { method, uri, headers, body, client_id } = delivery;
        let message = Packed::new(Some(uri), headers, Some(body), body.len());
        self.begin(MessageKind::Delivery, (*method).clone(), message, Some((*client_id).into()))
    }

    fn begin(&self, kind: MessageKind, method: Method, message: Packed, owner: Option<Box<str>>) -> Open {
        let (at, begun) = (self.0.clock.now(), self.0.clock.uptime());
        let verdict = Verdict::Pending;
        let mut entry = Entry { number: 0, kind, at, method, message, owner, verdict, fault: None, answer: None };
        let mut record = self.record();
        record.last += 1;
        let number = record.last;
        entry.number = number;
        record.total += u64::from(kind == MessageKind::Request);
        record.bytes += entry.size();
        record.entries.push_back(entry);
        record.shrink();
        drop(record);
        self.0.changed.notify_waiters();
        Open { journal: self.clone(), number, begun, fault: None, is_done: false }
    }

    /// Forgets everything.
    pub(crate) fn reset(&self) {
        let mut record = self.record();
        *record = Record { last: record.last, ..Record::default() };
    }

    /// Forgets the messages that fit.
    pub(crate) fn forget(&self, matcher: &Matcher) {
        let mut record = self.record();
        let Record { total, bytes, entries, .. } = &mut *record;
        entries.retain(|entry| {
            let fits = entry.fits(matcher);
            if fits {
                *total -= u64::from(entry.kind == MessageKind::Request);
                *bytes -= entry.size();
            }
            !fits
        });
    }

    /// Forgets the messages of one caller, and those to it.
    pub(crate) fn forget_caller(&self, caller: &Matcher) {
        for kind in [MessageKind::Request, MessageKind::Delivery] {
            self.forget(&Matcher::new(RequestMatch { kind: Some(kind), ..caller.wanted().clone() }));
        }
    }

    /// Waits until `look` finds something.
    pub(super) async fn wait_for<T>(&self, mut look: impl FnMut(&Record) -> Option<T>) -> T {
        loop {
            let changed = self.0.changed.notified();
            tokio::pin!(changed);
            // What changes from now on is noticed.
            changed.as_mut().enable();
            if let Some(found) = look(&self.record()) {
                return found;
            }
            changed.await;
            // Under load there are more changes than looks.
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Record {
    fn shrink(&mut self) {
        while self.entries.len() > CAPACITY || self.bytes > MAX_BYTES {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= oldest.size();
        }
    }

    fn place(&self, number: u64) -> Option<usize> {
        // Most of the time none between was forgotten.
        let first = self.entries.front()?.number;
        let place = usize::try_from(number.checked_sub(first)?).ok()?;
        if self.entries.get(place).is_some_and(|entry| entry.number == number) {
            return Some(place);
        }
        self.entries.binary_search_by_key(&number, |entry| entry.number).ok()
    }

    /// The message with this number.
    pub(super) fn get(&self, number: u64) -> Option<&Entry> {
        self.place(number).map(|place| &self.entries[place])
    }

    /// The messages that fit, oldest first.
    pub(super) fn fitting<'a>(&'a self, matcher: &'a Matcher) -> impl Iterator<Item = &'a Entry> {
        let from = matcher.wanted().since.map_or(0, |since| self.after(since));
        self.entries.range(from..).filter(|entry| entry.fits(matcher))
    }

    /// The place of the first message after this number.
    pub(super) fn after(&self, number: u64) -> usize {
        self.entries.partition_point(|entry| entry.number <= number)
    }
}

impl Open {
    /// Names the fault that is injected.
    pub(crate) const fn with_fault(mut self, fault: Option<FaultKind>) -> Self {
        self.fault = fault;
        self
    }

    /// Records the answer. `body_size` is the length of a body that is not given.
    pub(crate) fn answered(
        mut self,
        verdict: Verdict,
        status: StatusCode,
        headers: &HeaderMap,
        body: Option<&[u8]>,
        body_size: usize,
    ) {
        let message = Packed::new(None, headers, body, body_size);
        self.end(verdict, Some(status), Some(message));
    }

    /// Records that there is no answer.
    pub(crate) fn unanswered(mut self, verdict: Verdict) {
        self.end(verdict, None, None);
    }

    fn end(&mut self, verdict: Verdict, status: Option<StatusCode>, message: Option<Packed>) {
        self.is_done = true;
        let shared = &self.journal.0;
        let after = shared.clock.uptime().saturating_sub(self.begun);
        let mut record = self.journal.record();
        // It may have been forgotten.
        let Some(place) = record.place(self.number) else { return };
        let entry = &mut record.entries[place];
        let before = entry.size();
        entry.verdict = verdict;
        entry.fault = self.fault;
        entry.answer = Some(Answered { after, status, message });
        let now = entry.size();
        record.bytes += now - before;
        record.shrink();
        drop(record);
        shared.changed.notify_waiters();
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if !self.is_done {
            self.end(Verdict::Abandoned, None, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use mgm_system::SystemClock;

    use super::*;

    fn journal() -> Journal {
        Journal::new(Arc::new(SystemClock))
    }

    fn receive(journal: &Journal, path: &str, body: &[u8]) -> Open {
        let (head, ()) = http::Request::post(path).body(()).unwrap().into_parts();
        journal.received(&head, body)
    }

    fn answer(open: Open, status: u16) {
        let status = StatusCode::from_u16(status).unwrap();
        open.answered(Verdict::Answered, status, &HeaderMap::new(), Some(b"{}"), 2);
    }

    fn paths(journal: &Journal) -> Vec<String> {
        journal.record().entries.iter().map(|entry| entry.path().to_owned()).collect()
    }

    /// What the entries take, counted anew.
    fn counted(journal: &Journal) -> usize {
        journal.record().entries.iter().map(Entry::size).sum()
    }

    #[test]
    fn the_last_ones_are_kept_and_all_are_counted() {
        let journal = journal();
        let mut open: Vec<_> =
            (0..CAPACITY + 3).map(|index| Some(receive(&journal, &format!("/{index}"), b""))).collect();
        answer(open[0].take().unwrap(), 200);
        answer(open[3].take().unwrap(), 202);
        let record = journal.record();
        assert_eq!((record.total, record.entries.len()), (u64::try_from(CAPACITY).unwrap() + 3, CAPACITY));
        assert_eq!((record.entries[0].path(), record.entries[0].status()), ("/3", Some(StatusCode::ACCEPTED)));
        assert_eq!(record.entries[CAPACITY - 1].verdict, Verdict::Pending);
        drop(record);
        drop(open);
        assert!(journal.record().entries.iter().skip(1).all(|entry| entry.verdict == Verdict::Abandoned));
    }

    #[test]
    fn long_messages_and_long_answers_take_the_place_of_older_ones() {
        let journal = journal();
        let body = vec![b'x'; 60_000];
        for index in 0..1_000 {
            let open = receive(&journal, &format!("/{index}"), &body);
            open.answered(Verdict::Answered, StatusCode::OK, &HeaderMap::new(), Some(&body), body.len());
        }
        let taken = journal.record().bytes;
        assert!(taken <= MAX_BYTES);
        assert_eq!(taken, counted(&journal));
        let kept = paths(&journal);
        assert!(taken + taken / kept.len() > MAX_BYTES, "as many as fit");
        assert_eq!(kept.last().unwrap(), "/999");
        assert_eq!(journal.record().total, 1_000);
    }

    #[test]
    fn what_fits_is_forgotten_and_the_rest_keeps_its_answers() {
        let journal = journal();
        let open: Vec<_> = ["/a/1", "/b/2", "/a/3", "/b/4"].map(|path| receive(&journal, path, b"")).into();
        let wanted = RequestMatch { path: Some("/a/*".to_owned()), ..RequestMatch::default() };
        journal.forget(&Matcher::new(wanted));
        for open in open {
            answer(open, 200);
        }
        assert_eq!(paths(&journal), ["/b/2", "/b/4"]);
        assert!(journal.record().entries.iter().all(|entry| entry.status() == Some(StatusCode::OK)));
        let counted = counted(&journal);
        let record = journal.record();
        assert_eq!((record.total, record.bytes), (2, counted));
    }

    #[test]
    fn an_answer_from_before_a_reset_is_not_taken_for_one_after_it() {
        let journal = journal();
        let before = receive(&journal, "/before", b"");
        journal.reset();
        let after = receive(&journal, "/after", b"");
        answer(before, 200);
        assert_eq!(paths(&journal), ["/after"]);
        {
            let record = journal.record();
            assert_eq!((record.total, record.entries[0].verdict), (1, Verdict::Pending));
        }
        answer(after, 200);
        assert_eq!(journal.record().entries[0].verdict, Verdict::Answered);
    }

    #[tokio::test]
    async fn who_waits_sees_what_comes_later() {
        let journal = journal();
        let waiting = {
            let journal = journal.clone();
            tokio::spawn(async move { journal.wait_for(|record| (record.total == 2).then_some(record.last)).await })
        };
        drop(receive(&journal, "/1", b""));
        tokio::task::yield_now().await;
        drop(receive(&journal, "/2", b""));
        assert_eq!(waiting.await.unwrap(), 2);
    }
}
