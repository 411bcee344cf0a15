//! Asks several DNS servers: one after the other, and without waiting for those that do not answer.
//!
//! The library asks two servers at once, and the next ones only when both have failed, after seconds. If a call ends before that, the
//! library learns nothing about its servers. So each server has a resolver of its own here, and each question goes on to the next server
//! while the earlier ones may still answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ResolverConfig, ResolverOpts};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RecordType};
use tokio::time::Instant;

/// After this time without an answer the next server is asked too: most answer within 50 ms even if they have to look the name up.
const HEAD_START: Duration = Duration::from_millis(100);

/// For how long other servers may still know a name after one has said that it does not exist: they may be of different networks.
const LAST_WORD: Duration = Duration::from_millis(500);

/// The servers. Cheap to clone.
#[derive(Clone)]
pub(super) struct Servers {
    each: Arc<[TokioResolver]>,
    /// The server that was the last to know a name. It is asked first.
    first: Arc<AtomicUsize>,
}

impl Servers {
    /// The servers of this configuration, asked with these options.
    pub(super) fn new(config: &ResolverConfig, options: &ResolverOpts) -> Result<Self> {
        let each = config.name_servers().iter().map(|server| {
            let (domain, search) = (config.domain().cloned(), config.search().to_vec());
            let alone = ResolverConfig::from_parts(domain, search, vec![server.clone()]);
            let builder = TokioResolver::builder_with_config(alone, TokioRuntimeProvider::default());
            builder.with_options(options.clone()).build().context("cannot set up the DNS resolver")
        });
        Ok(Self { each: each.collect::<Result<_>>()?, first: Arc::default() })
    }

    /// The answer of the first server that knows the name. If no server does, an error: that the name does not exist, if one says so.
    pub(super) async fn lookup(&self, name: Name, kind: RecordType) -> Result<Lookup, NetError> {
        let count = self.each.len();
        let begin = self.first.load(Ordering::Relaxed);
        let (mut rest, mut asked) = ((0..count).map(|at| (begin + at) % count), FuturesUnordered::new());
        let (mut absent, mut failed) = (None, None);
        let last_word = tokio::time::sleep(Duration::MAX);
        tokio::pin!(last_word);
        loop {
            let next = rest.next();
            let is_last = next.is_none();
            asked.extend(next.map(|at| self.ask(at, name.clone(), kind)));
            let start = tokio::time::sleep(HEAD_START);
            tokio::pin!(start);
            loop {
                tokio::select! {
                    answered = asked.next() => match answered {
                        Some((at, answer)) if is_known(&answer) => {
                            self.first.store(at, Ordering::Relaxed);
                            return answer;
                        }
                        Some((_, answer)) => {
                            let error = answer.err();
                            if absent.is_none() && error.as_ref().is_some_and(NetError::is_nx_domain) {
                                absent = error;
                                last_word.as_mut().reset(Instant::now() + LAST_WORD);
                            } else {
                                failed = failed.or(error);
                            }
                            if !is_last {
                                break;
                            }
                        }
                        None => return Err(absent.or(failed).unwrap_or(NetError::NoConnections)),
                    },
                    () = &mut start, if !is_last => break,
                    () = &mut last_word, if absent.is_some() => {
                        return Err(absent.unwrap_or(NetError::NoConnections));
                    }
                }
            }
        }
    }

    fn ask(
        &self,
        at: usize,
        name: Name,
        kind: RecordType,
    ) -> BoxFuture<'_, (usize, Result<Lookup, NetError>)> {
        Box::pin(async move { (at, self.each[at].lookup(name, kind).await) })
    }
}

/// Whether the server knows the name, if only without an address of this kind.
fn is_known(answer: &Result<Lookup, NetError>) -> bool {
    answer.as_ref().map_or_else(|error| error.is_no_records_found() && !error.is_nx_domain(), |_| true)
}
