//! Follows the bucket as long as the node runs: contact, marks, and the file that remembers both.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::bucket_view::BucketView;
use super::file::{self, Remembered};
use super::{Guard, form};
use crate::nats::{NatsError, read_mark};
use rules::domain::high_water::covered_after;
use rules::domain::seen::Back;

/// How often a node notes that it is in contact with NATS.
const CONTACT_EVERY: Duration = Duration::from_millis(200);

/// After this many of those intervals, the node reads the sweeper's mark and writes its file: every 3 s.
const REFRESH_AFTER: u32 = 15;

impl Guard {
    /// Follows the marks and remembers them until `stop`.
    pub async fn follow(self, stop: CancellationToken) {
        let (mut said, mut ticks, mut was_up) = (false, 0, false);
        loop {
            if ticks == 0 {
                ticks = REFRESH_AFTER;
                if let Err(error) = self.refresh().await {
                    tracing::debug!(%error, "cannot read the high-water mark");
                }
                self.set_stay();
                if let Err(error) = self.remember().await
                    && !said
                {
                    said = true;
                    let path = self.file.as_deref().map(|path| path.display().to_string());
                    tracing::warn!(
                        %error,
                        path,
                        "this node cannot remember the high-water mark of its timers in a file: name a directory that it may \
                         write to with --journal-dir"
                    );
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(CONTACT_EVERY) => {}
            }
            ticks -= 1;
            // A new connection may be to a server with older data.
            if self.link.is_up()
                && let Err(error) = self.compare().await
            {
                tracing::debug!(%error, "cannot compare the bucket with what this node knows of it");
            }
            let is_up = self.is_compared();
            // The connection was up until some instant before the first look that finds it down.
            if is_up || was_up {
                let now = self.began.elapsed();
                self.heard(|heard| heard.seen.note(0, now));
            }
            was_up = is_up;
        }
    }

    async fn refresh(&self) -> Result<(), NatsError> {
        self.compare().await?;
        let epoch = self.link.epoch();
        let asked_at = self.began.elapsed();
        let (bucket, heard) = self.look_at_bucket().await?;
        if heard.is_none_or(|heard| heard.judge(bucket.last) != Back::No) {
            self.compared.store(0, Ordering::Release);
            return self.compare().await;
        }
        let marks = form::from_json(&read_mark(&self.link).await?.0);
        // Otherwise the bucket has to be compared first.
        if epoch == self.link.epoch() {
            self.heard(|heard| heard.seen.note(bucket.last, asked_at));
            if let Some(marks) = marks {
                self.learn(marks, bucket.last);
            }
        }
        Ok(())
    }

    /// Sets how long records stay, so that they stay until a mark covers them.
    fn set_stay(&self) {
        let Some((stay, interval)) = &self.stay else { return };
        let swept_at = self.read(BucketView::swept_at);
        let age = swept_at
            .map_or(self.began.elapsed(), |at| self.clock.scale().clock_to_world(self.now().since(at)));
        stay.set(covered_after(age, *interval));
    }

    async fn remember(&self) -> std::io::Result<()> {
        let Some(path) = self.file.clone() else { return Ok(()) };
        // A broker that is killed together with this node may lack writes that have not settled.
        let (seen, at) = (self.heard(|heard| heard.seen.settled()), self.contact());
        let remembered =
            self.read(|known| Remembered { marks: known.marks().clone(), born: known.born(), seen, at });
        let written = tokio::task::spawn_blocking(move || file::write(&path, &remembered)).await;
        written.unwrap_or_else(|error| Err(std::io::Error::other(error)))
    }
}
