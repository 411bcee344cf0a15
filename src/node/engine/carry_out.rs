//! Carries out the effects of a step in their order, for workers, clients and the readers of journals alike.

use crate::nats::{NatsError, Stored};
use crate::node::engine::commit::{Armed, ArmedBy, Committed, Lost};
use crate::node::engine::{Engine, Patience};
use rules::domain::machine::Effect;
use rules::domain::target::TargetUrl;
use rules::domain::timer::{Timer, TimerId};

/// How far the effects were carried out.
pub(super) enum Carried {
    /// All of them. With the record that they stored, if they stored one.
    Out(Option<Box<Stored>>),
    /// Up to the swap: there is another record, or none. The rest is void.
    Lost(Lost),
    /// Up to the swap: NATS has not confirmed it by the end of patience, and this record may be stored.
    Failed { record: Box<Timer>, error: NatsError },
}

impl Engine {
    /// Carries out `effects` of a step from the record `over`. It calls `stored` as soon as another record is stored.
    ///
    /// # Errors
    ///
    /// A [`NatsError`] if a wake could not be armed, or a callback not be created.
    pub(super) async fn carry_out(
        &self,
        effects: Vec<Effect>,
        over: &Stored,
        by: ArmedBy,
        patience: Patience,
        mut stored: impl FnMut(&Timer),
    ) -> Result<Carried, NatsError> {
        let id = over.timer.id;
        let (mut armed, mut now) = (None, None);
        let mut effects = effects.into_iter();
        while let Some(effect) = effects.next() {
            match effect {
                Effect::Arm { at } => {
                    let url = url_after(effects.as_slice()).unwrap_or(&over.timer.target.url);
                    armed = Some(Box::pin(self.arm(id, url, at, by, patience)).await?);
                }
                Effect::Store(record) => {
                    match Box::pin(self.commit(&record, Some(over), armed, patience)).await {
                        Ok(Committed::Done(revision)) => {
                            stored(&record);
                            now = Some(Box::new(over.replaced_by(*record, revision)));
                        }
                        Ok(Committed::Lost(lost)) => return Ok(Carried::Lost(lost)),
                        Err(error) => return Ok(Carried::Failed { record, error }),
                    }
                }
                Effect::Notify(timer) => Box::pin(self.notify(&timer)).await?,
                Effect::Disarm => self.disarm(id, armed).await,
            }
        }
        Ok(Carried::Out(now))
    }

    /// Removes the timer's waiting wakes, or only those that are older than `armed`. It tries once: a wake that stays finds a
    /// record that does not need it, and is settled.
    async fn disarm(&self, id: TimerId, armed: Option<Armed>) {
        if let Err(error) = self.wakes.disarm(id, armed.map(|armed| armed.sequence)).await {
            tracing::debug!(timer = %id, %error, "a waiting wake stays until its instant");
        }
    }
}

/// The URL of the record that these effects store.
fn url_after(effects: &[Effect]) -> Option<&TargetUrl> {
    effects.iter().find_map(|effect| match effect {
        Effect::Store(timer) => Some(&timer.target.url),
        Effect::Arm { .. } | Effect::Notify(_) | Effect::Disarm => None,
    })
}
